"""Where an archive's or a rebuild's channel is now: one that was disconnected and connected again is a row of its own."""

from __future__ import annotations

from app.channels.queries import ChannelRef, channel_of
from app.core import db

_NOW = (  # the newest row of the same chat
    "SELECT n.public_id FROM channel c JOIN channel n ON n.chat_id = c.chat_id AND n.workspace_id = c.workspace_id"
    " WHERE c.id = ? AND c.workspace_id = ? AND n.relation = 'owned' AND n.deleted_at IS NULL ORDER BY n.id DESC LIMIT 1"
)


def channel_now(workspace_id: int, channel_id: int) -> ChannelRef | None:
    """The channel by whatever row of it was kept; None while the workspace does not run it."""
    found = db.row(_NOW, channel_id, workspace_id)
    return channel_of(workspace_id, found[0]) if found else None


def chat_of(channel_id: int) -> int:
    """The chat (id) of a channel's row, also of one that is not connected any more."""
    found = db.row("SELECT chat_id FROM channel WHERE id = ?", channel_id)
    return int(found[0]) if found else 0
