"""A lane's life: each attempt begins by raising the epoch, so that whoever ran before may not send any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core import db
from app.posting.service import ledger
from app.posting.states import BUSY, CLAIMED, SENDING, SENDS, WAITING

_COUNTED = 10_001


@dataclass(frozen=True, slots=True)
class Standing:
    """How a lane stands: what waits and is due (counted up to 10,001), and when the next thing is ready."""

    backlog: int
    next_ready_at: datetime | None


def begin(sender_id: int, *, now: datetime) -> int:
    """Raise the epoch and clear up after the attempt before: claims are released, what was being sent is unknown."""
    with db.write():
        db.execute("UPDATE sender SET epoch = epoch + 1, seen_at = ? WHERE id = ?", db.stamp(now), sender_id)
        (epoch,) = db.row("SELECT epoch FROM sender WHERE id = ?", sender_id) or (0,)
        db.execute("UPDATE due_action SET state = ? WHERE sender_id = ? AND state = ?", WAITING, sender_id, CLAIMED)
        hung = db.rows(
            "SELECT id, tries FROM delivery WHERE sender_id = ? AND state = ? AND epoch < ?", sender_id, SENDING, epoch
        )
        for delivery_id, tries in hung:
            ledger.call_unknown(delivery_id, tries, "the worker ended while it was being sent", now=now)
        db.execute(
            f"UPDATE due_action SET state = ? WHERE sender_id = ? AND state = ? AND kind NOT IN ({db.marks(SENDS)})",
            *(WAITING, sender_id, BUSY, *SENDS),
        )
    return int(epoch)


def release(action_id: int, epoch: int, *, ready_at: datetime | None = None) -> None:
    """Give a claimed action back unsent, perhaps to a later moment."""
    with db.write():
        db.execute(
            "UPDATE due_action SET state = ?, ready_at = COALESCE(?, ready_at) WHERE id = ? AND state = ? AND epoch = ?",
            *(WAITING, db.stamp(ready_at) if ready_at else None, action_id, CLAIMED, epoch),
        )


def standing(sender_id: int, *, now: datetime) -> Standing:
    """What waits in a lane."""
    due = db.row(
        "SELECT COUNT(*) FROM (SELECT 1 FROM due_action WHERE sender_id = ? AND state = ? AND ready_at <= ? LIMIT ?) AS d",
        *(sender_id, WAITING, db.stamp(now), _COUNTED),
    )
    return Standing(int(due[0]) if due else 0, next_ready_at(sender_id))


def next_ready_at(sender_id: int) -> datetime | None:
    """When the next waiting action of a lane is ready, perhaps long ago; None when nothing waits."""
    found = db.row("SELECT MIN(ready_at) FROM due_action WHERE sender_id = ? AND state = ?", sender_id, WAITING)
    at: datetime | None = db.moment(found[0]) if found else None
    return at
