"""One post's page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.analytics import edits, periods, post_queries, queries
from app.analytics.annotations import Note, notes_of
from app.analytics.build.blocks import block_of
from app.analytics.build.notes import by_age
from app.analytics.build.posts import post_rows
from app.analytics.build.usual import usual_rows
from app.analytics.pages import CurvePoint, Figure, PostPage
from app.analytics.periods import Span
from app.channels.queries import ChannelRef

MOST_DRAWN, ALL_READINGS = 2000, 1_000_000


def post_page(
    workspace_id: int, channel: ChannelRef, key: str, *, most_points: int = MOST_DRAWN, now: datetime
) -> PostPage | None:
    """One post with its curve of the newest `most_points` readings; None when this feed has no such post."""
    post = post_queries.post_of(channel.feed_id, channel.chat_id, key)
    if post is None:
        return None
    curve = tuple(
        CurvePoint(at, round((at - post["posted_at"]).total_seconds()), views, step, kind, falling)
        for at, views, step, kind, falling in post_queries.curve(post["post_id"], workspace_id, limit=most_points)
    )
    reactions = tuple(
        (emoji, Figure(count, "reactions", step, (kind,), at, 1))
        for emoji, count, step, kind, at in post_queries.reactions_of(post["post_id"], workspace_id)
    )
    (row,) = post_rows(channel, [post], queries.source_kinds())
    return PostPage(
        channel=block_of(workspace_id, channel, span=Span(), now=now)[1].row,
        timezone=channel.timezone,
        csv_url=f"{row.url}.csv",
        post=row,
        curve=curve,
        is_curve_cut=len(curve) == most_points,
        reactions=reactions,
        edits=edits.edits_of(post["post_id"], workspace_id, shows_text=channel.relation == "owned"),
        annotations=_notes(workspace_id, channel, post["posted_at"], curve),
        usual=usual_rows(
            channel.feed_id, workspace_id, posted_at=post["posted_at"], curve=curve, first_day=row.views_24h
        ),
    )


def _notes(
    workspace_id: int, channel: ChannelRef, posted_at: datetime, curve: Sequence[CurvePoint]
) -> tuple[Note, ...]:
    """The notes on the days from the post's birth to the last reading of its curve."""
    if not curve:
        return ()
    first, last = (periods.local_day(at, channel.timezone) for at in (posted_at, curve[-1].at))
    return by_age(notes_of(workspace_id, {channel.id: ""}, first, last), posted_at, channel.timezone)
