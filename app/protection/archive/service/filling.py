"""What an archive takes up: posts written here, posts that the bot is told of, and what is known of those before.

Raw updates are kept for ninety days (core/inbox): an archive that is switched on finds those too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.channels.queries import ChannelRef
from app.core import db
from app.core.tenancy import unscoped
from app.media.service import content as contents
from app.posting.content.blocks import Content, Paragraph, Span
from app.posting.service import rendering
from app.protection.archive import places
from app.protection.archive.messages import Seen, seen
from app.protection.archive.models import Archive, ArchivedPost, Rebuild
from app.protection.archive.service import storing
from app.protection.archive.service.storing import Found, FoundFile
from app.protection.archive.states import (
    AUTHORED,
    KEPT,
    KIND,
    LOOKS,
    ON,
    SEEN,
    TOLD,
    TOO_BIG,
    UNENDED,
    UNSEEN,
    WANTED,
    WORDS,
)

MOST_BYTES = 20 * 2**20  # what Telegram's own server hands out: core.telegram.org/bots/api#getfile
SETTLED = timedelta(seconds=5)  # ids are given before their transaction ends: a younger update may not be the last
_AGED = timedelta(minutes=10)  # a message that is known that long and was told by no update is told by none
_AGAIN = timedelta(days=1)
_WINDOW, _BATCH = 5_000, 200
_NOT_FILES = frozenset({"text", "poll"})
IsOver = Callable[[], bool]


def most_bytes(*, is_local_server: bool) -> int:
    """How large a file can come: a server of one's own hands out all of them, and takes so much back."""
    return contents.most_bytes(is_local_server=True) if is_local_server else MOST_BYTES


def on_archives() -> list[Archive]:
    """Those that are to be filled, of every workspace, the longest untouched first.

    Also one that is switched off while a rebuild waits for files of it.
    """
    with unscoped("the jobs process fills every workspace's archives"):
        is_awaited = Archive.id.in_(Rebuild.select(Rebuild.archive).where(Rebuild.state.in_(UNENDED)))
        found = Archive.select().where((Archive.state == ON) | is_awaited)
        return list(found.order_by(Archive.looked_at.is_null(False), Archive.looked_at))


def fill(archive: Archive, *, is_over: IsOver, most_bytes: int = MOST_BYTES, now: datetime) -> None:
    """Take up what is new, until nothing is or the turn is over; where it stopped, it goes on the next time.

    Nothing for a channel that the workspace does not run any more: what is there stays. A file of more than `most_bytes`
    is not asked for, and one that was not asked for before a larger bound is.
    """
    storing.note_losses(archive.workspace, archive.id)
    storing.want_again(archive, most_bytes)
    ref = places.channel_now(archive.workspace, archive.channel)
    if ref is None or archive.state != ON:
        return
    if not _take_seen(archive, ref, is_over, most_bytes, now=now):
        return
    if not _take_authored(archive, ref, is_over, now=now):
        return
    if _take_told(archive, ref, is_over, now=now):
        _note_deletions(archive, ref)
        _move(archive, "looked_at", db.stamp(now))


def _move(archive: Archive, column: str, value: object) -> None:
    with db.write():
        db.execute(f"UPDATE archive SET {column} = ? WHERE id = ?", value, archive.id)


def _take_seen(archive: Archive, ref: ChannelRef, is_over: IsOver, most_bytes: int, *, now: datetime) -> bool:
    """The updates of the channel's own bot, window by window of the inbox; True when all were looked at."""
    (newest,) = db.row("SELECT COALESCE(MAX(id), 0) FROM inbox WHERE received_at <= ?", db.stamp(now - SETTLED)) or (0,)
    while archive.seen_id < newest and not is_over():
        until = min(archive.seen_id + _WINDOW, newest)
        rows = db.rows(
            "SELECT id, kind, payload FROM inbox WHERE id > ? AND id <= ? AND chat_key = ? AND bot_id = ?"
            " AND kind IN ('channel_post', 'edited_channel_post') ORDER BY id LIMIT ?",
            *(archive.seen_id, until, ref.telegram_chat_id, ref.bot_id, _BATCH),
        )
        archive.seen_id = rows[-1][0] if len(rows) == _BATCH else until
        with db.write():
            for _, kind, payload in rows:
                _take_update(archive, json.loads(payload)[kind], int(ref.bot_id or 0), most_bytes)
            _move(archive, "seen_id", archive.seen_id)
    return archive.seen_id >= newest


def _take_update(archive: Archive, message: dict[str, Any], bot_id: int, most_bytes: int) -> None:
    told = seen(message)
    if told is not None:
        storing.store(archive, _found(told, bot_id, most_bytes))


def _found(told: Seen, bot_id: int, most_bytes: int) -> Found:
    return Found(
        message_id=told.message_id,
        posted_at=told.posted_at,
        source=SEEN,
        content=told.content,
        files=_seen_files(told, bot_id, most_bytes),
        album_id=told.album_id,
        edited_at=told.edited_at,
        flaw=KIND if told.is_other else "",
    )


def _seen_files(told: Seen, bot_id: int, most_bytes: int) -> tuple[FoundFile, ...]:
    file = told.file
    if file is None:
        return ()
    return (
        FoundFile(
            place=told.message_id,
            kind=file.kind,
            state=TOO_BIG if (file.size or 0) > most_bytes else WANTED,
            bot_id=bot_id,
            file_id=file.file_id,
            unique_id=file.unique_id,
            size=file.size,
            name=file.name,
            has_spoiler=file.has_spoiler,
        ),
    )


_RECENT = (
    " AND (d.sent_at >= ? OR d.target_id IN (SELECT e.target_id FROM due_action e"
    " WHERE e.workspace_id = ? AND e.kind = 'edit' AND e.state = 'done' AND e.done_at >= ?))"
)


