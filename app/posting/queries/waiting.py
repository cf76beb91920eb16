"""Reads on what waits: posts on hold by channel, a long backlog, deliveries that nobody could confirm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db
from app.core.errors import NotFound
from app.posting.service import lanes, sweeping
from app.posting.states import BLOCKED, CANCELLED, DONE, OPEN, PUBLISH, SENDS, UNKNOWN

LONG = 10  # so many late posts are a backlog that is worth a banner
_LATE, _LOOKED_BACK = timedelta(seconds=5), timedelta(hours=1)
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Held:
    """Publications on hold in a channel: why, how many, and how many are past their time."""

    channel_id: int
    reason: str
    count: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Posts that are late since Telegram's limits let them go one by one."""

    sent: int
    waiting: int
    eta_at: datetime


def held(workspace_id: int, *, now: datetime) -> list[Held]:
    """By channel, what is on hold."""
    rows = db.rows(
        "SELECT t.channel_id, MAX(a.reason), COUNT(*), SUM(CASE WHEN a.due_at <= ? THEN 1 ELSE 0 END) FROM due_action a"
        " JOIN post_target t ON t.id = a.target_id JOIN authored_post p ON p.id = a.post_id WHERE a.workspace_id = ?"
        f" AND a.state = ? AND a.kind IN ({db.marks(SENDS)}) AND p.state <> ? GROUP BY t.channel_id ORDER BY t.channel_id",
        *(db.stamp(now), workspace_id, BLOCKED, *SENDS, CANCELLED),
    )
    return [Held(row[0], row[1] or "", int(row[2]), int(row[3])) for row in rows]


def backlog(workspace_id: int, *, now: datetime) -> Backlog | None:
    """How far a long row of late posts is, None when there is none. The ETA is that of the last one."""
    late = db.rows(
        f"SELECT sender_id, ready_at FROM due_action WHERE workspace_id = ? AND state IN ({db.marks(OPEN)})"
        f" AND kind IN ({db.marks(SENDS)}) AND due_at < ? LIMIT ?",
        *(workspace_id, *OPEN, *SENDS, db.stamp(now - _LATE), _MOST),
    )
    if len(late) < LONG:
        return None
    etas = [
        sweeping.eta_of(sender, lanes.standing(sender, now=now).backlog, now=now) for sender in {r[0] for r in late}
    ]
    ready = [db.moment(row[1]) for row in late if row[1] is not None]
    sent = db.row(
        "SELECT COUNT(*) FROM due_action WHERE workspace_id = ? AND state = ? AND kind = ? AND due_at >= ? AND done_at >= ?",
        *(workspace_id, DONE, PUBLISH, db.stamp(now - _LOOKED_BACK), db.stamp(now - _LOOKED_BACK)),
    )
    return Backlog(int(sent[0]) if sent else 0, len(late), max([*etas, *ready]))


def unknown_delivery(workspace_id: int, post_id: int, channel: str) -> int:
    """The delivery of a post in a channel (public id) that waits for somebody's word. Raises NotFound."""
    found = db.row(
        "SELECT d.id FROM delivery d JOIN post_target t ON t.id = d.target_id JOIN channel c ON c.id = t.channel_id"
        " WHERE d.workspace_id = ? AND d.post_id = ? AND c.public_id = ? AND d.state = ? ORDER BY d.slot, d.part LIMIT 1",
        *(workspace_id, post_id, channel, UNKNOWN),
    )
    if found is None:
        raise NotFound("This post is no longer waiting for an answer.")
    return int(found[0])
