"""Which of the workspace's channels the connected account runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.channels.models import Channel, Chat
from app.channels.service import connect
from app.core import db
from app.readings.collectors.base import bot_api_chat_id
from app.readings.collectors.owner_session.base import ChannelKey, OwnChannel, OwnerAccount
from app.readings.collectors.owner_session.models import OwnerChannel, OwnerSession
from app.readings.service.ingest import ensure_feed, record_subscribers
from app.readings.service.owner_session import states

ASK_AGAIN = timedelta(hours=6)


def key_of(channel: OwnerChannel) -> ChannelKey:
    return ChannelKey(channel.channel_id, channel.access_hash)


def is_asking_due(row: OwnerSession, *, now: datetime) -> bool:
    """Whether the account's list of channels is old, or a channel came to the workspace after it was read."""
    if row.channels_at is None or row.channels_at + ASK_AGAIN <= now:
        return True
    came = db.row("SELECT MAX(connected_at) FROM channel WHERE workspace_id = ? AND deleted_at IS NULL", row.workspace)
    return bool(came and came[0] is not None and db.moment(came[0]) > row.channels_at)


def find_channels(row: OwnerSession, account: OwnerAccount, *, now: datetime) -> int:
    """Ask for the account's channels and follow those that the workspace keeps; returns how many those are."""
    mine = {bot_api_chat_id(own.key.channel_id): own for own in account.channels()}
    source_id = states.source_of(row.workspace, now=now)
    kept = [
        (channel, mine[telegram_chat_id])
        for channel, telegram_chat_id in _channels_of(row.workspace)
        if telegram_chat_id in mine
    ]
    with db.write():
        for channel, own in kept:
            _follow(row, channel, own, source_id, now=now)
        known = [channel.chat for channel, _ in kept]
        OwnerChannel.delete().where(
            OwnerChannel.workspace == row.workspace,
            OwnerChannel.session == row.id,
            OwnerChannel.chat_id.not_in(known),
        ).execute()
        OwnerSession.update(channels_at=now).where(
            OwnerSession.workspace == row.workspace, OwnerSession.id == row.id
        ).execute()
    return len(kept)


def _channels_of(workspace_id: int) -> list[tuple[Channel, int]]:
    channels = list(Channel.select().where(Channel.workspace == workspace_id, Channel.deleted_at.is_null()))
    chats = {c.id: c.telegram_chat_id for c in Chat.select().where(Chat.id.in_([c.chat for c in channels]))}
    known = ((channel, chats[channel.chat]) for channel in channels)
    return [(channel, telegram_chat_id) for channel, telegram_chat_id in known if telegram_chat_id is not None]


def _follow(row: OwnerSession, channel: Channel, own: OwnChannel, source_id: int, *, now: datetime) -> None:
    """From now on the workspace sees the channel through its own feed: everybody's readings and its account's."""
    feed_id = ensure_feed(channel.chat, workspace_id=row.workspace, now=now)
    if channel.feed != feed_id:
        connect.see_through(channel, feed_id, workspace_id=row.workspace)
    if own.subscribers is not None:
        record_subscribers(channel.chat, source_id=source_id, value=own.subscribers.value, step=0, observed_at=now)
    found = OwnerChannel.get_or_none(
        OwnerChannel.workspace == row.workspace, OwnerChannel.session == row.id, OwnerChannel.chat_id == channel.chat
    ) or OwnerChannel(workspace=row.workspace, session=row.id, chat_id=channel.chat, next_look_at=now, stats_due_at=now)
    found.channel_id, found.access_hash = own.key.channel_id, own.key.access_hash
    found.save()
