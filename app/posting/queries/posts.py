"""Reads on posts for their pages: pages of ids by time, and all that a page shows of some posts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db
from app.posting.content import tree
from app.posting.content.blocks import Content
from app.posting.states import (
    BLOCKED,
    BUSY,
    CALLED_OFF,
    CANCELLED,
    CLAIMED,
    DONE,
    DRAFT,
    FAILED,
    PROPOSED,
    PUBLISH,
    SENDS,
    UNCONFIRMED,
    WAITING,
)

AHEAD, SENT, ATTENTION = (WAITING, CLAIMED, BUSY), (DONE,), (UNCONFIRMED, BLOCKED, FAILED)
MOST_COUNTED = 100
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is to be done, or was, at one target."""

    kind: str
    state: str
    slot: int
    due_at: datetime | None
    eta_at: datetime | None
    done_at: datetime | None
    after_s: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A part of a delivery: its state and the messages that it became."""

    slot: int
    part: int
    state: str
    message_ids: tuple[int, ...]
    sent_at: datetime | None
    reason: str | None
    note: str | None
    is_collected: bool


@dataclass(frozen=True, slots=True)
class Target:
    """A post in one channel."""

    channel_id: int
    channel: str
    title: str
    username: str | None
    is_simulated: bool
    address: str
    sender_id: int
    top_minutes: int
    actions: tuple[Action, ...] = ()
    messages: tuple[Message, ...] = ()

    def publication(self, slot: int = 0) -> Action | None:
        """What publishes the post here, None when it never was to be."""
        return next((a for a in self.actions if a.kind in SENDS and a.slot == slot), None)


@dataclass(frozen=True, slots=True)
class Post:
    """A post with what it says now and where it stands. `said` is None for one that was never scheduled."""

    id: int
    public_id: str
    state: str
    version: int
    draft: dict[str, Any] | None
    updated_at: datetime
    said: Content | None
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a list ended: the time and the post shown last."""

    at: datetime
    public_id: str

    def __str__(self) -> str:
        return f"{db.to_ms(self.at)}.{self.public_id}"


def place(text: str) -> Place | None:
    """What `str` made of a place; None for anything else."""
    ms, _, public_id = text.partition(".")
    is_time = ms.isascii() and ms.isdigit() and len(ms) < 15
    return Place(db.from_ms(int(ms)), public_id[:22]) if is_time and public_id else None


def by_time(
    workspace_id: int, states: Sequence[str], *, after: Place | None, limit: int, is_newest_first: bool = False
) -> list[tuple[int, datetime]]:
    """(post id, due time) of posts with a publication in one of the states, each once, from `after` on."""
    found: dict[int, datetime] = {}
    at, last_id = (after.at, _id_of(workspace_id, after.public_id)) if after else (None, 0)
    sign, order = ("<", "DESC") if is_newest_first else (">", "ASC")
    while len(found) < limit:
        beyond = f" AND (a.due_at {sign} ? OR (a.due_at = ? AND a.post_id {sign} ?))" if at else ""
        rows = db.rows(
            f"SELECT a.post_id, a.due_at FROM due_action a WHERE a.workspace_id = ? AND a.state IN ({db.marks(states)})"
            f" AND a.kind IN ({db.marks(SENDS)}){beyond} AND {_ALIVE} ORDER BY a.due_at {order}, a.post_id {order} LIMIT ?",
            *(workspace_id, *states, *SENDS, *((db.stamp(at), db.stamp(at), last_id) if at else ())),
            *(CANCELLED, _AT_ONCE),
        )
        for post_id, due_at in rows:
            at, last_id = db.moment(due_at), post_id
            found.setdefault(post_id, at)
            if len(found) == limit:
                break
        if len(rows) < _AT_ONCE:
            break
    return list(found.items())


# what was refused or held back of a post that is called off needs nobody any more
_ALIVE = (
    "EXISTS (SELECT 1 FROM authored_post p WHERE p.id = a.post_id AND p.deleted_at IS NULL"
    f" AND (p.state <> ? OR a.state = '{DONE}'))"
)


def _id_of(workspace_id: int, public_id: str) -> int:
    found = db.row("SELECT id FROM authored_post WHERE workspace_id = ? AND public_id = ?", workspace_id, public_id)
    return int(found[0]) if found else 0


def unscheduled(workspace_id: int, *, after: Place | None, limit: int) -> list[tuple[int, datetime]]:
    """(post id, changed at) of drafts, proposals and what was called off before it went out, the newest first."""
    states = (DRAFT, PROPOSED, CANCELLED)
    beyond = " AND p.updated_at < ?" if after else ""
    rows = db.rows(
        f"SELECT p.id, p.updated_at FROM authored_post p WHERE p.workspace_id = ? AND p.state IN ({db.marks(states)})"
        f" AND p.deleted_at IS NULL{beyond} AND NOT EXISTS (SELECT 1 FROM due_action a WHERE a.post_id = p.id"
        " AND a.kind = ? AND a.state = ?) ORDER BY p.updated_at DESC, p.id DESC LIMIT ?",
        *(workspace_id, *states, *((db.stamp(after.at),) if after else ()), PUBLISH, DONE, limit),
    )
    return [(row[0], db.moment(row[1])) for row in rows]


