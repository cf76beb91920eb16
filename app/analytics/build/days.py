"""The days of a channel or of the network, each number with its own provenance: what the files of days hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.analytics import periods, post_queries, queries
from app.analytics.annotations import notes_of, said_on
from app.analytics.build.blocks import Block, block_of, blocks_of
from app.analytics.build.figures import none, period_of, summed
from app.analytics.build.network import carried, known_from_the_start
from app.analytics.pages import Figure, Period
from app.analytics.periods import Span
from app.channels.queries import ChannelRef, channels_of


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day: its figures by name and what was noted on it."""

    day: date
    figures: Mapping[str, Figure]
    notes: str = ""


def channel_days(workspace_id: int, channel: ChannelRef, *, span: Span, now: datetime) -> tuple[Period, list[DayLine]]:
    """A channel's subscribers, views gained and reach by day, as its page draws them."""
    period, block = block_of(workspace_id, channel, span=span, now=now)
    kinds, days = queries.source_kinds(), periods.days_ending(period.end, period.days)
    counts = queries.counts_by_day([channel.feed_id], block.starts)[channel.feed_id]
    reach = reach_by_day(channel, block, period)
    notes = notes_of(workspace_id, {channel.id: ""}, period.start, period.end)
    return period, [
        DayLine(
            day,
            {"subscribers": subscribers_of(counts[n], kinds), "views": views_on(block, n), "reach": reach[n]},
            said_on(notes, n),
        )
        for n, day in enumerate(days)
    ]


def network_days(workspace_id: int, *, timezone: str, span: Span, now: datetime) -> tuple[Period, list[DayLine]]:
    """The network's subscribers and views gained by day, as its page draws them."""
    channels, cards = [c for c in channels_of(workspace_id) if c.is_own], queries.cards(workspace_id)
    feeds = [c.feed_id for c in channels]
    period = period_of(cards, feeds, span=span, timezone=timezone, url="/network", now=now)
    built, kinds = blocks_of(channels, cards, period), queries.source_kinds()
    starts = periods.day_starts(period.end, period.days, timezone)
    before, counts = queries.subscribers_before(feeds, starts[0]), queries.counts_by_day(feeds, starts)
    since_start = known_from_the_start(built)
    added = [
        carried(before.get(channel.feed_id), counts[channel.feed_id])
        for channel, block in zip(channels, built, strict=True)
        if block in since_start
    ]
    notes = notes_of(workspace_id, {c.id: c.title for c in channels}, period.start, period.end)
    return period, [
        DayLine(
            day,
            {
                "subscribers": _all([line[n] for line in added], kinds),
                "views": summed([views_on(block, n) for block in built], "views"),
            },
            said_on(notes, n),
        )
        for n, day in enumerate(periods.days_ending(period.end, period.days))
    ]


def reach_by_day(channel: ChannelRef, block: Block, period: Period) -> list[Figure]:
    """Views so far of an average read post of each day; no more exact than the most rounded of them."""
    kinds, by_day = queries.source_kinds(), dict[date, list[Figure]]()
    first, last = periods.hour_moment(block.starts[0]), periods.hour_moment(block.starts[-1])
    for posted_at, views, step, source, at in post_queries.read_posts(channel.feed_id, first, last):
        read = Figure(views, "views", step, (kinds[source],) if source in kinds else (), at, 1)
        by_day.setdefault(periods.local_day(posted_at, period.timezone), []).append(read)
    return [_mean(by_day.get(day, ())) for day in periods.days_ending(period.end, period.days)]


def _mean(read: Sequence[Figure]) -> Figure:
    total = summed(read, "views")
    if total.value is None:
        return total
    return total.says(round(total.value / len(read)), step=max(figure.step for figure in read))


def views_on(block: Block, place: int) -> Figure:
    """Views gained on a day: of the curves of the period's posts, so by the sources of its gain."""
    gained = block.views_by_day[place]
    return none("views") if gained is None else block.row.views.says(gained)


def subscribers_of(count: queries.Count | None, kinds: Mapping[int, str]) -> Figure:
    """One reading of a channel's subscribers."""
    if count is None or count.source_id not in kinds:
        return none("subscribers")
    return Figure(count.value, "subscribers", count.step, (kinds[count.source_id],), count.observed_at, 1)


def _all(counts: Sequence[queries.Count | None], kinds: Mapping[int, str]) -> Figure:
    """The sum over all channels, once each has a count."""
    found = [subscribers_of(count, kinds) for count in counts]
    return none("subscribers") if any(f.value is None for f in found) else summed(found, "subscribers")
