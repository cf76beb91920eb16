"""Subscriber counts: the last of each hour in every feed that may see it, and the newest on the feed's card.

Everything here runs inside the caller's write transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.core import db
from app.readings.rollups import feeds_of, visible_sources

_ALL_HOURS = (0, 10**7)


def note(chat_id: int, *, source_id: int, value: int, step: int, observed_at: datetime) -> None:
    """Store a subscriber count and bring every feed that may see it up to date."""
    db.execute(
        "INSERT INTO subscriber_reading (chat_id, observed_at, source_id, value, step) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (chat_id, observed_at, source_id) DO UPDATE SET value = excluded.value"
        " WHERE excluded.value > subscriber_reading.value",
        *(chat_id, db.stamp(observed_at), source_id, value, step),
    )
    hour = db.to_ms(observed_at) // 3_600_000
    for feed_id, workspace_id in feeds_of(chat_id):
        if source_id in visible_sources(workspace_id):
            rebuild(feed_id, chat_id, workspace_id, hours=(hour, hour))


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


def hours_of(chat_id: int, workspace_id: int, hours: tuple[int, int] = _ALL_HOURS) -> dict[int, tuple[Any, ...]]:
    """hour -> the last (observed at, value, step, source id) in it, from the readings that a workspace may see."""
    first, last = (db.stamp(db.from_ms(hour * 3_600_000)) for hour in (hours[0], hours[1] + 1))
    found = db.rows(
        "SELECT r.observed_at, r.value, r.step, r.source_id FROM subscriber_reading r"
        " JOIN source s ON s.id = r.source_id AND s.workspace_id IN (0, ?)"
        " WHERE r.chat_id = ? AND r.observed_at >= ? AND r.observed_at < ?"
        " ORDER BY r.observed_at, CASE WHEN r.step = 0 THEN 1 ELSE 0 END, r.value",
        *(workspace_id, chat_id, first, last),
    )
    return {db.to_ms(db.moment(at)) // 3_600_000: (at, value, step, source) for at, value, step, source in found}


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
