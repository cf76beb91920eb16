"""The messages of a chat: made when first told of, refreshed by what public sources say later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.core import db
from app.readings import rollups
from app.readings.models import Post
from app.readings.service import albums, versions
from app.readings.service.facts import PostFacts
from app.readings.service.repair import rebuild_feed

_FEW = 100


def record_posts(
    chat_id: int, posts: Sequence[PostFacts], *, source_is_public: bool = True, told: versions.Telling | None = None
) -> dict[int | str, int]:
    """Create or refresh messages of a chat; returns their ids by message id (or origin uid).

    The messages of an album are one post. A private source never changes what a public one said: it only fills in
    messages nobody had seen. With `told`, texts that a source shows edited leave a version behind.
    """
    with db.write():
        rollups.hold(chat_id)
        albums.settle(chat_id, posts)
        known = _known_posts(chat_id, posts)
        fresh = {p.key: p for p in posts if p.key not in known}
        for part in _chunks(list(fresh.values())):
            Post.insert_many([albums.post_row(chat_id, p) for p in part]).execute()
        if source_is_public:
            # Of the messages of an album the first speaks.
            ordered = sorted(posts, key=lambda p: p.message_id or 0, reverse=True)
            again = {known[p.key]: p for p in ordered if p.key in known}
            if told is not None:
                versions.note_edited(again, told)
            for facts in posts:
                if facts.key in known:
                    _refresh_post(chat_id, known[facts.key], facts)
            _correct_times(chat_id, again)
        return known if not fresh else _known_posts(chat_id, posts)


def post_id_of(chat_id: int, message_id: int | None) -> int | None:
    """The post that a message is, or is a part of."""
    found = _message(chat_id, message_id)
    return int(found[0]) if found else None


def edited_at_of(chat_id: int, message_id: int | None) -> datetime | None:
    """When the message was edited last, as far as it was told; of an album's message, that message itself."""
    found = _message(chat_id, message_id)
    at: datetime | None = db.moment(found[1]) if found else None
    return at


def _message(chat_id: int, message_id: int | None) -> tuple[Any, ...] | None:
    """(post id, edited at) of a message: as an album has it, else as the post itself does."""
    return db.row(
        "SELECT post_id, edited_at, 0 AS place FROM album_item WHERE chat_id = ? AND message_id = ? UNION ALL"
        " SELECT id, edited_at, 1 FROM post WHERE chat_id = ? AND message_id = ? ORDER BY place LIMIT 1",
        *(chat_id, message_id, chat_id, message_id),
    )


def _correct_times(chat_id: int, said: Mapping[int, PostFacts]) -> None:
    """Where an import said another time of posting than Telegram does, Telegram is right and the curves begin anew.

    Of an album its first message tells the time.
    """
    marks = db.marks(said)
    stored = db.rows(f"SELECT id, posted_at, message_id FROM post WHERE id IN ({marks})", *said) if said else []
    wrong = [
        i
        for i, at, message in stored
        if db.moment(at) != said[i].posted_at.replace(microsecond=0) and message in (None, said[i].message_id)
    ]
    for post_id in wrong:
        facts = said[post_id]
        db.execute(
            "UPDATE post SET posted_at = ?, is_service = ? WHERE id = ?",
            *(db.stamp(facts.posted_at.replace(microsecond=0)), facts.is_service, post_id),
        )
    if wrong:
        for feed_id, workspace_id in rollups.feeds_of(chat_id):
            rebuild_feed(feed_id, chat_id, workspace_id)


def _known_posts(chat_id: int, asked: Sequence[PostFacts]) -> dict[int | str, int]:
    """Ids of the chat's messages by message id (or origin uid): of those asked for, or of all when those are many."""
    numbers = [p.message_id for p in asked if p.message_id is not None]
    few = len(numbers) == len(asked) <= _FEW
    only = f" AND message_id IN ({', '.join('?' * len(numbers))})" if few and numbers else ""
    params = (chat_id, *(numbers if only else ()))
    found = db.rows("SELECT id, message_id, origin_uid FROM post WHERE chat_id = ?" + only, *params)
    known = {(message if message is not None else uid): int(i) for i, message, uid in found}
    items = db.rows("SELECT message_id, post_id FROM album_item WHERE chat_id = ?" + only, *params)
    return known | {message: int(i) for message, i in items}


def _refresh_post(chat_id: int, post_id: int, p: PostFacts) -> None:
    db.execute("UPDATE post SET media = ? WHERE id = ?", p.media, post_id)
    if p.edited_at is not None:
        at = db.stamp(p.edited_at)
        later = "edited_at = ? WHERE {} AND (edited_at IS NULL OR edited_at < ?)"
        db.execute(f"UPDATE post SET {later.format('id = ?')}", at, post_id, at)
        if p.album_id is not None:
            this = "chat_id = ? AND message_id = ?"
            db.execute(f"UPDATE album_item SET {later.format(this)}", at, chat_id, p.message_id, at)
    if p.text_length is not None and (p.speaks_for_all or versions.had_text(post_id, p.message_id)):
        db.execute("UPDATE post SET text_length = ?, text_hash = ? WHERE id = ?", p.text_length, p.text_hash, post_id)
    db.execute("UPDATE post_stat SET media = ? WHERE post_id = ? AND media <> ?", p.media, post_id, p.media)


def _chunks(items: list[PostFacts], size: int = 500) -> Iterable[list[PostFacts]]:
    return (items[n : n + size] for n in range(0, len(items), size))
