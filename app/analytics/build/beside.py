"""Channels beside each other: the watch-list and the comparison. The same figures by the same definitions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.analytics import periods, queries
from app.analytics.annotations import notes_of
from app.analytics.build.blocks import Block, blocks_of
from app.analytics.build.figures import period_of
from app.analytics.pages import CompareChoice, ComparePage, DayPoint, Period, WatchPage
from app.analytics.periods import Span
from app.channels.queries import ChannelRef, channels_of

MOST_COMPARED = 4  # as many lines as a chart's colours tell apart


def watch_page(workspace_id: int, *, timezone: str, span: Span, now: datetime, **form: str) -> WatchPage:
    """Other people's public channels, with the workspace's own for comparison below them."""
    period, blocks = _blocks(workspace_id, channels_of(workspace_id), timezone, span, "/watchlist", now)
    return WatchPage(
        period=period,
        rows=tuple(b.row for b in blocks if not b.is_own),
        own=tuple(b.row for b in blocks if b.is_own),
        csv_url=f"/watchlist.csv?{span.query}",
        **form,
    )


def compare_page(
    workspace_id: int, public_ids: Sequence[str], *, timezone: str, span: Span, now: datetime
) -> ComparePage:
    """Up to MOST_COMPARED channels: their figures, and how subscribers and views went. Unknown ids are left out.

    Without any, the first two of the workspace.
    """
    channels = channels_of(workspace_id)
    public_ids = public_ids or [c.public_id for c in channels[:2]]
    wanted = [i for i in dict.fromkeys(public_ids) if any(c.public_id == i for c in channels)][:MOST_COMPARED]
    chosen = [c for i in wanted for c in channels if c.public_id == i]
    url = "/compare" + "".join(f"{'&' if n else '?'}c={c.public_id}" for n, c in enumerate(chosen))
    period, blocks = _blocks(workspace_id, chosen, timezone, span, url, now)
    days = periods.days_ending(period.end, period.days)
    return ComparePage(
        period=period,
        rows=tuple(b.row for b in blocks),
        choices=tuple(CompareChoice(c.public_id, c.title, c.public_id in wanted) for c in channels),
        growth=tuple(_percent_growth(b, days) for b in blocks),
        views=tuple(tuple(DayPoint(d, v) for d, v in zip(days, b.views_by_day, strict=True)) for b in blocks),
        csv_url=url.replace("/compare", "/compare.csv", 1) + f"{'&' if chosen else '?'}{span.query}",
        annotations=notes_of(workspace_id, {c.id: c.title for c in chosen}, period.start, period.end),
    )


def _blocks(
    workspace_id: int, channels: Sequence[ChannelRef], timezone: str, span: Span, url: str, now: datetime
) -> tuple[Period, list[Block]]:
    cards = queries.cards(workspace_id)
    period = period_of(cards, [c.feed_id for c in channels], span=span, timezone=timezone, url=url, now=now)
    return period, blocks_of(channels, cards, period)


def _percent_growth(block: Block, days: Sequence[object]) -> tuple[float | None, ...]:
    """Subscribers by day as percent above the first known count of the period."""
    first = next((point[0] for point in block.subscribers_by_day if point and point[0]), None)
    return tuple(
        None if point is None or first is None else 100 * (point[0] / first - 1)
        for point in block.subscribers_by_day[: len(days)]
    )
