"""Reads for the calendar: the publications of some days, and the first words of the posts that are shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db
from app.posting.planning.stored_words import text_in
from app.posting.states import CALLED_OFF, SENDS

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


def first_words(workspace_id: int, post_ids: Collection[int]) -> dict[int, str]:
    """By post (id), how its text begins, or the question of its poll."""
    rows = db.rows(
        "SELECT r.post_id, r.content FROM post_revision r JOIN (SELECT post_id, MAX(number) AS number FROM post_revision"
        f" WHERE workspace_id = ? AND post_id IN ({db.marks(post_ids)}) GROUP BY post_id) n"
        " ON n.post_id = r.post_id AND n.number = r.number",
        *(workspace_id, *post_ids),
    )
    return {row[0]: _beginning(json.loads(row[1])["base"]) for row in rows}


def _beginning(doc: Mapping[str, Any]) -> str:
    words = " ".join(text_in(doc).split()) or doc.get("poll", {}).get("question", "")
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1].rstrip() + "…"
