"""The posts of series: made two weeks ahead as ordinary scheduled posts, one for each day, whatever runs twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from app.core import db
from app.core.errors import AppError, Invalid
from app.core.i18n import N_
from app.core.tenancy import unscoped
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.planning.missed import CATCH_UP
from app.posting.planning.models import ACTIVE, ENDED, MADE, MISSED, SKIPPED, PostSeries, SeriesOccurrence
from app.posting.planning.occasions import days_from, moment_of
from app.posting.service import composing, planning, writing

AHEAD = timedelta(days=14)
_A_DAY = timedelta(days=1)
_AT_ONCE = 500
_NO_BOT = N_("Our bot is in none of the channels of this series.")


def advance_all(*, now: datetime) -> int:
    """Make what is due within two weeks, of every active series. Returns how many days had their turn."""
    until = (now + AHEAD + _A_DAY).date()
    with unscoped("the sweep of all series"):
        waiting = list(
            PostSeries.select()
            .where(PostSeries.state == ACTIVE, PostSeries.next_on <= until)
            .order_by(PostSeries.next_on, PostSeries.id)
            .limit(_AT_ONCE)
        )
    return sum(advance(series.workspace, series.id, now=now) for series in waiting)


def advance(workspace_id: int, series_id: int, *, now: datetime) -> int:
    """Make a series' posts of the next two weeks, each day in a transaction of its own. Returns how many days."""
    count = 0
    while _one_day(workspace_id, series_id, now=now):
        count += 1
    return count


def _one_day(workspace_id: int, series_id: int, *, now: datetime) -> bool:
    with db.write():
        db.serialise("post_series", series_id)
        series: PostSeries = PostSeries.get(PostSeries.workspace == workspace_id, PostSeries.id == series_id)
        if series.state != ACTIVE or series.next_on is None:
            return False
        day, due_at = series.next_on, moment_of(series, series.next_on)
        if due_at > now + AHEAD:
            return False
        _occur(series, day, due_at, now=now)
        series.next_on = next(days_from(series, day + _A_DAY), None)
        series.state = ACTIVE if series.next_on else ENDED
        series.save()
    return True


def _occur(series: PostSeries, day: date, due_at: datetime, *, now: datetime) -> None:
    is_known = SeriesOccurrence.select().where(
        SeriesOccurrence.workspace == series.workspace,
        SeriesOccurrence.series == series.id,
        SeriesOccurrence.day == day,
    )
    if is_known.exists():
        return
    post, reason = (None, MISSED) if due_at < now - CATCH_UP else _made(series, due_at, now=now)
    revision = writing.newest(post.id) if post else None
    SeriesOccurrence.create(
        workspace=series.workspace,
        series=series.id,
        day=day,
        due_at=due_at,
        post=post.id if post else None,
        content_hash=revision.content_hash if revision else None,
        state=MADE if post else SKIPPED,
        reason=reason,
        created_at=now,
    )


def _made(series: PostSeries, due_at: datetime, *, now: datetime) -> tuple[AuthoredPost | None, str | None]:
    """The scheduled post of a day, or why there can be none: nothing of it stays then."""
    try:
        with db.database.atomic():
            draft = draft_of(series)
            post = writing.create(series.workspace, {}, user_id=series.created_by, now=now)
            made = composing.schedule(
                *(series.workspace, post.public_id, post.version, draft),
                due_at=max(due_at, now),
                user_id=series.created_by,
                now=now,
            )
    except AppError as error:
        return None, error.message[:300]
    return made, None


def draft_of(series: PostSeries) -> Draft:
    """What the series says now, for the channels in which our bot is. Raises Invalid when that is none."""
    template: AuthoredPost = AuthoredPost.get(
        AuthoredPost.workspace == series.workspace, AuthoredPost.id == series.post
    )
    kept, template.draft = template.draft, None
    said = planning.draft_of(template, zone=series.timezone)
    template.draft = kept
    refs = planning.chosen(series.workspace, series.plan["channels"])
    channels = tuple(ref.public_id for ref in refs if ref.bot_id is not None)
    if not channels:
        raise Invalid(_NO_BOT, fields={"channels": _NO_BOT})
    return replace(
        said,
        channels=channels,
        is_pinned=bool(series.plan["is_pinned"]),
        after=dict(series.plan["after"]),
        top_minutes=series.plan.get("top_minutes", 0),
        proposal=None,
    )
