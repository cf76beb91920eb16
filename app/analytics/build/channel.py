"""One channel's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.analytics import periods, queries
from app.analytics.build.blocks import Block, block_of
from app.analytics.build.figures import none
from app.analytics.build.posts import posts_table
from app.analytics.pages import ChannelPage, DayPoint, Period, RightsCheck, SourceState
from app.channels.queries import ChannelRef
from app.channels.service import rights
from app.telegram.service import bot_by_id

_LABELS = {"bot_updates": "Bot updates", "preview_page": "Public page", "import": "Imported readings"}


def channel_page(
    workspace_id: int,
    channel: ChannelRef,
    *,
    days: int,
    sort: str,
    order: str,
    shown: str,
    offset: int,
    now: datetime,
) -> ChannelPage:
    """One channel of a workspace."""
    url = f"/channels/{channel.public_id}"
    period, block = block_of(workspace_id, channel, days=days, now=now)
    row = block.row
    days_list = periods.days_ending(period.end, period.days)
    return ChannelPage(
        channel=row,
        timezone=channel.timezone,
        period=period,
        tiles={
            "subscribers": row.subscribers,
            "growth": row.subscribers.delta or none("subscribers"),
            "views": row.views,
            "reach": row.reach,
            "posts": row.posts,
            "reactions": block.reactions,
        },
        growth=tuple(
            DayPoint(day, point[0] if point else None, point[1] if point else 0)
            for day, point in zip(days_list, block.subscribers_by_day, strict=True)
        ),
        views_by_day=tuple(DayPoint(d, v) for d, v in zip(days_list, block.views_by_day, strict=True)),
        reach_by_day=_reach_by_day(channel, block, days_list, period),
        heat=_heat(channel, block.starts),
        posts=posts_table(channel, block, days=days, sort=sort, order=order, shown=shown, offset=offset),
        rights=_rights(channel),
        sources=_sources(channel, workspace_id, block.summary.read_at),
        csv_url=f"{url}/posts.csv?days={days}",
    )


def _heat(channel: ChannelRef, starts: Sequence[int]) -> tuple[tuple[int | None, ...], ...]:
    offset = ZoneInfo(channel.timezone).utcoffset(periods.hour_moment(starts[-1]))
    hours = round(offset.total_seconds() // 3600) if offset else 0
    return tuple(tuple(row) for row in queries.views_by_weekhour(channel.feed_id, starts, hours))


def _reach_by_day(channel: ChannelRef, block: Block, days: Sequence[date], period: Period) -> tuple[DayPoint, ...]:
    by_day: dict[date, list[int]] = {}
    first, last = periods.hour_moment(block.starts[0]), periods.hour_moment(block.starts[-1])
    for posted_at, views in queries.reach_by_day(channel.feed_id, first, last):
        by_day.setdefault(periods.local_day(posted_at, period.timezone), []).append(views)
    return tuple(DayPoint(d, round(sum(by_day[d]) / len(by_day[d])) if d in by_day else None) for d in days)


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
        note = "switched off" if not is_on else ""
        found[kind] = SourceState(kind, _LABELS.get(kind, kind), is_on, last_at, note)
    return tuple(found.values())
