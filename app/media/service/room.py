"""How much a workspace may keep: its plan's megabytes, counted over its files, the trash too, and over open uploads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.billing.service import limits
from app.core import db
from app.core.errors import LimitReached
from app.core.i18n import N_

KEY, MB = "media_mb", 1_000_000
_LATE = N_("Your payment is late, so nothing new can be added until it is paid. All data are there.")
_FULL = N_(
    "The %(plan)s plan keeps %(limit)s MB of files, and %(used)s MB are used. Delete some, or choose a larger plan."
)


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that are used, and that the plan allows; None: as many as one likes."""

    used: int
    limit: int | None


def used_bytes(workspace_id: int) -> int:
    """What the workspace's files take, and what its open uploads will take. Files made of others are not counted."""
    found = db.row(
        "SELECT (SELECT COALESCE(SUM(size), 0) FROM media_file WHERE workspace_id = ? AND deleted_at IS NULL"
        " AND origin_id IS NULL)"
        " + (SELECT COALESCE(SUM(size), 0) FROM media_upload WHERE workspace_id = ? AND state = 'open')",
        *(workspace_id, workspace_id),
    )
    return int(found[0]) if found else 0


def used_mb(workspace_id: int) -> int:
    """The same in megabytes, rounded up, as plans count it."""
    return -(-used_bytes(workspace_id) // MB)


def room_of(workspace_id: int, *, now: datetime) -> Room:
    """How full it is."""
    limit = limits.limit_of(workspace_id, KEY, now=now)
    return Room(used_bytes(workspace_id), None if limit is None else limit * MB)


def require(workspace_id: int, size: int, *, now: datetime) -> None:
    """Make sure that `size` bytes more have room; ask inside the transaction that takes it.

    Raises LimitReached (`limit_media_mb`, `payment_late`).
    """
    db.serialise("workspace", workspace_id)
    if limits.late_of([workspace_id], now=now):
        raise LimitReached(_LATE, code="payment_late")
    room = room_of(workspace_id, now=now)
    if room.limit is not None and room.used + size > room.limit:
        plan = limits.plan_of(workspace_id).capitalize()
        used = -(-room.used // MB)
        raise LimitReached(_FULL, code=f"limit_{KEY}", plan=plan, limit=room.limit // MB, used=used)
