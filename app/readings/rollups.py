"""Keeping the rollups equal to the raw readings: by difference at ingest, from scratch at rebuild.

Everything here runs inside the caller's write transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core import db
from app.core.errors import NotFound
from app.readings import curves, raw
from app.readings.bulk import Insert
from app.readings.raw import RawReading as RawReading

PUBLIC = 0


@dataclass(slots=True)
class PostBlock:
    """Some posts of a chat with all their readings, as arrays.

    `newest` and `highest`: the latest moment (unix s) and the most views of what is stored, over all sources; -1: none.
    """

    post_ids: list[int]
    posted_at: curves.Ints
    media: list[str]
    is_deleted: list[bool]
    newest: curves.Ints
    highest: curves.Ints
    rows: curves.ReadingRows


def hold(chat_id: int) -> None:
    """Let only one transaction at a time move a chat's rollups: by difference, each has to see the others' readings.

    Taken before any row of the chat's posts or rollups, or two transactions would wait for each other.
    """
    db.serialise("chat", chat_id)


def visible_sources(workspace_id: int) -> set[int]:
    """Ids of the sources whose readings count for a feed of this workspace (0: everybody's feed)."""
    found = db.rows("SELECT id FROM source WHERE workspace_id IN (?, ?)", PUBLIC, workspace_id)
    return {int(i) for (i,) in found}


def feeds_of(chat_id: int) -> list[tuple[int, int]]:
    """(feed id, workspace id) of all feeds of a chat."""
    return [(int(f), int(w)) for f, w in db.rows("SELECT id, workspace_id FROM feed WHERE chat_id = ?", chat_id)]


def load_posts(post_ids: Sequence[int]) -> PostBlock:
    """Posts without their readings; the ids ascend. Raises NotFound when one of them is unknown."""
    found: list[tuple[Any, ...]] = []
    for part in raw.parts(post_ids):
        found += db.rows(f"{_posts_sql()} ({','.join('?' * len(part))}) ORDER BY id", *part)
    if len(found) != len(post_ids):
        raise NotFound("Readings of a post that is not stored.")
    _, posted_at, media, deleted_at, newest, highest = zip(*found, strict=True) if found else [()] * 6
    moments, latest, most = (np.asarray(column, dtype=np.int64) for column in (posted_at, newest, highest))
    is_deleted = [moment is not None for moment in deleted_at]
    return PostBlock(list(post_ids), moments, list(media), is_deleted, latest, most, curves.no_rows())


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


def apply_change(
    feed_id: int, block: PostBlock, before: curves.ReadingRows, after: curves.ReadingRows, *, now: datetime
) -> None:
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
    changed = np.flatnonzero(_differ(old, new))
    ids, media, is_deleted = block.post_ids, block.media, block.is_deleted
    places = changed.tolist()
    views, reactions = new.views[changed], new.reactions[changed]
    has_rate = (reactions >= 0) & (views > 0)
    rate = np.where(has_rate, reactions * 1_000_000 // np.maximum(views, 1), -1)
    columns = (
        [ids[n] for n in places],
        _moments(block.posted_at[changed]),
        [media[n] for n in places],
        [is_deleted[n] for n in places],
        *(_known(c) for c in (views, new.views_24h[changed], reactions, rate)),
        new.step[changed].tolist(),
        _known(new.source[changed]),
        _moments(new.observed_at[changed]),
        new.readings[changed].tolist(),
        new.reactions_step[changed].tolist(),
        _known(new.reactions_source[changed]),
        _moments(new.reactions_at[changed]),
    )
    _PUT_POST_STATS.run(list(chain.from_iterable(zip(repeat(feed_id), *columns, strict=False))))


def _differ(old: curves.FeedRollup, new: curves.FeedRollup) -> NDArray[np.bool_]:
    """Which posts' statistics are not what they were."""
    of_views = ("readings", "views", "observed_at", "views_24h", "step", "source")
    columns = (*of_views, "reactions", "reactions_step", "reactions_source", "reactions_at")
    return np.logical_or.reduce([getattr(old, name) != getattr(new, name) for name in columns])


# What a row says of the post itself is kept true by whoever changes the post.
_PUT_POST_STATS = Insert(
    "post_stat",
    (
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
    ),
    "ON CONFLICT (feed_id, post_id) DO UPDATE SET"
    " views = excluded.views, views_24h = excluded.views_24h, reactions = excluded.reactions,"
    " er_ppm = excluded.er_ppm, step = excluded.step, source_id = excluded.source_id,"
    " observed_at = excluded.observed_at, readings = excluded.readings, reactions_step = excluded.reactions_step,"
    " reactions_source_id = excluded.reactions_source_id, reactions_at = excluded.reactions_at",
)


def _bump_feed(feed_id: int, old: curves.FeedRollup, new: curves.FeedRollup) -> None:
    posts = int((new.readings > 0).sum() - (old.readings > 0).sum())
    views = int(new.views[new.views > 0].sum() - old.views[old.views > 0].sum())
    readings = int(new.readings.sum() - old.readings.sum())
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
        *_moments(np.asarray([last])),
    )


def note_subscribers(chat_id: int, *, source_id: int, value: int, step: int, observed_at: datetime) -> None:
    """Store a subscriber count and bring every feed that may see it up to date."""
    db.execute(
        "INSERT INTO subscriber_reading (chat_id, observed_at, source_id, value, step) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (chat_id, observed_at, source_id) DO UPDATE SET value = excluded.value"
        " WHERE excluded.value > subscriber_reading.value",
        *(chat_id, db.stamp(observed_at), source_id, value, step),
    )
    hour = db.to_ms(observed_at) // 3_600_000
    for feed_id, workspace_id in feeds_of(chat_id):
        if source_id in visible_sources(workspace_id):
            rebuild_subscribers(feed_id, chat_id, workspace_id, hours=(hour, hour))


def rebuild_subscribers(feed_id: int, chat_id: int, workspace_id: int, *, hours: tuple[int, int] | None = None) -> None:
    """Recompute a feed's subscriber hours (all, or from the first to the last of `hours`) and its card."""
    first, last = hours or (0, 10**7)
    found = db.rows(
        "SELECT r.observed_at, r.value, r.step, r.source_id FROM subscriber_reading r"
        " JOIN source s ON s.id = r.source_id AND s.workspace_id IN (0, ?)"
        " WHERE r.chat_id = ? AND r.observed_at >= ? AND r.observed_at < ?"
        " ORDER BY r.observed_at, CASE WHEN r.step = 0 THEN 1 ELSE 0 END, r.value",
        *(workspace_id, chat_id, db.stamp(db.from_ms(first * 3_600_000)), db.stamp(db.from_ms((last + 1) * 3_600_000))),
    )
    by_hour = {db.to_ms(db.moment(at)) // 3_600_000: (at, value, step, source) for at, value, step, source in found}
    db.execute("DELETE FROM subscriber_hour WHERE feed_id = ? AND hour BETWEEN ? AND ?", feed_id, first, last)
    db.execute_many(
        "INSERT INTO subscriber_hour (feed_id, hour, observed_at, value, step, source_id) VALUES (?, ?, ?, ?, ?, ?)",
        [(feed_id, hour, *reading) for hour, reading in by_hour.items()],
    )
    _refresh_subscriber_card(feed_id, chat_id, workspace_id)


def _refresh_subscriber_card(feed_id: int, chat_id: int, workspace_id: int) -> None:
    latest = db.row(
        "SELECT value, step, source_id, observed_at FROM subscriber_hour WHERE feed_id = ? ORDER BY hour DESC LIMIT 1",
        feed_id,
    )
    (count,) = db.row(
        "SELECT COUNT(*) FROM subscriber_reading r JOIN source s ON s.id = r.source_id AND s.workspace_id IN (0, ?)"
        " WHERE r.chat_id = ?",
        *(workspace_id, chat_id),
    ) or (0,)
    db.execute(
        "INSERT INTO feed_stat (feed_id, version, posts, views, readings, subscribers, subscribers_step,"
        " subscribers_source_id, subscribers_at, subscriber_readings) VALUES (?, 1, 0, 0, 0, ?, ?, ?, ?, ?)"
        " ON CONFLICT (feed_id) DO UPDATE SET version = feed_stat.version + 1, subscribers = excluded.subscribers,"
        " subscribers_step = excluded.subscribers_step, subscribers_source_id = excluded.subscribers_source_id,"
        " subscribers_at = excluded.subscribers_at, subscriber_readings = excluded.subscriber_readings",
        *(feed_id, *(latest or (None, 0, None, None)), count),
    )


def _known(values: curves.Ints) -> list[int | None]:
    return [None if value < 0 else value for value in values.tolist()]


def _moments(unix_s: curves.Ints) -> list[Any]:
    """Moments as the present database takes them, -1 as None."""
    known = _known(unix_s)
    if db.is_postgres():
        return [None if value is None else db.from_ms(value * 1000) for value in known]
    return [None if value is None else value * 1000 for value in known]
