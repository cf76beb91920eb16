"""The reads of channels behind pages, API and CSV (those of posts: post_queries.py).

SQL kept as text over the rollups, bounded by channels x days. Every query takes the workspace (through its channel rows)
or a feed that a channel row of it named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from app.analytics import periods
from app.core import db

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class FeedCard:
    """The one-row summary of a feed."""

    feed_id: int
    version: int
    posts: int
    views: int
    readings: int
    last_reading_at: datetime | None
    subscribers: int | None
    subscribers_step: int
    subscribers_source_id: int | None
    subscribers_at: datetime | None
    subscriber_readings: int

    @property
    def last_at(self) -> datetime | None:
        return max((m for m in (self.last_reading_at, self.subscribers_at) if m), default=None)


def cards(workspace_id: int) -> dict[int, FeedCard]:
    """feed id -> card, for every channel of a workspace that has been read at all."""
    found = db.rows(
        "SELECT s.feed_id, s.version, s.posts, s.views, s.readings, s.last_reading_at, s.subscribers,"
        " s.subscribers_step, s.subscribers_source_id, s.subscribers_at, s.subscriber_readings"
        " FROM channel c JOIN feed_stat s ON s.feed_id = c.feed_id WHERE c.workspace_id = ? AND c.deleted_at IS NULL",
        workspace_id,
    )
    return {int(r[0]): FeedCard(*(*r[:5], db.moment(r[5]), *r[6:9], db.moment(r[9]), r[10])) for r in found}


def data_version(workspace_id: int) -> str:
    """Changes whenever any number, channel, note, campaign or link of the workspace changes, or its payment gets late or
    is made good: the ETag's material."""
    found = db.rows(
        "SELECT c.id, c.state, c.timezone, s.version FROM channel c LEFT JOIN feed_stat s ON s.feed_id = c.feed_id"
        " WHERE c.workspace_id = ? AND c.deleted_at IS NULL"
        " UNION ALL SELECT 0, CAST(MAX(a.created_at) AS TEXT), '', COUNT(*) FROM annotation a WHERE a.workspace_id = ?"
        " UNION ALL SELECT -1, '', '', v.version FROM campaigns_version v WHERE v.workspace_id = ?"
        " UNION ALL SELECT -2, CAST(b.past_due_at AS TEXT), '', 0 FROM subscription b WHERE b.workspace_id = ?"
        " AND b.ended_at IS NULL AND b.state = 'past_due' ORDER BY 1",
        *(workspace_id, workspace_id, workspace_id, workspace_id),
    )
    return repr(found)


def views_by_day(feed_ids: Sequence[int], starts: Sequence[int]) -> dict[int, list[int | None]]:
    """Views gained per local day, by feed; `starts` as day_starts gives them. Days without any reading are None.

    Cumulative rounding keeps the days' sum equal to the period's total.
    """
    day, shifts = day_of_hour(tuple(starts))
    found = db.rows(
        f"SELECT feed_id, {day}, SUM(micro_views) FROM feed_hour WHERE feed_id IN ({db.marks(feed_ids)})"
        " AND hour >= ? AND hour < ? GROUP BY 1, 2",
        *(*shifts, *feed_ids, starts[0], starts[-1]),
    )
    micro: dict[int, list[int | None]] = {feed: [None] * (len(starts) - 1) for feed in feed_ids}
    for feed, place, gained in found:
        micro[feed][place] = int(gained)
    return {feed: _rounded(days) for feed, days in micro.items()}


