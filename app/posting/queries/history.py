"""What happened to a post: its revisions, what people did, and the log of its deliveries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db

MOST = 200


@dataclass(frozen=True, slots=True)
class Revision:
    """What the post said from then on; `texts` by channel, "" for most."""

    number: int
    at: datetime
    who: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, with what was before and after."""

    at: datetime
    actor: str
    action: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the deliveries' log."""

    at: datetime
    title: str
    part: int
    what: str
    detail: str


def revisions(workspace_id: int, post_id: int) -> list[Revision]:
    """The newest first, at most MOST."""
    rows = db.rows(
        'SELECT r.number, r.created_at, u.name, r.content FROM post_revision r JOIN "user" u ON u.id = r.created_by_id'
        " WHERE r.workspace_id = ? AND r.post_id = ? ORDER BY r.number DESC LIMIT ?",
        *(workspace_id, post_id, MOST),
    )
    return [Revision(row[0], db.moment(row[1]), row[2], json.loads(row[3])) for row in rows]


def acts(workspace_id: int, public_id: str) -> list[Act]:
    """The record of the post, the newest first, at most MOST."""
    rows = db.rows(
        "SELECT at, actor, action, before, after FROM audit_entry WHERE chain = ? AND subject = ?"
        " ORDER BY seq DESC LIMIT ?",
        *(workspace_id, f"post:{public_id}", MOST),
    )
    return [Act(db.moment(row[0]), row[1], row[2], *(json.loads(v) if v else None for v in row[3:])) for row in rows]


def events(workspace_id: int, post_id: int) -> list[Event]:
    """The deliveries' log in all channels, the newest first, at most MOST."""
    rows = db.rows(
        "SELECT e.at, h.title, d.part, e.what, e.detail FROM delivery_event e JOIN delivery d ON d.id = e.delivery_id"
        " JOIN post_target t ON t.id = d.target_id JOIN channel c ON c.id = t.channel_id JOIN chat h ON h.id = c.chat_id"
        " WHERE d.workspace_id = ? AND d.post_id = ? ORDER BY e.id DESC LIMIT ?",
        *(workspace_id, post_id, MOST),
    )
    return [Event(db.moment(row[0]), row[1], row[2], row[3], row[4] or "") for row in rows]


def names_of(user_ids: set[int]) -> dict[int, str]:
    """The names of people."""
    ids = sorted(user_ids)
    return dict(db.rows(f'SELECT id, name FROM "user" WHERE id IN ({db.marks(ids)})', *ids))


def runs(topic_keys: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """(workflow id, run id) that last looked at each of these (topic, key)."""
    keys = [key for _, key in topic_keys]
    rows = db.rows(f"SELECT topic, key, workflow_id, run_id FROM workflow_run WHERE key IN ({db.marks(keys)})", *keys)
    return {(row[0], row[1]): (row[2], row[3]) for row in rows if (row[0], row[1]) in topic_keys}


def unknown_ids(workspace_id: int, post_id: int) -> dict[str, int]:
    """By channel (public id), the delivery that nobody could confirm."""
    return dict(
        db.rows(
            "SELECT c.public_id, d.id FROM delivery d JOIN post_target t ON t.id = d.target_id"
            " JOIN channel c ON c.id = t.channel_id WHERE d.workspace_id = ? AND d.post_id = ? AND d.state = 'unknown'"
            " ORDER BY d.id DESC",
            *(workspace_id, post_id),
        )
    )
