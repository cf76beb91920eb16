"""Series: a post begins to come again, pauses, goes on, changes, ends. What is frozen already stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from app.audit import service as audit
from app.core import db, ids, zones
from app.core.clock import iso
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.posting.content import draft as drafts
from app.posting.content.draft import Draft
from app.posting.emoji import palette
from app.posting.models import AuthoredPost
from app.posting.planning import occurring, recurrence, withdrawing
from app.posting.planning.models import ACTIVE, ENDED, PAUSED, REPEATED, PostSeries
from app.posting.planning.occasions import days_from, moment_of
from app.posting.planning.recurrence import Rule
from app.posting.service import planning, writing
from app.posting.states import DRAFT

_FACTS = ("plan", "rule", "time", "timezone", "state", "count")


@dataclass(frozen=True, slots=True)
class Wish:
    """When a post shall come again. It ends after `ends_on`, or after `count` times, or never."""

    rule: Rule
    at: time
    timezone: str
    starts_on: date
    ends_on: date | None = None
    count: int | None = None


def start(workspace_id: int, public_id: str, wish: Wish, *, user_id: int, now: datetime) -> PostSeries:
    """Let a post come again, as its composer shows it now. A draft becomes the series' text; of another one a copy does.

    Raises NotFound, Invalid by the form's fields (also the composer's, for what the post lacks).
    """
    _require_possible(wish)
    with db.write():
        post = writing.held(workspace_id, public_id)
        draft = planning.draft_of(post, zone=wish.timezone)
        if post.state != DRAFT:
            post = writing.create(workspace_id, {}, user_id=user_id, now=now)
        plan = _take(post, draft, user_id=user_id, now=now)
        series: PostSeries = PostSeries.create(
            public_id=ids.public_id(),
            workspace=workspace_id,
            post=post.id,
            plan=plan,
            state=ACTIVE,
            created_by=user_id,
            created_at=now,
            **_columns(wish),
        )
        _set_next(series, now=now)
        _record("series.started", series, user_id, before=None, now=now)
    occurring.advance(workspace_id, series.id, now=now)
    return of(workspace_id, series.public_id)


def of(workspace_id: int, public_id: str) -> PostSeries:
    """A series of the workspace. Raises NotFound."""
    found: PostSeries | None = PostSeries.get_or_none(
        PostSeries.workspace == workspace_id, PostSeries.public_id == public_id
    )
    if found is None:
        raise NotFound(N_("There is no such series."))
    return found


def change(workspace_id: int, public_id: str, version: int, wish: Wish, *, user_id: int, now: datetime) -> PostSeries:
    """Other days or another time, for the posts that are not frozen yet. Raises Conflict when somebody changed it."""
    _require_possible(wish)
    with db.write():
        series = _held(workspace_id, public_id, version)
        before = _facts(series)
        for name, value in _columns(wish).items():
            setattr(series, name, value)
        _remake(series, "series.changed", before, user_id=user_id, now=now)
    occurring.advance(workspace_id, series.id, now=now)
    return of(workspace_id, public_id)


def take_text(workspace_id: int, public_id: str, version: int, *, user_id: int, now: datetime) -> PostSeries:
    """What its composer holds now is what the posts say that are not frozen yet. Raises as `start`, and Conflict."""
    with db.write():
        series = _held(workspace_id, public_id, version)
        before = _facts(series)
        post = template_of(series)
        series.plan = _take(post, drafts.read(post.draft), user_id=user_id, now=now)
        _remake(series, "series.changed", before, user_id=user_id, now=now)
    occurring.advance(workspace_id, series.id, now=now)
    return of(workspace_id, public_id)


def pause(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Take the posts to come off the clock until it goes on."""
    _stop(workspace_id, public_id, PAUSED, "series.paused", user_id=user_id, now=now)


