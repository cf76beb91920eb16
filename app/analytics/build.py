"""Assembling the pages from the queries. Pure reads: `now` and the period come in, dataclasses go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from app.analytics import periods, queries
from app.analytics.pages import (
    ChannelPage,
    ChannelRow,
    CurvePoint,
    DayPoint,
    Figure,
    FilterChoice,
    NetworkPage,
    Period,
    PeriodChoice,
    PostPage,
    PostRow,
    PostsTable,
    RightsCheck,
    SourceState,
)
from app.channels.queries import ChannelRef, channels_of
from app.channels.service import rights
from app.telegram.service import bot_by_id

PAGE_SIZE = 25
MEDIA = ("photo", "video", "album", "document", "poll", "text")
_LABELS = {"bot_updates": "Bot updates", "preview_page": "Public page", "import": "Imported readings"}
_STATE_PROBLEMS = {
    "bot_removed": "The bot was removed from “{title}”. Exact numbers have stopped.",
    "rights_missing": "The bot lacks rights in “{title}”.",
}


def network_page(
    workspace_id: int, workspace_name: str, *, timezone: str, days: int, is_demo: bool, now: datetime
) -> NetworkPage:
    """The roll-up of a workspace's channels. A post counts once, in its own channel."""
    channels = channels_of(workspace_id)
    cards, kinds = queries.cards(workspace_id), queries.source_kinds()
    period = _period(cards.values(), days=days, timezone=timezone, url="/network", now=now)
    built = [_channel_block(c, cards.get(c.feed_id), period, kinds) for c in channels]
    total_views = sum(b.row.views.value or 0 for b in built)
    rows = tuple(_with_share(b.row, total_views) for b in built)
    reads = [b for b in built if b.row.reach.value is not None]
    reach = _sum([b.post_views for b in reads], "views")
    read_posts = sum(b.read_posts for b in reads)
    totals = {
        "subscribers": _with_delta(_sum([r.subscribers for r in rows], "subscribers"), rows),
        "views": _sum([r.views for r in rows], "views"),
        "posts": _sum([r.posts for r in rows], "posts"),
        "reach": replace(reach, value=round(reach.value / read_posts))
        if reach.value and read_posts
        else _none("views"),
        "channels": Figure(len(rows), "channels", sources=("workspace",), observed_at=now, readings=len(rows))
        if rows
        else _none("channels"),
    }
    return NetworkPage(
        workspace_name=workspace_name,
        period=period,
        totals=totals,
        growth=_sum_growth(built, period),
        views_by_day=_sum_days([b.views_by_day for b in built], period),
        rows=rows,
        problems=tuple(_STATE_PROBLEMS[c.state].format(title=c.title) for c in channels if c.state in _STATE_PROBLEMS),
        is_demo=is_demo,
        csv_url=f"/network.csv?days={period.days}",
        connect_url="/channels/connect",
    )


class _Block:
    """What one channel adds to a page."""

    __slots__ = ("row", "views_by_day", "subscribers_by_day", "post_views", "read_posts", "summary", "starts", "before")

    row: ChannelRow
    views_by_day: list[int | None]
    subscribers_by_day: list[tuple[int, int] | None]
    post_views: Figure
    read_posts: int
    summary: queries.PostsSummary
    starts: tuple[int, ...]
    before: tuple[int, int] | None


def _channel_block(channel: ChannelRef, card: queries.FeedCard | None, period: Period, kinds: dict[int, str]) -> _Block:
    block = _Block()
    starts = block.starts = periods.day_starts(period.end, period.days, period.timezone)
    block.summary = summary = queries.posts_summary(
        channel.feed_id, periods.hour_moment(starts[0]), periods.hour_moment(starts[-1])
    )
    block.views_by_day = queries.views_by_day(channel.feed_id, starts)
    block.subscribers_by_day = queries.subscribers_by_day(channel.feed_id, starts)
    block.before = queries.subscribers_before(channel.feed_id, starts[0])
    sources = tuple(sorted({kinds[i] for i in summary.source_ids if i in kinds}))
    base = Figure(None, "views", summary.max_step, sources, summary.last_at, summary.readings)
    gained = [v for v in block.views_by_day if v is not None]
    block.post_views = replace(base, value=summary.views if summary.read_posts else None)
    block.read_posts = summary.read_posts
    subscribers = _subscribers(card, block, kinds)
    has_posts = summary.posts > 0 and summary.last_at is not None
    block.row = ChannelRow(
        public_id=channel.public_id,
        title=channel.title,
        username=channel.username,
        url=f"/channels/{channel.public_id}",
        relation=channel.relation,
        state=channel.state,
        subscribers=subscribers,
        views=_gained(card, gained, *_spoken(channel, base, kinds)),
        posts=replace(base, value=summary.posts, unit="posts", step=0) if has_posts else _none("posts"),
        reach=replace(base, value=round(summary.views / summary.read_posts)) if summary.read_posts else _none("views"),
        spark=tuple(point[0] if point else None for point in block.subscribers_by_day[-30:]),
        is_simulated=channel.is_simulated,
    )
    return block


