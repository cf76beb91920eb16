"""The messages of a chat: made when first told of, refreshed by what is told later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.core import db
from app.readings import raw, rollups
from app.readings.models import Post
from app.readings.service import albums, versions
from app.readings.service.audiences import absorb
from app.readings.service.facts import PostFacts
from app.readings.service.repair import rebuild_feed

_FEW = 100


def record_posts(
    chat_id: int, posts: Sequence[PostFacts], *, private_to: int = 0, told: versions.Telling | None = None
) -> dict[int | str, int]:
    """Create or refresh messages of a chat; returns their ids by message id (or origin uid).

    The messages of an album are one post. What the private source of a workspace (`private_to`) tells changes nothing
    of what a public one said: messages that no public source told of are rows of that workspace, which it may correct
    and nobody else sees. The public row that comes later takes them in. With `told`, texts that a public source shows
    edited leave a version behind.
    """
    with db.write():
        rollups.hold(chat_id)
        albums.settle(chat_id, posts, private_to)
        known = _known_posts(chat_id, posts, private_to)
        fresh = {p.key: p for p in posts if p.key not in known}
        for part in _chunks(list(fresh.values())):
            Post.insert_many([albums.post_row(chat_id, p, private_to) for p in part]).execute()
        if private_to:
            _correct_own(chat_id, {p.key: p for p in posts if p.key in known}, known, private_to)
        else:
            _refresh(chat_id, posts, known, told)
        ids = known if not fresh else _known_posts(chat_id, posts, private_to)
        if not private_to:
            absorb(chat_id, {i: ids[p.key] for p in posts for i in (p.key, *p.album_items)})
        return ids


def post_id_of(chat_id: int, message_id: int | None, *, private_to: int = 0) -> int | None:
    """The post that a message is, or is a part of, as everybody knows it or else the workspace."""
    found = _message(chat_id, message_id, private_to)
    return int(found[0]) if found else None


def edited_at_of(chat_id: int, message_id: int | None) -> datetime | None:
    """When the message was edited last, as far as the public was told; of an album's message, that message itself."""
    found = _message(chat_id, message_id, 0)
    at: datetime | None = db.moment(found[1]) if found else None
    return at


def _message(chat_id: int, message_id: int | None, private_to: int) -> tuple[Any, ...] | None:
    """(post id, edited at) of a message: as an album has it, else as the post itself does; what is public first."""
    these = "WHERE chat_id = ? AND message_id = ? AND private_to IN (0, ?)"
    return db.row(
        f"SELECT post_id, edited_at, CASE WHEN private_to = 0 THEN 0 ELSE 2 END AS place FROM album_item {these}"
        f" UNION ALL SELECT id, edited_at, CASE WHEN private_to = 0 THEN 1 ELSE 3 END FROM post {these}"
        " ORDER BY place LIMIT 1",
        *(chat_id, message_id, private_to, chat_id, message_id, private_to),
    )


def _refresh(
    chat_id: int, posts: Sequence[PostFacts], known: Mapping[int | str, int], told: versions.Telling | None
) -> None:
    """What a public source says of posts that were known already."""
    # Of the messages of an album the first speaks.
    ordered = sorted(posts, key=lambda p: p.message_id or 0, reverse=True)
    again = {known[p.key]: p for p in ordered if p.key in known}
    if told is not None:
        versions.note_edited(again, told)
    for facts in posts:
        if facts.key in known:
            _refresh_post(chat_id, known[facts.key], facts, 0)
    _correct_times(chat_id, again, rollups.feeds_of(chat_id))


