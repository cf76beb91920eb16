"""The reads behind posts: summaries of a period, one page of the table, a post's curve and reactions.

SQL kept as text over the rollups; every query takes a feed that a channel row of the workspace named, or the workspace.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.core import db
from app.links.queries import CLICKS_OF_MESSAGES
from app.readings.falls import falls_of_post

_STILL_GAINING = timedelta(days=7)
SORTS = {key: f"s.{key}" for key in ("posted_at", "views", "views_24h", "reactions", "forwards", "comments")}
_CTR = "(CASE WHEN s.views > 0 THEN c.clicks * 1000000.0 / s.views END)"  # in millionths, as ER
SORTS |= {"er": "s.er_ppm", "ctr": _CTR, "text_length": "p.text_length"}
_IN_PERCENT = ("er", "ctr")
METRICS = tuple(key for key in SORTS if key != "posted_at")
_PPM_OF_PERCENT = 10_000


@dataclass(frozen=True, slots=True)
class PostsSummary:
    """The posts published in a period: how many, with how many views and reactions known, each with its sources.

    `engaged`: what readers did with the posts whose views are known, `engaged_views` those views, `engaged_parts` what
    is in it, of what sources tell; `day_old_posts`: how many posts' views at 24 hours are known, `day_*`: what these
    rest on, the coarsest step among them. `read_at`: the newest reading of each source, by its id. `gaining_*`: of the
    posts that gained most of the period's views, those of the week before included; their steps add up to what the
    sum can be off.
    """

    posts: int
    views: int
    read_posts: int
    readings: int
    max_step: int
    last_at: datetime | None
    source_ids: tuple[int, ...]
    read_at: dict[int, datetime]
    gaining_step: int
    gaining_source_ids: tuple[int, ...]
    reactions: int | None
    reactions_step: int
    reactions_at: datetime | None
    reactions_source_ids: tuple[int, ...]
    engaged: int
    engaged_views: int
    views_24h: int
    day_old_posts: int
    engaged_parts: tuple[str, ...]
    engagement_source_ids: tuple[int, ...]
    day_step: int
    day_source_ids: tuple[int, ...]
    day_at: datetime | None
    day_readings: int


def posts_summaries(feed_ids: Sequence[int], start: datetime, end: datetime) -> dict[int, PostsSummary]:
    """By feed, over post_stat by its (feed, posted_at) index; deleted posts are left out.

    Posts of the week before the period count among those that gained in it; what older ones still gain is little.
    """
    found = db.rows(
        "SELECT s.feed_id, s.source_id, s.reactions_source_id, COUNT(*), COALESCE(SUM(s.views), 0), COUNT(s.views),"
        " COALESCE(SUM(s.readings), 0), COALESCE(MAX(s.step), 0), MAX(s.observed_at), SUM(s.reactions),"
        " COALESCE(SUM(s.reactions_step), 0), MAX(s.reactions_at), COALESCE(SUM(s.step), 0),"
        " CASE WHEN s.posted_at >= ? THEN 1 ELSE 0 END AS is_shown,"
        " SUM(CASE WHEN s.er_ppm IS NOT NULL THEN COALESCE(s.reactions, 0) + COALESCE(s.forwards, 0)"
        " + COALESCE(s.comments, 0) ELSE 0 END),"
        " SUM(CASE WHEN s.er_ppm IS NOT NULL THEN s.views ELSE 0 END), COALESCE(SUM(s.views_24h), 0), COUNT(s.views_24h),"
        " s.engagement_source_id, MAX(s.engagement_at), COUNT(CASE WHEN s.er_ppm IS NOT NULL THEN s.forwards END),"
        " COUNT(CASE WHEN s.er_ppm IS NOT NULL THEN s.reactions END),"
        " COUNT(CASE WHEN s.er_ppm IS NOT NULL THEN s.comments END), s.views_24h_source_id,"
        " COALESCE(MAX(s.views_24h_step), 0), MAX(s.views_24h_at),"
        " COALESCE(SUM(CASE WHEN s.views_24h IS NOT NULL THEN s.readings END), 0)"
        " FROM post_stat s"
        f" WHERE s.feed_id IN ({db.marks(feed_ids)}) AND s.posted_at >= ? AND s.posted_at < ? AND s.is_deleted = ?"
        " GROUP BY s.feed_id, s.source_id, s.reactions_source_id, s.engagement_source_id,"
        " s.views_24h_source_id, is_shown",
        *(db.stamp(start), *feed_ids, db.stamp(start - _STILL_GAINING), db.stamp(end), False),
    )
    parts: dict[int, list[tuple[Any, ...]]] = {feed: [] for feed in feed_ids}
    for feed, *part in found:
        parts[feed].append(tuple(part))
    return {feed: _summary(of_feed) for feed, of_feed in parts.items()}


_ER_PARTS = ("forwards", "reactions", "comments")


def _summary(gaining: Sequence[tuple[Any, ...]]) -> PostsSummary:
    found = [r for r in gaining if r[12]]
    reacted = [r for r in found if r[8] is not None]
    return PostsSummary(
        posts=sum(int(r[2]) for r in found),
        views=sum(int(r[3]) for r in found),
        read_posts=sum(int(r[4]) for r in found),
        readings=sum(int(r[5]) for r in found),
        max_step=max((int(r[6]) for r in found), default=0),
        last_at=max((db.moment(r[7]) for r in found if r[7] is not None), default=None),
        source_ids=tuple(sorted({int(r[0]) for r in found if r[0] is not None})),
        read_at=_newest([(r[source], r[at]) for r in gaining for source, at in ((0, 7), (1, 10), (17, 18))]),
        gaining_step=sum(int(r[11]) for r in gaining),
        gaining_source_ids=tuple(sorted({int(r[0]) for r in gaining if r[0] is not None})),
        reactions=sum(int(r[8]) for r in reacted) if reacted else None,
        reactions_step=sum(int(r[9]) for r in reacted),
        reactions_at=max((db.moment(r[10]) for r in reacted), default=None),
        reactions_source_ids=tuple(sorted({int(r[1]) for r in reacted})),
        engaged=sum(int(r[13]) for r in found),
        engaged_views=sum(int(r[14]) for r in found),
        views_24h=sum(int(r[15]) for r in found),
        day_old_posts=sum(int(r[16]) for r in found),
        engaged_parts=tuple(part for n, part in enumerate(_ER_PARTS, 19) if any(r[n] for r in found)),
        engagement_source_ids=tuple(sorted({int(r[17]) for r in found if r[17] is not None})),
        day_step=max((int(r[23]) for r in found), default=0),
        day_source_ids=tuple(sorted({int(r[22]) for r in found if r[22] is not None})),
        day_at=max((db.moment(r[24]) for r in found if r[24] is not None), default=None),
        day_readings=sum(int(r[25]) for r in found),
    )


def _newest(found: Sequence[tuple[Any, Any]]) -> dict[int, datetime]:
    newest: dict[int, datetime] = {}
    for source, at in found:
        if source is not None and at is not None:
            newest[int(source)] = max(newest.get(int(source), db.moment(at)), db.moment(at))
    return newest


def read_posts(feed_id: int, start: datetime, end: datetime) -> list[tuple[datetime, int, int, int | None, datetime]]:
    """(posted at, views, step, source id, observed at) of the period's read posts, bounded by the posts of the days."""
    found = db.rows(
        "SELECT posted_at, views, step, source_id, observed_at FROM post_stat WHERE feed_id = ?"
        " AND posted_at >= ? AND posted_at < ? AND views IS NOT NULL AND is_deleted = ?",
        *(feed_id, db.stamp(start), db.stamp(end), False),
    )
    return [(db.moment(r[0]), int(r[1]), int(r[2]), r[3], db.moment(r[4])) for r in found]