def end(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Take the posts to come off the clock for good."""
    _stop(workspace_id, public_id, ENDED, "series.ended", user_id=user_id, now=now)


def _stop(workspace_id: int, public_id: str, state: str, action: str, *, user_id: int, now: datetime) -> None:
    with db.write():
        series = _held(workspace_id, public_id)
        if series.state in (state, ENDED):
            return
        before = _facts(series)
        withdrawing.withdraw(series, only_untouched=False, user_id=user_id, now=now)
        series.state = state
        _save(series)
        _record(action, series, user_id, before=before, now=now)


def resume(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Go on with the next day to come; what the pause left out stays left out."""
    with db.write():
        series = _held(workspace_id, public_id)
        if series.state != PAUSED:
            raise Conflict(N_("This series is not paused."), code="not_paused")
        before = _facts(series)
        _set_next(series, now=now)
        _record("series.resumed", series, user_id, before=before, now=now)
    occurring.advance(workspace_id, series.id, now=now)


def template_of(series: PostSeries) -> AuthoredPost:
    """The post whose newest revision the series repeats."""
    found: AuthoredPost = AuthoredPost.get(AuthoredPost.workspace == series.workspace, AuthoredPost.id == series.post)
    return found


def is_text_changed(series: PostSeries) -> bool:
    """Whether its composer holds something else than what the series says."""
    post = template_of(series)
    draft, said = drafts.read(post.draft), planning.said_of(post)
    return bool(post.draft) and ((draft.content(), draft.contents()) != said or _plan(draft) != series.plan)


def _take(post: AuthoredPost, draft: Draft, *, user_id: int, now: datetime) -> dict[str, Any]:
    """Freeze a draft as what the series says; the composer keeps showing it. Returns the series' plan."""
    if not planning.chosen(post.workspace, draft.channels):
        sentence = N_("Choose at least one channel for the post first.")
        raise Invalid(sentence, fields={"channels": sentence})
    writing.freeze(post, draft.content(), draft.contents(), user_id=user_id, now=now)
    palette.use(post.workspace, (draft.content(), *draft.contents().values()), now=now)
    post.draft = replace(draft, day="", time="", proposal=None).to_doc()
    post.state = REPEATED
    writing.touch(post, now=now)
    return _plan(draft)


def _plan(draft: Draft) -> dict[str, Any]:
    return {
        "channels": list(draft.channels),
        "is_pinned": draft.is_pinned,
        "after": dict(draft.after),
        "top_minutes": draft.top_minutes,
    }


def _columns(wish: Wish) -> dict[str, Any]:
    return {
        "rule": wish.rule.to_doc(),
        "time": wish.at.strftime("%H:%M"),
        "timezone": wish.timezone,
        "starts_on": wish.starts_on,
        "ends_on": wish.ends_on,
        "count": wish.count,
    }


def _require_possible(wish: Wish) -> None:
    zones.known(wish.timezone)
    if wish.ends_on is not None and wish.ends_on < wish.starts_on:
        sentence = N_("A series ends after it begins.")
        raise Invalid(sentence, fields={"ends_on": sentence})
    if wish.count is not None and not 1 <= wish.count <= recurrence.MOST_TIMES:
        sentence = N_("It can come 1 to 1000 times.")
        raise Invalid(sentence, fields={"count": sentence})


def _held(workspace_id: int, public_id: str, version: int | None = None) -> PostSeries:
    series = of(workspace_id, public_id)
    db.serialise("post_series", series.id)
    series = of(workspace_id, public_id)
    if version is not None and series.version != version:
        raise Conflict(N_("Somebody changed this series meanwhile. Load the page again."), code="stale")
    return series


def _set_next(series: PostSeries, *, now: datetime) -> None:
    """Go on with the first day whose moment is still to come."""
    today = now.astimezone(ZoneInfo(series.timezone)).date()
    coming = (day for day in days_from(series, max(today, series.starts_on)) if moment_of(series, day) > now)
    series.next_on = next(coming, None)
    series.state = ACTIVE if series.next_on else ENDED
    _save(series)


def _save(series: PostSeries) -> None:
    series.version += 1
    series.save()


def _remake(series: PostSeries, action: str, before: Mapping[str, Any], *, user_id: int, now: datetime) -> None:
    """Take away what was made and not touched; the days to come are made anew."""
    was_paused = series.state == PAUSED
    withdrawing.withdraw(series, only_untouched=True, user_id=user_id, now=now)
    _set_next(series, now=now)
    if was_paused:
        series.state = PAUSED
        series.save()
    _record(action, series, user_id, before=before, now=now)


def _facts(series: PostSeries) -> dict[str, Any]:
    days = {name: str(getattr(series, name)) for name in ("starts_on", "ends_on") if getattr(series, name)}
    return {name: getattr(series, name) for name in _FACTS} | days


def _record(action: str, series: PostSeries, user_id: int, *, before: Mapping[str, Any] | None, now: datetime) -> None:
    audit.record(
        action,
        actor=f"user:{user_id}",
        subject=f"series:{series.public_id}",
        workspace_id=series.workspace,
        before=before,
        after=_facts(series) | {"at": iso(now)},
        now=now,
    )
