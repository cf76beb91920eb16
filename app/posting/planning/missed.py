"""Posts of a series whose moment passed while nothing ran: they are skipped and say so, never sent late in a burst.

A publication that Telegram's limits hold up is not missed: it has an ETA (service/sweeping.py), and that counts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from app.core import db
from app.posting.planning.models import MADE, MISSED, SKIPPED
from app.posting.service import writing
from app.posting.service.claimed import Claimed
from app.posting.states import AFTER, CALLED_OFF, CANCELLED, PUBLISH, RESERVED, WAITING

CATCH_UP = timedelta(minutes=10)
_AT_ONCE = 200


def skip(*, among: Collection[int] | None = None, now: datetime) -> set[int]:
    """Call off what is more than ten minutes late; `among`: only these due actions. Returns the ids called off."""
    cut = db.stamp(now - CATCH_UP)
    only = f" AND a.id IN ({db.marks(among)})" if among is not None else ""
    found = db.rows(
        "SELECT a.id, a.workspace_id, a.target_id, a.post_id FROM due_action a"
        " JOIN series_occurrence o ON o.post_id = a.post_id"
        " WHERE a.state = ? AND a.due_at < ? AND COALESCE(a.eta_at, a.due_at) < ? AND a.kind = ? AND a.slot = 0"
        " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.target_id = a.target_id AND d.slot = 0 AND d.state <> ?)"
        f"{only} ORDER BY a.due_at LIMIT ?",
        *(WAITING, cut, cut, PUBLISH, RESERVED, *(among or ()), _AT_ONCE),
    )
    gone = set()
    for action_id, workspace_id, target_id, post_id in found:
        with db.write():
            db.serialise("authored_post", post_id)  # first, as whoever edits the post does
            if _call_off(action_id, target_id):
                gone.add(action_id)
                _close(workspace_id, post_id, now=now)
    return gone


def in_time(found: Sequence[Claimed], *, now: datetime) -> list[Claimed]:
    """Of what a lane found those that may still go out; the others are skipped, inside the running transaction."""
    late = {action.id for action in found if action.kind == PUBLISH and action.ready_at < now - CATCH_UP}
    gone = skip(among=late, now=now) if late else set()
    return [action for action in found if action.id not in gone]


def _call_off(action_id: int, target_id: int) -> bool:
    moved = db.execute(
        "UPDATE due_action SET state = ?, reason = ?, epoch = 0 WHERE id = ? AND state = ?",
        *(CALLED_OFF, MISSED, action_id, WAITING),
    )
    if moved:
        db.execute("UPDATE due_action SET state = ? WHERE target_id = ? AND state = ?", CALLED_OFF, target_id, AFTER)
    return bool(moved)


def _close(workspace_id: int, post_id: int, *, now: datetime) -> None:
    """The post is off, and its day skipped, once no channel has it or will have it."""
    standing = db.row(
        "SELECT 1 FROM due_action WHERE post_id = ? AND kind = ? AND state <> ? LIMIT 1", post_id, PUBLISH, CALLED_OFF
    )
    if standing is not None:
        return
    (public_id,) = db.row("SELECT public_id FROM authored_post WHERE id = ?", post_id) or ("",)
    post = writing.held(workspace_id, public_id)
    post.state = CANCELLED
    writing.touch(post, now=now)
    db.execute(
        "UPDATE series_occurrence SET state = ?, reason = ? WHERE post_id = ? AND state = ?",
        *(SKIPPED, MISSED, post_id, MADE),
    )
    writing.record("post.missed", post, None, now=now)
