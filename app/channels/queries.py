"""Reads on channels of a workspace."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from app.core import db


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """A workspace's channel with the chat behind it.

    `is_own`: the workspace runs it, or brought its recorded data; else it is watched from outside.
    """

    id: int
    public_id: str
    chat_id: int
    feed_id: int
    title: str
    username: str | None
    relation: str
    state: str
    timezone: str
    bot_id: int | None
    is_simulated: bool
    connected_at: datetime
    telegram_chat_id: int | None
    is_own: bool


_SELECT = (
    "SELECT c.id, c.public_id, c.chat_id, c.feed_id, t.title, t.username, c.relation, c.state, c.timezone, c.bot_id,"
    " c.is_simulated, c.connected_at, t.telegram_chat_id, (c.relation = 'owned' OR t.private_to IS NOT NULL) AS is_own"
    " FROM channel c JOIN chat t ON t.id = c.chat_id"
    " WHERE c.workspace_id = ? AND c.deleted_at IS NULL"
)


def channels_of(workspace_id: int) -> list[ChannelRef]:
    """All channels of a workspace, by title."""
    return [_ref(row) for row in db.rows(_SELECT + " ORDER BY t.title, c.id", workspace_id)]


def channel_of(workspace_id: int, public_id: str) -> ChannelRef | None:
    found = db.row(_SELECT + " AND c.public_id = ?", workspace_id, public_id)
    return _ref(found) if found else None


def _ref(row: tuple[object, ...]) -> ChannelRef:
    values = list(row)
    values[10], values[11], values[13] = bool(values[10]), db.moment(values[11]), bool(values[13])
    return ChannelRef(*values)  # type: ignore[arg-type]


POST_RIGHT = "can_post_messages"
NO_BOT, NO_RIGHT, NOT_CONNECTED = "bot_removed", "no_right", "not_connected"


def why_not_post(channel_ids: Collection[int], bot_id: int) -> dict[int, str]:
    """Of these channels those in which a bot may not post now, with the reason as a word."""
    found = db.rows(
        "SELECT c.id, c.deleted_at, c.relation, r.status, r.rights FROM channel c LEFT JOIN bot_rights r"
        f" ON r.chat_id = c.chat_id AND r.bot_id = ? WHERE c.id IN ({db.marks(channel_ids)})",
        *(bot_id, *channel_ids),
    )
    reasons = {row[0]: _why_not_post(*row[1:]) for row in found}
    return {channel_id: reason for channel_id, reason in reasons.items() if reason}


def _why_not_post(deleted_at: object, relation: str, status: str | None, rights: str | None) -> str | None:
    if deleted_at is not None or relation != "owned":
        return NOT_CONNECTED
    if status != "administrator":
        return NO_BOT
    return None if rights and json.loads(rights).get(POST_RIGHT) else NO_RIGHT


def bot_offers(telegram_user_id: int) -> list[tuple[int, int, str, str | None, str, datetime]]:
    """(bot id, chat id, title, username, status, checked at) where this person gave our bot its rights, newest first."""
    found = db.rows(
        "SELECT r.bot_id, r.chat_id, t.title, t.username, r.status, r.checked_at FROM bot_rights r"
        " JOIN chat t ON t.id = r.chat_id WHERE r.granted_by = ? ORDER BY r.checked_at DESC LIMIT 20",
        telegram_user_id,
    )
    return [(*row[:5], db.moment(row[5])) for row in found]
