"""Bringing a channel in: chat, feed, tenant row and collection, in one transaction."""

from __future__ import annotations

from datetime import datetime

from app.channels.models import Channel, Chat
from app.channels.service import connect, rights
from app.core import db
from app.core.policy import Limits
from app.readings.service.following import follow
from app.readings.service.ingest import ensure_feed
from app.readings.service.merging import adopt_recorded


def connect_owned(
    chat: Chat,
    *,
    workspace_id: int,
    actor: str,
    member_status: str,
    bot_id: int,
    limits: Limits,
    is_simulated: bool,
    pages_per_minute: int,
    now: datetime,
) -> Channel:
    """Make the workspace the owner of the channel and start collecting. Errors: as channels.service.connect.claim."""
    with db.write():
        adopt_recorded(chat, workspace_id=workspace_id, now=now)
        channel = connect.claim(
            chat,
            workspace_id=workspace_id,
            actor=actor,
            member_status=member_status,
            bot_id=bot_id,
            feed_id=_feed_for(chat, workspace_id, now=now),
            is_simulated=is_simulated,
            limits=limits,
            now=now,
        )
        state = rights.state_now(bot_id, chat.id)
        if channel.state != state:
            channel.state = state
            channel.save()
        follow(chat, pages_per_minute=pages_per_minute, now=now)
    return channel


def _feed_for(chat: Chat, workspace_id: int, *, now: datetime) -> int:
    """The workspace's own feed of the chat where it brought a private source once, else everybody's."""
    public = ensure_feed(chat.id, now=now)
    own = db.row("SELECT id FROM feed WHERE chat_id = ? AND workspace_id = ?", chat.id, workspace_id)
    return int(own[0]) if own else public


def watch_public(
    username: str,
    *,
    workspace_id: int,
    actor: str,
    limits: Limits,
    is_simulated: bool,
    pages_per_minute: int,
    now: datetime,
) -> Channel:
    """Put a public channel on the watch-list and start reading its preview. Raises LimitReached, Invalid."""
    name = connect.parse_username(username)
    with db.write():
        chat = connect.ensure_named_chat(name, now=now)
        adopt_recorded(chat, workspace_id=workspace_id, now=now)
        channel = connect.watch(
            chat,
            workspace_id=workspace_id,
            actor=actor,
            feed_id=_feed_for(chat, workspace_id, now=now),
            is_simulated=is_simulated,
            limits=limits,
            now=now,
        )
        follow(chat, pages_per_minute=pages_per_minute, now=now)
    return channel
