"""Messages that Telegram shows as one: an album is one post, whatever order and source its messages come in.

A post bears the lowest message id; `album_item` says of every message which post it is a part of. Everything here runs
inside the caller's write transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.core import db
from app.readings import raw, rollups
from app.readings.models import AlbumItem, Post
from app.readings.service.facts import PostFacts


def settle(chat_id: int, posts: Sequence[PostFacts]) -> None:
    """Make each album among `posts` one post that knows its messages; rows that turn out to be one album are merged."""
    for album in _albums(posts):
        ids = sorted({i for p in album for i in (p.message_id, *p.album_items) if i is not None})
        key = next((p.album_id for p in album if not p.album_items), None)
        found = _rows_of(chat_id, ids, key)
        lowest = min([*ids, *(message for _, message in found)])
        if found:
            post_id = found[0][0]
            merge_posts(chat_id, post_id, [other for other, _ in found[1:]])
        else:
            post_id = Post.insert(post_row(chat_id, _as_one(album, lowest))).execute()
        db.execute(
            "UPDATE post SET message_id = ?, album_id = COALESCE(?, album_id) WHERE id = ?", lowest, key, post_id
        )
        messages = {*ids, *(message for _, message in found)}
        rows = [{"chat_id": chat_id, "message_id": i, "post_id": post_id, "edited_at": None} for i in messages]
        AlbumItem.insert_many(rows).on_conflict_ignore().execute()


def _albums(posts: Sequence[PostFacts]) -> list[list[PostFacts]]:
    by_key: dict[str, list[PostFacts]] = {}
    for facts in posts:
        if facts.album_id is not None and facts.message_id is not None:
            by_key.setdefault(facts.album_id, []).append(facts)
    return list(by_key.values())


def _rows_of(chat_id: int, ids: Sequence[int], key: str | None) -> list[tuple[int, int]]:
    """(post id, message id) of the rows that are, or hold, messages of one album; the one to keep first."""
    marks = db.marks(ids)
    return [
        (int(i), int(message))
        for i, message in db.rows(
            "SELECT id, message_id FROM post WHERE chat_id = ? AND message_id IS NOT NULL AND"
            f" (message_id IN ({marks}) OR album_id = ? OR id IN (SELECT post_id FROM album_item WHERE chat_id = ?"
            f" AND message_id IN ({marks}))) ORDER BY message_id",
            *(chat_id, *ids, key, chat_id, *ids),
        )
    ]


def _as_one(album: Sequence[PostFacts], lowest: int) -> PostFacts:
    """An album that nobody had told of: its first message, with the caption of whichever has it."""
    first = min(album, key=lambda p: p.message_id or 0)
    caption = next((p for p in album if p.text_hash is not None), first)
    return replace(first, message_id=lowest, text_length=caption.text_length, text_hash=caption.text_hash)


def post_row(chat_id: int, p: PostFacts) -> dict[str, object]:
    """A new row of `post`."""
    return {
        "chat_id": chat_id,
        "message_id": p.message_id,
        "origin_uid": p.origin_uid,
        "posted_at": p.posted_at.replace(microsecond=0),
        "edited_at": p.edited_at,
        "album_id": p.album_id,
        "media": p.media,
        "text_length": p.text_length,
        "text_hash": p.text_hash,
        "is_service": p.is_service,
    }


def merge_posts(chat_id: int, kept: int, others: Sequence[int]) -> None:
    """Make posts one: their readings become `kept`'s, of one source at one moment the larger, never the sum."""
    if not others:
        return
    ids = sorted([kept, *others])
    before = rollups.load_block(ids)
    for other in others:
        _move_rows(other, kept)
    after = rollups.load_block(ids)
    for feed_id, workspace_id in rollups.feeds_of(chat_id):
        sources, own = rollups.visible_sources(workspace_id), rollups.own_sources(workspace_id)
        was, now_is = rollups.visible(before.rows, sources), rollups.visible(after.rows, sources)
        marked = rollups.marked(after, workspace_id)
        if len(was.post):
            rollups.apply_change(feed_id, after, was, now_is)
        rollups.mark_falls(marked, rollups.falls(after, now_is, own))
    marks = db.marks(others)
    db.execute(f"DELETE FROM post_stat WHERE post_id IN ({marks})", *others)
    db.execute(f"DELETE FROM post WHERE id IN ({marks})", *others)


_READING = "observed_at, source_id, views, reactions, step, flag, forwards, comments"


def _move_rows(old: int, kept: int) -> None:
    db.execute(
        f"INSERT INTO reading (post_id, {_READING}) SELECT ?, {_READING} FROM reading WHERE post_id = ?"
        f" {raw.LARGER_WINS}",
        *(kept, old),
    )
    db.execute(
        "INSERT INTO reaction_count (post_id, source_id, emoji, count, step, observed_at)"
        " SELECT ?, source_id, emoji, count, step, observed_at FROM reaction_count WHERE post_id = ?"
        " ON CONFLICT (post_id, source_id, emoji) DO UPDATE SET count = excluded.count, step = excluded.step,"
        " observed_at = excluded.observed_at WHERE excluded.count > reaction_count.count",
        *(kept, old),
    )
    # One message of an album gone is no post gone.
    for table in ("reading", "reaction_count", "private_deletion"):
        db.execute(f"DELETE FROM {table} WHERE post_id = ?", old)
    for table in ("album_item", "post_version"):
        db.execute(f"UPDATE {table} SET post_id = ? WHERE post_id = ?", kept, old)
    db.execute(
        "UPDATE post SET text_length = o.text_length, text_hash = o.text_hash FROM post o"
        " WHERE post.id = ? AND o.id = ? AND post.text_hash IS NULL AND o.text_hash IS NOT NULL",
        *(kept, old),
    )
