"""Does a day add up: is the count at its end the count at its start plus joins minus leaves? Where not, why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.channels.service.presence import Presence
from app.core import db

BOT_ABSENT, ROUNDED, UNEXPLAINED = "bot_absent", "rounded", "unexplained"
# Telegram dates joins to the second, and counts travel a moment: what happened then may be in the count or not.
_BLUR = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Count:
    """Subscribers as a source told them; `step` 0 is exact."""

    at: datetime
    value: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """The counts around a UTC day, and what happened between them. `blurred`: of that, in the moment of counting."""

    day: date
    start: Count
    end: Count
    joins: int
    leaves: int
    blurred: int = 0

    @property
    def gap(self) -> int:
        """What was counted beyond start + joins - leaves."""
        return self.end.value - (self.start.value + self.joins - self.leaves)


def reason_of(day: Day, presence: Presence) -> str | None:
    """Why a day does not add up, or None when it does."""
    if abs(day.gap) <= day.blurred:
        return None
    if not presence.covers(day.start.at, day.end.at):
        return BOT_ABSENT
    return ROUNDED if abs(day.gap) <= day.start.step + day.end.step else UNEXPLAINED


def events_between(bot_id: int, chat_id: int, start: datetime, end: datetime) -> tuple[int, int, int]:
    """(joins, leaves, those within two seconds of either end) after `start` up to `end`."""
    low, high = db.stamp(start - _BLUR), db.stamp(end + _BLUR)
    found = db.rows(
        "SELECT kind, CASE WHEN at > ? AND at <= ? THEN 1 ELSE 0 END AS inside,"
        " CASE WHEN at <= ? OR at >= ? THEN 1 ELSE 0 END AS blurred, COUNT(*) FROM member_event"
        " WHERE chat_id = ? AND bot_id = ? AND at >= ? AND at <= ? GROUP BY 1, 2, 3",
        *(db.stamp(start), db.stamp(end), db.stamp(start + _BLUR), db.stamp(end - _BLUR), chat_id, bot_id, low, high),
    )
    joins, leaves = (sum(n for k, inside, _, n in found if k == kind and inside) for kind in ("join", "leave"))
    return joins, leaves, sum(n for _, _, blurred, n in found if blurred)


def record(chat_id: int, day: Day, presence: Presence) -> str | None:
    """Keep a day that does not add up, forget it when it does by now; returns the reason. Twice changes nothing."""
    reason = reason_of(day, presence)
    with db.write():
        db.execute("DELETE FROM subscriber_reconciliation WHERE chat_id = ? AND day = ?", chat_id, _stored(day.day))
        if reason is not None:
            db.execute(
                "INSERT INTO subscriber_reconciliation (chat_id, day, start, start_step, start_at, joins, leaves,"
                " counted, counted_step, counted_at, gap, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(chat_id, _stored(day.day), day.start.value, day.start.step, db.stamp(day.start.at)),
                *(day.joins, day.leaves, day.end.value, day.end.step, db.stamp(day.end.at), day.gap, reason),
            )
    return reason


def gaps_of(chat_id: int, first: date, last: date) -> list[tuple[Day, str]]:
    """The days that do not add up and why, the newest first."""
    found = db.rows(
        "SELECT day, start, start_step, start_at, joins, leaves, counted, counted_step, counted_at, reason"
        " FROM subscriber_reconciliation WHERE chat_id = ? AND day >= ? AND day <= ? ORDER BY day DESC",
        *(chat_id, _stored(first), _stored(last)),
    )
    return [
        (
            Day(
                day if isinstance(day, date) else date.fromisoformat(day),
                Count(db.moment(start_at), start, start_step),
                Count(db.moment(counted_at), counted, counted_step),
                joins,
                leaves,
            ),
            reason,
        )
        for day, start, start_step, start_at, joins, leaves, counted, counted_step, counted_at, reason in found
    ]


def _stored(day: date) -> object:
    """SQLite keeps days as ISO text."""
    return day if db.is_postgres() else day.isoformat()
