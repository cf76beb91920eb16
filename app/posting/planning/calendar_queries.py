"""Reads for the calendar: publications and proposals of some days, and the first words of the posts that are shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db
from app.posting.content import draft as drafts
from app.posting.content import tree
from app.posting.planning.stored_words import text_in
from app.posting.states import CALLED_OFF, PROPOSED, SENDS

MOST = 1_000
_LONGEST_WORDS = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """A publication in one channel."""

    post_id: int
    post: str
    version: int
    channel: str
    title: str
    state: str
    due_at: datetime


def entries(workspace_id: int, since: datetime, until: datetime, *, channel_id: int | None = None) -> list[Entry]:
    """What went out or is to go out from `since` to before `until`, by time; one more than MOST where there is more."""
    only = " AND t.channel_id = ?" if channel_id is not None else ""
    rows = db.rows(
        "SELECT a.post_id, p.public_id, p.version, c.public_id, h.title, a.state, a.due_at FROM due_action a"
        " JOIN post_target t ON t.id = a.target_id JOIN authored_post p ON p.id = a.post_id"
        " JOIN channel c ON c.id = t.channel_id JOIN chat h ON h.id = c.chat_id"
        f" WHERE a.workspace_id = ? AND a.due_at >= ? AND a.due_at < ? AND a.kind IN ({db.marks(SENDS)})"
        f" AND a.state <> ? AND p.deleted_at IS NULL{only} ORDER BY a.due_at, a.id LIMIT ?",
        *(workspace_id, db.stamp(since), db.stamp(until), *SENDS, CALLED_OFF),
        *((channel_id,) if channel_id is not None else ()),
        MOST + 1,
    )
    return [Entry(*(*row[:6], db.moment(row[6]))) for row in rows]


def proposals(workspace_id: int, since: datetime, until: datetime, *, channel_id: int | None = None) -> list[Entry]:
    """What waits for approval with a time from `since` to before `until`, an entry for each of its channels.

    Of more than MOST that wait, those that were changed last.
    """
    rows = db.rows(
        "SELECT id, public_id, version, draft FROM authored_post WHERE workspace_id = ? AND state = ?"
        " AND deleted_at IS NULL ORDER BY updated_at DESC LIMIT ?",
        *(workspace_id, PROPOSED, MOST),
    )
    channels = _titles(workspace_id, channel_id)
    found = []
    for post_id, public_id, version, doc in rows:
        draft = drafts.read(json.loads(doc) if doc else None)
        at = draft.proposal.due_at if draft.proposal else None
        if at is not None and since <= at < until:
            chosen = [key for key in draft.channels if key in channels]
            found += [Entry(post_id, public_id, version, key, channels[key], PROPOSED, at) for key in chosen]
    return found


def _titles(workspace_id: int, channel_id: int | None) -> dict[str, str]:
    only = " AND c.id = ?" if channel_id is not None else ""
    rows = db.rows(
        "SELECT c.public_id, h.title FROM channel c JOIN chat h ON h.id = c.chat_id WHERE c.workspace_id = ?"
        f" AND c.deleted_at IS NULL{only}",
        *(workspace_id, *((channel_id,) if channel_id is not None else ())),
    )
    return dict(rows)


def first_words(workspace_id: int, post_ids: Collection[int]) -> dict[int, str]:
    """By post (id), how its text begins, or the question of its poll; of one that was never frozen, by its draft."""
    rows = db.rows(
        "SELECT r.post_id, r.content FROM post_revision r JOIN (SELECT post_id, MAX(number) AS number FROM post_revision"
        f" WHERE workspace_id = ? AND post_id IN ({db.marks(post_ids)}) GROUP BY post_id) n"
        " ON n.post_id = r.post_id AND n.number = r.number",
        *(workspace_id, *post_ids),
    )
    found = {row[0]: _beginning(json.loads(row[1])["base"]) for row in rows}
    return found | _drafted(workspace_id, [post_id for post_id in post_ids if post_id not in found])


def _drafted(workspace_id: int, post_ids: Collection[int]) -> dict[int, str]:
    rows = db.rows(
        f"SELECT id, draft FROM authored_post WHERE workspace_id = ? AND id IN ({db.marks(post_ids)})",
        *(workspace_id, *post_ids),
    )
    return {row[0]: _beginning(tree.to_json(drafts.read(json.loads(row[1])).content())) for row in rows if row[1]}


def _beginning(doc: Mapping[str, Any]) -> str:
    words = " ".join(text_in(doc).split()) or doc.get("poll", {}).get("question", "")
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1].rstrip() + "…"