def _spoken(channel: ChannelRef, base: Figure, kinds: dict[int, str]) -> tuple[Figure, tuple[str, ...]]:
    """Sources and rounding of the period's posts, or of all posts of the feed when the period has none."""
    if base.sources:
        return base, base.sources
    found = queries.sources_of_feed(channel.feed_id)
    known = tuple(sorted({kinds[i] for i, _ in found if i in kinds}))
    return replace(base, step=max((step for _, step in found), default=0)), known


def _gained(card: queries.FeedCard | None, gained: list[int], base: Figure, sources: tuple[str, ...]) -> Figure:
    """Views gained in the period. Posts of earlier days gain too, so the reading behind it is the feed's last."""
    if card is None or not gained or card.last_reading_at is None:
        return _none("views")
    return Figure(sum(gained), "views", base.step, sources, card.last_reading_at, card.readings)


def _subscribers(card: queries.FeedCard | None, block: _Block, kinds: dict[int, str]) -> Figure:
    if card is None or card.subscribers is None or card.subscribers_source_id is None:
        return _none("subscribers")
    source = (kinds[card.subscribers_source_id],)
    delta = _growth(block, source, card)
    return Figure(
        card.subscribers,
        "subscribers",
        card.subscribers_step,
        source,
        card.subscribers_at,
        card.subscriber_readings,
        delta=delta,
    )


def _growth(block: _Block, source: tuple[str, ...], card: queries.FeedCard) -> Figure | None:
    """The last count of the period minus the last before it, or minus the first within it when nothing is older."""
    read = [point for point in block.subscribers_by_day if point]
    first = block.before or (read[0] if read else None)
    if not read or first is None or (block.before is None and len(read) < 2):
        return None
    step = max(read[-1][1], first[1])
    return Figure(
        read[-1][0] - first[0], "subscribers", step, source, card.subscribers_at, readings=card.subscriber_readings
    )


def _none(unit: str) -> Figure:
    return Figure(None, unit)


def _sum(figures: Sequence[Figure], unit: str) -> Figure:
    """The sum of known figures with the provenance of all of them."""
    known = [f for f in figures if f.value is not None]
    if not known:
        return _none(unit)
    return Figure(
        value=sum(f.value for f in known if f.value is not None),
        unit=unit,
        step=sum(f.step for f in known),
        sources=tuple(sorted({s for f in known for s in f.sources})),
        observed_at=max((f.observed_at for f in known if f.observed_at), default=None),
        readings=sum(f.readings for f in known),
    )


def _with_delta(total: Figure, rows: Sequence[ChannelRow]) -> Figure:
    deltas = [r.subscribers.delta for r in rows if r.subscribers.delta is not None]
    return replace(total, delta=_sum(deltas, "subscribers")) if deltas else total


def _with_share(row: ChannelRow, total: float) -> ChannelRow:
    if not total or row.views.value is None:
        return row
    return replace(row, share_percent=100 * row.views.value / total)


def _sum_days(series: Sequence[Sequence[int | None]], period: Period) -> tuple[DayPoint, ...]:
    days = periods.days_ending(period.end, period.days)
    points = []
    for n, day in enumerate(days):
        known = [s[n] for s in series if s[n] is not None]
        points.append(DayPoint(day, sum(v for v in known if v is not None) if known else None))
    return tuple(points)


def _sum_growth(built: Sequence[_Block], period: Period) -> tuple[DayPoint, ...]:
    """The network's subscribers by day: each channel's last known count, once every read channel has one."""
    filled = [_carried(b) for b in built if b.before or any(b.subscribers_by_day)]
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


def _carried(block: _Block) -> list[tuple[int, int] | None]:
    last, result = block.before, []
    for point in block.subscribers_by_day:
        last = point or last
        result.append(last)
    return result


