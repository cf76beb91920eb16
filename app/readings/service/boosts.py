"""Boosts of channels: told once, twice or in any order, the same is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core import db
from app.readings.service.sources import BOT_UPDATES, ensure_source
from app.readings.service.updates import known_chat

_MOMENTS = ("added_at", "expires_at", "removed_at")


@dataclass(frozen=True, slots=True)
class BoostFacts:
    """What an update says of a boost: that it was added and until when it lasts, or that it was removed."""

    boost_id: str
    kind: str
    added_at: datetime | None = None
    expires_at: datetime | None = None
    removed_at: datetime | None = None


def note_boost(telegram_chat_id: int, facts: BoostFacts, *, now: datetime) -> bool:
    """Keep what is told of a boost; False when the chat is not ours to collect.

    Each moment is the latest that was told, so the order of updates does not matter: a prolonged boost ends later, and
    one that is given again after its removal is there again.
    """
    chat = known_chat(telegram_chat_id)
    if chat is None:
        return False
    with db.write():
        source_id = ensure_source(BOT_UPDATES, now=now)
        moments = (getattr(facts, name) for name in _MOMENTS)
        db.execute(
            "INSERT INTO chat_boost (chat_id, boost_id, source_id, kind, added_at, expires_at, removed_at)"
            f" VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (chat_id, boost_id) DO UPDATE SET {_LATEST}",
            *(
                chat.id,
                facts.boost_id,
                source_id,
                facts.kind,
                *(None if at is None else db.stamp(at) for at in moments),
            ),
        )
    return True


_LATEST = ", ".join(
    f"{name} = CASE WHEN chat_boost.{name} IS NULL OR excluded.{name} > chat_boost.{name}"
    f" THEN excluded.{name} ELSE chat_boost.{name} END"
    for name in _MOMENTS
)
