"""Subscriber counts: the last of each hour in every feed that may see it, and the newest on the feed's card.

Everything here runs inside the caller's write transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.core import db
from app.readings.rollups import feeds_of, visible_sources

_ALL_HOURS = (0, 10**7)
_HOUR_MS = 3_600_000
# Preview pages round what the bot was told minutes before; after this long a channel may have moved.
_EXACT_HOLDS_MS = _HOUR_MS

_Counted = tuple[Any, int, int, int]  # observed at, value, step, source id


def note(chat_id: int, *, source_id: int, value: int, step: int, observed_at: datetime) -> None:
    """Store a subscriber count and bring every feed that may see it up to date."""
    db.execute(
        "INSERT INTO subscriber_reading (chat_id, observed_at, source_id, value, step) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (chat_id, observed_at, source_id) DO UPDATE SET value = excluded.value, step = excluded.step"
        f" WHERE ({_is_exact('excluded')}, excluded.value, -excluded.step)"
        f" > ({_is_exact('subscriber_reading')}, subscriber_reading.value, -subscriber_reading.step)",
        *(chat_id, db.stamp(observed_at), source_id, value, step),
    )
    hour = db.to_ms(observed_at) // _HOUR_MS
    for feed_id, workspace_id in feeds_of(chat_id):
        if source_id in visible_sources(workspace_id):
            rebuild(feed_id, chat_id, workspace_id, hours=(hour, hour + 1))  # it may silence what follows


def rebuild(feed_id: int, chat_id: int, workspace_id: int, *, hours: tuple[int, int] | None = None) -> None:
    """Recompute a feed's subscriber hours (all, or from the first to the last of `hours`) and its card."""
    first, last = hours or _ALL_HOURS
    by_hour = hours_of(chat_id, workspace_id, (first, last))
    db.execute("DELETE FROM subscriber_hour WHERE feed_id = ? AND hour BETWEEN ? AND ?", feed_id, first, last)
    db.execute_many(
        "INSERT INTO subscriber_hour (feed_id, hour, observed_at, value, step, source_id) VALUES (?, ?, ?, ?, ?, ?)",
        [(feed_id, hour, *reading) for hour, reading in by_hour.items()],
    )
    _refresh_card(feed_id, chat_id, workspace_id)


def hours_of(chat_id: int, workspace_id: int, hours: tuple[int, int] = _ALL_HOURS) -> dict[int, _Counted]:
    """hour -> the last count in it that tells something, from the readings that a workspace may see.

    An exact count speaks for the rounded ones of the next 60 minutes that agree with it, so that a chart shows no fall
    which is only rounding. Read from an hour earlier: nothing older can silence a count.
    """
    first, end = (db.stamp(db.from_ms(hour * _HOUR_MS)) for hour in (hours[0] - 1, hours[1] + 1))
    found = db.rows(
        "SELECT r.observed_at, r.value, r.step, r.source_id FROM subscriber_reading r"
        " JOIN source s ON s.id = r.source_id AND s.workspace_id IN (0, ?)"
        " WHERE r.chat_id = ? AND r.observed_at >= ? AND r.observed_at < ?"
        f" ORDER BY r.observed_at, {_is_exact('r')}, r.value, r.source_id",
        *(workspace_id, chat_id, first, end),
    )
    by_hour = {at_ms // _HOUR_MS: counted for at_ms, counted in _telling(found)}
    return {hour: counted for hour, counted in by_hour.items() if hour >= hours[0]}


def _telling(counts: Iterable[_Counted]) -> Iterable[tuple[int, _Counted]]:
    """(unix ms, count) of the counts, by time, without the rounded ones that only repeat the exact one before."""
    stood_at, stood, stood_step = 0, 0, -1
    for at, value, step, source in counts:
        at_ms = db.to_ms(db.moment(at))
        is_fresh = stood_step == 0 and at_ms - stood_at <= _EXACT_HOLDS_MS
        if step and is_fresh and abs(value - stood) <= step:
            continue
        stood_at, stood, stood_step = at_ms, value, step
        yield at_ms, (at, value, step, source)


def _is_exact(table: str) -> str:
    """SQL that sorts exact counts above rounded ones."""
    return f"CASE WHEN {table}.step = 0 THEN 1 ELSE 0 END"


def count_readings(chat_id: int, workspace_id: int) -> int:
    """How many subscriber counts of a chat a workspace may see."""
    (count,) = db.row(
        "SELECT COUNT(*) FROM subscriber_reading r JOIN source s ON s.id = r.source_id AND s.workspace_id IN (0, ?)"
        " WHERE r.chat_id = ?",
        *(workspace_id, chat_id),
    ) or (0,)
    return int(count)


def _refresh_card(feed_id: int, chat_id: int, workspace_id: int) -> None:
    latest = db.row(
        "SELECT value, step, source_id, observed_at FROM subscriber_hour WHERE feed_id = ? ORDER BY hour DESC LIMIT 1",
        feed_id,
    )
    db.execute(
        "INSERT INTO feed_stat (feed_id, version, posts, views, readings, subscribers, subscribers_step,"
        " subscribers_source_id, subscribers_at, subscriber_readings) VALUES (?, 1, 0, 0, 0, ?, ?, ?, ?, ?)"
        " ON CONFLICT (feed_id) DO UPDATE SET version = feed_stat.version + 1, subscribers = excluded.subscribers,"
        " subscribers_step = excluded.subscribers_step, subscribers_source_id = excluded.subscribers_source_id,"
        " subscribers_at = excluded.subscribers_at, subscriber_readings = excluded.subscriber_readings",
        *(feed_id, *(latest or (None, 0, None, None)), count_readings(chat_id, workspace_id)),
    )
