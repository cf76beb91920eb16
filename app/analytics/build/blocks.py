"""What a channel adds to a page: its row, its days, and the posts of the period. Read for all channels at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.analytics import periods, post_queries, queries
from app.analytics.build import kept
from app.analytics.build.figures import mean, none, period_of, since
from app.analytics.build.rates import Basis, rates
from app.analytics.pages import ChannelRow, Figure, Period
from app.analytics.periods import Span
from app.channels.queries import ChannelRef

_SPARK_DAYS = 30


@dataclass(frozen=True, slots=True)
class Read:
    """The rollups of one feed over a period; `*_before` of the period before, None unless it was asked for."""

    summary: post_queries.PostsSummary
    views: list[int | None]
    subscribers: list[tuple[int, int] | None]
    before: queries.Count | None
    at_end: queries.Count | None
    views_before: int | None
    summary_before: post_queries.PostsSummary | None


@dataclass(frozen=True, slots=True)
class Block:
    """One channel over a period. `starts`: the first UTC hour of each day, and of the day after."""

    row: ChannelRow
    starts: tuple[int, ...]
    views_by_day: list[int | None]
    subscribers_by_day: list[tuple[int, int] | None]
    before: tuple[int, int] | None
    post_views: Figure
    summary: post_queries.PostsSummary
    is_own: bool

    @property
    def read_posts(self) -> int:
        return self.summary.read_posts

    @property
    def first_day(self) -> int | None:
        """The place of the first day whose subscribers are known; None when none is."""
        if self.before is not None:
            return 0
        return next((n for n, point in enumerate(self.subscribers_by_day) if point), None)


def blocks_of(
    channels: Sequence[ChannelRef], cards: Mapping[int, queries.FeedCard], period: Period, *, is_compared: bool = False
) -> list[Block]:
    """One block a channel, in their order; as many statements however many channels there are.

    `is_compared`: with the changes since the period before, for which as many rows again are read.
    """
    kinds, starts = queries.source_kinds(), periods.day_starts(period.end, period.days, period.timezone)
    asked = (starts, period.timezone, is_compared)
    reads = kept.unless_changed(
        {c.feed_id: cards.get(c.feed_id) for c in channels},
        asked,
        lambda feeds: _read(feeds, starts, period, is_compared=is_compared),
        days=period.days,
    )
    return [_block(c, cards.get(c.feed_id), starts, reads[c.feed_id], kinds) for c in channels]


def block_of(
    workspace_id: int, channel: ChannelRef, *, span: Span, now: datetime, tab: str = ""
) -> tuple[Period, Block]:
    """One channel alone, over days of its own zone; `tab` is the page's own path."""
    cards = queries.cards(workspace_id)
    url = f"/channels/{channel.public_id}{tab}"
    period = period_of(cards, [channel.feed_id], span=span, timezone=channel.timezone, url=url, now=now)
    return period, blocks_of([channel], cards, period, is_compared=True)[0]


def head_of(
    workspace_id: int, channel: ChannelRef, *, span: Span, now: datetime, tab: str = ""
) -> tuple[Period, ChannelRow]:
    """The period of a channel's page, and who it is without its numbers: for pages that show none of them."""
    cards = queries.cards(workspace_id)
    card, url = cards.get(channel.feed_id), f"/channels/{channel.public_id}"
    period = period_of(cards, [channel.feed_id], span=span, timezone=channel.timezone, url=f"{url}{tab}", now=now)
    return period, ChannelRow(
        public_id=channel.public_id,
        title=channel.title,
        username=channel.username,
        url=url,
        relation=channel.relation,
        state=channel.state,
        subscribers=none("subscribers"),
        views=none("views"),
        posts=none("posts"),
        reach=none("views"),
        reactions=none("reactions"),
        er=none("percent"),
        err=none("percent"),
        err24=none("percent"),
        is_read=card is not None and card.readings > 0,
        is_simulated=channel.is_simulated,
    )


def _read(feeds: list[int], starts: tuple[int, ...], period: Period, *, is_compared: bool) -> dict[int, Read]:
    start, end = periods.hour_moment(starts[0]), periods.hour_moment(starts[-1])
    summaries = post_queries.posts_summaries(feeds, start, end)
    views, subscribers = queries.views_by_day(feeds, starts), queries.subscribers_by_day(feeds, starts)
    before, at_end = queries.subscribers_before(feeds, starts[0]), queries.subscribers_before(feeds, starts[-1])
    views_before: dict[int, int] = {}
    summaries_before: dict[int, post_queries.PostsSummary] = {}
    if is_compared:
        earlier = periods.day_starts(period.start, period.days + 1, period.timezone)[0]
        views_before = queries.views_gained(feeds, earlier, starts[0])
        summaries_before = post_queries.posts_summaries(feeds, periods.hour_moment(earlier), start)
    return {
        feed: Read(
            summaries[feed],
            views[feed],
            subscribers[feed],
            before.get(feed),
            at_end.get(feed),
            views_before.get(feed),
            summaries_before.get(feed),
        )
        for feed in feeds
    }


