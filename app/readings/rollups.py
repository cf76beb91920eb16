"""Keeping the rollups equal to the raw readings: by difference at ingest, from scratch at rebuild.

Everything here runs inside the caller's write transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core import db
from app.core.errors import NotFound
from app.readings import curves, raw
from app.readings.bulk import Insert
from app.readings.raw import FullReading as FullReading
from app.readings.raw import RawReading as RawReading

PUBLIC = 0

Key = tuple[int, int, int]  # of a reading: post id, unix seconds, source id


@dataclass(slots=True)
class PostBlock:
    """Some posts of a chat with all their readings, as arrays.

    `newest` and `highest`: the latest moment (unix s) and the most views of what is stored, over all sources; -1: none.
    `is_deleted` is what everybody may know; `privately_deleted` has, by feed, the posts of which a private source told.
    """

    post_ids: list[int]
    posted_at: curves.Ints
    media: list[str]
    is_deleted: list[bool]
    newest: curves.Ints
    highest: curves.Ints
    rows: curves.ReadingRows
    privately_deleted: dict[int, set[int]]


def hold(chat_id: int) -> None:
    """Let only one transaction at a time move a chat's rollups: by difference, each has to see the others' readings.

    Taken before any row of the chat's posts or rollups, or two transactions would wait for each other.
    """
    db.serialise("chat", chat_id)


def visible_sources(workspace_id: int) -> set[int]:
    """Ids of the sources whose readings count for a feed of this workspace (0: everybody's feed)."""
    found = db.rows("SELECT id FROM source WHERE workspace_id IN (?, ?)", PUBLIC, workspace_id)
    return {int(i) for (i,) in found}


def own_sources(workspace_id: int) -> set[int]:
    """Ids of the sources that belong to a feed's audience itself: the public ones, or the workspace's private ones."""
    return {int(i) for (i,) in db.rows("SELECT id FROM source WHERE workspace_id = ?", workspace_id)}


def feeds_of(chat_id: int) -> list[tuple[int, int]]:
    """(feed id, workspace id) of all feeds of a chat."""
    return [(int(f), int(w)) for f, w in db.rows("SELECT id, workspace_id FROM feed WHERE chat_id = ?", chat_id)]


def load_posts(post_ids: Sequence[int]) -> PostBlock:
    """Posts without their readings; the ids ascend. Raises NotFound when one of them is unknown."""
    found: list[tuple[Any, ...]] = []
    told: dict[int, set[int]] = {}
    for part in raw.parts(post_ids):
        found += db.rows(f"{_posts_sql()} ({','.join('?' * len(part))}) ORDER BY id", *part)
        for feed_id, post_id in db.rows(f"{_PRIVATELY_DELETED} ({','.join('?' * len(part))})", *part):
            told.setdefault(int(feed_id), set()).add(int(post_id))
    if len(found) != len(post_ids):
        raise NotFound("Readings of a post that is not stored.")
    _, posted_at, media, deleted_at, newest, highest = zip(*found, strict=True) if found else [()] * 6
    moments, latest, most = (np.asarray(column, dtype=np.int64) for column in (posted_at, newest, highest))
    is_deleted = [moment is not None for moment in deleted_at]
    return PostBlock(list(post_ids), moments, list(media), is_deleted, latest, most, curves.no_rows(), told)


_PRIVATELY_DELETED = (
    "SELECT f.id, d.post_id FROM private_deletion d JOIN source s ON s.id = d.source_id JOIN post p ON p.id = d.post_id"
    " JOIN feed f ON f.chat_id = p.chat_id AND f.workspace_id = s.workspace_id WHERE d.post_id IN"
)


def _posts_sql() -> str:
    """One query, two look-ups a post: the end of an index, and a post's readings without handing them over."""
    seconds = raw.seconds
    return (
        f"SELECT id, {seconds('posted_at')}, media, deleted_at,"
        f" COALESCE((SELECT {seconds('MAX(observed_at)')} FROM reading WHERE post_id = post.id), -1),"
        " COALESCE((SELECT MAX(views) FROM reading WHERE post_id = post.id), -1) FROM post WHERE id IN"
    )


def load_block(post_ids: Sequence[int]) -> PostBlock:
    """Posts with all their raw readings; the ids ascend."""
    return replace(load_posts(post_ids), rows=raw.load(post_ids, post_ids))


def visible(rows: curves.ReadingRows, sources: set[int]) -> curves.ReadingRows:
    """The readings of these sources; most batches come from one."""
    if len(rows.source) and (rows.source == rows.source[0]).all():
        return rows if int(rows.source[0]) in sources else curves.no_rows()
    return rows.only(np.isin(rows.source, np.asarray(sorted(sources), dtype=np.int64)))


def falls(block: PostBlock, seen: curves.ReadingRows, own: set[int]) -> set[Key]:
    """Which readings of its `own` sources fall among all that a feed has `seen` of the posts in `block`."""
    low = visible(seen.only(curves.falls(seen)), own)
    posts = [block.post_ids[n] for n in low.post.tolist()]
    return set(zip(posts, low.at.tolist(), low.source.tolist(), strict=True))


def marked(block: PostBlock, workspace_id: int) -> set[Key]:
    """Which readings of a feed's own sources are marked as falls."""
    found: list[Key] = []
    for part in raw.parts(block.post_ids):
        found += db.rows(
            f"SELECT r.post_id, {raw.seconds('r.observed_at')}, r.source_id FROM reading r"
            " JOIN source s ON s.id = r.source_id AND s.workspace_id = ?"
            f" WHERE r.flag <> 0 AND r.post_id IN ({','.join('?' * len(part))})",
            *(workspace_id, *part),
        )
    return set(found)


def mark_falls(was: set[Key], is_now: set[Key]) -> None:
    """Keep falling counts as read and mark them; a mark is taken back when an older reading explains the count."""
    db.execute_many(
        "UPDATE reading SET flag = ? WHERE post_id = ? AND observed_at = ? AND source_id = ?",
        [
            (int((post, at, source) in is_now), post, db.stamp(db.from_ms(at * 1000)), source)
            for post, at, source in sorted(was ^ is_now)
        ],
    )


def apply_change(feed_id: int, block: PostBlock, before: curves.ReadingRows, after: curves.ReadingRows) -> None:
    """Move a feed's rollups from the readings `before` to the readings `after` of the posts in `block`."""
    new = curves.rollup(after, block.posted_at)
    old = curves.rollup(before, block.posted_at) if len(before.post) else curves.nothing(len(block.posted_at))
    move(feed_id, block, old, new)


def move(feed_id: int, block: PostBlock, old: curves.FeedRollup, new: curves.FeedRollup) -> None:
    """Move a feed's stored rollups from what `old` says of the posts in `block` to what `new` says."""
    _add_hours(feed_id, old, new)
    _put_post_stats(feed_id, block, old, new)
    _bump_feed(feed_id, old, new)


def _add_hours(feed_id: int, old: curves.FeedRollup, new: curves.FeedRollup) -> None:
    hours, gained = new.hours.tolist(), new.gained.tolist()
    if len(old.hours):
        total = dict(zip(hours, gained, strict=True))
        for hour, views in zip(old.hours.tolist(), old.gained.tolist(), strict=True):
            total[hour] = total.get(hour, 0) - views
        hours = [hour for hour, views in total.items() if views]
        gained = [total[hour] for hour in hours]
    _ADD_HOURS.run(list(chain.from_iterable(zip(repeat(feed_id), hours, gained, strict=False))))


_ADD_HOURS = Insert(
    "feed_hour",
    (("feed_id", "int"), ("hour", "int"), ("micro_views", "bigint")),
    "ON CONFLICT (feed_id, hour) DO UPDATE SET micro_views = feed_hour.micro_views + excluded.micro_views",
)


def _put_post_stats(feed_id: int, block: PostBlock, old: curves.FeedRollup, new: curves.FeedRollup) -> None:
    columns = post_stats(feed_id, block, new, np.flatnonzero(_differ(old, new)))
    _PUT_POST_STATS.run(list(chain.from_iterable(zip(repeat(feed_id), *columns, strict=False))))


def post_stats(feed_id: int, block: PostBlock, new: curves.FeedRollup, changed: curves.Ints) -> tuple[list[Any], ...]:
    """Columns of post_stat, in the order of POST_STAT after the feed, for the posts at the places `changed`."""
    ids, media, is_deleted = block.post_ids, block.media, block.is_deleted
    told = block.privately_deleted.get(feed_id, ())
    places = changed.tolist()
    views, reactions = new.views[changed], new.reactions[changed]
    forwards, comments = new.forwards[changed], new.comments[changed]
    has_rate = (np.maximum(np.maximum(reactions, forwards), comments) >= 0) & (views > 0)
    done = np.maximum(reactions, 0) + np.maximum(forwards, 0) + np.maximum(comments, 0)
    rate = np.where(has_rate, done * 1_000_000 // np.maximum(views, 1), -1)
    return (
        [ids[n] for n in places],
        moments(block.posted_at[changed]),
        [media[n] for n in places],
        [is_deleted[n] or ids[n] in told for n in places],
        *(_known(c) for c in (views, new.views_24h[changed], reactions, rate)),
        new.step[changed].tolist(),
        _known(new.source[changed]),
        moments(new.observed_at[changed]),
        new.readings[changed].tolist(),
        new.reactions_step[changed].tolist(),
        _known(new.reactions_source[changed]),
        moments(new.reactions_at[changed]),
        _known(forwards),
        _known(comments),
        new.engagement_step[changed].tolist(),
        _known(new.engagement_source[changed]),
        moments(new.engagement_at[changed]),
        new.views_24h_step[changed].tolist(),
        _known(new.views_24h_source[changed]),
        moments(new.views_24h_at[changed]),
    )


def _differ(old: curves.FeedRollup, new: curves.FeedRollup) -> NDArray[np.bool_]:
    """Which posts' statistics are not what they were."""
    of_views = ("readings", "views", "observed_at", "views_24h", "step", "source")
    of_reactions = ("reactions", "reactions_step", "reactions_source", "reactions_at")
    engagement = ("forwards", "comments", "engagement_step", "engagement_source", "engagement_at")
    day_old = ("views_24h_step", "views_24h_source", "views_24h_at")
    columns = (*of_views, *of_reactions, *engagement, *day_old)
    return np.logical_or.reduce([getattr(old, name) != getattr(new, name) for name in columns])


POST_STAT = (
    ("feed_id", "int"),
    ("post_id", "int"),
    ("posted_at", "timestamptz"),
    ("media", "text"),
    ("is_deleted", "bool"),
    ("views", "bigint"),
    ("views_24h", "bigint"),
    ("reactions", "bigint"),
    ("er_ppm", "bigint"),
    ("step", "int"),
    ("source_id", "int"),
    ("observed_at", "timestamptz"),
    ("readings", "int"),
    ("reactions_step", "int"),
    ("reactions_source_id", "int"),
    ("reactions_at", "timestamptz"),
    ("forwards", "bigint"),
    ("comments", "bigint"),
    ("engagement_step", "int"),
    ("engagement_source_id", "int"),
    ("engagement_at", "timestamptz"),
    ("views_24h_step", "int"),
    ("views_24h_source_id", "int"),
    ("views_24h_at", "timestamptz"),
)
# What a row says of the post itself is kept true by whoever changes the post.
_PUT_POST_STATS = Insert(
    "post_stat",
    POST_STAT,
    "ON CONFLICT (feed_id, post_id) DO UPDATE SET"
    " views = excluded.views, views_24h = excluded.views_24h, reactions = excluded.reactions,"
    " er_ppm = excluded.er_ppm, step = excluded.step, source_id = excluded.source_id,"
    " observed_at = excluded.observed_at, readings = excluded.readings, reactions_step = excluded.reactions_step,"
    " reactions_source_id = excluded.reactions_source_id, reactions_at = excluded.reactions_at,"
    " forwards = excluded.forwards, comments = excluded.comments, engagement_step = excluded.engagement_step,"
    " engagement_source_id = excluded.engagement_source_id, engagement_at = excluded.engagement_at,"
    " views_24h_step = excluded.views_24h_step, views_24h_source_id = excluded.views_24h_source_id,"
    " views_24h_at = excluded.views_24h_at",
)


def sums(rollup: curves.FeedRollup) -> tuple[int, int, int]:
    """(posts that were read, their latest views, readings): what a feed's card adds up."""
    return int((rollup.readings > 0).sum()), int(rollup.views[rollup.views > 0].sum()), int(rollup.readings.sum())


def _bump_feed(feed_id: int, old: curves.FeedRollup, new: curves.FeedRollup) -> None:
    posts, views, readings = (now - before for now, before in zip(sums(new), sums(old), strict=True))
    last = int(new.observed_at.max(initial=-1))
    db.execute(
        "INSERT INTO feed_stat (feed_id, version, posts, views, readings, last_reading_at, subscribers_step,"
        " subscriber_readings) VALUES (?, 1, ?, ?, ?, ?, 0, 0)"
        " ON CONFLICT (feed_id) DO UPDATE SET version = feed_stat.version + 1, posts = feed_stat.posts + excluded.posts,"
        " views = feed_stat.views + excluded.views, readings = feed_stat.readings + excluded.readings,"
        " last_reading_at = CASE WHEN feed_stat.last_reading_at IS NULL"
        " OR excluded.last_reading_at > feed_stat.last_reading_at"
        " THEN excluded.last_reading_at ELSE feed_stat.last_reading_at END",
        feed_id,
        posts,
        views,
        readings,
        *moments(np.asarray([last])),
    )


def _known(values: curves.Ints) -> list[int | None]:
    return [None if value < 0 else value for value in values.tolist()]


def moments(unix_s: curves.Ints) -> list[Any]:
    """Moments as the present database takes them, -1 as None."""
    known = _known(unix_s)
    if db.is_postgres():
        return [None if value is None else db.from_ms(value * 1000) for value in known]
    return [None if value is None else value * 1000 for value in known]