_POST_COLUMNS = (
    "s.post_id, p.message_id, p.origin_uid, s.posted_at, s.media, p.text_length, s.views, s.views_24h, s.reactions,"
    " s.er_ppm, s.step, s.source_id, s.observed_at, s.readings, s.reactions_step, s.reactions_source_id,"
    " s.reactions_at, s.forwards, s.comments, s.engagement_step, s.engagement_source_id, s.engagement_at,"
    " p.edited_at, p.is_service, s.views_24h_step, s.views_24h_source_id, s.views_24h_at,"
    " CASE WHEN p.deleted_at IS NOT NULL THEN p.deleted_at ELSE (SELECT MIN(d.deleted_at) FROM private_deletion d"
    " JOIN source o ON o.id = d.source_id JOIN feed f ON f.id = s.feed_id AND f.workspace_id = o.workspace_id"
    " WHERE d.post_id = s.post_id) END AS deleted_at"
)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Only posts of which a number is known and at least so much. `metric`: of METRICS; `text`: as people write it."""

    metric: str
    text: str

    @property
    def stored(self) -> int:
        """The bound as the column keeps it: a rate is written in percent and kept in millionths."""
        return math.ceil(Decimal(self.text) * (_PPM_OF_PERCENT if self.metric in _IN_PERCENT else 1))


@dataclass(frozen=True, slots=True)
class Which:
    """Which posts of a period: of one media, edited, deleted or live ones, and those that reach every bound."""

    media: str | None = None
    state: str | None = None
    bounds: tuple[AtLeast, ...] = ()

    def conditions(self, *, with_bounds: bool = True) -> tuple[str, tuple[Any, ...]]:
        """SQL over post_stat s and post p, and its parameters."""
        texts, values = self.bounded() if with_bounds else ([], ())
        found: list[tuple[str, Any]] = [("s.media = ?", self.media)] if self.media else []
        if self.state in ("deleted", "live"):
            found.append(("s.is_deleted = ?", self.state == "deleted"))
        wanted = [*texts, *(sql for sql, _ in found), *["p.edited_at IS NOT NULL"] * (self.state == "edited")]
        return "".join(f" AND {sql}" for sql in wanted), (*values, *(value for _, value in found))

    def bounded(self) -> tuple[list[str], tuple[int, ...]]:
        """The conditions of the bounds alone, and their parameters."""
        return [f"{SORTS[b.metric]} >= ?" for b in self.bounds], tuple(b.stored for b in self.bounds)


ALL_POSTS = Which()


def joined(channel_id: int, *texts: str) -> tuple[str, tuple[int, ...]]:
    """What must be joined to post_stat s so that these texts can be asked, and its parameters."""
    asked = "".join(texts)
    clicks = f" LEFT JOIN ({CLICKS_OF_MESSAGES}) c ON c.message_id = p.message_id" if "c." in asked else ""
    post = " JOIN post p ON p.id = s.post_id" if clicks or "p." in asked else ""
    return post + clicks, (channel_id,) if clicks else ()


def posts_page(
    feed_id: int,
    channel_id: int,
    *,
    sort: str,
    descending: bool,
    which: Which = ALL_POSTS,
    start: datetime,
    end: datetime,
    limit: int,
    offset: int,
) -> list[dict[str, Any]]:
    """One page of a feed's posts published in the period, in the order of a column; those without it come last.

    The (feed, posted_at) index bounds the work by the days shown; `+ 0` keeps both planners from walking all posts
    of the feed in the order of another column instead. Only ids are sorted, the page's rows are read afterwards.
    """
    way = "DESC" if descending else "ASC"
    order = f"s.posted_at {way}" if sort == "posted_at" else f"{SORTS[sort]} + 0 {way} NULLS LAST"
    wanted, values = which.conditions()
    tables, keys = joined(channel_id, order, wanted)
    again, again_keys = joined(channel_id, order, "p.")
    found = db.rows(
        f"SELECT {_POST_COLUMNS} FROM (SELECT s.post_id FROM post_stat s{tables} WHERE s.feed_id = ? AND s.posted_at >= ?"
        f" AND s.posted_at < ?{wanted} ORDER BY {order}, s.post_id LIMIT ? OFFSET ?) o"
        f" JOIN post_stat s ON s.feed_id = ? AND s.post_id = o.post_id{again}"
        f" ORDER BY {order}, s.post_id",
        *(*keys, feed_id, db.stamp(start), db.stamp(end), *values, limit, offset, feed_id, *again_keys),
    )
    return [_post(row) for row in found]


def posts_before(
    feed_id: int,
    channel_id: int,
    *,
    which: Which,
    start: datetime,
    end: datetime,
    last: dict[str, Any] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """The newest posts of [start, end), or those that come after the post `last` in that order: a page by its key."""
    wanted, values = which.conditions()
    newest = last["posted_at"] if last else end
    after = "s.posted_at <= ? AND (s.posted_at < ? OR s.post_id > ?)" if last else "s.posted_at < ?"
    key = (db.stamp(newest), db.stamp(newest), last["post_id"]) if last else (db.stamp(newest),)
    tables, keys = joined(channel_id, "p.", wanted)
    found = db.rows(
        f"SELECT {_POST_COLUMNS} FROM post_stat s{tables}"
        f" WHERE s.feed_id = ? AND s.posted_at >= ? AND {after}{wanted} ORDER BY s.posted_at DESC, s.post_id LIMIT ?",
        *(*keys, feed_id, db.stamp(start), *key, *values, limit),
    )
    return [_post(row) for row in found]


def post_of(feed_id: int, chat_id: int, key: str) -> dict[str, Any] | None:
    """A post of a feed by its message id, or by `u-` and the id that recorded data gave it."""
    value: object
    if key.startswith("u-"):
        column, value = "origin_uid", key[2:]
    elif key.isascii() and key.isdigit() and len(key) < 16:
        column, value = "message_id", int(key)
    else:
        return None
    found = db.row(
        f"SELECT {_POST_COLUMNS} FROM post p JOIN post_stat s ON s.post_id = p.id AND s.feed_id = ?"
        f" WHERE p.chat_id = ? AND p.{column} = ?",
        *(feed_id, chat_id, value),
    )
    return _post(found) if found else None


def _post(row: tuple[Any, ...]) -> dict[str, Any]:
    names = [part.split()[-1].split(".")[-1] for part in _POST_COLUMNS.split(",")]
    post = dict(zip(names, row, strict=True))
    for key in ("posted_at", "observed_at", "reactions_at", "engagement_at", "edited_at", "deleted_at", "views_24h_at"):
        post[key] = db.moment(post[key])
    return post


def curve(post_id: int, workspace_id: int, *, limit: int = 2000) -> list[tuple[datetime, int, int, str, bool]]:
    """(observed at, views, step, source kind, is falling) of a post's newest readings visible to the workspace, by time.

    Falls are told among these: `reading.flag` speaks for the audience of the reading's source, not for this workspace.
    """
    found = db.rows(
        "SELECT r.observed_at, r.views, r.step, s.kind FROM reading r JOIN source s ON s.id = r.source_id"
        " WHERE r.post_id = ? AND s.workspace_id IN (0, ?) AND r.views IS NOT NULL ORDER BY r.observed_at DESC LIMIT ?",
        *(post_id, workspace_id, limit),
    )
    points = [(db.moment(at), int(views), int(step), kind) for at, views, step, kind in reversed(found)]
    falling = falls_of_post([(int(at.timestamp()), views, step) for at, views, step, _ in points])
    return [(*point, is_falling) for point, is_falling in zip(points, falling, strict=True)]


def reactions_of(post_id: int, workspace_id: int) -> list[tuple[str, int, int, str, datetime]]:
    """(emoji, count, step, source kind, observed at) of the newest source that speaks of the post's reactions."""
    found = db.rows(
        "SELECT c.emoji, c.count, c.step, s.kind, c.observed_at FROM reaction_count c JOIN source s ON s.id = c.source_id"
        " WHERE c.post_id = ? AND s.workspace_id IN (0, ?) ORDER BY c.observed_at DESC, c.count DESC, c.emoji",
        *(post_id, workspace_id),
    )
    newest = found[0][4] if found else None
    return [(e, int(n), int(step), kind, db.moment(at)) for e, n, step, kind, at in found if at == newest]
