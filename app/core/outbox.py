"""What Temporal must look at, written in the transaction of the change. See workflows/dispatch.py for the reader."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.core import db

_MAX_ATTEMPTS = 12
_nudge_path: Path | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """An outbox row to deliver; deleted only if it is still at `version`."""

    id: int
    topic: str
    key: str
    version: int
    attempts: int


def configure(nudge_path: Path) -> None:
    """Name the datagram socket on which the dispatcher hears that there is work."""
    global _nudge_path
    _nudge_path = nudge_path


def put(topic: str, key: str, *, now: datetime) -> None:
    """Ask that (topic, key) be looked at. Several asks before delivery become one."""
    with db.write():
        db.execute(
            "INSERT INTO outbox (topic, key, version, created_at, not_before, attempts) VALUES (?, ?, 1, ?, ?, 0)"
            " ON CONFLICT (topic, key) DO UPDATE SET version = outbox.version + 1, not_before = excluded.not_before,"
            " attempts = 0, dead_at = NULL",
            *(topic, key, db.stamp(now), db.stamp(now)),
        )
        db.after_commit(nudge)


def nudge() -> None:
    """Tell the dispatcher, if it listens; polling finds what a lost nudge leaves."""
    if _nudge_path is None:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(b"look", str(_nudge_path))


def due(now: datetime, *, limit: int = 50) -> list[Pending]:
    """Rows to deliver now, oldest first; dead rows and rows that back off are left out."""
    found = db.rows(
        "SELECT id, topic, key, version, attempts FROM outbox WHERE dead_at IS NULL AND not_before <= ?"
        " ORDER BY id LIMIT ?",
        *(db.stamp(now), limit),
    )
    return [Pending(*row) for row in found]


def delivered(pending: Pending, *, workflow_id: str, run_id: str, now: datetime) -> None:
    """Forget a delivered row unless it was asked for again meanwhile, and keep the link to its run."""
    with db.write():
        db.execute("DELETE FROM outbox WHERE id = ? AND version = ?", pending.id, pending.version)
        db.execute(
            "INSERT INTO workflow_run (topic, key, workflow_id, run_id, started_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (topic, key) DO UPDATE SET workflow_id = excluded.workflow_id, run_id = excluded.run_id,"
            " started_at = excluded.started_at",
            *(pending.topic, pending.key, workflow_id, run_id, db.stamp(now)),
        )


def failed(pending: Pending, error: str, *, is_outage: bool = False, now: datetime) -> None:
    """Back off one row; after many failures of its own it dies visibly. An outage of Temporal counts against no row."""
    attempts = pending.attempts + (0 if is_outage and pending.attempts >= 5 else 1)
    wait = timedelta(seconds=min(2**attempts, 300))
    with db.write():
        db.execute(
            "UPDATE outbox SET attempts = ?, not_before = ?, last_error = ?, dead_at = ? WHERE id = ? AND version = ?",
            *(attempts, db.stamp(now + wait), error[:500], db.stamp(now) if attempts >= _MAX_ATTEMPTS else None),
            *(pending.id, pending.version),
        )
