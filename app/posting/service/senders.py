"""Senders: the lanes by which posts leave. Their wake-ups go through the outbox."""

from __future__ import annotations

from datetime import datetime

from app.core import db, outbox
from app.posting.states import LANE_TOPIC, TELEGRAM


def ensure_sender(bot_id: int, *, now: datetime) -> int:
    """The sender of a Telegram bot, made when it is first needed. Returns its id."""
    with db.write():
        db.execute(
            "INSERT INTO sender (kind, account, epoch, turn, created_at) VALUES (?, ?, 0, 0, ?)"
            " ON CONFLICT (kind, account) DO NOTHING",
            *(TELEGRAM, str(bot_id), db.stamp(now)),
        )
        found = db.row("SELECT id FROM sender WHERE kind = ? AND account = ?", TELEGRAM, str(bot_id))
    assert found is not None
    return int(found[0])


def bot_of(sender_id: int) -> int | None:
    """The Telegram bot behind a sender, None for one of another network or none at all."""
    found = db.row("SELECT account FROM sender WHERE id = ? AND kind = ?", sender_id, TELEGRAM)
    return int(found[0]) if found else None


def wake(sender_id: int, *, now: datetime) -> None:
    """Say in the present transaction that a lane has something to look at."""
    outbox.put(LANE_TOPIC, str(sender_id), now=now)
