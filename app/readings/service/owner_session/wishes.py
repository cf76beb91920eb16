"""What is asked of a connected account: a channel's whole history, or a look at it now."""

from __future__ import annotations

from datetime import datetime

from app.audit import service as audit
from app.core import db, ids
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.readings.collectors.owner_session.models import HistoryImport, OwnerChannel
from app.readings.service.owner_session.states import CONNECTED

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
        if reader_of(workspace_id, chat_id) is None:
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


def want_look(workspace_id: int, chat_id: int, *, now: datetime) -> bool:
    """Let the account that runs a channel look at it as soon as it can; False where none can look.

    A look that is under way plans the next one when it ends: ask again until `has_looked`.
    """
    with db.write():
        moved = db.execute(
            "UPDATE owner_channel SET next_look_at = CASE WHEN next_look_at > ? THEN ? ELSE next_look_at END"
            " WHERE workspace_id = ? AND chat_id = ? AND session_id IN (SELECT id FROM owner_session"
            " WHERE workspace_id = ? AND state = ? AND revoked_at IS NULL AND (not_before IS NULL OR not_before <= ?))",
            *(db.stamp(now), db.stamp(now), workspace_id, chat_id, workspace_id, CONNECTED, db.stamp(now)),
        )
    return moved > 0


def has_looked(workspace_id: int, chat_id: int, *, since: datetime) -> bool:
    """Whether a look at a channel that began at `since` or later has ended."""
    found = db.row(
        "SELECT 1 FROM owner_channel WHERE workspace_id = ? AND chat_id = ? AND looked_at >= ?",
        *(workspace_id, chat_id, db.stamp(since)),
    )
    return found is not None


def reader_of(workspace_id: int, chat_id: int) -> OwnerChannel | None:
    """The channel as the workspace's connected account runs it; None where no account does."""
    found = db.row(
        "SELECT c.id FROM owner_channel c JOIN owner_session s ON s.id = c.session_id AND s.revoked_at IS NULL"
        " WHERE c.workspace_id = ? AND c.chat_id = ?",
        *(workspace_id, chat_id),
    )
    if not found:
        return None
    channel: OwnerChannel = OwnerChannel.get(OwnerChannel.workspace == workspace_id, OwnerChannel.id == found[0])
    return channel
