"""What follows a publication: deletions, pins and edits that wait for it, done without harm more than once."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.core import db
from app.posting.service import senders
from app.posting.states import AFTER, BUSY, CALLED_OFF, CLAIMED, DELETE, DONE, FAILED, REPOST, WAITING

MOST_TRIES = 8


def release_followers(target_id: int, slot: int, *, now: datetime) -> None:
    """Give the actions that wait for this publication their time, inside the transaction that recorded it.

    Sending it once more waits for the first publication, in a slot of its own.
    """
    rows = db.rows(
        "SELECT id, after_s, sender_id FROM due_action WHERE target_id = ? AND state = ?"
        " AND (slot = ? OR (kind = ? AND ? = 0))",
        *(target_id, AFTER, slot, REPOST, slot),
    )
    for action_id, after_s, sender_id in rows:
        due = db.stamp(now + timedelta(seconds=after_s or 0))
        db.execute(
            "UPDATE due_action SET state = ?, due_at = ?, ready_at = ? WHERE id = ?", WAITING, due, due, action_id
        )
        senders.wake(sender_id, now=now)


def end_if_called_off(target_id: int, slot: int) -> bool:
    """Whether the owner called the publication off while it was on its way; then its deletion is not needed either."""
    return bool(
        db.execute(
            "UPDATE due_action SET state = ? WHERE target_id = ? AND slot = ? AND state = ? AND kind = ? AND reason = ?",
            *(CALLED_OFF, target_id, slot, AFTER, DELETE, CALLED_OFF),
        )
    )


def begin(action_id: int, epoch: int) -> bool:
    """Take a claimed deletion, edit or pin in hand. False when it is no longer this epoch's."""
    with db.write():
        return bool(
            db.execute(
                "UPDATE due_action SET state = ? WHERE id = ? AND state = ? AND epoch = ?"
                " AND epoch = (SELECT epoch FROM sender WHERE id = due_action.sender_id)",
                *(BUSY, action_id, CLAIMED, epoch),
            )
        )


def done(action_id: int, *, now: datetime) -> None:
    """It is as the owner wanted it; what stands deleted is not edited or pinned any more."""
    with db.write():
        db.execute(
            "UPDATE due_action SET state = ?, reason = NULL, done_at = ? WHERE id = ? AND state = ?",
            *(DONE, db.stamp(now), action_id, BUSY),
        )
        found = db.row("SELECT kind, target_id, slot FROM due_action WHERE id = ?", action_id)
        if found and found[0] == DELETE:
            db.execute(
                "UPDATE due_action SET state = ?, reason = ? WHERE target_id = ? AND slot = ? AND state IN (?, ?)",
                *(FAILED, "deleted", found[1], found[2], WAITING, AFTER),
            )


def again(action_id: int, why: str, *, wait_s: float, now: datetime) -> None:
    """It may or may not have been done: doing it again is harmless. After many tries it has failed, visibly."""
    with db.write():
        db.execute(
            "UPDATE due_action SET tries = tries + 1, ready_at = ?, reason = ?,"
            " state = CASE WHEN tries + 1 >= ? THEN ? ELSE ? END WHERE id = ? AND state = ?",
            *(db.stamp(now + timedelta(seconds=wait_s)), why[:300], MOST_TRIES, FAILED, WAITING, action_id, BUSY),
        )


def failed(action_id: int, reason: str, *, now: datetime) -> None:
    """Telegram refused it for good."""
    with db.write():
        db.execute(
            "UPDATE due_action SET state = ?, reason = ?, done_at = ? WHERE id = ? AND state = ?",
            *(FAILED, reason[:300], db.stamp(now), action_id, BUSY),
        )