def _block(
    channel: ChannelRef,
    card: queries.FeedCard | None,
    starts: tuple[int, ...],
    read: Read,
    kinds: Mapping[int, str],
) -> Block:
    summary, views, subscribers, first, end = read.summary, read.views, read.subscribers, read.before, read.at_end
    before = (first.value, first.step) if first else None
    sources = tuple(sorted({kinds[i] for i in summary.source_ids if i in kinds}))
    base = Figure(None, "views", summary.max_step, sources, summary.last_at, summary.readings)
    has_posts = summary.posts > 0 and summary.last_at is not None
    gained = _gained(card, [v for v in views if v is not None], channel, summary, kinds)
    was = read.summary_before if read.views_before is not None else None
    count, reactions = _subscribers(card, end, first, subscribers, kinds), _reactions(summary, kinds)
    last = next((point for point in reversed(subscribers) if point), before)
    day_sources = _kinds_of(summary.day_source_ids, kinds)
    day_views = Figure(None, "views", summary.day_step, day_sources, summary.day_at, summary.day_readings)
    told_by = tuple(kinds[i] for i in summary.engagement_source_ids if i in kinds)
    row = ChannelRow(
        public_id=channel.public_id,
        title=channel.title,
        username=channel.username,
        url=f"/channels/{channel.public_id}",
        relation=channel.relation,
        state=channel.state,
        subscribers=count,
        views=since(gained, read.views_before),
        posts=since(base.says(summary.posts, "posts", step=0), was.posts if was else None)
        if has_posts
        else none("posts"),
        reach=base.says(mean(summary.views, summary.read_posts)),
        reactions=reactions,
        **rates(Basis(summary, was, last, before, base, reactions, count, day_views, told_by)),
        spark=tuple(point[0] if point else None for point in subscribers[-_SPARK_DAYS:]),
        is_read=card is not None and card.readings > 0,
        is_simulated=channel.is_simulated,
    )
    post_views = base.says(summary.views if summary.read_posts else None)
    return Block(row, starts, views, subscribers, before, post_views, summary, channel.is_own)


def _reactions(summary: post_queries.PostsSummary, kinds: Mapping[int, str]) -> Figure:
    """Reactions to the posts of the period, with the sources that counted them."""
    sources = tuple(sorted({kinds[i] for i in summary.reactions_source_ids if i in kinds}))
    step, readings = summary.reactions_step, summary.readings if sources else 0
    return Figure(summary.reactions, "reactions", step, sources, summary.reactions_at, readings)


def _gained(
    card: queries.FeedCard | None,
    gained: list[int],
    channel: ChannelRef,
    summary: post_queries.PostsSummary,
    kinds: Mapping[int, str],
) -> Figure:
    """Views gained in the period. Posts of earlier days gain too, so the reading behind it is the feed's last."""
    if card is None or not gained or card.last_reading_at is None:
        return none("views")
    step, ids = summary.gaining_step, summary.gaining_source_ids
    if not ids:  # only posts older than those that are read regularly: the sources and rounding of all of the feed
        found = queries.sources_of_feed(channel.feed_id)
        step, ids = sum(step for _, step in found), tuple(i for i, _ in found)
    sources = tuple(sorted({kinds[i] for i in ids if i in kinds}))
    return Figure(sum(gained), "views", step, sources, card.last_reading_at, card.readings)


def _subscribers(
    card: queries.FeedCard | None,
    end: queries.Count | None,
    first: queries.Count | None,
    by_day: Sequence[tuple[int, int] | None],
    kinds: Mapping[int, str],
) -> Figure:
    """The last count of the period, with its change since the last one before it, or the first within it."""
    if card is None or end is None:
        return none("subscribers")
    count = Figure(
        end.value, "subscribers", end.step, _kinds_of([end.source_id], kinds), end.observed_at, card.subscriber_readings
    )
    read = [point for point in by_day if point]
    start = (first.value, first.step) if first else read[0] if len(read) > 1 else None
    if not read or start is None:
        return count
    growth = count.says(read[-1][0] - start[0], step=max(read[-1][1], start[1]))
    if first is not None:
        growth = replace(growth, sources=_kinds_of([end.source_id, first.source_id], kinds))
    return replace(count, delta=growth)


def _kinds_of(source_ids: Sequence[int], kinds: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(sorted({kinds[i] for i in source_ids if i in kinds}))
