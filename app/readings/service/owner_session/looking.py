"""New posts and the counters of recent ones, at the ages of `collectors.cadence`, and which of them are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.core import db
from app.readings.collectors.base import SeenPost
from app.readings.collectors.cadence import LOOK_EVERY, next_due
from app.readings.collectors.owner_session.base import MOST_A_CALL, Counters, OwnerAccount
from app.readings.collectors.owner_session.models import OwnerChannel
from app.readings.service.deletions import album_mates, mark_messages_deleted, note_seen
from app.readings.service.owner_session.channels import key_of
from app.readings.service.pages import record_seen

_TRACKED = timedelta(days=31)
_REST = timedelta(seconds=10)


def due_channel(session_id: int, workspace_id: int, *, now: datetime) -> OwnerChannel | None:
    """The channel that has been due longest."""
    found: OwnerChannel | None = (
        OwnerChannel.select()
        .where(
            OwnerChannel.workspace == workspace_id,
            OwnerChannel.session == session_id,
            OwnerChannel.next_look_at <= now,
        )
        .order_by(OwnerChannel.next_look_at)
        .first()
    )
    return found


def look(channel: OwnerChannel, account: OwnerAccount, *, source_id: int, now: datetime) -> int:
    """Read the newest messages, then the counters of older ones that are due; returns how many readings were new.

    Of the newest page only posts that we have not read yet or that are due are stored: it is read every 15 minutes,
    a curve needs 17 points. What Telegram answers nothing of is deleted, for this workspace.
    """
    page = account.history(key_of(channel))
    shown = {i for p in page.posts for i in (p.message_id, *p.album_ids) if i is not None}
    note_seen(channel.chat_id, shown, source_id=source_id, at=now)
    last_read = _last_read(channel, source_id, now=now)
    due = {m for m, (posted, read) in last_read.items() if _is_due(posted, read, now)}
    known = _ever_read(channel.chat_id, [p.message_id for p in page.posts if p.message_id is not None], source_id)
    wanted = tuple(p for p in page.posts if p.message_id in due or (p.message_id not in known and not p.is_service))
    new = _store(channel, wanted, source_id=source_id, now=now)
    rest = {message: last_read[message][0] for message in due - {p.message_id for p in page.posts}}
    counted, gone = _count(channel, account, rest, source_id=source_id, now=now)
    mates = album_mates(channel.chat_id, gone, private_to=channel.workspace)
    counted_too, gone_too = _count(channel, account, mates, source_id=source_id, now=now)
    missing = sorted({*page.gone, *gone, *gone_too})
    mark_messages_deleted(channel.chat_id, missing, at=now.replace(microsecond=0), source_id=source_id)
    plan(channel, source_id=source_id, now=now)
    return new + counted + counted_too


def _count(
    channel: OwnerChannel, account: OwnerAccount, messages: Mapping[int, datetime], *, source_id: int, now: datetime
) -> tuple[int, set[int]]:
    """Ask for the counters of messages (id -> posted) and store them; returns how many were new, and who are gone."""
    new, gone, ids = 0, set[int](), sorted(messages, reverse=True)
    for start in range(0, len(ids), MOST_A_CALL):
        counted = account.counters(key_of(channel), ids[start : start + MOST_A_CALL])
        gone |= {one.message_id for one in counted if one.is_deleted}
        posts = tuple(_counted(one, messages[one.message_id]) for one in counted if one.views is not None)
        new += _store(channel, posts, source_id=source_id, now=now)
    return new, gone


def _ever_read(chat_id: int, ids: Sequence[int], source_id: int) -> set[int]:
    """Which of these messages this source has read at all, however long ago."""
    found = db.rows(
        f"SELECT p.message_id FROM post p WHERE p.chat_id = ? AND p.message_id IN ({', '.join('?' * len(ids)) or 'NULL'})"
        " AND EXISTS (SELECT 1 FROM reading r WHERE r.post_id = p.id AND r.source_id = ?)",
        *(chat_id, *ids, source_id),
    )
    return {int(i) for (i,) in found}


def _last_read(channel: OwnerChannel, source_id: int, *, now: datetime) -> dict[int, tuple[datetime, datetime | None]]:
    """Message id -> (posted, last read by this source) of the posts that are young enough to be followed."""
    found = db.rows(
        "SELECT p.message_id, p.posted_at,"
        " (SELECT MAX(r.observed_at) FROM reading r WHERE r.post_id = p.id AND r.source_id = ?)"
        " FROM post p WHERE p.chat_id = ? AND p.private_to IN (0, ?) AND p.posted_at > ?"
        " AND p.message_id IS NOT NULL AND p.is_service = ? AND p.deleted_at IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM private_deletion d WHERE d.post_id = p.id AND d.source_id = ?)",
        *(source_id, channel.chat_id, channel.workspace, db.stamp(now - _TRACKED), False, source_id),
    )
    return {int(i): (db.moment(posted), db.moment(read)) for i, posted, read in found}


def _due_at(posted: datetime, read: datetime | None, now: datetime) -> datetime | None:
    return next_due(posted, read - posted if read else None, now)


def _is_due(posted: datetime, read: datetime | None, now: datetime) -> bool:
    due_at = _due_at(posted, read, now)
    return due_at is not None and due_at <= now


def _counted(one: Counters, posted_at: datetime) -> SeenPost:
    """A known post with its present counts alone; what it is stays as it was read."""
    return SeenPost(
        message_id=one.message_id,
        origin_uid=None,
        posted_at=posted_at,
        edited=False,
        views=one.views,
        reactions=None,
        media=(),
        text_length=None,
        text_hash=None,
        is_service=False,
        forwards=one.forwards,
        comments=one.comments,
    )


def _store(channel: OwnerChannel, posts: Sequence[SeenPost], *, source_id: int, now: datetime) -> int:
    if not posts:
        return 0
    with db.write():
        return record_seen(
            channel.chat_id,
            tuple(posts),
            source_id=source_id,
            observed_at=now.replace(microsecond=0),
            now=now,
        )


def plan(channel: OwnerChannel, *, source_id: int, now: datetime) -> None:
    """When this channel is looked at next: at the next point of a post's curve, or for new posts. Deleted posts wait."""
    points = (_due_at(posted, read, now) for posted, read in _last_read(channel, source_id, now=now).values())
    coming = [at for at in points if at is not None and at > now]
    put_off(channel, until=max(min([now + LOOK_EVERY, *coming]), now + _REST), looked_at=now)


def put_off(channel: OwnerChannel, *, until: datetime, looked_at: datetime | None = None) -> None:
    """Look at a channel not before a time."""
    changes = {"next_look_at": until} | ({"looked_at": looked_at} if looked_at else {})
    with db.write():
        OwnerChannel.update(**changes).where(
            OwnerChannel.workspace == channel.workspace, OwnerChannel.id == channel.id
        ).execute()
