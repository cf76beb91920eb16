"""A post beside the channel's earlier ones, age by age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.analytics import usual
from app.analytics.build.figures import none
from app.analytics.pages import CurvePoint, Figure, UsualRow
from app.analytics.usual import Read, Usual


def usual_rows(
    feed_id: int, workspace_id: int, *, posted_at: datetime, curve: Sequence[CurvePoint], first_day: Figure
) -> tuple[UsualRow, ...]:
    """At each age: this post's views, and what half of the posts before it had. `first_day`: its views at 24 hours."""
    mine = [Read(p.age_s, p.views, p.step, p.source, p.at) for p in curve]
    before = usual.curves_before(feed_id, workspace_id, posted_at=posted_at)
    return tuple(
        _row(found, first_day if found.age_s == _DAY_S else _own(mine, found.age_s)) for found in usual.usual_of(before)
    )


_DAY_S = 86_400


def _own(curve: Sequence[Read], age_s: int) -> Figure:
    read = usual.views_at(curve, age_s)
    return Figure(read.views, "views", read.step, (read.source,), read.at, 1) if read else none("views")


def _row(found: Usual, own: Figure) -> UsualRow:
    def figure(value: float) -> Figure:
        return Figure(round(value), "views", found.step, found.sources, found.at, found.posts)

    verdict = ""
    if own.value is not None:
        verdict = "more" if own.value > found.high else "less" if own.value < found.low else "usual"
    posts = Figure(found.posts, "posts", 0, found.sources, found.at, found.posts)
    return UsualRow(
        found.age_s, own, figure(found.low), figure(found.middle), figure(found.high), posts=posts, verdict=verdict
    )
