"""Switching a channel's archive on and off, and erasing it."""

from __future__ import annotations

from datetime import datetime

from app.audit import service as audit
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.core import db, ids
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.tenancy import unscoped
from app.protection.archive.models import Archive
from app.protection.archive.states import ERASING, OFF, ON, UNENDED

_BATCH = 500
# In the order in which rows refer to each other; each names its archive, or a row that does.
_PARTS = (
    ("rebuild_post", "rebuild_id IN (SELECT id FROM rebuild WHERE archive_id = ?)"),
    ("rebuild", "archive_id = ?"),
    ("archived_file", "archive_id = ?"),
    ("archived_post", "archive_id = ?"),
)


def archive_of(workspace_id: int, public_id: str) -> Archive:
    """An archive of the workspace that is not being erased. Raises NotFound."""
    found: Archive | None = Archive.get_or_none(
        Archive.workspace == workspace_id, Archive.public_id == public_id, Archive.state != ERASING
    )
    if found is None:
        raise NotFound(N_("There is no such archive."))
    return found


def switch_on(workspace_id: int, channel: str, *, user_id: int, now: datetime) -> Archive:
    """Keep the posts of an own channel (public id) from now on, and what is still known of those before.

    Raises NotFound for a channel that is not the workspace's own, Conflict while its former archive is being erased.
    """
    ref = channel_of(workspace_id, channel)
    if ref is None or ref.relation != "owned":
        raise NotFound(N_("There is no such channel."))
    with db.write():
        db.serialise("chat", ref.chat_id)  # pressed twice at once it is one archive
        row = _of_chat(workspace_id, ref.chat_id)
        if row is not None and row.state == ERASING:
            raise Conflict(N_("The former archive of this channel is still being erased. Try again in a few minutes."))
        if row is None:
            row = Archive(public_id=ids.public_id(), workspace=workspace_id, channel=ref.id, created_at=now)
        row.state, row.reason, row.rest_until, row.started_by = ON, None, None, user_id
        row.save()
        _record("archive.switched_on", row, user_id, now=now)
    return row


def _of_chat(workspace_id: int, chat_id: int) -> Archive | None:
    """The archive of a chat, by whatever row of its channel it was begun with."""
    rows = Channel.select(Channel.id).where(Channel.workspace == workspace_id, Channel.chat == chat_id)
    found: Archive | None = Archive.get_or_none(Archive.workspace == workspace_id, Archive.channel.in_(rows))
    return found


def switch_off(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Add nothing more; what is there stays. Raises NotFound."""
    with db.write():
        row = archive_of(workspace_id, public_id)
        row.state, row.reason = OFF, None
        row.save()
        _record("archive.switched_off", row, user_id, now=now)


def ask_to_erase(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Have all of it erased, but for the files, which stay in the library. Raises NotFound, Conflict while it is rebuilt."""
    with db.write():
        row = archive_of(workspace_id, public_id)
        db.serialise("archive", row.id)
        unended = f"SELECT 1 FROM rebuild WHERE archive_id = ? AND state IN ({db.marks(UNENDED)})"
        if db.row(unended, row.id, *UNENDED):
            raise Conflict(N_("This archive is being rebuilt. Stop that first."))
        row.state = ERASING
        row.save()
        _record("archive.erased", row, user_id, now=now)


def erase_some(*, most: int = 10_000) -> int:
    """Erase what people asked to have erased, a batch at a time; returns how many rows are gone."""
    with unscoped("what is to be erased, of every workspace"):
        asked = list(Archive.select().where(Archive.state == ERASING))
    gone = 0
    for row in asked:
        while gone < most and (count := _erase_batch(row)):
            gone += count
    return gone


def _erase_batch(row: Archive) -> int:
    with db.write():
        for table, which in _PARTS:
            sql = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {which} LIMIT ?)"
            if gone := db.execute(sql, row.id, _BATCH):
                return gone
        return db.execute("DELETE FROM archive WHERE id = ?", row.id)


def _record(action: str, row: Archive, user_id: int, *, now: datetime) -> None:
    audit.record(
        action, actor=f"user:{user_id}", subject=f"archive:{row.public_id}", workspace_id=row.workspace, now=now
    )
