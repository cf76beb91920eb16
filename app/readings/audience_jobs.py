"""Each day's joins and leaves against its subscriber counts. Days are looked at again while late updates may come."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from app.channels.service import presence, reconciling
from app.channels.service.reconciling import Count, Day
from app.core import db

_LOOK_BACK_DAYS = 3
_OLDEST_COUNT = timedelta(days=1)


def reconcile_days(*, now: datetime) -> int:
    """Judge the last finished UTC days of every owned channel with a bot; returns how many do not add up."""
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=n) for n in range(_LOOK_BACK_DAYS, 0, -1)]
    chats = db.rows(
        "SELECT DISTINCT chat_id, bot_id FROM channel WHERE relation = 'owned' AND bot_id IS NOT NULL"
        " AND deleted_at IS NULL ORDER BY chat_id"
    )
    return sum(reconcile_day(chat_id, bot_id, day) is not None for chat_id, bot_id in chats for day in days)


def reconcile_day(chat_id: int, bot_id: int, day: date) -> str | None:
    """Judge one day; None when it adds up, or when no count was read near both of its ends."""
    begins = datetime.combine(day, time(), UTC)
    start, end = _count_before(chat_id, begins), _count_before(chat_id, begins + timedelta(days=1))
    if start is None or end is None or start.at >= end.at:
        return None
    joins, leaves, blurred = reconciling.events_between(bot_id, chat_id, start.at, end.at)
    found = Day(day, start, end, joins, leaves, blurred)
    return reconciling.record(chat_id, found, presence.of(bot_id, chat_id))


def _count_before(chat_id: int, moment: datetime) -> Count | None:
    """The last count of the day before a moment that everybody may see, an exact one if there is any."""
    found = db.row(
        "SELECT r.observed_at, r.value, r.step FROM subscriber_reading r"
        " JOIN source s ON s.id = r.source_id AND s.workspace_id = 0 WHERE r.chat_id = ?"
        " AND r.observed_at > ? AND r.observed_at <= ?"
        " ORDER BY CASE WHEN r.step > 0 THEN 2 WHEN s.kind = 'bot_updates' THEN 0 ELSE 1 END, r.observed_at DESC LIMIT 1",
        *(chat_id, db.stamp(moment - _OLDEST_COUNT), db.stamp(moment)),
    )
    return Count(db.moment(found[0]), int(found[1]), int(found[2])) if found else None
