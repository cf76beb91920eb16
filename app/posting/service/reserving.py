"""Freezing what will be sent: a delivery row per part, at the post's newest revision, before anything leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.core import db
from app.posting.service import events, rendering
from app.posting.service.claimed import Claimed
from app.posting.states import REJECTED, RESERVED


def reserve(actions: Sequence[Claimed], *, now: datetime) -> None:
    """Reserve the parts of each action, inside the transaction of the claim. What has begun keeps its revision."""
    for action in actions:
        _reserve(action, now=now)


def _reserve(action: Claimed, *, now: datetime) -> None:
    revision = rendering.newest_revision(action.post_id)
    was_refused = _take_up_again(action, revision, now=now)
    known = db.rows(
        "SELECT id, part, state, revision_id FROM delivery WHERE target_id = ? AND slot = ? ORDER BY part",
        *(action.target_id, action.slot),
    )
    if any(state != RESERVED for _, _, state, _ in known):
        return
    if known and not was_refused and all(revision_id == revision.id for *_, revision_id in known):
        return
    count = len(rendering.parts_for_target(revision, action.target_id))
    for delivery_id, part, _, _ in known:
        if part < count:
            db.execute("UPDATE delivery SET revision_id = ? WHERE id = ?", revision.id, delivery_id)
            events.note(delivery_id, RESERVED, detail=f"revision {revision.number}", now=now)
        else:
            db.execute("DELETE FROM delivery_event WHERE delivery_id = ?", delivery_id)
            db.execute("DELETE FROM delivery WHERE id = ?", delivery_id)
    for part in range(len(known), count):
        _insert(action, part, revision.id)
        (delivery_id,) = _id_of(action, part)
        events.note(delivery_id, RESERVED, detail=f"revision {revision.number}", now=now)


def _take_up_again(action: Claimed, revision: rendering.Revision, *, now: datetime) -> bool:
    """What Telegram refused and its owner put on again says what the post says now. Whether anything was refused."""
    refused = db.rows(
        "SELECT id FROM delivery WHERE target_id = ? AND slot = ? AND state = ?",
        *(action.target_id, action.slot, REJECTED),
    )
    for (delivery_id,) in refused:
        db.execute(
            "UPDATE delivery SET state = ?, reason = NULL, revision_id = ? WHERE id = ?",
            *(RESERVED, revision.id, delivery_id),
        )
        events.note(delivery_id, RESERVED, detail=f"revision {revision.number}", now=now)
    return bool(refused)


def _insert(action: Claimed, part: int, revision_id: int) -> None:
    db.execute(
        "INSERT INTO delivery (workspace_id, post_id, target_id, slot, part, revision_id, sender_id, address, state,"
        " epoch, tries, resends) SELECT t.workspace_id, t.post_id, t.id, ?, ?, ?, t.sender_id, t.address, ?, 0, 0, 0"
        " FROM post_target t WHERE t.id = ?",
        *(action.slot, part, revision_id, RESERVED, action.target_id),
    )


def _id_of(action: Claimed, part: int) -> tuple[int]:
    found = db.row(
        "SELECT id FROM delivery WHERE target_id = ? AND slot = ? AND part = ?", action.target_id, action.slot, part
    )
    assert found is not None
    return (int(found[0]),)
