"""Which chats' public previews are read, and how many more the source has room for."""

from __future__ import annotations

import math
from datetime import datetime

from app.channels.models import Chat
from app.core import db
from app.core.errors import LimitReached
from app.readings.collectors.cadence import pages_per_day
from app.readings.models import PreviewWatch

_ASSUMED_POSTS_PER_DAY = 10.0
_MINUTES_A_DAY = 1440
# A chat is read while some workspace shows it.
SHOWN = "EXISTS (SELECT 1 FROM channel k WHERE k.chat_id = w.chat_id AND k.deleted_at IS NULL)"


def follow(chat: Chat, *, pages_per_minute: int, now: datetime) -> None:
    """Start reading a chat's public preview at once; twice changes nothing.

    Raises LimitReached when the source's capacity is spoken for: numbers that come late are worse than a refusal.
    """
    if not chat.username or PreviewWatch.get_or_none(PreviewWatch.chat_id == chat.id):
        return
    if spoken_for_per_mille(followed() + 1, pages_per_minute=pages_per_minute) > 1000:
        raise LimitReached(
            "The public preview source is full: it is read at most once a second for all channels together.",
            code="source_full",
        )
    with db.write():
        PreviewWatch.create(chat_id=chat.id, next_due_at=now)


def followed() -> int:
    """How many chats are read now."""
    found = db.row(f"SELECT COUNT(*) FROM preview_watch w WHERE {SHOWN}")
    return int(found[0]) if found else 0


def room(*, pages_per_minute: int) -> int:
    """How many more chats the preview source can follow at its pace; never negative."""
    most = int(pages_per_minute * _MINUTES_A_DAY / pages_per_day(_ASSUMED_POSTS_PER_DAY))
    return max(0, most - followed())


def spoken_for_per_mille(chats: int, *, pages_per_minute: int) -> int:
    """How much of the source's capacity so many chats need."""
    return math.ceil(1000 * chats * pages_per_day(_ASSUMED_POSTS_PER_DAY) / (pages_per_minute * _MINUTES_A_DAY))