def _period(cards: Any, *, days: int, timezone: str, url: str, now: datetime) -> Period:
    last = max((c.last_at for c in cards if c.last_at), default=None)
    end = periods.local_day(last or now, timezone)
    choices = tuple(
        PeriodChoice(n, f"{n} d" if n < 365 else "1 y", f"{url}?days={n}", n == days) for n in periods.CHOICES
    )
    return Period(
        start=periods.days_ending(end, days)[0],
        end=end,
        days=days,
        timezone=timezone,
        last_reading_at=last,
        is_stale=periods.is_stale(last, now),
        choices=choices,
    )


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
    cards, kinds = queries.cards(workspace_id), queries.source_kinds()
    card = cards.get(channel.feed_id)
    url = f"/channels/{channel.public_id}"
    period = _period([card] if card else [], days=days, timezone=channel.timezone, url=url, now=now)
    block = _channel_block(channel, card, period, kinds)
    row, summary = block.row, block.summary
    days_list = periods.days_ending(period.end, period.days)
    reactions = replace(row.posts, value=summary.reactions, unit="reactions", step=summary.max_step)
    return ChannelPage(
        channel=row,
        timezone=channel.timezone,
        period=period,
        tiles={
            "subscribers": row.subscribers,
            "growth": row.subscribers.delta or _none("subscribers"),
            "views": row.views,
            "reach": row.reach,
            "posts": row.posts,
            "reactions": reactions if summary.reactions is not None else _none("reactions"),
        },
        growth=tuple(
            DayPoint(day, point[0] if point else None, point[1] if point else 0)
            for day, point in zip(days_list, block.subscribers_by_day, strict=True)
        ),
        views_by_day=tuple(DayPoint(d, v) for d, v in zip(days_list, block.views_by_day, strict=True)),
        reach_by_day=_reach_by_day(channel, block, days_list, period),
        heat=_heat(channel, block.starts),
        posts=_posts(channel, kinds, block.starts, days=days, sort=sort, order=order, shown=shown, offset=offset),
        rights=_rights(channel),
        sources=_sources(channel, workspace_id),
        csv_url=f"{url}/posts.csv?days={days}",
    )


