"""What a lane takes up next: few rows, soon due, each workspace in its turn, within each chat's own limit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest

from app.channels import queries as channels
from app.core import db
from app.posting.planning import missed
from app.posting.service import blocking, marks, reserving
from app.posting.service.claimed import Claimed
from app.posting.states import CLAIMED, WAITING
from app.telegram import budget

AHEAD = timedelta(seconds=1)
_SEEN_AT_ONCE = 120
_COLUMNS = (
    "a.id, a.workspace_id, a.kind, a.address, a.ready_at, a.post_id, a.target_id, a.slot, t.channel_id"
    " FROM due_action a JOIN post_target t ON t.id = a.target_id"
)


def is_something_due(sender_id: int, *, now: datetime) -> bool:
    """Whether there is anything to claim: a look into the index, without a lock."""
    sql = "SELECT 1 FROM due_action WHERE sender_id = ? AND state = ? AND ready_at <= ? LIMIT 1"
    return db.row(sql, sender_id, WAITING, db.stamp(now + AHEAD)) is not None


def claim(sender_id: int, bot_id: int, epoch: int, *, most: int, now: datetime) -> list[Claimed]:
    """Take up to `most` actions that are due within a second, under the lane's epoch; their texts are frozen with it.

    What the channel's rights do not allow is blocked with the reason, what its chat's limit puts off gets its time.
    Nothing is taken when the epoch is no longer the lane's.
    """
    with db.write():
        db.serialise("sender", sender_id)  # first, as the next attempt does when it raises the epoch
        lane = db.row("SELECT epoch, turn FROM sender WHERE id = ?", sender_id)
        if most <= 0 or lane is None or lane[0] != epoch:
            return []
        found = missed.in_time(_candidates(sender_id, most, int(lane[1]), until=now + AHEAD), now=now)
        allowed = marks.ready(_without_blocked(found, bot_id, now=now), now=now)
        taken = _within_chat_limits(allowed, bot_id, now=now)
        for action in taken:
            db.execute("UPDATE due_action SET state = ?, epoch = ? WHERE id = ?", CLAIMED, epoch, action.id)
        reserving.reserve([a for a in taken if a.is_send], now=now)
        if taken:
            db.execute("UPDATE sender SET turn = ? WHERE id = ?", taken[-1].workspace_id, sender_id)
    return taken


def _candidates(sender_id: int, most: int, turn: int, *, until: datetime) -> list[Claimed]:
    rows = db.rows(
        f"SELECT {_COLUMNS} WHERE a.sender_id = ? AND a.state = ? AND a.ready_at <= ? ORDER BY a.ready_at, a.id LIMIT ?",
        *(sender_id, WAITING, db.stamp(until), _SEEN_AT_ONCE + 1),
    )
    seen = [_claimed(row) for row in rows]
    if len(seen) <= most:
        return seen
    if len(seen) > _SEEN_AT_ONCE:
        seen = _some_of_each(sender_id, most, turn, until=until)
    return in_turns(seen, turn)[:most]


def _some_of_each(sender_id: int, most: int, turn: int, *, until: datetime) -> list[Claimed]:
    """The first rows of the next workspaces in turn, when more is due than can be looked at."""
    waiting = _workspaces(sender_id, until=until)
    following = [w for w in waiting if w > turn] + [w for w in waiting if w <= turn]
    each = -(-most // max(len(following), 1)) + 1
    return [
        _claimed(row)
        for workspace_id in following[:most]
        for row in db.rows(
            f"SELECT {_COLUMNS} WHERE a.sender_id = ? AND a.state = ? AND a.workspace_id = ? AND a.ready_at <= ?"
            " ORDER BY a.ready_at, a.id LIMIT ?",
            *(sender_id, WAITING, workspace_id, db.stamp(until), each),
        )
    ]


def _workspaces(sender_id: int, *, until: datetime) -> list[int]:
    """Whose rows are due: one step of the index for each workspace that has any waiting."""
    rows = db.rows(
        "WITH RECURSIVE w(id) AS (SELECT MIN(workspace_id) FROM due_action WHERE sender_id = ? AND state = ?"
        " UNION ALL SELECT (SELECT MIN(workspace_id) FROM due_action WHERE sender_id = ? AND state = ?"
        " AND workspace_id > w.id) FROM w WHERE w.id IS NOT NULL)"
        " SELECT id FROM w WHERE id IS NOT NULL AND EXISTS (SELECT 1 FROM due_action WHERE sender_id = ? AND state = ?"
        " AND workspace_id = w.id AND ready_at <= ?) ORDER BY id",
        *(sender_id, WAITING, sender_id, WAITING, sender_id, WAITING, db.stamp(until)),
    )
    return [int(row[0]) for row in rows]


def in_turns(actions: Iterable[Claimed], turn: int) -> list[Claimed]:
    """One of each workspace after the other, beginning after `turn`; of each, what became ready first."""
    queues: dict[int, list[Claimed]] = defaultdict(list)
    for action in actions:
        queues[action.workspace_id].append(action)
    order = sorted(queues, key=lambda workspace_id: (workspace_id <= turn, workspace_id))
    rounds = zip_longest(*(queues[workspace_id] for workspace_id in order))
    return [action for one_round in rounds for action in one_round if action is not None]


def _without_blocked(found: Sequence[Claimed], bot_id: int, *, now: datetime) -> list[Claimed]:
    reasons = channels.why_not_post({a.channel_id for a in found if a.is_send}, bot_id, now=now)
    for channel_id, reason in reasons.items():
        blocking.block(channel_id, bot_id, reason, now=now)
    return [a for a in found if not (a.is_send and a.channel_id in reasons)]


def _within_chat_limits(found: Sequence[Claimed], bot_id: int, *, now: datetime) -> list[Claimed]:
    """Those that their chat lets go within the second, with the moment; the others wait for the time it gives them.

    What is late has the present as its moment, so that the lane keeps the turns.
    """
    taken: list[Claimed] = []
    plans: dict[str, list[int]] = {}
    for action in found:
        if not action.is_send:
            taken.append(replace(action, ready_at=max(action.ready_at, now)))
            continue
        plan = plans.setdefault(action.address, budget.plan_of_chat(bot_id, int(action.address)))
        at_ms = budget.next_in_chat(plan, int(action.address), max(db.to_ms(action.ready_at), db.to_ms(now)))
        plan.append(at_ms)
        at = db.from_ms(at_ms)
        if at <= now + AHEAD:
            taken.append(replace(action, ready_at=at))
        else:
            later = db.stamp(at)
            db.execute("UPDATE due_action SET ready_at = ?, eta_at = ? WHERE id = ?", later, later, action.id)
    return taken


def _claimed(row: tuple[object, ...]) -> Claimed:
    values = list(row)
    values[4] = db.moment(values[4])
    return Claimed(*values)  # type: ignore[arg-type]
