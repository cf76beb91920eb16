"""The posts of a period: a page of the table, or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from app.analytics import periods, post_queries, queries
from app.analytics.build.blocks import Block, head_of
from app.analytics.build.figures import none
from app.analytics.pages import Figure, FilterChoice, Period, PostRow, PostsTable
from app.analytics.periods import Span
from app.analytics.post_counts import count_posts
from app.analytics.post_queries import AtLeast, Which
from app.channels.queries import ChannelRef
from app.links import queries as links

PAGE_SIZE, FILE_PAGE_SIZE = 25, 1000
MEDIA = ("photo", "video", "album", "document", "poll", "text")
EXTREMES, STATES = ("top", "flop"), ("edited", "deleted")
SHOWN = ("all", *EXTREMES, *MEDIA, *STATES)
_VIEWED = AtLeast("views", "0")
LINKS = "links"  # where clicks come from: our own counter


def posts_table(
    channel: ChannelRef,
    period: Period,
    *,
    span: Span,
    sort: str,
    order: str,
    shown: str,
    offset: int,
    at_least: AtLeast | None = None,
) -> PostsTable:
    """One page of the posts of the period, sorted by a key of post_queries.SORTS, with the links around it.

    `shown`: all, the most or least viewed, one kind of media, or one of STATES; `at_least` bounds one of the numbers.
    """
    kinds, (start, end), which = queries.source_kinds(), _bounds(period), _which(shown, at_least)
    if shown in EXTREMES:
        sort, order = "views", "desc" if shown == "top" else "asc"
    found = post_queries.posts_page(
        channel.feed_id,
        channel.id,
        sort=sort,
        descending=order == "desc",
        which=which,
        start=start,
        end=end,
        limit=PAGE_SIZE + 1,
        offset=offset,
    )
    page_url = f"/channels/{channel.public_id}/posts"
    bound = {"metric": at_least.metric, "least": at_least.text} if at_least else {}
    base = {"sort": sort, "order": order, "show": shown, **bound}

    def url(**changes: object) -> str:
        return f"{page_url}?{span.query}&" + urlencode(base | changes)

    def flipped(key: str) -> str:
        return "asc" if key == sort and order == "desc" else "desc"

    kept = "all" if shown in EXTREMES else shown
    metrics = tuple(key for key in post_queries.METRICS if key != "ctr" or links.has_links(channel.id))
    return PostsTable(
        rows=tuple(post_rows(channel, found[:PAGE_SIZE], kinds)),
        sort=sort,
        order=order,
        filter=shown,
        next_url=url(offset=offset + PAGE_SIZE) if len(found) > PAGE_SIZE else None,
        prev_url=url(offset=max(0, offset - PAGE_SIZE)) if offset else None,
        counted=count_posts(channel.feed_id, channel.id, start, end, which=which, sort=sort),
        sort_urls={key: url(sort=key, order=flipped(key), show=kept) for key in ("posted_at", *metrics)},
        filter_urls=tuple(FilterChoice(key, url(show=key), key == shown) for key in SHOWN),
        form_url=page_url,
        form_kept=(*parse_qsl(span.query), ("sort", sort), ("order", order), ("show", shown)),
        metrics=metrics,
        metric=at_least.metric if at_least else "views",
        least=at_least.text if at_least else "",
    )


def _bounds(period: Period) -> tuple[datetime, datetime]:
    starts = periods.day_starts(period.end, period.days, period.timezone)
    return periods.hour_moment(starts[0]), periods.hour_moment(starts[-1])


def _which(shown: str, at_least: AtLeast | None) -> Which:
    bounds = (at_least,) if at_least else ()
    if shown in EXTREMES:
        return Which(state="live", bounds=bounds)
    return Which(media=shown if shown in MEDIA else None, state=shown if shown in STATES else None, bounds=bounds)


def best_posts(channel: ChannelRef, block: Block, *, limit: int = 5) -> tuple[PostRow, ...]:
    """The most viewed posts of the block's days that are still there."""
    kinds, starts = queries.source_kinds(), block.starts
    found = post_queries.posts_page(
        channel.feed_id,
        channel.id,
        sort="views",
        descending=True,
        which=Which(state="live", bounds=(_VIEWED,)),
        start=periods.hour_moment(starts[0]),
        end=periods.hour_moment(starts[-1]),
        limit=limit,
        offset=0,
    )
    return tuple(post_rows(channel, found, kinds))


def post_rows(channel: ChannelRef, posts: Sequence[dict[str, Any]], kinds: dict[int, str]) -> Iterator[PostRow]:
    """Posts as post_queries.posts_page gives them, with the provenance of their counts and their links' clicks."""
    clicks = links.clicks_of_messages(channel.id, [p["message_id"] for p in posts if p["message_id"] is not None])
    for post in posts:
        yield _post_row(channel, post, kinds, clicks.get(post["message_id"]))