def _correct_own(
    chat_id: int, said: Mapping[int | str, PostFacts], known: Mapping[int | str, int], private_to: int
) -> None:
    """What a workspace's private source says of the workspace's own rows. Counts alone say nothing of a message, and
    what was told of a later edit stays."""
    telling = {key: p for key, p in said.items() if p.text_length is not None or p.is_service}
    own: dict[int, datetime | None] = {}
    for part in raw.parts(sorted({known[key] for key in telling})):
        found = db.rows(
            f"SELECT id, edited_at FROM post WHERE private_to = ? AND id IN ({db.marks(part)})", private_to, *part
        )
        own |= {int(i): db.moment(at) for i, at in found}
    mine = [p for key, p in telling.items() if known[key] in own and _is_as_new(p, own[known[key]])]
    mine.sort(key=lambda p: p.message_id or 0, reverse=True)
    for facts in mine:
        _refresh_post(chat_id, known[facts.key], facts, private_to)
    feeds = [
        (feed_id, workspace_id) for feed_id, workspace_id in rollups.feeds_of(chat_id) if workspace_id == private_to
    ]
    _correct_times(chat_id, {known[p.key]: p for p in mine}, feeds)
    for feed_id, _ in feeds if mine else ():
        db.execute("UPDATE feed_stat SET version = version + 1 WHERE feed_id = ?", feed_id)


def _is_as_new(p: PostFacts, edited_at: datetime | None) -> bool:
    return edited_at is None or (p.edited_at is not None and p.edited_at >= edited_at)


def _correct_times(chat_id: int, said: Mapping[int, PostFacts], feeds: Sequence[tuple[int, int]]) -> None:
    """Where another time of posting was said before, the new one is right and the curves of `feeds` begin anew.

    Of an album its first message tells the time.
    """
    stored: list[tuple[Any, ...]] = []
    for part in raw.parts(list(said)):
        stored += db.rows(f"SELECT id, posted_at, message_id FROM post WHERE id IN ({db.marks(part)})", *part)
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
        for feed_id, workspace_id in feeds:
            rebuild_feed(feed_id, chat_id, workspace_id)


def _known_posts(chat_id: int, asked: Sequence[PostFacts], private_to: int) -> dict[int | str, int]:
    """Ids of the chat's messages by message id (or origin uid): of those asked for, or of all when those are many.

    What is public comes before the workspace's own, and what an album has before the post itself.
    """
    numbers = [p.message_id for p in asked if p.message_id is not None]
    few = len(numbers) == len(asked) <= _FEW
    only = f" AND message_id IN ({', '.join('?' * len(numbers))})" if few and numbers else ""
    params = (chat_id, private_to, *(numbers if only else ()))
    these = f"WHERE chat_id = ? AND private_to IN (0, ?){only}"
    found = db.rows(f"SELECT private_to, message_id, origin_uid, id FROM post {these}", *params)
    items = db.rows(f"SELECT private_to, message_id, NULL, post_id FROM album_item {these}", *params)
    known: dict[int | str, int] = {}
    for _, message, uid, post_id in sorted([*found, *items], key=lambda row: bool(row[0] == 0)):
        known[message if message is not None else uid] = int(post_id)
    return known


def _refresh_post(chat_id: int, post_id: int, p: PostFacts, private_to: int) -> None:
    db.execute("UPDATE post SET media = ? WHERE id = ?", p.media, post_id)
    if p.edited_at is not None:
        at = db.stamp(p.edited_at)
        later = "edited_at = ? WHERE {} AND (edited_at IS NULL OR edited_at < ?)"
        db.execute(f"UPDATE post SET {later.format('id = ?')}", at, post_id, at)
        if p.album_id is not None:
            this = "chat_id = ? AND message_id = ? AND private_to = ?"
            db.execute(f"UPDATE album_item SET {later.format(this)}", at, chat_id, p.message_id, private_to, at)
    if p.text_length is not None and (p.speaks_for_all or versions.had_text(post_id, p.message_id)):
        db.execute("UPDATE post SET text_length = ?, text_hash = ? WHERE id = ?", p.text_length, p.text_hash, post_id)
    db.execute("UPDATE post_stat SET media = ? WHERE post_id = ? AND media <> ?", p.media, post_id, p.media)


def _chunks(items: list[PostFacts], size: int = 500) -> Iterable[list[PostFacts]]:
    return (items[n : n + size] for n in range(0, len(items), size))
