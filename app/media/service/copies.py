"""Copies of files in a bot's storage chat: a post sends by their file id, in one short call without an upload.

A copy is made ahead, by the bot process. A crash between Telegram's answer and our row leaves one more message in the
storage chat and nothing else. Without a storage chat there are no copies: posts carry the bytes themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.core import db
from app.core.errors import Upstream
from app.media.service import store
from app.media.service.store import StoreAway
from app.telegram import budget
from app.telegram.outgoing import Outgoing, OutgoingMedia
from app.telegram.port import Telegram

WANTED, READY, FAILED = "wanted", "ready", "failed"
MOST_ATTEMPTS = 10
_FIRST_WAIT_S, _LONGEST_WAIT_S = 15.0, 900.0
_AWAY_WAIT_S = 60.0
_REST = timedelta(hours=1)  # of a copy that failed, before somebody's asking tries it again


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that waits to be made: whose bytes, by which bot, into which chat."""

    media_id: int
    workspace_id: int
    bot_id: int
    chat_id: int
    kind: str
    name: str
    sha256: str
    attempts: int


def want(workspace_id: int, public_ids: Collection[str], bot_id: int, *, now: datetime) -> None:
    """Ask for a bot's copies of files; nothing for a bot without a storage chat, nothing twice.

    One that failed is tried again when it is asked for an hour later or more.
    """
    wanted = db.rows(
        "SELECT m.id FROM media_file m JOIN bot b ON b.bot_id = ?"
        " WHERE b.storage_chat_id IS NOT NULL AND b.deleted_at IS NULL AND m.workspace_id = ?"
        f" AND m.deleted_at IS NULL AND m.public_id IN ({db.marks(public_ids)})"
        " AND NOT EXISTS (SELECT 1 FROM media_copy c WHERE c.media_id = m.id AND c.bot_id = b.bot_id"
        " AND (c.state != ? OR c.not_before > ?)) ORDER BY m.id",
        *(bot_id, workspace_id, *public_ids, FAILED, db.stamp(now)),
    )
    if not wanted:
        return
    with db.write():
        for (media_id,) in wanted:
            db.execute(
                "INSERT INTO media_copy (media_id, bot_id, workspace_id, state, attempts, wanted_at)"
                " VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT (media_id, bot_id) DO UPDATE SET state = excluded.state,"
                " attempts = 0, error = NULL, not_before = NULL WHERE media_copy.state = ?",
                *(media_id, bot_id, workspace_id, WANTED, db.stamp(now), FAILED),
            )


def want_as(media_id: int, made_id: int, *, now: datetime) -> None:
    """Of what was made of a file the same bots want copies. Inside the running transaction."""
    db.execute(
        "INSERT INTO media_copy (media_id, bot_id, workspace_id, state, attempts, wanted_at)"
        " SELECT ?, bot_id, workspace_id, ?, 0, ? FROM media_copy WHERE media_id = ?",
        *(made_id, WANTED, db.stamp(now), media_id),
    )


def due(now: datetime, *, limit: int = 20) -> list[Copy]:
    """Copies of all workspaces that can be made now, the longest wanted first."""
    found = db.rows(
        "SELECT m.id, c.workspace_id, c.bot_id, b.storage_chat_id, m.kind, m.name, m.sha256, c.attempts"
        " FROM media_copy c JOIN media_file m ON m.id = c.media_id JOIN bot b ON b.bot_id = c.bot_id"
        " WHERE c.state = ? AND (c.not_before IS NULL OR c.not_before <= ?) AND m.deleted_at IS NULL"
        " AND b.storage_chat_id IS NOT NULL AND b.deleted_at IS NULL ORDER BY c.wanted_at, m.id LIMIT ?",
        *(WANTED, db.stamp(now), limit),
    )
    return [Copy(*row) for row in found]