def _post_row(channel: ChannelRef, post: dict[str, Any], kinds: dict[int, str], clicks: int | None) -> PostRow:
    base = Figure(None, "views", post["step"], _named(post["source_id"], kinds), post["observed_at"], post["readings"])
    reactions = Figure(
        post["reactions"],
        "reactions",
        post["reactions_step"],
        _named(post["reactions_source_id"], kinds),
        post["reactions_at"],
        post["readings"],
    )
    told = _named(post["engagement_source_id"], kinds)
    forwards, comments = (
        Figure(post[name], name, post["engagement_step"], told, post["engagement_at"], post["readings"])
        if post[name] is not None
        else none(name)
        for name in ("forwards", "comments")
    )
    parts = {"forwards": forwards, "reactions": reactions, "comments": comments}
    in_rate = {name: part for name, part in parts.items() if part.value is not None}
    key = post["message_id"] if post["message_id"] is not None else f"u-{post['origin_uid']}"
    is_public = channel.username and post["message_id"] is not None and channel.telegram_chat_id
    return PostRow(
        public_id=str(key),
        url=f"/channels/{channel.public_id}/posts/{key}",
        message_id=post["message_id"],
        posted_at=post["posted_at"],
        media_label=str(post["media"]),
        text_length=post["text_length"],
        views=base.says(post["views"]),
        views_24h=_first_day(post, kinds),
        reactions=reactions,
        er=_engagement_rate(post, tuple(in_rate.values()), base),
        edited_at=post["edited_at"],
        deleted_at=post["deleted_at"],
        is_service=bool(post["is_service"]),
        telegram_url=f"https://t.me/{channel.username}/{key}" if is_public and not channel.is_simulated else None,
        forwards=forwards,
        comments=comments,
        er_parts=tuple(in_rate) if post["er_ppm"] is not None else (),
        clicks=clicks,
        ctr=_click_rate(clicks, base.says(post["views"])),
    )


def _click_rate(clicks: int | None, views: Figure) -> Figure:
    """CTR in percent, as exact as the views are; none of a post without counted links, or without views."""
    if clicks is None or not views.value:
        return none("percent")
    rate = 100 * clicks / views.value
    off = rate * views.step / views.value
    sources = (*views.sources, LINKS)
    return replace(views, value=rate, unit="percent", step=max(0.1, round(off, 1)) if off else 0, sources=sources)


def _first_day(post: dict[str, Any], kinds: dict[int, str]) -> Figure:
    """Views at the age of 24 hours, with what the curve rests on there and not what was read last."""
    if post["views_24h"] is None:
        return none("views")
    told = _named(post["views_24h_source_id"], kinds)
    return Figure(post["views_24h"], "views", post["views_24h_step"], told, post["views_24h_at"], post["readings"])


def _named(source_id: int | None, kinds: dict[int, str]) -> tuple[str, ...]:
    return (kinds[source_id],) if source_id in kinds else ()


def _engagement_rate(post: dict[str, Any], parts: tuple[Figure, ...], views: Figure) -> Figure:
    """ER in percent with the sources of all its counts, and no more exact than they are: their rounding is in its step."""
    if post["er_ppm"] is None:
        return none("percent")
    rate = 100 * sum(part.value or 0 for part in parts) / post["views"]
    off = (rate * views.step + 100 * sum(part.step for part in parts)) / post["views"]
    sources = tuple(sorted({*views.sources, *(source for part in parts for source in part.sources)}))
    return replace(views, value=rate, unit="percent", step=max(0.1, round(off, 1)) if off else 0, sources=sources)


def csv_url(channel: ChannelRef, *, span: Span, shown: str, at_least: AtLeast | None) -> str:
    """The address of the file of the posts that a filter shows."""
    bound = {"metric": at_least.metric, "least": at_least.text} if at_least else {}
    chosen = {"show": shown} if shown != "all" else {}
    asked = "".join(f"&{key}={value}" for key, value in (chosen | bound).items())
    return f"/channels/{channel.public_id}/posts.csv?{span.query}{asked}"


@dataclass(frozen=True, slots=True)
class PostsFile:
    """The posts of a period with one filter, newest first, and how many they are. `rows` is read as it is walked."""

    period: Period
    total: int
    rows: Iterator[PostRow]


def posts_file(
    workspace_id: int, channel: ChannelRef, *, span: Span, shown: str, at_least: AtLeast | None, now: datetime
) -> PostsFile:
    """Every post that the table with this filter has on its pages."""
    period, _ = head_of(workspace_id, channel, span=span, now=now)
    (start, end), which = _bounds(period), _which(shown, at_least)
    total = count_posts(channel.feed_id, channel.id, start, end, which=which, sort="posted_at").shown
    return PostsFile(period, total, _walk(channel, which, start, end))


def _walk(channel: ChannelRef, which: Which, start: datetime, end: datetime) -> Iterator[PostRow]:
    """Page by page by the key of the last post, so that a file of any length holds one page in memory."""
    kinds, last = queries.source_kinds(), None
    while found := post_queries.posts_before(
        channel.feed_id, channel.id, which=which, start=start, end=end, last=last, limit=FILE_PAGE_SIZE
    ):
        yield from post_rows(channel, found, kinds)
        last = found[-1]
