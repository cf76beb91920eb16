"""The one way into the readings: raw rows and their rollups in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from app.core import db
from app.readings import curves, raw, rollups, subscribers
from app.readings.models import Post
from app.readings.raw import Batch, RawReading
from app.readings.service.repair import rebuild_feed
from app.readings.tails import FeedTail, are_continued_by, tails_of

BOT_UPDATES = "bot_updates"
PREVIEW_PAGE = "preview_page"
_FEW = 100


@dataclass(frozen=True, slots=True)
class PostFacts:
    """What a source knows of a message besides its counts. One of message_id and origin_uid is given."""

    message_id: int | None
    posted_at: datetime
    origin_uid: str | None = None
    edited_at: datetime | None = None
    album_id: str | None = None
    media: str = "text"
    text_length: int | None = None
    text_hash: str | None = None
    is_service: bool = False

    @property
    def key(self) -> int | str:
        return self.message_id if self.message_id is not None else str(self.origin_uid)


def ensure_source(kind: str, *, name: str = "", workspace_id: int = 0, now: datetime) -> int:
    """The id of a source, made on first use. `workspace_id` 0 is public, else private to that workspace."""
    with db.write():
        db.execute(
            "INSERT INTO source (kind, workspace_id, name, is_on, created_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (kind, workspace_id, name) DO NOTHING",
            *(kind, workspace_id, name, True, db.stamp(now)),
        )
    found = db.row("SELECT id FROM source WHERE kind = ? AND workspace_id = ? AND name = ?", kind, workspace_id, name)
    return int(found[0]) if found else 0


def ensure_feed(chat_id: int, *, workspace_id: int = 0, now: datetime) -> int:
    """The id of a chat's feed for everybody (0) or for a workspace; a new feed is filled from the raw readings."""
    with db.write():
        found = db.row("SELECT id FROM feed WHERE chat_id = ? AND workspace_id = ?", chat_id, workspace_id)
        if found:
            return int(found[0])
        db.execute("INSERT INTO feed (chat_id, workspace_id) VALUES (?, ?)", chat_id, workspace_id)
        (feed_id,) = db.row("SELECT id FROM feed WHERE chat_id = ? AND workspace_id = ?", chat_id, workspace_id) or (0,)
        rebuild_feed(int(feed_id), chat_id, workspace_id)
    return int(feed_id)


def record_posts(chat_id: int, posts: Sequence[PostFacts], *, source_is_public: bool = True) -> dict[int | str, int]:
    """Create or refresh messages of a chat; returns their ids by message id (or origin uid).

    A private source never changes what a public one said: it only fills in messages nobody had seen.
    """
    with db.write():
        rollups.hold(chat_id)
        known = _known_posts(chat_id, posts)
        fresh = {p.key: p for p in posts if p.key not in known}
        for part in _chunks(list(fresh.values())):
            Post.insert_many([_post_row(chat_id, p) for p in part]).execute()
        if source_is_public:
            for facts in posts:
                if facts.key in known:
                    _refresh_post(known[facts.key], facts)
            _correct_times(chat_id, {known[p.key]: p for p in posts if p.key in known})
        return known if not fresh else _known_posts(chat_id, posts)


def _correct_times(chat_id: int, said: Mapping[int, PostFacts]) -> None:
    """Where an import said another time of posting than Telegram does, Telegram is right and the curves begin anew."""
    marks = ",".join("?" * len(said))
    stored = db.rows(f"SELECT id, posted_at FROM post WHERE id IN ({marks})", *said) if said else []
    wrong = [i for i, at in stored if db.moment(at) != said[i].posted_at.replace(microsecond=0)]
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
    sql = "SELECT id, message_id, origin_uid FROM post WHERE chat_id = ?" + only
    found = db.rows(sql, chat_id, *(numbers if only else ()))
    return {(message if message is not None else uid): int(i) for i, message, uid in found}


def _post_row(chat_id: int, p: PostFacts) -> dict[str, object]:
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


def _refresh_post(post_id: int, p: PostFacts) -> None:
    db.execute(
        "UPDATE post SET edited_at = COALESCE(?, edited_at), text_length = COALESCE(?, text_length),"
        " text_hash = COALESCE(?, text_hash), media = ? WHERE id = ?",
        *(db.stamp(p.edited_at) if p.edited_at else None, p.text_length, p.text_hash, p.media, post_id),
    )
    db.execute("UPDATE post_stat SET media = ? WHERE post_id = ? AND media <> ?", p.media, post_id, p.media)


