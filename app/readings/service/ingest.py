"""The one way into the readings: raw rows and their rollups in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from app.core import db
from app.readings import curves, raw, rollups, subscribers
from app.readings.raw import Batch, FullReading, RawReading
from app.readings.service.repair import rebuild_feed
from app.readings.tails import FeedTail, are_continued_by, tails_of


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


def record_readings(chat_id: int, readings: Sequence[RawReading | FullReading], *, now: datetime) -> int:
    """Store readings of a chat's posts and move every rollup that may see them, in one transaction.

    `readings`: (post id, observed ms cut to seconds, source id, views or None, reactions or None, step), perhaps with
    (forwards or None, comments or None) behind.
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
    said = ("views", "reactions", "step", "forwards", "comments")
    return int(np.logical_or.reduce([getattr(before, n)[order] != getattr(after, n) for n in said]).sum())


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
