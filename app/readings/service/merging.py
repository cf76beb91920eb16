"""Two chat rows that turn out to be one channel: a name that recorded data or a watcher gave, and Telegram's own."""

from __future__ import annotations

from datetime import datetime

from app.channels.models import Channel, Chat
from app.channels.service.connect import named
from app.core import db
from app.core.tenancy import unscoped
from app.readings import rollups
from app.readings.models import PreviewWatch
from app.readings.service.audiences import absorb_all
from app.readings.service.ingest import ensure_feed
from app.readings.service.repair import forget_feed, rebuild_feed


def adopt_recorded(chat: Chat, *, workspace_id: int, now: datetime) -> None:
    """What the workspace imported under the chat's name joins it, so that no network counts the channel twice."""
    recorded = Chat.get_or_none(named(chat.username), Chat.private_to == workspace_id) if chat.username else None
    if recorded is not None:
        merge(recorded, chat, now=now)


def merge(old: Chat, kept: Chat, *, now: datetime) -> None:
    """Move posts, readings, counts and the workspaces' channels of `old` to `kept`, and forget `old`.

    What both hold stays as `kept` has it. A reading keeps its source, and so its audience.
    """
    with db.write():
        _move_posts(old.id, kept.id)
        _move_subscribers(old.id, kept.id)
        audiences = {workspace_id for _, workspace_id in rollups.feeds_of(old.id)}
        for workspace_id in audiences:
            ensure_feed(kept.id, workspace_id=workspace_id, now=now)
        _move_channels(old, kept, now=now)
        for feed_id, _ in rollups.feeds_of(old.id):
            forget_feed(feed_id)
        PreviewWatch.delete().where(PreviewWatch.chat_id == old.id).execute()
        old.delete_instance()
        for feed_id, workspace_id in rollups.feeds_of(kept.id):
            rebuild_feed(feed_id, kept.id, workspace_id)


def _move_posts(old: int, kept: int) -> None:
    twins = db.rows(
        "SELECT o.id, k.id FROM post o JOIN post k ON k.chat_id = ?"
        " AND k.private_to IN (0, o.private_to)"
        " AND (k.message_id = o.message_id OR k.origin_uid = o.origin_uid OR k.id IN (SELECT i.post_id FROM album_item i"
        " WHERE i.chat_id = k.chat_id AND i.private_to IN (0, o.private_to) AND i.message_id = o.message_id))"
        " WHERE o.chat_id = ? ORDER BY o.id, k.private_to, k.id",
        *(kept, old),
    )
    for theirs, ours in twins:
        for table, others in (
            ("reading", "observed_at, source_id, views, reactions, step, flag, forwards, comments"),
            ("reaction_count", "source_id, emoji, count, step, observed_at"),
            ("private_deletion", "source_id, deleted_at"),
        ):
            db.execute(
                f"INSERT INTO {table} (post_id, {others}) SELECT ?, {others} FROM {table} WHERE post_id = ?"
                " ON CONFLICT DO NOTHING",
                *(ours, theirs),
            )
            db.execute(f"DELETE FROM {table} WHERE post_id = ?", theirs)
        for table in ("album_item", "post_version"):
            db.execute(f"UPDATE {table} SET post_id = ? WHERE post_id = ?", ours, theirs)
        db.execute("DELETE FROM post WHERE id = ?", theirs)
    db.execute(
        "DELETE FROM album_item WHERE chat_id = ? AND EXISTS (SELECT 1 FROM album_item k WHERE k.chat_id = ?"
        " AND k.message_id = album_item.message_id AND k.private_to = album_item.private_to)",
        *(old, kept),
    )
    db.execute("UPDATE album_item SET chat_id = ? WHERE chat_id = ?", kept, old)
    db.execute("UPDATE post SET chat_id = ? WHERE chat_id = ?", kept, old)
    absorb_all(kept)


def _move_subscribers(old: int, kept: int) -> None:
    db.execute(
        "INSERT INTO subscriber_reading (chat_id, observed_at, source_id, value, step)"
        " SELECT ?, observed_at, source_id, value, step FROM subscriber_reading WHERE chat_id = ? ON CONFLICT DO NOTHING",
        *(kept, old),
    )
    db.execute("DELETE FROM subscriber_reading WHERE chat_id = ?", old)


def _move_channels(old: Chat, kept: Chat, *, now: datetime) -> None:
    """A workspace that has both keeps the row of `kept`; each reads through its own feed where it has one."""
    with unscoped("a fact of Telegram moved, whoever keeps the channel"):
        feeds = {workspace_id: feed_id for feed_id, workspace_id in rollups.feeds_of(kept.id)}
        having = {c.workspace for c in Channel.select().where(Channel.chat == kept.id, Channel.deleted_at.is_null())}
        for channel in Channel.select().where(Channel.chat == old.id):
            if channel.deleted_at is None and channel.workspace in having:
                channel.deleted_at = now
            channel.chat, channel.feed = kept.id, _feed(feeds, channel.workspace, kept.id, now=now)
            channel.save()
        for channel in Channel.select().where(Channel.chat == kept.id, Channel.workspace.in_(list(feeds))):
            Channel.update(feed=feeds[channel.workspace]).where(Channel.id == channel.id).execute()


def _feed(feeds: dict[int, int], workspace_id: int, chat_id: int, *, now: datetime) -> int:
    return feeds.get(workspace_id) or ensure_feed(chat_id, now=now)