def _heat(channel: ChannelRef, starts: Sequence[int]) -> tuple[tuple[int | None, ...], ...]:
    offset = ZoneInfo(channel.timezone).utcoffset(periods.hour_moment(starts[-1]))
    hours = round(offset.total_seconds() // 3600) if offset else 0
    return tuple(tuple(row) for row in queries.views_by_weekhour(channel.feed_id, starts, hours))


def _reach_by_day(channel: ChannelRef, block: _Block, days: Sequence[date], period: Period) -> tuple[DayPoint, ...]:
    by_day: dict[date, list[int]] = {}
    first, last = periods.hour_moment(block.starts[0]), periods.hour_moment(block.starts[-1])
    for posted_at, views in queries.reach_by_day(channel.feed_id, first, last):
        by_day.setdefault(periods.local_day(posted_at, period.timezone), []).append(views)
    return tuple(DayPoint(d, round(sum(by_day[d]) / len(by_day[d])) if d in by_day else None) for d in days)


def _posts(
    channel: ChannelRef,
    kinds: dict[int, str],
    starts: Sequence[int],
    *,
    days: int,
    sort: str,
    order: str,
    shown: str,
    offset: int,
) -> PostsTable:
    if shown in ("top", "flop"):
        sort, order = "views", "desc" if shown == "top" else "asc"
    media = shown if shown in MEDIA else None
    start, end = periods.hour_moment(starts[0]), periods.hour_moment(starts[-1])
    found = queries.posts_page(
        channel.feed_id,
        sort=sort,
        descending=order == "desc",
        media=media,
        start=start,
        end=end,
        limit=PAGE_SIZE + 1,
        offset=offset,
    )
    base = {"days": days, "show": shown}

    def url(**changes: object) -> str:
        return f"/channels/{channel.public_id}?" + urlencode(base | {"sort": sort, "order": order} | changes)

    def flipped(key: str) -> str:
        return "asc" if key == sort and order == "desc" else "desc"

    names = {"all": "All", "top": "Top", "flop": "Flop"} | {m: m.capitalize() for m in MEDIA}
    return PostsTable(
        rows=tuple(_post_row(channel, post, kinds) for post in found[:PAGE_SIZE]),
        sort=sort,
        order=order,
        filter=shown,
        next_url=url(offset=offset + PAGE_SIZE) if len(found) > PAGE_SIZE else None,
        prev_url=url(offset=max(0, offset - PAGE_SIZE)) if offset else None,
        total=queries.posts_summary(channel.feed_id, start, end).posts,
        sort_urls={key: url(sort=key, order=flipped(key), show="all") for key in queries.SORTS},
        filter_urls=tuple(FilterChoice(k, label, url(show=k), k == shown) for k, label in names.items()),
    )


def _post_row(channel: ChannelRef, post: dict[str, Any], kinds: dict[int, str]) -> PostRow:
    source = (kinds[post["source_id"]],) if post["source_id"] in kinds else ()
    base = Figure(None, "views", post["step"], source, post["observed_at"], post["readings"])
    key = post["message_id"] if post["message_id"] is not None else f"u-{post['origin_uid']}"
    is_public = channel.username and post["message_id"] is not None and channel.telegram_chat_id
    return PostRow(
        public_id=str(key),
        url=f"/channels/{channel.public_id}/posts/{key}",
        message_id=post["message_id"],
        posted_at=post["posted_at"],
        media_label=str(post["media"]),
        text_length=post["text_length"],
        views=replace(base, value=post["views"]),
        views_24h=replace(base, value=post["views_24h"]),
        reactions=replace(base, value=post["reactions"], unit="reactions"),
        er=_engagement_rate(post, base),
        is_edited=post["edited_at"] is not None,
        is_deleted=post["deleted_at"] is not None,
        is_service=bool(post["is_service"]),
        telegram_url=f"https://t.me/{channel.username}/{key}" if is_public and not channel.is_simulated else None,
    )


def _engagement_rate(post: dict[str, Any], base: Figure) -> Figure:
    """ER in percent, no more exact than the counts it is made of: their rounding goes into its step."""
    if post["er_ppm"] is None:
        return _none("percent")
    rate = post["er_ppm"] / 10_000
    step = max(0.1, round(rate * post["step"] / post["views"], 1)) if post["step"] and post["views"] else 0
    return replace(base, value=rate, unit="percent", step=step)


def _rights(channel: ChannelRef) -> RightsCheck | None:
    if channel.bot_id is None:
        return None
    check, bot = rights.check(channel.bot_id, channel.chat_id), bot_by_id(channel.bot_id)
    return RightsCheck(check.items, bot.username, check.checked_at, check.is_admin) if check and bot else None


def _sources(channel: ChannelRef, workspace_id: int) -> tuple[SourceState, ...]:
    found: dict[str, SourceState] = {}
    for kind, is_on, last_at in queries.sources_of(channel.chat_id, workspace_id):
        if last_at is None and kind == "import":
            continue
        note = "switched off" if not is_on else ""
        found[kind] = SourceState(kind, _LABELS.get(kind, kind), is_on, last_at, note)
    return tuple(found.values())


def post_page(workspace_id: int, channel: ChannelRef, key: str, *, now: datetime) -> PostPage | None:
    """One post with its curve; None when this feed has no such post."""
    kinds = queries.source_kinds()
    post = queries.post_of(channel.feed_id, channel.chat_id, key)
    if post is None:
        return None
    card = queries.cards(workspace_id).get(channel.feed_id)
    period = _period([card] if card else [], days=30, timezone=channel.timezone, url="", now=now)
    curve = tuple(
        CurvePoint(at, round((at - post["posted_at"]).total_seconds()), views, step, kind, falling)
        for at, views, step, kind, falling in queries.curve(post["post_id"], workspace_id)
    )
    reactions = tuple(
        (emoji, Figure(count, "reactions", step, (kind,), at, 1))
        for emoji, count, step, kind, at in queries.reactions_of(post["post_id"], workspace_id)
    )
    row = _post_row(channel, post, kinds)
    return PostPage(
        channel=_channel_block(channel, card, period, kinds).row,
        timezone=channel.timezone,
        csv_url=f"{row.url}.csv",
        post=row,
        curve=curve,
        reactions=reactions,
    )


def all_posts(workspace_id: int, channel: ChannelRef, *, days: int, now: datetime) -> list[PostRow]:
    """Every post of the period, newest first: what the CSV holds."""
    kinds, card = queries.source_kinds(), queries.cards(workspace_id).get(channel.feed_id)
    period = _period([card] if card else [], days=days, timezone=channel.timezone, url="", now=now)
    starts = periods.day_starts(period.end, days, channel.timezone)
    found = queries.posts_page(
        channel.feed_id,
        sort="posted_at",
        descending=True,
        media=None,
        start=periods.hour_moment(starts[0]),
        end=periods.hour_moment(starts[-1]),
        limit=100_000,
        offset=0,
    )
    return [_post_row(channel, post, kinds) for post in found]


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
