"""A channel's whole history, a hundred messages at a time: the cursor moves in the transaction of their readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from app.core import db, outbox
from app.readings.collectors.owner_session.base import HistoryPage, OwnerAccount
from app.readings.collectors.owner_session.models import HistoryImport, OwnerChannel
from app.readings.service.deletions import mark_messages_deleted
from app.readings.service.imports import CHECK_TOPIC
from app.readings.service.owner_session.channels import key_of
from app.readings.service.owner_session.wishes import DONE, RUNNING, STOPPED, reader_of
from app.readings.service.pages import record_seen


def running(workspace_id: int) -> tuple[HistoryImport, OwnerChannel] | None:
    """The workspace's import that moved least lately, with the channel to read it through."""
    for row in (
        HistoryImport.select()
        .where(HistoryImport.workspace == workspace_id, HistoryImport.state == RUNNING)
        .order_by(HistoryImport.updated_at)
    ):
        channel = reader_of(workspace_id, row.chat_id)
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
            now=now,
        )
        mark_messages_deleted(row.chat_id, page.gone, at=now.replace(microsecond=0), source_id=source_id)
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
