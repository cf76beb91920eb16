"""The delivery ledger: reserved -> sending -> sent | rejected | unknown, by compare-and-set under the lane's epoch.

Telegram takes no idempotency key and tells a bot nothing of its own posts, so the intent is committed before the call,
and what is not proven to have been refused is unknown until a reader finds out (resolving.py). An outcome is recorded
for the attempt that made it, even when a newer epoch has meanwhile called it unknown: it is the better knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db, outbox
from app.posting.service import blocking, events, following
from app.posting.service.claimed import Claimed
from app.posting.states import (
    BLOCKED,
    BUSY,
    CALLED_OFF,
    CLAIMED,
    DONE,
    FAILED,
    REJECTED,
    RESERVED,
    RESOLVE_TOPIC,
    SENDING,
    SENT,
    UNCONFIRMED,
    UNKNOWN,
    WAITING,
)
from app.telegram import budget
from app.telegram.outgoing import Sent

_STILL_MINE = f"id = ? AND tries = ? AND state IN ('{SENDING}', '{UNKNOWN}', '{RESERVED}')"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The intent to send one part now, committed. Its outcome is recorded under (delivery, tries)."""

    delivery_id: int
    action_id: int
    workspace_id: int
    sender_id: int
    target_id: int
    revision_id: int
    slot: int
    part: int
    tries: int
    address: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: the bot's limit, or the chat's, lets it go in so many seconds."""

    bot_s: float
    chat_s: float


def begin(action: Claimed, bot_id: int, epoch: int, *, now: datetime) -> Attempt | Wait | None:
    """Commit the intent to send the next part. None when the action is no longer this epoch's to send.

    Within one transaction: the lane's epoch and the claim still stand, the budget has room, the row moves.
    """
    try:
        with db.write():
            return _begin(action, bot_id, epoch, now=now)
    except _Gone:
        return None


class _Gone(Exception):
    """The claim fell meanwhile: what the transaction took of the budget is given back with it."""


def _begin(action: Claimed, bot_id: int, epoch: int, *, now: datetime) -> Attempt | Wait:
    bot_s, chat_s = budget.take_post(bot_id, int(action.address), now=now)
    if bot_s or chat_s:
        return Wait(bot_s, chat_s)
    is_mine = db.execute(
        "UPDATE due_action SET state = ? WHERE id = ? AND state = ? AND epoch = ?"
        " AND epoch = (SELECT epoch FROM sender WHERE id = due_action.sender_id)",
        *(BUSY, action.id, CLAIMED, epoch),
    )
    found = db.row(
        "SELECT id, sender_id, revision_id, part, tries, address FROM delivery"
        " WHERE target_id = ? AND slot = ? AND state = ? ORDER BY part LIMIT 1",
        *(action.target_id, action.slot, RESERVED),
    )
    if not is_mine or found is None:
        raise _Gone
    delivery_id, sender_id, revision_id, part, tries, address = found
    db.execute(
        "UPDATE delivery SET state = ?, epoch = ?, tries = ?, begun_at = ?, reason = NULL WHERE id = ?",
        *(SENDING, epoch, tries + 1, db.stamp(now), delivery_id),
    )
    events.note(delivery_id, SENDING, now=now)
    where = (action.workspace_id, sender_id, action.target_id, revision_id, action.slot, part)
    return Attempt(delivery_id, action.id, *where, tries + 1, address)


def expect(attempt: Attempt, eta: datetime) -> None:
    """Tell by when an attempt that carries much is over, inside the running transaction."""
    db.execute(
        "UPDATE due_action SET eta_at = ? WHERE id = ? AND state = ? AND (eta_at IS NULL OR eta_at < ?)",
        *(db.stamp(eta), attempt.action_id, BUSY, db.stamp(eta)),
    )


def record_sent(attempt: Attempt, messages: Sequence[Sent], *, note: str | None = None, now: datetime) -> bool:
    """Telegram took it: keep the message ids, go on to the next part or to what follows. False when it was recorded."""
    with db.write():
        is_first = db.execute(
            f"UPDATE delivery SET state = ?, sent_at = ?, note = ?, reason = NULL WHERE {_STILL_MINE}",
            *(SENT, db.stamp(messages[0].date if messages else now), note, attempt.delivery_id, attempt.tries),
        )
        if not is_first:
            return False
        ids = [message.message_id for message in messages]
        keep_messages(attempt.workspace_id, attempt.delivery_id, attempt.address, ids)
        events.note(attempt.delivery_id, SENT, now=now)
        go_on(attempt.target_id, attempt.slot, now=now)
    return True


def keep_messages(workspace_id: int, delivery_id: int, address: str, message_ids: Sequence[int]) -> None:
    """Which messages a delivery became, in their order, inside the running transaction."""
    for number, message_id in enumerate(message_ids):
        db.execute(
            "INSERT INTO delivery_message (workspace_id, delivery_id, address, message_id, number)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (address, message_id) DO NOTHING",
            *(workspace_id, delivery_id, address, message_id, number),
        )


def go_on(target_id: int, slot: int, *, now: datetime) -> None:
    """After a part was sent: the action waits for the next part, or is done and its followers get their time."""
    left = db.row(
        "SELECT COUNT(*) FROM delivery WHERE target_id = ? AND slot = ? AND state <> ?", target_id, slot, SENT
    )
    assert left is not None
    these = "target_id = ? AND slot = ? AND kind IN ('publish', 'repost')"
    if left[0]:
        db.execute(
            f"UPDATE due_action SET state = ?, ready_at = ? WHERE {these} AND state IN (?, ?)",
            *(WAITING, db.stamp(now), target_id, slot, BUSY, UNCONFIRMED),
        )
        return
    db.execute(
        f"UPDATE due_action SET state = ?, reason = NULL, done_at = ? WHERE {these}",
        *(DONE, db.stamp(now), target_id, slot),
    )
    following.release_followers(target_id, slot, now=now)


def put_back(attempt: Attempt, why: str, *, wait_s: float = 0.0, now: datetime) -> bool:
    """Nothing was sent, provably: the delivery is reserved again and its action ready after `wait_s`."""
    with db.write():
        if not _move_back(attempt, why, now=now):
            return False
        stand_ready(attempt.target_id, attempt.slot, at=now + timedelta(seconds=wait_s))
    return True


def stand_ready(target_id: int, slot: int, *, at: datetime) -> None:
    """Let the lane take a publication up again, unless its owner called it off while it was on its way."""
    state = CALLED_OFF if following.end_if_called_off(target_id, slot) else WAITING
    db.execute(
        "UPDATE due_action SET state = ?, ready_at = ?, tries = tries + 1"
        " WHERE target_id = ? AND slot = ? AND kind IN ('publish', 'repost') AND state IN (?, ?)",
        *(state, db.stamp(at), target_id, slot, BUSY, UNCONFIRMED),
    )


def _move_back(attempt: Attempt, why: str, *, now: datetime) -> bool:
    moved = db.execute(
        f"UPDATE delivery SET state = ?, begun_at = NULL, asked_at = NULL WHERE {_STILL_MINE} AND state <> ?",
        *(RESERVED, attempt.delivery_id, attempt.tries, RESERVED),
    )
    if moved:
        events.note(attempt.delivery_id, "put_back", detail=why, now=now)
    return bool(moved)


def record_wait(attempt: Attempt, bot_id: int, retry_after_s: float, *, now: datetime) -> None:
    """Telegram said 429: every sender of the bot waits, and the post is put back."""
    with db.write():
        budget.obey_retry_after(bot_id, retry_after_s, now=now)
        put_back(attempt, f"Telegram asks to wait {retry_after_s:g} s", wait_s=retry_after_s, now=now)


def record_refused(attempt: Attempt, reason: str, *, now: datetime) -> None:
    """Telegram refused it for good: the delivery is rejected and its action has failed, with Telegram's words."""
    with db.write():
        moved = db.execute(
            f"UPDATE delivery SET state = ?, reason = ? WHERE {_STILL_MINE}",
            *(REJECTED, reason[:300], attempt.delivery_id, attempt.tries),
        )
        if moved:
            events.note(attempt.delivery_id, REJECTED, detail=reason, now=now)
            db.execute(
                "UPDATE due_action SET state = ?, reason = ?, done_at = ? WHERE id = ?",
                *(FAILED, reason[:300], db.stamp(now), attempt.action_id),
            )


