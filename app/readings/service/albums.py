"""Messages that Telegram shows as one: an album is one post, whatever order and source its messages come in.

A post bears the lowest message id; `album_item` says of every message which post it is a part of. Everything here runs
inside the caller's write transaction.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from app.core import db
from app.readings import raw, rollups
from app.readings.models import AlbumItem, Post
from app.readings.service.facts import PostFacts


def settle(chat_id: int, posts: Sequence[PostFacts], private_to: int = 0) -> None:
    """Make each album among `posts` one post that knows its messages; rows that turn out to be one album are merged.

    What a workspace's private source tells (`private_to`) makes and merges rows of that workspace alone. Where the
    public knows a message of the album, that post is the album for the workspace too, and is itself not changed.
    """
    for album in _albums(posts):
        ids = sorted({i for p in album for i in (p.message_id, *p.album_items) if i is not None})
        key = next((p.album_id for p in album if not p.album_items), None)
        found = _rows_of(chat_id, ids, key, private_to)
        own = [(post_id, message) for post_id, message, audience in found if audience == private_to]
        messages = {*ids, *(message for _, message in own)}
        if len(own) < len(found):
            post_id = found[0][0]
            merge_posts(chat_id, post_id, [other for other, _ in own])
            messages -= _public_messages(chat_id, messages)
        else:
            post_id = _one_row(chat_id, album, key, own, private_to)
        rows = [{"chat_id": chat_id, "message_id": i, "private_to": private_to, "post_id": post_id} for i in messages]
        if rows:
            AlbumItem.insert_many(rows).on_conflict_ignore().execute()


def _one_row(
    chat_id: int, album: Sequence[PostFacts], key: str | None, own: Sequence[tuple[int, int]], private_to: int
) -> int:
    """The album's post, made of the rows (post id, message id) of one audience, or new; it bears the lowest message."""
    ids = [i for p in album for i in (p.message_id, *p.album_items) if i is not None]
    lowest = min([*ids, *(message for _, message in own)])
    if own:
        post_id = own[0][0]
        merge_posts(chat_id, post_id, [other for other, _ in own[1:]])
    else:
        post_id = int(Post.insert(post_row(chat_id, _as_one(album, lowest), private_to)).execute())
    db.execute("UPDATE post SET message_id = ?, album_id = COALESCE(?, album_id) WHERE id = ?", lowest, key, post_id)
    return post_id


def _public_messages(chat_id: int, messages: Set[int]) -> set[int]:
    these = f"chat_id = ? AND private_to = 0 AND message_id IN ({db.marks(messages)})"
    found = db.rows(
        f"SELECT message_id FROM post WHERE {these} UNION SELECT message_id FROM album_item WHERE {these}",
        *(chat_id, *messages, chat_id, *messages),
    )
    return {int(message) for (message,) in found}


def messages_of(chat_id: int, post_id: int, *, private_to: int) -> set[int]:
    """The messages that a post is, as an audience knows it: of an album, all that were told."""
    found = db.rows(
        "SELECT message_id FROM album_item WHERE chat_id = ? AND post_id = ? AND private_to IN (0, ?)"
        " UNION SELECT message_id FROM post WHERE id = ?",
        *(chat_id, post_id, private_to, post_id),
    )
    return {int(message) for (message,) in found if message is not None}


def _albums(posts: Sequence[PostFacts]) -> list[list[PostFacts]]:
    by_key: dict[str, list[PostFacts]] = {}
    for facts in posts:
        if facts.album_id is not None and facts.message_id is not None:
            by_key.setdefault(facts.album_id, []).append(facts)
    return list(by_key.values())


def _rows_of(chat_id: int, ids: Sequence[int], key: str | None, private_to: int) -> list[tuple[int, int, int]]:
    """(post id, message id, audience) of the rows that are, or hold, messages of one album; the one to keep first."""
    marks = db.marks(ids)
    return [
        (int(i), int(message), int(audience))
        for i, message, audience in db.rows(
            "SELECT id, message_id, private_to FROM post WHERE chat_id = ? AND message_id IS NOT NULL AND private_to"
            f" IN (0, ?) AND (message_id IN ({marks}) OR album_id = ? OR id IN (SELECT post_id FROM album_item WHERE"
            f" chat_id = ? AND private_to IN (0, ?) AND message_id IN ({marks}))) ORDER BY private_to, message_id",
            *(chat_id, private_to, *ids, key, chat_id, private_to, *ids),
        )
    ]


def _as_one(album: Sequence[PostFacts], lowest: int) -> PostFacts:
    """An album that nobody had told of: its first message, with the caption of whichever has it."""
    first = min(album, key=lambda p: p.message_id or 0)
    caption = next((p for p in album if p.text_hash is not None), first)
    return replace(first, message_id=lowest, text_length=caption.text_length, text_hash=caption.text_hash)


def post_row(chat_id: int, p: PostFacts, private_to: int) -> dict[str, object]:
    """A new row of `post`, for everybody or for one workspace."""
    return {
        "chat_id": chat_id,
        "private_to": private_to,
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
    """Make posts one: their readings become `kept`'s, of one source at one moment the larger, never the sum.

    What another audience was told of the message changes nothing of what `kept` says of it.
    """
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
        " WHERE post.id = ? AND o.id = ? AND post.private_to = o.private_to AND post.text_hash IS NULL AND o.text_hash IS NOT NULL",
        *(kept, old),
    )
