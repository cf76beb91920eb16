"""The roll-up of a workspace's channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from app.analytics import periods, queries
from app.analytics.annotations import notes_of
from app.analytics.build.blocks import Block, blocks_of
from app.analytics.build.figures import none, period_of, summed
from app.analytics.pages import ChannelRow, DayPoint, Figure, NetworkPage, Period
from app.analytics.periods import Span
from app.channels.queries import channels_of

_Count = TypeVar("_Count")
_PROBLEMS = ("bot_removed", "rights_missing")


def network_page(
    workspace_id: int,
    workspace_name: str,
    *,
    timezone: str,
    span: Span,
    is_demo: bool,
    is_compared: bool = False,
    now: datetime,
) -> NetworkPage:
    """The channels that a workspace runs. A post counts once, in its own channel; watched channels are in no sum."""
    channels, cards = [c for c in channels_of(workspace_id) if c.is_own], queries.cards(workspace_id)
    feeds = [c.feed_id for c in channels]
    period = period_of(cards, feeds, span=span, timezone=timezone, url="/network", now=now)
    built = blocks_of(channels, cards, period, is_compared=is_compared)
    rows = tuple(b.row for b in built)
    since_start = known_from_the_start(built)
    return NetworkPage(
        workspace_name=workspace_name,
        period=period,
        totals={
            "subscribers": _with_delta(
                summed([r.subscribers for r in rows], "subscribers"), [r.subscribers for r in rows]
            ),
            "views": _with_delta(summed([r.views for r in rows], "views"), [r.views for r in rows]),
            "posts": _with_delta(summed([r.posts for r in rows], "posts"), [r.posts for r in rows]),
            "reach": _reach(built),
            "channels": Figure(len(rows), "channels", sources=("workspace",), observed_at=now, readings=len(rows))
            if rows
            else none("channels"),
        },
        growth=_sum_growth(since_start, period),
        growth_without=tuple(b.row.title for b in built if b not in since_start and b.first_day is not None),
        views_by_day=_sum_days([b.views_by_day for b in built], period),
        rows=rows,
        shares=_shares(rows),
        problems=tuple((c.state, c.title) for c in channels if c.state in _PROBLEMS),
        is_demo=is_demo,
        csv_url=f"/network.csv?{span.query}",
        days_csv_url=f"/network/days.csv?{span.query}",
        connect_url="/channels/connect",
        is_compared=is_compared,
        annotations=notes_of(workspace_id, {c.id: c.title for c in channels}, period.start, period.end),
    )


def channel_rows(
    workspace_id: int, *, timezone: str, span: Span, now: datetime
) -> tuple[Period, tuple[ChannelRow, ...]]:
    """Every channel of a workspace, own and watched, over one period in the workspace's zone."""
    channels, cards = channels_of(workspace_id), queries.cards(workspace_id)
    period = period_of(cards, cards, span=span, timezone=timezone, url="/network", now=now)
    return period, tuple(block.row for block in blocks_of(channels, cards, period))


def totals(workspace_id: int) -> list[dict[str, Any]]:
    """One object a channel: posts, the sum of their latest views, the latest subscribers; from the pages' cards."""
    cards = queries.cards(workspace_id)
    return [
        {
            "channel": channel.username or channel.title,
            "posts": card.posts if card else 0,
            "views_latest_sum": card.views if card else 0,
            "subscribers_latest": card.subscribers if card else None,
        }
        for channel in channels_of(workspace_id)
        for card in [cards.get(channel.feed_id)]
    ]


def _reach(built: Sequence[Block]) -> Figure:
    """Views of an average read post of the period, over all channels; no more off than its most rounded part."""
    total = summed([b.post_views for b in built], "views")
    read_posts = sum(b.read_posts for b in built)
    if total.value is None or not read_posts:
        return none("views")
    return total.says(total.value / read_posts, step=max(b.post_views.step for b in built))


def _with_delta(total: Figure, parts: Sequence[Figure]) -> Figure:
    """A sum's change is the sum of the known changes: a channel without an earlier period brings none."""
    deltas = [part.delta for part in parts if part.delta is not None]
    return replace(total, delta=summed(deltas, total.unit)) if deltas else total


def _shares(rows: Sequence[ChannelRow]) -> tuple[float | None, ...]:
    """Each channel's part of all views, in percent."""
    total = sum(row.views.value or 0 for row in rows)
    return tuple(100 * row.views.value / total if total and row.views.value is not None else None for row in rows)


def _sum_days(series: Sequence[Sequence[int | None]], period: Period) -> tuple[DayPoint, ...]:
    days = periods.days_ending(period.end, period.days)
    points = []
    for n, day in enumerate(days):
        known = [s[n] for s in series if s[n] is not None]
        points.append(DayPoint(day, sum(v for v in known if v is not None) if known else None))
    return tuple(points)


def known_from_the_start(built: Sequence[Block]) -> list[Block]:
    """The channels whose subscribers are known since about the first day that any are: a later one is no growth.

    About: a tenth of the period, since recordings of several channels rarely begin on one day.
    """
    known = [(b, b.first_day) for b in built if b.first_day is not None]
    latest = min((day for _, day in known), default=0) + len(built[0].subscribers_by_day) // 10 if built else 0
    return [b for b, day in known if day <= latest]


def _sum_growth(built: Sequence[Block], period: Period) -> tuple[DayPoint, ...]:
    """Subscribers by day, summed: each channel's last known count, once all of them have one."""
    filled = [carried(b.before, b.subscribers_by_day) for b in built]
    days = periods.days_ending(period.end, period.days)
    points = []
    for n, day in enumerate(days):
        known = [f[n] for f in filled]
        whole = known and all(k is not None for k in known)
        points.append(
            DayPoint(day, sum(k[0] for k in known if k), sum(k[1] for k in known if k))
            if whole
            else DayPoint(day, None)
        )
    return tuple(points)


def carried(before: _Count | None, by_day: Sequence[_Count | None]) -> list[_Count | None]:
    """Each day with the last known count up to it."""
    last, result = before, []
    for point in by_day:
        last = point or last
        result.append(last)
    return result
