"""Joins and leaves, to the second, with the invite link where Telegram tells it."""

from __future__ import annotations

from datetime import datetime

from app.channels.models import Chat
from app.core import db

_INSIDE = frozenset({"creator", "administrator", "member", "restricted"})


def note_change(
    chat: Chat,
    *,
    bot_id: int,
    update_id: int,
    member_hash: str,
    was: str,
    now_is: str,
    invite_link: str | None,
    at: datetime,
    via_request: bool | None = None,
) -> str | None:
    """Store a join or a leave once per update; returns "join", "leave", or None when membership did not change."""
    if (was in _INSIDE) == (now_is in _INSIDE):
        return None
    kind = "join" if now_is in _INSIDE else "leave"
    with db.write():
        db.execute(
            "INSERT INTO member_event (bot_id, update_id, chat_id, at, kind, member_hash, invite_link,"
            " via_request) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (bot_id, update_id) DO NOTHING",
            *(bot_id, update_id, chat.id, db.stamp(at), kind, member_hash, invite_link, via_request),
        )
    return kind
