"""Channels beside each other: the watch-list and the comparison. The same figures by the same definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.analytics import periods, queries
from app.analytics.annotations import notes_of, said_on
from app.analytics.build.blocks import Block, blocks_of
from app.analytics.build.days import DayLine, subscribers_of, views_on
from app.analytics.build.figures import none, period_of
from app.analytics.pages import ChannelRow, CompareChoice, ComparePage, DayPoint, Figure, Period, WatchPage
from app.analytics.periods import Span
from app.channels.queries import ChannelRef, channels_of

DAY_KEYS = ("views", "subscribers", "growth_percent")
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
    chosen = _chosen(channels, public_ids)
    asked = "".join(f"c={c.public_id}&" for c in chosen)
    url = "/compare" + f"?{asked}".rstrip("?&")
    period, blocks = _blocks(workspace_id, chosen, timezone, span, url, now)
    days = periods.days_ending(period.end, period.days)
    return ComparePage(
        period=period,
        rows=tuple(b.row for b in blocks),
        choices=tuple(CompareChoice(c.public_id, c.title, c in chosen) for c in channels),
        growth=tuple(_percent_growth(b, days) for b in blocks),
        views=tuple(tuple(DayPoint(d, v) for d, v in zip(days, b.views_by_day, strict=True)) for b in blocks),
        csv_url=f"/compare.csv?{asked}{span.query}",
        days_csv_url=f"/compare/days.csv?{asked}{span.query}",
        annotations=notes_of(workspace_id, {c.id: c.title for c in chosen}, period.start, period.end),
    )


def compare_days(
    workspace_id: int, public_ids: Sequence[str], *, timezone: str, span: Span, now: datetime
) -> tuple[Period, list[tuple[ChannelRow, DayLine]]]:
    """What the charts of the comparison draw, channel by channel, each day with the figures of DAY_KEYS."""
    chosen = _chosen(channels_of(workspace_id), public_ids)
    period, blocks = _blocks(workspace_id, chosen, timezone, span, "/compare", now)
    starts, kinds = periods.day_starts(period.end, period.days, timezone), queries.source_kinds()
    counts = queries.counts_by_day([c.feed_id for c in chosen], starts) if chosen else {}
    found = []
    for channel, block in zip(chosen, blocks, strict=True):
        notes = notes_of(workspace_id, {channel.id: ""}, period.start, period.end)
        read = [subscribers_of(count, kinds) for count in counts[channel.feed_id]]
        first = next((figure for figure in read if figure.value), None)
        for place, day in enumerate(periods.days_ending(period.end, period.days)):
            figures = (views_on(block, place), read[place], _grown(read[place], first))
            found.append((block.row, DayLine(day, dict(zip(DAY_KEYS, figures, strict=True)), said_on(notes, place))))
    return period, found


def _chosen(channels: Sequence[ChannelRef], public_ids: Sequence[str]) -> list[ChannelRef]:
    """The channels of these ids in their order, at most MOST_COMPARED; the first two of all without any id."""
    known = {c.public_id: c for c in channels}
    wanted = dict.fromkeys(public_ids or list(known)[:2])
    return [known[i] for i in wanted if i in known][:MOST_COMPARED]


def _grown(count: Figure, first: Figure | None) -> Figure:
    """A count as percent above the first one, no more exact than both are."""
    if first is None or not first.value or count.value is None:
        return none("percent")
    step = 100 * max(count.step, first.step) / first.value
    grown = count.says(100 * (count.value / first.value - 1), "percent", step)
    return replace(grown, sources=tuple(sorted({*count.sources, *first.sources})))


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