def make(copy: Copy, line: Telegram, *, data_dir: Path, now: datetime) -> bool:
    """Send the bytes into the storage chat and keep the file id; False when it is to be tried later or failed.

    Telegram makes a sound of some documents and an animation of a video without one; such an id cannot be sent as what
    the file is here, so the copy fails and posts go on carrying the bytes.
    """
    try:
        path = store.fetched(data_dir, copy.sha256)
    except StoreAway:
        put_off(copy, _AWAY_WAIT_S, now=now)  # no attempt: nobody asked Telegram
        return False
    if path is None:
        _fail(copy, "the file is gone", now=now)
        return False
    medium = OutgoingMedia(copy.kind, path=str(path), name=copy.name)
    try:
        sent = line.send(copy.chat_id, Outgoing(copy.kind, media=(medium,), is_silent=True))
    except Upstream as error:
        _not_made(copy, error, now=now)
        return False
    if len(sent) != 1 or not sent[0].file_id or sent[0].media != copy.kind:
        _fail(copy, f"Telegram keeps it as {', '.join(message.media for message in sent)}", now=now)
        return False
    with db.write():
        _change(
            copy,
            "state = ?, file_id = ?, file_unique_id = ?, storage_chat_id = ?, message_id = ?, error = NULL,"
            " not_before = NULL",
            *(READY, sent[0].file_id, sent[0].file_unique_id, copy.chat_id, sent[0].message_id),
        )
    return True


def lose(workspace_id: int, file_ids: Collection[str], bot_id: int, *, now: datetime) -> None:
    """Telegram refuses these ids of a bot: their copies are wanted anew, and until then posts carry the bytes."""
    with db.write():
        db.execute(
            "UPDATE media_copy SET state = ?, file_id = NULL, attempts = 0, error = NULL, not_before = NULL, wanted_at = ?"
            f" WHERE workspace_id = ? AND bot_id = ? AND state = ? AND file_id IN ({db.marks(file_ids)})",
            *(WANTED, db.stamp(now), workspace_id, bot_id, READY, *file_ids),
        )


def put_off(copy: Copy, wait_s: float, *, now: datetime) -> None:
    """Leave a copy until its bot may send again, so that others' are not held up behind it."""
    with db.write():
        _change(copy, "not_before = ?", db.stamp(now + timedelta(seconds=wait_s)))


def ready(workspace_id: int, public_ids: Collection[str], bot_id: int, *, data_dir: Path) -> dict[str, OutgoingMedia]:
    """What a bot sends for each file: its copy by id, else the bytes, which is slower. A file that is gone is missing.

    Raises StoreAway when bytes are needed that are not here and cannot be brought."""
    found = db.rows(
        "SELECT m.public_id, m.kind, m.name, m.sha256, c.file_id FROM media_file m"
        " LEFT JOIN media_copy c ON c.media_id = m.id AND c.bot_id = ? AND c.state = ?"
        f" WHERE m.workspace_id = ? AND m.deleted_at IS NULL AND m.public_id IN ({db.marks(public_ids)})",
        *(bot_id, READY, workspace_id, *public_ids),
    )
    media: dict[str, OutgoingMedia] = {}
    for public_id, kind, name, sha256, file_id in found:
        if file_id:
            media[public_id] = OutgoingMedia(kind, file_id=file_id, name=name)
        elif (path := store.fetched(data_dir, sha256)) is not None:
            media[public_id] = OutgoingMedia(kind, path=str(path), name=name)
    return media


def _not_made(copy: Copy, error: Upstream, *, now: datetime) -> None:
    """Told to wait is no attempt; silence is one, and so many of them are enough."""
    if error.retry_after_s:
        budget.obey_retry_after(copy.bot_id, error.retry_after_s, now=now)
        return put_off(copy, error.retry_after_s, now=now)
    attempts = copy.attempts + 1
    if error.permanent or attempts >= MOST_ATTEMPTS:
        return _fail(copy, error.message, now=now)
    wait_s = min(_FIRST_WAIT_S * 2.0**copy.attempts, _LONGEST_WAIT_S)
    with db.write():
        _change(
            copy,
            "attempts = ?, error = ?, not_before = ?",
            *(attempts, error.message[:300], db.stamp(now + timedelta(seconds=wait_s))),
        )


def _fail(copy: Copy, error: str, *, now: datetime) -> None:
    with db.write():
        _change(copy, "state = ?, error = ?, not_before = ?", FAILED, error[:300], db.stamp(now + _REST))


def _change(copy: Copy, what: str, *values: object) -> None:
    """Compare and set: a copy that is ready stays so."""
    db.execute(
        f"UPDATE media_copy SET {what} WHERE media_id = ? AND bot_id = ? AND workspace_id = ? AND state = ?",
        *(*values, copy.media_id, copy.bot_id, copy.workspace_id, WANTED),
    )
