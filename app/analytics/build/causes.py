"""Unsubscribes per post, as the jobs process stored it: only where the workspace's own bot is told of leaves."""

from __future__ import annotations

from app.analytics import effects, periods
from app.analytics.audience_pages import CauseRow, Causes
from app.analytics.build.figures import none
from app.analytics.effects import PostCause
from app.analytics.pages import Figure
from app.channels.queries import ChannelRef

ON_PAGE, IN_FILE = 15, 5000
_BOT = ("bot_updates",)


def causes_of(channel: ChannelRef, starts: tuple[int, ...], *, query: str, limit: int = ON_PAGE) -> Causes:
    """The posts of the days in `starts` with the most leaves above the expected. `query` names the period in addresses."""
    url = f"/channels/{channel.public_id}"
    if channel.relation != "owned" or channel.bot_id is None:
        return Causes((), 0, False, None, "")
    start, end = periods.hour_moment(starts[0]), periods.hour_moment(starts[-1])
    found, posts = effects.causes_of(channel.bot_id, channel.chat_id, start, end, limit=limit)
    return Causes(
        rows=tuple(_row(cause, url) for cause in found),
        posts=posts,
        has_source=True,
        computed_at=effects.computed(channel.id).causes_at,
        csv_url=f"{url}/audience/causes.csv?{query}",
    )


def _row(cause: PostCause, url: str) -> CauseRow:
    leaves = (
        Figure(cause.leaves, "leaves", 0, _BOT, cause.observed_at, cause.events) if cause.events else none("leaves")
    )
    return CauseRow(
        key=cause.key,
        url=f"{url}/posts/{cause.key}",
        posted_at=cause.posted_at,
        media_label=cause.media,
        is_deleted=cause.is_deleted,
        leaves=leaves,
        expected=_estimate(cause, cause.expected),
        excess=_estimate(cause, cause.excess),
        verdict=cause.verdict,
        p=cause.p,
        q=cause.q,
    )


def _estimate(cause: PostCause, value: float | None) -> Figure:
    if value is None or not cause.events:
        return none("leaves")
    return Figure(round(value, 1), "leaves", 0.1, _BOT, cause.observed_at, cause.events, is_estimate=True)
