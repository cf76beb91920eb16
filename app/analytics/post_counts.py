"""How many posts of a period a filter shows, and of how many of them the number asked about is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.analytics.post_queries import SORTS, Which, joined
from app.core import db


@dataclass(frozen=True, slots=True)
class PostCounts:
    """`live` and `deleted` posts make the table; `unsorted` of them lack the number that sorts it and stand last.

    `unbounded`: posts that are not in the table because a number that the filter bounds is not known.
    """

    live: int
    deleted: int
    unsorted: int
    unbounded: int

    @property
    def shown(self) -> int:
        return self.live + self.deleted


def count_posts(
    feed_id: int, channel_id: int, start: datetime, end: datetime, *, which: Which, sort: str
) -> PostCounts:
    """The posts of [start, end) as the table with this filter and order has them; bounded by the posts of the days."""
    (bounded, bounds), (wanted, values) = which.bounded(), which.conditions(with_bounds=False)
    known = " AND ".join(f"{SORTS[b.metric]} IS NOT NULL" for b in which.bounds)
    unbounded = f"COUNT(CASE WHEN NOT ({known}) THEN 1 END)" if known else "0"
    text = " AND ".join(("1 = 1", *bounded))
    tables, keys = joined(channel_id, SORTS[sort], wanted, text, known)
    found = db.row(
        f"SELECT COUNT(CASE WHEN {text} AND s.is_deleted = ? THEN 1 END),"
        f" COUNT(CASE WHEN {text} AND s.is_deleted = ? THEN 1 END),"
        f" COUNT(CASE WHEN {text} AND {SORTS[sort]} IS NULL THEN 1 END), {unbounded}"
        f" FROM post_stat s{tables} WHERE s.feed_id = ? AND s.posted_at >= ? AND s.posted_at < ?{wanted}",
        *(*bounds, False, *bounds, True, *bounds, *keys, feed_id, db.stamp(start), db.stamp(end), *values),
    )
    return PostCounts(*map(int, found)) if found else PostCounts(0, 0, 0, 0)