def attention_count(workspace_id: int) -> int:
    """How many publications wait for a person's decision, counted up to MOST_COUNTED."""
    found = db.row(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM due_action a WHERE a.workspace_id = ? AND a.state IN ({db.marks(ATTENTION)})"
        f" AND a.kind IN ({db.marks(SENDS)}) AND {_ALIVE} LIMIT ?) AS waiting",
        *(workspace_id, *ATTENTION, *SENDS, CANCELLED, MOST_COUNTED),
    )
    return int(found[0]) if found else 0


def posts_by_id(workspace_id: int, post_ids: Sequence[int]) -> list[Post]:
    """These posts of the workspace, in the order given."""
    rows = db.rows(
        "SELECT id, public_id, state, version, draft, updated_at FROM authored_post WHERE workspace_id = ?"
        f" AND deleted_at IS NULL AND id IN ({db.marks(post_ids)})",
        *(workspace_id, *post_ids),
    )
    said, targets = _said(workspace_id, post_ids), _targets(workspace_id, post_ids)
    found = {
        row[0]: Post(
            *(row[0], row[1], row[2], row[3], json.loads(row[4]) if row[4] else None, db.moment(row[5])),
            said=said.get(row[0]),
            targets=tuple(targets.get(row[0], ())),
        )
        for row in rows
    }
    return [found[post_id] for post_id in post_ids if post_id in found]


def _said(workspace_id: int, post_ids: Sequence[int]) -> dict[int, Content]:
    rows = db.rows(
        "SELECT r.post_id, r.content FROM post_revision r JOIN (SELECT post_id, MAX(number) AS number FROM post_revision"
        f" WHERE workspace_id = ? AND post_id IN ({db.marks(post_ids)}) GROUP BY post_id) n"
        " ON n.post_id = r.post_id AND n.number = r.number",
        *(workspace_id, *post_ids),
    )
    return {row[0]: tree.from_json(json.loads(row[1])["base"]) for row in rows}


def _targets(workspace_id: int, post_ids: Sequence[int]) -> dict[int, list[Target]]:
    rows = db.rows(
        "SELECT t.id, t.post_id, t.channel_id, c.public_id, h.title, h.username, c.is_simulated, t.address, t.sender_id,"
        " t.top_minutes"
        " FROM post_target t JOIN channel c ON c.id = t.channel_id JOIN chat h ON h.id = c.chat_id"
        f" WHERE t.workspace_id = ? AND t.removed_at IS NULL AND t.post_id IN ({db.marks(post_ids)}) ORDER BY h.title, t.id",
        *(workspace_id, *post_ids),
    )
    ids = [row[0] for row in rows]
    actions, messages = _actions(workspace_id, ids), _messages(workspace_id, ids)
    found: dict[int, list[Target]] = defaultdict(list)
    for target_id, post_id, channel_id, public_id, title, username, is_simulated, address, sender_id, top in rows:
        found[post_id].append(
            Target(
                *(channel_id, public_id, title, username, bool(is_simulated), address, sender_id, top or 0),
                actions=tuple(actions[target_id]),
                messages=tuple(messages[target_id]),
            )
        )
    return found


def _actions(workspace_id: int, target_ids: Collection[int]) -> dict[int, list[Action]]:
    rows = db.rows(
        "SELECT target_id, kind, state, slot, due_at, eta_at, done_at, after_s, reason FROM due_action"
        f" WHERE workspace_id = ? AND target_id IN ({db.marks(target_ids)}) ORDER BY id",
        *(workspace_id, *target_ids),
    )
    found: dict[int, list[Action]] = defaultdict(list)
    for target_id, kind, state, slot, due_at, eta_at, done_at, after_s, reason in rows:
        moments = (db.moment(due_at), db.moment(eta_at), db.moment(done_at))
        found[target_id].append(Action(kind, state, slot, *moments, after_s, reason))
    return found


def _messages(workspace_id: int, target_ids: Collection[int]) -> dict[int, list[Message]]:
    rows = db.rows(
        "SELECT d.target_id, d.slot, d.part, d.state, m.message_id, d.sent_at, d.reason, d.note, d.collected_at"
        " FROM delivery d LEFT JOIN delivery_message m ON m.delivery_id = d.id WHERE d.workspace_id = ?"
        f" AND d.target_id IN ({db.marks(target_ids)}) ORDER BY d.slot, d.part, m.number",
        *(workspace_id, *target_ids),
    )
    parts: dict[tuple[int, int, int], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        parts[row[0], row[1], row[2]].append(row)
    found: dict[int, list[Message]] = defaultdict(list)
    for (target_id, slot, part), of_part in parts.items():
        _, _, _, state, _, sent_at, reason, note, collected_at = of_part[0]
        ids = tuple(row[4] for row in of_part if row[4] is not None)
        message = Message(slot, part, state, ids, db.moment(sent_at), reason, note, collected_at is not None)
        found[target_id].append(message)
    return found


def is_called_off(target: Target) -> bool:
    """Whether the post was taken off the clock here before it went out."""
    publication = target.publication()
    return publication is not None and publication.state == CALLED_OFF