def mark_deleted(post_id: int, *, at: datetime) -> None:
    """The message is gone from Telegram; it stays here, marked."""
    with db.write():
        for (chat_id,) in db.rows("SELECT chat_id FROM post WHERE id = ?", post_id):
            rollups.hold(chat_id)
        db.execute("UPDATE post SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL", db.stamp(at), post_id)
        db.execute("UPDATE post_stat SET is_deleted = ? WHERE post_id = ?", True, post_id)
        db.execute(
            "UPDATE feed_stat SET version = version + 1 WHERE feed_id IN"
            " (SELECT feed_id FROM post_stat WHERE post_id = ?)",
            post_id,
        )


def record_readings(chat_id: int, readings: Sequence[RawReading], *, now: datetime) -> int:
    """Store readings of a chat's posts and move every rollup that may see them, in one transaction.

    `readings`: (post id, observed ms cut to seconds, source id, views or None, reactions or None, step).
    Idempotent: the same readings again change nothing; of one source at one moment the larger stays.
    Returns how many of them were new or larger.
    """
    if not readings:
        return 0
    with db.write():
        rollups.hold(chat_id)
        batch = raw.batch_of(readings)
        block = rollups.load_posts(batch.post_ids)
        tails = tails_of(chat_id, block)
        goes_on = are_continued_by(batch.rows, block, tails)[batch.rows.post]
        return _append(block, tails, batch.only(goes_on)) + _merge(block, tails, batch.only(~goes_on))


def _append(block: rollups.PostBlock, tails: Sequence[FeedTail], batch: Batch) -> int:
    """Readings that only lengthen their posts' curves: nothing of what is stored has to be read again."""
    if not len(batch):
        return 0
    raw.append(batch)
    for feed in tails:
        seen = rollups.visible(batch.rows, feed.sources)
        if len(seen.post):
            rollups.move(feed.id, block, feed.rollup, curves.rollup(seen, block.posted_at, feed.rollup))
    return len(batch)


def _merge(block: rollups.PostBlock, tails: Sequence[FeedTail], batch: Batch) -> int:
    """Readings that change their posts' curves somewhere on the way: these are computed anew as a whole."""
    if not len(batch):
        return 0
    touched = np.unique(batch.rows.post).tolist()
    before = raw.load(block.post_ids, [block.post_ids[n] for n in touched])
    after = raw.merged(before, batch.rows)
    changed = _rows_changed(before, after)
    if not changed:
        return 0
    raw.put(batch)
    for feed in tails:
        before_seen, after_seen = rollups.visible(before, feed.sources), rollups.visible(after, feed.sources)
        if _rows_changed(before_seen, after_seen):
            rollups.apply_change(feed.id, block, before_seen, after_seen)
            own = rollups.own_sources(feed.workspace_id)
            rollups.mark_falls(rollups.falls(block, before_seen, own), rollups.falls(block, after_seen, own))
    return changed


def _rows_changed(before: curves.ReadingRows, after: curves.ReadingRows) -> int:
    grown = len(after.post) - len(before.post)
    if grown:
        return grown
    order = np.lexsort((before.source, before.at, before.post))
    differs = (before.views[order] != after.views) | (before.reactions[order] != after.reactions)
    return int((differs | (before.step[order] != after.step)).sum())


def record_reactions(
    post_id: int, *, source_id: int, counts: Mapping[str, tuple[int, int]], observed_at: datetime
) -> None:
    """Replace what a source says of a post's reactions: emoji -> (count, rounding step)."""
    with db.write():
        newest = db.row(
            "SELECT MAX(observed_at) FROM reaction_count WHERE post_id = ? AND source_id = ?", post_id, source_id
        )
        if newest and newest[0] is not None and db.moment(newest[0]) > observed_at:
            return
        db.execute("DELETE FROM reaction_count WHERE post_id = ? AND source_id = ?", post_id, source_id)
        db.execute_many(
            "INSERT INTO reaction_count (post_id, source_id, emoji, count, step, observed_at) VALUES (?, ?, ?, ?, ?, ?)",
            [(post_id, source_id, e, count, step, db.stamp(observed_at)) for e, (count, step) in counts.items()],
        )


def record_subscribers(chat_id: int, *, source_id: int, value: int, step: int, observed_at: datetime) -> None:
    """Store a subscriber count of a chat and refresh its feeds. Idempotent."""
    with db.write():
        rollups.hold(chat_id)
        subscribers.note(
            chat_id, source_id=source_id, value=value, step=step, observed_at=observed_at.replace(microsecond=0)
        )


def _chunks(items: list[PostFacts], size: int = 500) -> list[list[PostFacts]]:
    return [items[n : n + size] for n in range(0, len(items), size)]
