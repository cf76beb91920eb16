"""The reads behind audience and campaigns: joins and leaves of one chat as its own bot was told them.

A person counts by the latest join, and stays until the leave after it. Every query is bounded by a chat and a moment
from which on it reads, by the index on (chat, at).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.analytics.queries import day_of_hour
from app.core import db

DAY_S, WEEK_S = 86_400, 604_800
MOST_DAYS = 30


@dataclass(frozen=True, slots=True)
class Stay:
    """So many people who joined in one way `age` whole units ago and left after `stay` of them (None: still there)."""

    link: str | None
    via_request: bool
    age: int
    stay: int | None
    people: int
    week: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """How many joins and leaves a bot was told in a stretch of time, and when the last."""

    events: int
    last_at: datetime | None


def told(chat_id: int, bot_id: int, since: datetime, until: datetime) -> Told:
    """How many joins and leaves are known from `since` to before `until`."""
    found = db.row(
        "SELECT COUNT(*), MAX(at) FROM member_event WHERE chat_id = ? AND bot_id = ? AND at >= ? AND at < ?",
        *(chat_id, bot_id, db.stamp(since), db.stamp(until)),
    )
    return Told(int(found[0]), db.moment(found[1])) if found else Told(0, None)


def moves_by_day(
    chat_id: int, bot_id: int, starts: Sequence[int], since: datetime, until: datetime
) -> tuple[list[int], list[int]]:
    """(joins, leaves) by local day; `starts` as day_starts gives them, `since` and `until` their ends."""
    day, shifts = day_of_hour(tuple(starts))
    found = db.rows(
        f"SELECT {day}, kind, COUNT(*) FROM (SELECT {_hours('at')} AS hour, kind FROM member_event"
        " WHERE chat_id = ? AND bot_id = ? AND at >= ? AND at < ?) e GROUP BY 1, 2",
        *(*shifts, chat_id, bot_id, db.stamp(since), db.stamp(until)),
    )
    days = len(starts) - 1
    joins, leaves = [0] * days, [0] * days
    for place, kind, count in found:
        if 0 <= place < days:
            (joins if kind == "join" else leaves)[place] += int(count)
    return joins, leaves


def stays(chat_id: int, bot_id: int, *, since: datetime, until: datetime, now: datetime) -> list[Stay]:
    """Who joined from `since` to before `until`, by link: ages and stays in whole days, at most MOST_DAYS."""
    age, stay = _whole("?", "at", DAY_S), _whole("left_at", "at", DAY_S)
    found = db.rows(
        f"SELECT invite_link, via_request, {_cut(age, 'at')}, {_cut(stay, 'left_at')}, COUNT(*) FROM ({_LATEST_JOINS}) j"
        " WHERE j.at < ? GROUP BY 1, 2, 3, 4",
        *(db.stamp(now), chat_id, bot_id, db.stamp(since), db.stamp(now), db.stamp(until)),
    )
    return [Stay(link, bool(via), int(a), None if s is None else int(s), int(n)) for link, via, a, s, n in found]


def weekly_stays(chat_id: int, bot_id: int, starts: Sequence[int], *, since: datetime, now: datetime) -> list[Stay]:
    """Who joined since, by the week of the join (7 of the days in `starts`): ages and stays in whole weeks."""
    day, shifts = day_of_hour(tuple(starts))
    found = db.rows(
        f"SELECT ({day}) / 7, {_whole('?', 'at', WEEK_S)}, {_whole('left_at', 'at', WEEK_S)}, COUNT(*)"
        f" FROM (SELECT at, left_at, {_hours('at')} AS hour FROM ({_LATEST_JOINS}) l) j GROUP BY 1, 2, 3",
        *(*shifts, db.stamp(now), chat_id, bot_id, db.stamp(since), db.stamp(now)),
    )
    return [Stay(None, False, int(a), None if s is None else int(s), int(n), int(w)) for w, a, s, n in found]


def kept(found: Iterable[Stay], age: int) -> tuple[int, int]:
    """(people whose join is at least `age` units ago, those of them who stayed that long)."""
    old = [stay for stay in found if stay.age >= age]
    return sum(s.people for s in old), sum(s.people for s in old if s.stay is None or s.stay >= age)


# The events of a person from the last to the first: the first join met is the latest, the event before it its leave.
_LATEST_JOINS = (
    "SELECT at, left_at, invite_link, via_request FROM (SELECT kind, at, invite_link, via_request,"
    " LAG(at) OVER person AS left_at,"
    " SUM(CASE WHEN kind = 'join' THEN 1 ELSE 0 END) OVER (person ROWS UNBOUNDED PRECEDING) AS joins"
    " FROM member_event WHERE chat_id = ? AND bot_id = ? AND at >= ? AND at <= ?"
    " WINDOW person AS (PARTITION BY member_hash ORDER BY at DESC, update_id DESC)) e WHERE kind = 'join' AND joins = 1"
)


def _hours(column: str) -> str:
    """SQL for the whole hours since 1970 of a moment."""
    if db.is_postgres():
        return f"CAST(FLOOR(EXTRACT(EPOCH FROM {column}) / 3600) AS BIGINT)"
    return f"{column} / 3600000"


def _whole(later: str, earlier: str, seconds: int) -> str:
    """SQL for the whole units between two moments; NULL when one is."""
    if db.is_postgres():
        later = "CAST(? AS TIMESTAMPTZ)" if later == "?" else later
        return f"CAST(FLOOR(EXTRACT(EPOCH FROM ({later} - {earlier})) / {seconds}) AS BIGINT)"
    return f"({later} - {earlier}) / {seconds * 1000}"


def _cut(days: str, known: str) -> str:
    """SQL: a number of days, cut where nobody looks further; NULL where `known` is (LEAST would pass over it)."""
    least = "LEAST" if db.is_postgres() else "MIN"
    return f"CASE WHEN {known} IS NOT NULL THEN {least}({days}, {MOST_DAYS}) END"
