"""What messages said before they were edited. What notes something runs inside the caller's write transaction.

Each telling is kept, since an older one may still come in between; only changes of the content are versions
(`analytics.queries.versions_of` leaves out what equals the one before).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db
from app.readings.models import PostVersion
from app.readings.service.facts import PostFacts


@dataclass(frozen=True, slots=True)
class Telling:
    """Who told something of a post, and when we saw it. `number` orders what the source tells of one second."""

    source_id: int
    seen_at: datetime
    number: int = 0


def note_told(post_id: int, before: Mapping[str, Any] | None, p: PostFacts, told: Telling) -> None:
    """Keep what a source told of a message, in its place among what was told before.

    `before` is how the post stood until now, None for a new one. Twice the same changes nothing.
    """
    if p.is_service or not (p.speaks_for_all or had_text(post_id, p.message_id)):
        return
    if p.edited_at is not None and before is not None and not _is_followed(post_id):
        _note_base(post_id, before, p.message_id)
    same = "post_id = ? AND message_id = ? AND number = ? AND source_id = ?"
    if not db.row(f"SELECT 1 FROM post_version WHERE {same}", post_id, p.message_id, told.number, told.source_id):
        _insert(post_id, p, told, edited_at=p.edited_at, number=told.number)


def note_edited(again: Mapping[int, PostFacts], told: Telling) -> None:
    """Keep versions of posts that a source without times of editing shows edited and with another text than before.

    Posts whose edits a bot tells are left to it: sources may see the same text a little differently.
    """
    edited = {i: p for i, p in again.items() if p.is_edited and p.text_length is not None}
    for post_id, p in edited.items():
        before = standing(post_id)
        if before is None or before["text_length"] is None or before["text_hash"] == p.text_hash:
            continue
        others = db.row("SELECT 1 FROM post_version WHERE post_id = ? AND source_id <> ?", post_id, told.source_id)
        if others:
            continue
        if not _is_followed(post_id):
            _note_base(post_id, before, p.message_id)
        _insert(post_id, p, told, edited_at=None, number=db.to_ms(told.seen_at))


def forget_texts(*, batch: int = 1000) -> int:
    """Empty the texts of posts whose channel no workspace owns any more, some at a time; returns how many.

    Hash and length stay, as of any channel that is not ours. A channel whose bot was removed is still connected.
    """
    gone = 0
    while emptied := _forget_some(batch):
        gone += emptied
    return gone


def _forget_some(batch: int) -> int:
    with db.write():
        return db.execute(
            "UPDATE post_version SET text = NULL WHERE id IN (SELECT v.id FROM post_version v WHERE v.text IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM post p JOIN channel c ON c.chat_id = p.chat_id AND c.relation = 'owned'"
            " AND c.deleted_at IS NULL WHERE p.id = v.post_id) LIMIT ?)",
            batch,
        )


def standing(post_id: int) -> dict[str, Any] | None:
    """How a post stands now: posted_at, text_hash, text_length, media."""
    names = ("posted_at", "text_hash", "text_length", "media")
    found = db.row(f"SELECT {', '.join(names)} FROM post WHERE id = ?", post_id)
    return dict(zip(names, found, strict=True)) if found else None


def had_text(post_id: int, message_id: int | None) -> bool:
    """Whether this message of the post is known to have had a text."""
    sql = "SELECT 1 FROM post_version WHERE post_id = ? AND message_id = ? AND text_hash IS NOT NULL"
    return db.row(sql, post_id, message_id) is not None


def _is_followed(post_id: int) -> bool:
    return db.row("SELECT 1 FROM post_version WHERE post_id = ?", post_id) is not None


def _note_base(post_id: int, before: Mapping[str, Any], message_id: int | None) -> None:
    """What the post was before its first edit that we know of: a hash and a length, told by nobody we remember."""
    if before["text_length"] is None:
        return
    PostVersion.create(
        post_id=post_id,
        message_id=message_id,
        seen_at=db.moment(before["posted_at"]),
        text_hash=before["text_hash"],
        text_length=before["text_length"],
        media=before["media"],
    )


def _insert(post_id: int, p: PostFacts, told: Telling, *, edited_at: datetime | None, number: int) -> None:
    db.execute(
        "INSERT INTO post_version (post_id, message_id, seen_at, edited_at, number, text_hash, text_length, media,"
        " source_id, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(post_id, p.message_id, db.stamp(told.seen_at), db.stamp(edited_at) if edited_at else None, number),
        *(p.text_hash, p.text_length, p.media, told.source_id, p.text),
    )