@lru_cache(maxsize=64)
def day_of_hour(starts: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """SQL (and its parameters) for the number of the day to which `hour` belongs.

    A day has 24 hours; where the clocks change it has 23 or 25, and all hours from there on are shifted by one.
    """
    lengths = [after - before for before, after in zip(starts, starts[1:], strict=False)]
    shifts = [(starts[n] + min(24, size), 24 - size) for n, size in enumerate(lengths) if size != 24]
    cases = "".join(" + CASE WHEN hour >= ? THEN ? ELSE 0 END" for _ in shifts)
    return f"(hour - {starts[0]}{cases}) / 24", tuple(value for shift in shifts for value in shift)


def _rounded(micro: Sequence[int | None]) -> list[int | None]:
    result: list[int | None] = []
    done = total = 0
    for value in micro:
        if value is None:
            result.append(None)
            continue
        total += value
        whole = (total + MICRO // 2) // MICRO
        result.append(whole - done)
        done = whole
    return result


def views_by_weekhour(feed_id: int, starts: Sequence[int], timezone: str) -> list[list[int | None]]:
    """Views gained by local weekday (Monday first) and hour over the days given, 7 x 24; None where nothing was read.

    Cumulative rounding keeps the cells' sum equal to the period's total.
    """
    offset, changes = periods.shifts(starts[0], starts[-1], timezone)
    local = "(hour + ?" + " + CASE WHEN hour >= ? THEN ? ELSE 0 END" * len(changes) + ")"
    shift = (offset, *(value for change in changes for value in change))
    found = db.rows(
        f"SELECT (({local} + 72) / 24) % 7 AS weekday, {local} % 24 AS local_hour, SUM(micro_views) FROM feed_hour"
        " WHERE feed_id = ? AND hour >= ? AND hour < ? GROUP BY 1, 2",
        *(*shift, *shift, feed_id, starts[0], starts[-1]),
    )
    micro: list[int | None] = [None] * (7 * 24)
    for weekday, hour, gained in found:
        micro[int(weekday) * 24 + int(hour)] = int(gained)
    whole = _rounded(micro)
    return [whole[day * 24 : day * 24 + 24] for day in range(7)]


def views_gained(feed_ids: Sequence[int], start: int, end: int) -> dict[int, int]:
    """Views gained by feed from hour `start` to before `end`, only of feeds whose curves reach back to `start`."""
    oldest = "SELECT MIN(b.hour) FROM feed_hour b WHERE b.feed_id = f.id"
    first = f"SELECT h.feed_id, h.hour FROM feed f JOIN feed_hour h ON h.feed_id = f.id AND h.hour = ({oldest})"
    found = db.rows(
        f"SELECT g.feed_id, SUM(g.micro_views) FROM feed_hour g JOIN ({first} WHERE f.id IN ({db.marks(feed_ids)})) o"
        " ON o.feed_id = g.feed_id AND o.hour <= ? WHERE g.hour >= ? AND g.hour < ? GROUP BY g.feed_id",
        *(*feed_ids, start, start, end),
    )
    return {int(feed): (int(micro) + MICRO // 2) // MICRO for feed, micro in found}


def subscribers_by_day(feed_ids: Sequence[int], starts: Sequence[int]) -> dict[int, list[tuple[int, int] | None]]:
    """The last (value, step) read on each day, by feed; None for a day without a reading."""
    day, shifts = day_of_hour(tuple(starts))
    found = db.rows(
        f"SELECT feed_id, {day}, value, step FROM subscriber_hour WHERE feed_id IN ({db.marks(feed_ids)})"
        " AND hour >= ? AND hour < ? ORDER BY feed_id, hour",
        *(*shifts, *feed_ids, starts[0], starts[-1]),
    )
    days: dict[int, list[tuple[int, int] | None]] = {feed: [None] * (len(starts) - 1) for feed in feed_ids}
    for feed, place, value, step in found:
        days[feed][place] = (value, step)
    return days


@dataclass(frozen=True, slots=True)
class Count:
    """A subscriber count of a feed's hour, with where it comes from."""

    value: int
    step: int
    source_id: int
    observed_at: datetime


def counts_by_day(feed_ids: Sequence[int], starts: Sequence[int]) -> dict[int, list[Count | None]]:
    """The last count read on each day, by feed, with where it comes from: what a file of days needs."""
    day, shifts = day_of_hour(tuple(starts))
    found = db.rows(
        f"SELECT feed_id, {day}, value, step, source_id, observed_at FROM subscriber_hour"
        f" WHERE feed_id IN ({db.marks(feed_ids)}) AND hour >= ? AND hour < ? ORDER BY feed_id, hour",
        *(*shifts, *feed_ids, starts[0], starts[-1]),
    )
    days: dict[int, list[Count | None]] = {feed: [None] * (len(starts) - 1) for feed in feed_ids}
    for feed, place, value, step, source, at in found:
        days[feed][place] = Count(int(value), int(step), int(source), db.moment(at))
    return days


def subscribers_before(feed_ids: Sequence[int], hour: int) -> dict[int, Count]:
    """The last count read before an hour, for the feeds that have one."""
    last = "SELECT MAX(b.hour) FROM subscriber_hour b WHERE b.feed_id = f.id AND b.hour < ?"
    found = db.rows(
        "SELECT f.id, h.value, h.step, h.source_id, h.observed_at FROM feed f"
        f" JOIN subscriber_hour h ON h.feed_id = f.id AND h.hour = ({last}) WHERE f.id IN ({db.marks(feed_ids)})",
        *(hour, *feed_ids),
    )
    return {int(f): Count(int(value), int(step), int(source), db.moment(at)) for f, value, step, source, at in found}


def source_kinds() -> dict[int, str]:
    """source id -> kind, a handful of rows."""
    return {int(i): str(kind) for i, kind in db.rows("SELECT id, kind FROM source")}


def sources_of_feed(feed_id: int) -> list[tuple[int, int]]:
    """(source id, sum of the rounding steps) of a feed's latest counts."""
    found = db.rows(
        "SELECT source_id, SUM(step) FROM post_stat WHERE feed_id = ? AND source_id IS NOT NULL GROUP BY source_id",
        feed_id,
    )
    return [(int(source), int(step)) for source, step in found]


def sources_of(chat_id: int, workspace_id: int) -> list[tuple[int, str, bool, datetime | None]]:
    """(id, kind, is on, last subscriber count at) of the sources that may speak of a chat to this workspace."""
    found = db.rows(
        "SELECT s.id, s.kind, s.is_on, (SELECT MAX(r.observed_at) FROM subscriber_reading r WHERE r.chat_id = ?"
        " AND r.source_id = s.id) AS last_at FROM source s WHERE s.workspace_id IN (0, ?) ORDER BY s.id",
        *(chat_id, workspace_id),
    )
    return [(int(i), str(kind), bool(is_on), db.moment(at)) for i, kind, is_on, at in found]