def record_blocked(attempt: Attempt, reason: str, *, now: datetime) -> None:
    """Telegram refused it since the bot may not post there: it waits, blocked, until somebody resumes it."""
    with db.write():
        if not _move_back(attempt, reason, now=now):
            return
        is_over = following.end_if_called_off(attempt.target_id, attempt.slot)
        db.execute(
            "UPDATE due_action SET state = ?, reason = ? WHERE id = ? AND state IN (?, ?)",
            *(CALLED_OFF if is_over else BLOCKED, reason[:300], attempt.action_id, BUSY, UNCONFIRMED),
        )
        place = db.row(
            "SELECT t.channel_id, s.account FROM post_target t JOIN sender s ON s.id = t.sender_id WHERE t.id = ?",
            attempt.target_id,
        )
        if place is not None and not is_over:
            blocking.tell(place[0], int(place[1]), 1, now=now)


def record_unknown(attempt: Attempt, why: str, *, now: datetime) -> None:
    """Whether Telegram took it cannot be told from here: a resolver is asked to find out."""
    with db.write():
        call_unknown(attempt.delivery_id, attempt.tries, why, now=now)


def call_unknown(delivery_id: int, tries: int, why: str, *, now: datetime) -> None:
    """Move one attempt from sending to unknown and wake its resolver. Does nothing when it has an outcome."""
    moved = db.execute(
        "UPDATE delivery SET state = ?, reason = ? WHERE id = ? AND tries = ? AND state = ?",
        *(UNKNOWN, why[:300], delivery_id, tries, SENDING),
    )
    if not moved:
        return
    events.note(delivery_id, UNKNOWN, detail=why, now=now)
    db.execute(
        "UPDATE due_action SET state = ? WHERE state = ? AND kind IN ('publish', 'repost') AND (target_id, slot) IN"
        " (SELECT target_id, slot FROM delivery WHERE id = ?)",
        *(UNCONFIRMED, BUSY, delivery_id),
    )
    outbox.put(RESOLVE_TOPIC, str(delivery_id), now=now)
