"""Where the curves of some posts have got to, so that later readings can go on from there.

The latest reading and the counts of a post stand in its rollup; its running maximum does not. Where no reading shows
more than the latest, the latest is that maximum, and the database finds this out without handing a reading over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core import db
from app.readings import curves, raw, rollups
from app.readings.rollups import PostBlock


@dataclass(frozen=True, slots=True)
class FeedTail:
    """A feed, the sources it may see, what it says of the posts, and by post whether its latest views are its most."""

    id: int
    workspace_id: int
    sources: set[int]
    rollup: curves.FeedRollup
    is_at_peak: NDArray[np.bool_]


def are_continued_by(rows: curves.ReadingRows, block: PostBlock, tails: Sequence[FeedTail]) -> NDArray[np.bool_]:
    """By post of the block: whether all of `rows` (in the order of a batch) come after what is stored and no
    count falls below any source's. Then each feed's curve goes on from its latest reading, and nobody sees a fall."""
    goes_on = np.ones(len(block.post_ids), dtype=bool)
    for tail in tails:
        goes_on &= tail.is_at_peak
    known = rows.only(rows.views >= 0)
    for series, values, least in ((rows, rows.at, block.newest + 1), (known, known.views, block.highest)):
        goes_on[series.post[values < _before(values, series.post, least)]] = False
    return goes_on


def _before(values: curves.Ints, post: curves.Ints, stored: curves.Ints) -> curves.Ints:
    """The value of the row before within the same post, or what is stored of the post."""
    result = stored[post]
    same = post[1:] == post[:-1]
    result[1:][same] = values[:-1][same]
    return result


def tails_of(chat_id: int, block: PostBlock) -> list[FeedTail]:
    """The tails of a chat's posts in each of its feeds."""
    were_read = [block.post_ids[n] for n in np.flatnonzero(block.newest >= 0).tolist()]
    return [_feed_tail(f, w, block, were_read) for f, w in rollups.feeds_of(chat_id)]


def _feed_tail(feed_id: int, workspace_id: int, block: PostBlock, were_read: Sequence[int]) -> FeedTail:
    found = _stored(feed_id, block.post_ids, were_read)
    is_at_peak = found.views == block.highest
    behind = [block.post_ids[n] for n in np.flatnonzero(~is_at_peak).tolist()]
    if behind:  # of its own maximum, or only of a source that this feed does not see
        is_at_peak |= _is_at_own_peak(feed_id, workspace_id, block.post_ids, behind)
    return FeedTail(feed_id, workspace_id, rollups.visible_sources(workspace_id), found, is_at_peak)


def _is_at_own_peak(
    feed_id: int, workspace_id: int, post_ids: Sequence[int], asked: Sequence[int]
) -> NDArray[np.bool_]:
    select = (
        "SELECT post.id, CASE WHEN EXISTS (SELECT 1 FROM reading r WHERE r.post_id = post.id"
        " AND r.views > COALESCE(s.views, -1)"
        " AND r.source_id IN (SELECT id FROM source WHERE workspace_id IN (0, ?))) THEN 0 ELSE 1 END"
        " FROM post LEFT JOIN post_stat s ON s.post_id = post.id AND s.feed_id = ? WHERE post.id IN"
    )
    (found,) = _columns(select, [workspace_id, feed_id], post_ids, asked, width=2)
    return found == 1


def _stored(feed_id: int, post_ids: Sequence[int], were_read: Sequence[int]) -> curves.FeedRollup:
    """What a feed's rollup says of the posts that were read before."""
    nothing = curves.nothing(len(post_ids))
    if not were_read:
        return nothing
    select = (
        "SELECT post_id, COALESCE(views, -1), COALESCE(views_24h, -1), COALESCE(reactions, -1), step,"
        f" COALESCE(source_id, -1), COALESCE({raw.seconds('observed_at')}, -1), readings,"
        f" reactions_step, COALESCE(reactions_source_id, -1), COALESCE({raw.seconds('reactions_at')}, -1),"
        " COALESCE(forwards, -1), COALESCE(comments, -1), engagement_step, COALESCE(engagement_source_id, -1),"
        f" COALESCE({raw.seconds('engagement_at')}, -1),"
        f" views_24h_step, COALESCE(views_24h_source_id, -1), COALESCE({raw.seconds('views_24h_at')}, -1)"
        " FROM post_stat WHERE feed_id = ? AND post_id IN"
    )
    columns = _columns(select, [feed_id], post_ids, were_read, width=19)
    found = curves.FeedRollup(nothing.hours, nothing.gained, *columns)
    counted = {name: np.maximum(getattr(found, name), 0) for name in _COUNTED}
    return replace(found, **counted)


_COUNTED = ("step", "readings", "reactions_step", "engagement_step", "views_24h_step")  # zero of a post without a row


def _columns(
    select: str, params: Sequence[Any], post_ids: Sequence[int], asked: Sequence[int], *, width: int
) -> curves.Ints:
    """What a query for integers (`width` columns, the post id first) says of the `asked` posts: its other columns,
    by place in `post_ids`, which ascend; -1 for posts not asked for or not found."""
    flat: list[int] = []
    for part in raw.parts(asked):
        flat += chain.from_iterable(db.rows(f"{select} ({','.join('?' * len(part))})", *params, *part))
    found = raw.as_columns(flat, width)
    result = np.full((width - 1, len(post_ids)), -1, dtype=np.int64)
    result[:, np.searchsorted(np.asarray(post_ids, dtype=np.int64), found[0])] = found[1:]
    return result
