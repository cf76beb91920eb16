"""A channel's whole history, a hundred messages at a time: the cursor moves in the transaction of their readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from app.audit import service as audit
from app.core import db, ids, outbox
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.readings.collectors.owner_session.base import HistoryPage, OwnerAccount
from app.readings.collectors.owner_session.models import HistoryImport, OwnerChannel
from app.readings.service.imports import CHECK_TOPIC
from app.readings.service.owner_session.channels import key_of
from app.readings.service.pages import record_seen

RUNNING, DONE, STOPPED = "running", "done", "stopped"


def want_history(workspace_id: int, channel_public_id: str, *, user_id: int, now: datetime) -> HistoryImport:
    """Ask for a channel's whole history; one that runs goes on, a stopped one goes on where it stopped.

    Raises NotFound for a channel that is not the workspace's, Conflict while its account does not run the channel.
    """
    with db.write():
        found = db.row(
            "SELECT chat_id FROM channel WHERE workspace_id = ? AND public_id = ? AND deleted_at IS NULL",
            *(workspace_id, channel_public_id),
        )
        if not found:
            raise NotFound(N_("There is no such channel."))
        chat_id = int(found[0])
        if _reader_of(workspace_id, chat_id) is None:
            raise Conflict(N_("The connected account does not run this channel."), code="not_run")
        row = HistoryImport.get_or_none(HistoryImport.workspace == workspace_id, HistoryImport.chat_id == chat_id)
        if row is not None and row.state == RUNNING:
            return row  # type: ignore[no-any-return]
        row = row or HistoryImport(public_id=ids.public_id(), workspace=workspace_id, chat_id=chat_id, state=DONE)
        if row.state == DONE:
            row.next_before, row.done, row.posts, row.readings = None, 0, 0, 0
            row.started_at = now
        row.state, row.updated_at, row.finished_at, row.last_error = RUNNING, now, None, None
        row.save()
        audit.record(
            "history_import.started",
            actor=f"user:{user_id}",
            subject=f"channel:{channel_public_id}",
            workspace_id=workspace_id,
            now=now,
        )
    return row


def _reader_of(workspace_id: int, chat_id: int) -> OwnerChannel | None:
    found = db.row(
        "SELECT c.id FROM owner_channel c JOIN owner_session s ON s.id = c.session_id AND s.revoked_at IS NULL"
        " WHERE c.workspace_id = ? AND c.chat_id = ?",
        *(workspace_id, chat_id),
    )
    if not found:
        return None
    channel: OwnerChannel = OwnerChannel.get(OwnerChannel.workspace == workspace_id, OwnerChannel.id == found[0])
    return channel


def running(workspace_id: int) -> tuple[HistoryImport, OwnerChannel] | None:
    """The workspace's import that moved least lately, with the channel to read it through."""
    for row in (
        HistoryImport.select()
        .where(HistoryImport.workspace == workspace_id, HistoryImport.state == RUNNING)
        .order_by(HistoryImport.updated_at)
    ):
        channel = _reader_of(workspace_id, row.chat_id)
        if channel is not None:
            return row, channel
    return None


def go_on(
    row: HistoryImport,
    channel: OwnerChannel,
    account: OwnerAccount,
    *,
    source_id: int,
    clock: Callable[[], datetime],
) -> int:
    """Read and store the next hundred messages; returns how many readings were new.

    A process that dies anywhere in here leaves either nothing or everything of the batch, and its cursor.
    """
    page = account.history(key_of(channel), before=row.next_before)
    return store_batch(row, page, source_id=source_id, now=clock())


def store_batch(row: HistoryImport, page: HistoryPage, *, source_id: int, now: datetime) -> int:
    """Store one page of history and move the cursor, in one transaction; 0 when somebody else moved it meanwhile."""
    is_last = page.before is None
    with db.write():
        if not _move(row, page, is_last=is_last, now=now):
            return 0
        new = record_seen(
            row.chat_id,
            page.posts,
            source_id=source_id,
            observed_at=now.replace(microsecond=0),
            is_public=False,
            now=now,
        )
        db.execute("UPDATE history_import SET readings = readings + ? WHERE id = ?", new, row.id)
        if is_last:
            outbox.put(CHECK_TOPIC, str(row.chat_id), now=now)
    return new


def _move(row: HistoryImport, page: HistoryPage, *, is_last: bool, now: datetime) -> bool:
    posts = sum(not p.is_service for p in page.posts)
    moved = db.execute(
        "UPDATE history_import SET next_before = ?, done = done + ?, posts = posts + ?, total = ?, state = ?,"
        " updated_at = ?, finished_at = ?, last_error = NULL"
        " WHERE id = ? AND state = 'running' AND COALESCE(next_before, 0) = ?",
        *(page.before, page.seen, posts, page.total, DONE if is_last else RUNNING),
        *(db.stamp(now), db.stamp(now) if is_last else None, row.id, row.next_before or 0),
    )
    return moved == 1


def stop(row: HistoryImport, error: str, *, now: datetime) -> None:
    """Lay an import down with a reason; asked for again it goes on where it stopped."""
    with db.write():
        HistoryImport.update(state=STOPPED, last_error=error[:64], updated_at=now).where(
            HistoryImport.workspace == row.workspace, HistoryImport.id == row.id
        ).execute()
