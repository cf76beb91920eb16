"""Keeping the rollups equal to the raw readings: by difference at ingest, from scratch at rebuild.

Everything here runs inside the caller's write transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from app.core import db
from app.readings import curves

PUBLIC = 0
# (post id, observed ms, source id, views or None, reactions or None, step)
RawReading = tuple[int, int, int, int | None, int | None, int]


@dataclass(slots=True)
class PostBlock:
    """Some posts of a chat with all their readings, as arrays."""

    post_ids: list[int]
    posted_at: curves.Ints
    media: list[str]
    is_deleted: list[bool]
    rows: curves.ReadingRows


def visible_sources(workspace_id: int) -> set[int]:
    """Ids of the sources whose readings count for a feed of this workspace (0: everybody's feed)."""
    found = db.rows("SELECT id FROM source WHERE workspace_id IN (?, ?)", PUBLIC, workspace_id)
    return {int(i) for (i,) in found}


def feeds_of(chat_id: int) -> list[tuple[int, int]]:
    """(feed id, workspace id) of all feeds of a chat."""
    return [(int(f), int(w)) for f, w in db.rows("SELECT id, workspace_id FROM feed WHERE chat_id = ?", chat_id)]


def load_block(post_ids: Sequence[int]) -> PostBlock:
    """Posts with all their raw readings. Posts come in the order given."""
    known: dict[int, tuple[int, str, bool]] = {}
    for part in _parts(post_ids):
        marks = ",".join("?" * len(part))
        for post_id, posted_at, media, deleted_at in db.rows(
            f"SELECT id, posted_at, media, deleted_at FROM post WHERE id IN ({marks})", *part
        ):
            known[post_id] = (db.to_ms(db.moment(posted_at)) // 1000, media, deleted_at is not None)
    found: list[tuple[Any, ...]] = []
    for part in _parts(post_ids):
        marks = ",".join("?" * len(part))
        found += db.rows(
            f"SELECT post_id, observed_at, source_id, views, reactions, step FROM reading WHERE post_id IN ({marks})",
            *part,
        )
    raw = [(p, db.to_ms(db.moment(at)), s, v, r, step) for p, at, s, v, r, step in found] if db.is_postgres() else found
    posted_at = np.asarray([known[i][0] for i in post_ids], dtype=np.int64)
    media, is_deleted = [known[i][1] for i in post_ids], [known[i][2] for i in post_ids]
    return PostBlock(list(post_ids), posted_at, media, is_deleted, as_rows(raw, post_ids))


def as_rows(raw: Iterable[RawReading] | Iterable[tuple[Any, ...]], post_ids: Sequence[int]) -> curves.ReadingRows:
    """Raw readings as columns, posts numbered by their place in `post_ids`; unknown counts become -1."""
    place = {post_id: n for n, post_id in enumerate(post_ids)}
    columns = list(zip(*raw, strict=True)) or [()] * 6
    post, at, source, views, reactions, step = columns
    return curves.rows_from(
        (
            [place[i] for i in post],
            np.asarray(at, dtype=np.int64) // 1000,
            [-1 if v is None else v for v in views],
            [-1 if r is None else r for r in reactions],
            step,
            source,
        )
    )


def merged(old: curves.ReadingRows, new: curves.ReadingRows) -> curves.ReadingRows:
    """Old and new readings as one set; of one source at one moment the row with the larger views stays,
    at equal views the larger reactions, then the finer step; known beats unknown."""
    both = curves.ReadingRows(
        *(np.concatenate([getattr(old, n), getattr(new, n)]) for n in curves.ReadingRows.__slots__)
    )
    order = np.lexsort((-both.step, both.reactions, both.views, both.source, both.at, both.post))
    post, at, source = both.post[order], both.at[order], both.source[order]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (post[1:] != post[:-1]) | (at[1:] != at[:-1]) | (source[1:] != source[:-1])
    return curves.ReadingRows(*(getattr(both, n)[order[last]] for n in curves.ReadingRows.__slots__))


def visible(rows: curves.ReadingRows, sources: set[int]) -> curves.ReadingRows:
    return rows.only(np.isin(rows.source, np.asarray(sorted(sources), dtype=np.int64)))


def apply_change(
    feed_id: int, block: PostBlock, before: curves.ReadingRows, after: curves.ReadingRows, *, now: datetime
) -> None:
    """Move a feed's rollups from the readings `before` to the readings `after` of the posts in `block`."""
    new = curves.rollup(after, block.posted_at)
    old = curves.rollup(before, block.posted_at) if len(before.post) else curves.nothing(len(block.posted_at))
    _add_hours(feed_id, old, new)
    _put_post_stats(feed_id, block, new)
    _bump_feed(feed_id, old, new)


def _add_hours(feed_id: int, old: curves.FeedRollup, new: curves.FeedRollup) -> None:
    gained: dict[int, int] = dict(zip(new.hours.tolist(), new.gained.tolist(), strict=True))
    for hour, views in zip(old.hours.tolist(), old.gained.tolist(), strict=True):
        gained[hour] = gained.get(hour, 0) - views
    changes = [(feed_id, hour, views) for hour, views in gained.items() if views]
    db.execute_many(
        "INSERT INTO feed_hour (feed_id, hour, micro_views) VALUES (?, ?, ?)"
        " ON CONFLICT (feed_id, hour) DO UPDATE SET micro_views = feed_hour.micro_views + excluded.micro_views",
        changes,
    )


def _put_post_stats(feed_id: int, block: PostBlock, new: curves.FeedRollup) -> None:
    seen = np.flatnonzero(new.readings).tolist()
    if not seen:
        return
    ids, media = block.post_ids, block.media
    columns = [c.tolist() for c in (block.posted_at, new.views, new.views_24h, new.reactions, new.step)]
    posted, views, views_24h, reactions, step = columns
    source, observed, readings = new.source.tolist(), new.observed_at.tolist(), new.readings.tolist()
    batch = [
        (
            feed_id,
            ids[n],
            _moment_s(posted[n]),
            media[n],
            block.is_deleted[n],
            _known(views[n]),
            _known(views_24h[n]),
            _known(reactions[n]),
            reactions[n] * 1_000_000 // views[n] if reactions[n] >= 0 and views[n] > 0 else None,
            step[n],
            _known(source[n]),
            _moment_s(observed[n]) if observed[n] >= 0 else None,
            readings[n],
        )
        for n in seen
    ]
    db.execute_many(_PUT_POST_STAT, batch)


_PUT_POST_STAT = (
    "INSERT INTO post_stat (feed_id, post_id, posted_at, media, is_deleted, views, views_24h, reactions, er_ppm, step,"
    " source_id, observed_at, readings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (feed_id, post_id) DO UPDATE SET posted_at = excluded.posted_at, media = excluded.media,"
    " is_deleted = excluded.is_deleted,"
    " views = excluded.views, views_24h = excluded.views_24h, reactions = excluded.reactions,"
    " er_ppm = excluded.er_ppm, step = excluded.step, source_id = excluded.source_id,"
    " observed_at = excluded.observed_at, readings = excluded.readings"
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
        _moment_s(last) if last >= 0 else None,
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


def _parts(ids: Sequence[int], size: int = 500) -> Iterable[Sequence[int]]:
    return (ids[n : n + size] for n in range(0, len(ids), size))


def _known(value: int) -> int | None:
    return None if value < 0 else value


def _moment_s(seconds: int) -> Any:
    return db.from_ms(seconds * 1000) if db.is_postgres() else seconds * 1000