def _take_authored(archive: Archive, ref: ChannelRef, is_over: IsOver, *, now: datetime) -> bool:
    """What was written here and is out: since the last look and a day, and corrections; True when all was taken."""
    recent, since = "", tuple[Any, ...]()
    if archive.looked_at is not None:
        recent, since = _RECENT, (at := db.stamp(archive.looked_at - _AGAIN), archive.workspace, at)
    rows = db.rows(
        "SELECT d.post_id, d.target_id, d.slot, MIN(m.message_id), MIN(d.sent_at), c.public_id FROM delivery d"
        " JOIN post_target t ON t.id = d.target_id JOIN delivery_message m ON m.delivery_id = d.id"
        " JOIN channel c ON c.id = t.channel_id"  # also of its rows from before it was connected again
        f" WHERE d.workspace_id = ? AND c.workspace_id = d.workspace_id AND c.chat_id = ? AND d.state = 'sent'{recent}"
        " GROUP BY d.post_id, d.target_id, d.slot, c.public_id ORDER BY MIN(m.message_id)",
        *(archive.workspace, ref.chat_id, *since),
    )
    for start in range(0, len(rows), _BATCH):
        if is_over():
            return False
        with db.write():
            for post_id, _, _, message_id, sent_at, channel in rows[start : start + _BATCH]:
                _take_own(archive, channel, post_id, message_id, db.moment(sent_at))
    return True


def _take_own(archive: Archive, channel: str, post_id: int, message_id: int, sent_at: datetime) -> None:
    """As it was dressed when it went out, with the files that people chose: a mark is put on anew."""
    content = rendering.newest_revision(post_id).content_in(channel)
    files = tuple(
        FoundFile(place=number, kind=one.kind, state=KEPT, file=one.file, has_spoiler=one.has_spoiler)
        for number, one in enumerate(content.media)
    )
    storing.store(
        archive,
        Found(message_id, sent_at, AUTHORED, replace(content, media=()), files, edited_at=_said_at(post_id, sent_at)),
    )


def _said_at(post_id: int, sent_at: datetime) -> datetime:
    """When our words of a post went out last: what Telegram tells of later than that was corrected by hand."""
    found = db.row(
        "SELECT MAX(done_at) FROM due_action WHERE post_id = ? AND kind = 'edit' AND state = 'done'", post_id
    )
    return max(sent_at, db.moment(found[0])) if found and found[0] else sent_at


_UNTOLD = (
    "SELECT p.id, p.message_id, p.posted_at, p.media, p.text_length, (SELECT v.text FROM post_version v"
    " WHERE v.post_id = p.id AND v.text IS NOT NULL ORDER BY v.number DESC, v.id DESC LIMIT 1) FROM post p"
    " WHERE p.chat_id = ? AND p.id > ? AND p.private_to IN (0, ?) AND p.is_service = ? AND p.message_id IS NOT NULL"
    " AND p.posted_at <= ? AND NOT EXISTS (SELECT 1 FROM delivery_message m WHERE m.address = ?"
    " AND m.message_id = p.message_id) ORDER BY p.id LIMIT ?"
)


def _take_told(archive: Archive, ref: ChannelRef, is_over: IsOver, *, now: datetime) -> bool:
    """Posts that sources knew of before the archive was there: their words where these were kept; True at the end."""
    while not is_over():
        rows = db.rows(
            _UNTOLD,
            *(ref.chat_id, archive.told_id, archive.workspace, False, db.stamp(now - _AGED)),
            *(str(ref.telegram_chat_id), _BATCH),
        )
        if not rows:
            return True
        archive.told_id = rows[-1][0]
        with db.write():
            for row in rows:
                _take_known(archive, *row[1:])
            _move(archive, "told_id", archive.told_id)
    return False


def _take_known(
    archive: Archive, message_id: int, posted_at: Any, media: str, text_length: int | None, text: str | None
) -> None:
    if _is_there(archive, message_id):
        return
    files = () if media in _NOT_FILES else (FoundFile(place=message_id, kind=media, state=UNSEEN),)
    content = Content((Paragraph((Span(text),)),)) if text else Content()
    flaw = LOOKS if text else KIND if media == "poll" else WORDS if text_length is None or text_length else ""
    storing.store(archive, Found(message_id, db.moment(posted_at), TOLD, content, files, flaw=flaw))


def _is_there(archive: Archive, message_id: int) -> bool:
    """As a post, or as a message of an album that updates told."""
    return (
        db.row(
            "SELECT 1 FROM archived_post WHERE archive_id = ? AND message_id = ? UNION ALL SELECT 1 FROM archived_file f"
            " JOIN archived_post p ON p.id = f.post_id WHERE f.archive_id = ? AND f.place = ? AND p.source = ? LIMIT 1",
            *(archive.id, message_id, archive.id, message_id, SEEN),
        )
        is not None
    )


def _note_deletions(archive: Archive, ref: ChannelRef) -> None:
    """Posts that are known to be deleted stay in the archive and say so."""
    gone = db.rows(
        "SELECT a.id, p.deleted_at FROM archived_post a JOIN post p ON p.chat_id = ? AND p.message_id = a.message_id"
        " AND p.private_to IN (0, ?) WHERE a.archive_id = ? AND a.deleted_at IS NULL AND p.deleted_at IS NOT NULL LIMIT ?",
        *(ref.chat_id, archive.workspace, archive.id, _WINDOW),
    )
    with db.write():
        for post_id, deleted_at in gone:
            ArchivedPost.update(deleted_at=db.moment(deleted_at)).where(
                ArchivedPost.workspace == archive.workspace, ArchivedPost.id == post_id
            ).execute()
