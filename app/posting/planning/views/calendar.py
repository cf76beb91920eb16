"""The calendar over HTTP, and moving what stands on it."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g, make_response, request
from flask_babel import get_locale
from flask_login import current_user

from app.core import formats
from app.core import policy as roles
from app.core.errors import AppError, Conflict
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.posting.content.draft import Draft
from app.posting.planning import moving
from app.posting.planning.calendar import Asked, calendar_page
from app.posting.planning.calendar_cells import Looker
from app.posting.service import writing
from app.posting.views.sent_form import sent_version

blueprint = Blueprint("calendar", __name__, url_prefix="/posts/calendar")
_TEMPLATE = "posting/calendar.html"


def _looker() -> Looker:
    return Looker(
        workspace_id=current_user.workspace_id,
        timezone=current_user.workspace_timezone,
        may_publish=roles.may(current_user.role, Act.PUBLISH),
        now=g.now,
    )


def _asked() -> Asked:
    try:
        at: date | None = date.fromisoformat(request.values.get("at", "")[:10])
    except ValueError:
        at = None
    is_near = at is not None and 2000 < at.year < 2100
    return Asked(request.values.get("view", ""), at if is_near else None, request.values.get("channel", ""))


@blueprint.get("")
@policy(Act.SEE)
def show() -> Response:
    return page(_TEMPLATE, page=calendar_page(_looker(), _asked()))


@blueprint.post("/<public_id>/move")
@policy(Act.PUBLISH)
def move(public_id: str) -> Any:
    """Another day, at the time that it has unless another one is named, in the workspace's zone."""
    given = request.values
    version, channels = given.get("version", ""), given.get("channels", "").split(",")
    due_at = _wanted(public_id, given.get("day", "")[:10], given.get("time", "")[:5], channels)
    try:
        moving.move(
            current_user.workspace_id,
            public_id,
            sent_version(),
            due_at,
            channels=[channel for channel in channels if channel],
            is_anyway="anyway" in given,
            user_id=current_user.user_id,
            now=g.now,
        )
    except Conflict as error:
        if error.code == "needs_anyway" and request.headers.get("HX-Request") == "true":
            return _asks_anyway(public_id, error, due_at, version)
        raise
    target: Any = request
    if target.target_id != "calendar":
        return redirect_or_hx("/posts/calendar?" + urlencode({"view": _asked().view, "at": _asked().at or ""}))
    time = formats.dt(due_at, str(get_locale() or "en"), current_user.workspace_timezone)
    shown = page(_TEMPLATE, page=calendar_page(_looker(), _asked()))
    shown.headers["HX-Trigger"] = json.dumps({"toast": {"text": _say(N_("Moved to %(time)s."), time=time)}})
    return shown


def _wanted(public_id: str, day: str, time: str, channels: list[str]) -> datetime:
    """The moment that is named; without a time the one of the first of the channels. Raises Invalid."""
    zone = current_user.workspace_timezone
    if not time:
        post = writing.post_of(current_user.workspace_id, public_id)
        known = moving.standings(current_user.workspace_id, post.id).values()
        due = min((one.due_at for one in known if one.channel in channels), default=None)
        time = due.astimezone(ZoneInfo(zone)).strftime("%H:%M") if due else ""
    return Draft(day=day, time=time, zone=zone).due_at()


def _asks_anyway(public_id: str, error: Conflict, due_at: datetime, version: str) -> Response:
    """What hinders, with a button that moves it all the same."""
    local = due_at.astimezone(ZoneInfo(current_user.workspace_timezone))
    asked = {name: request.values.get(name, "") for name in ("view", "at", "channel", "channels")}
    asked |= {"day": local.date().isoformat(), "time": local.strftime("%H:%M"), "version": version, "anyway": "1"}
    url = f"/posts/calendar/{public_id}/move?{urlencode(asked)}"
    told = {"text": explained(error), "kind": "bad", "undo_url": url, "undo": _say(N_("Move it anyway"))}
    answer = make_response("", 409)
    answer.headers.update({"HX-Reswap": "none", "HX-Trigger": json.dumps({"toast": told})})
    return answer


def _say(sentence: str, **params: Any) -> str:
    return explained(AppError(sentence, **params))
