"""One channel's pages: overview, posts, content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.analytics import periods, post_queries, queries
from app.analytics.annotations import notes_of
from app.analytics.build.blocks import block_of, head_of
from app.analytics.build.days import reach_by_day
from app.analytics.build.mix import mix_of
from app.analytics.build.posts import best_posts, csv_url, posts_table
from app.analytics.pages import ChannelPage, ContentPage, DayPoint, PostsPage, RightsCheck, SourceState
from app.analytics.periods import Span
from app.channels.queries import ChannelRef
from app.channels.service import rights
from app.telegram.service import bot_by_id

TILES = ("subscribers", "growth", "views", "reach", "err", "err24", "er", "posts", "reactions")


def channel_page(workspace_id: int, channel: ChannelRef, *, span: Span, now: datetime) -> ChannelPage:
    """One channel of a workspace at a glance: its numbers, its days, its best posts, its sources."""
    period, block = block_of(workspace_id, channel, span=span, now=now)
    row, days = block.row, periods.days_ending(period.end, period.days)
    return ChannelPage(
        channel=row,
        timezone=channel.timezone,
        period=period,
        tiles={key: getattr(row, key) for key in TILES},
        er_parts=block.summary.engaged_parts,
        growth=tuple(
            DayPoint(day, point[0] if point else None, point[1] if point else 0)
            for day, point in zip(days, block.subscribers_by_day, strict=True)
        ),
        views_by_day=tuple(DayPoint(d, v) for d, v in zip(days, block.views_by_day, strict=True)),
        reach_by_day=tuple(
            DayPoint(day, None if f.value is None else round(f.value))
            for day, f in zip(days, reach_by_day(channel, block, period), strict=True)
        ),
        best=best_posts(channel, block),
        rights=_rights(channel),
        sources=_sources(channel, workspace_id, block.summary.read_at),
        csv_url=f"/channels/{channel.public_id}/days.csv?{span.query}",
        annotations=notes_of(workspace_id, {channel.id: ""}, period.start, period.end),
    )


def posts_page(
    workspace_id: int,
    channel: ChannelRef,
    *,
    span: Span,
    sort: str,
    order: str,
    shown: str,
    offset: int,
    at_least: post_queries.AtLeast | None = None,
    now: datetime,
) -> PostsPage:
    """One page of the table of a channel's posts."""
    period, head = head_of(workspace_id, channel, span=span, now=now, tab="/posts")
    return PostsPage(
        channel=head,
        timezone=channel.timezone,
        period=period,
        posts=posts_table(
            channel, period, span=span, sort=sort, order=order, shown=shown, offset=offset, at_least=at_least
        ),
        csv_url=csv_url(channel, span=span, shown=shown, at_least=at_least),
    )


def content_page(workspace_id: int, channel: ChannelRef, *, span: Span, now: datetime) -> ContentPage:
    """When a channel is read: its views by hour of the day and of the week, which sum to the views of the period."""
    period, block = block_of(workspace_id, channel, span=span, now=now, tab="/content")
    heat = queries.views_by_weekhour(channel.feed_id, block.starts, channel.timezone)
    return ContentPage(
        channel=block.row,
        timezone=channel.timezone,
        period=period,
        views=block.row.views,
        by_hour=tuple(_sum_known([day[hour] for day in heat]) for hour in range(24)),
        heat=tuple(tuple(row) for row in heat),
        csv_url=f"/channels/{channel.public_id}/hours.csv?{span.query}",
        mix=mix_of(channel, span),
    )


def _sum_known(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _rights(channel: ChannelRef) -> RightsCheck | None:
    if channel.bot_id is None:
        return None
    check, bot = rights.check(channel.bot_id, channel.chat_id), bot_by_id(channel.bot_id)
    return RightsCheck(check.items, bot.username, check.checked_at, check.is_admin) if check and bot else None


def _sources(channel: ChannelRef, workspace_id: int, read_at: Mapping[int, datetime]) -> tuple[SourceState, ...]:
    """When each source last read subscribers or the posts of the period."""
    found: dict[str, SourceState] = {}
    for source_id, kind, is_on, counted_at in queries.sources_of(channel.chat_id, workspace_id):
        before = found[kind].last_at if kind in found else None
        last_at = max((at for at in (counted_at, read_at.get(source_id), before) if at), default=None)
        if last_at is None and kind == "import":
            continue
        found[kind] = SourceState(kind, is_on, last_at)
    return tuple(found.values())
