"""The lists of posts, one post, and what is done with posts that are written already."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from flask_login import current_user

from app.channels.queries import channel_of
from app.core import policy as roles
from app.core.errors import Conflict, Invalid, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.media.file_urls import file_url
from app.posting.approvals import deciding
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.pages.lists import Reader, list_page
from app.posting.pages.post import post_page
from app.posting.planning import caring
from app.posting.queries import waiting as queries_waiting
from app.posting.service import composing, resolving, scheduling, writing
from app.posting.views.sent_form import sent_version

blueprint = Blueprint("posting", __name__, url_prefix="/posts")


def _reader() -> Reader:
    return Reader(
        workspace_id=current_user.workspace_id,
        timezone=current_user.workspace_timezone,
        may_compose=roles.may(current_user.role, Act.COMPOSE),
        may_publish=roles.may(current_user.role, Act.PUBLISH),
        now=g.now,
    )


def _who() -> dict[str, Any]:
    return {"user_id": current_user.user_id, "now": g.now}


def _mine(public_id: str) -> AuthoredPost:
    return writing.post_of(current_user.workspace_id, public_id)


def _back(public_id: str) -> Response:
    return redirect_or_hx(f"/posts/{public_id}")


@blueprint.get("")
@policy(Act.SEE)
def lists() -> Response:
    return page(
        "posting/lists.html", page=list_page(_reader(), request.args.get("show", ""), request.args.get("after", ""))
    )


@blueprint.get("/<public_id>")
@policy(Act.SEE)
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, *, status: int = 200, **more: Any) -> Response:
    settings = current_app.extensions["runtime"].settings
    temporal = settings.temporal_ui_url and f"{settings.temporal_ui_url}/namespaces/{settings.temporal_namespace}"
    shown = post_page(_reader(), _mine(public_id), url_of=file_url, temporal=temporal)
    return page("posting/post.html", status=status, page=shown, **more)


@blueprint.post("/<public_id>/move")
@policy(Act.PUBLISH)
def move(public_id: str) -> Any:
    """Another time, in the workspace's zone."""
    day, time = request.form.get("day", "")[:10], request.form.get("time", "")[:5]
    typed = Draft(day=day, time=time, zone=current_user.workspace_timezone)
    try:
        _move_to(public_id, typed.due_at())
    except Invalid as error:
        return _page(public_id, status=422, move_error=explained(error), typed=typed)
    except Conflict as error:
        if error.code != "needs_anyway":
            raise
        return _page(public_id, status=409, move_error=explained(error), typed=typed, is_anyway=True)
    return _back(public_id)


def _move_to(public_id: str, due_at: datetime) -> None:
    def change() -> AuthoredPost:
        return composing.move(current_user.workspace_id, public_id, due_at, **_who())

    is_anyway = "anyway" in request.form
    caring.with_care(current_user.workspace_id, public_id, change, is_anyway=is_anyway)


@blueprint.post("/<public_id>/now")
@policy(Act.PUBLISH)
def publish_now(public_id: str) -> Any:
    """Send at once what waits, or what Telegram refused before."""
    try:
        _move_to(public_id, g.now)
    except Conflict as error:
        if error.code != "needs_anyway":
            raise
        return _page(public_id, status=409, now_error=explained(error))
    return _back(public_id)


@blueprint.post("/<public_id>/approve")
@policy(Act.PUBLISH)
def approve(public_id: str) -> Any:
    try:
        deciding.approve(current_user.workspace_id, public_id, sent_version(), **_who())
    except Invalid as error:
        return _page(public_id, status=422, approve_error=explained(error))
    return _back(public_id)


@blueprint.post("/<public_id>/cancel")
@policy(Act.PUBLISH)
def cancel(public_id: str) -> Any:
    scheduling.cancel(current_user.workspace_id, public_id, **_who())
    return _back(public_id)


@blueprint.post("/<public_id>/take-down")
@policy(Act.PUBLISH)
def take_down(public_id: str) -> Any:
    scheduling.take_down(current_user.workspace_id, public_id, **_who())
    return _back(public_id)


@blueprint.post("/<public_id>/duplicate")
@policy(Act.COMPOSE)
def duplicate(public_id: str) -> Any:
    copy = composing.duplicate(current_user.workspace_id, public_id, zone=current_user.workspace_timezone, **_who())
    return redirect_or_hx(f"/posts/{copy.public_id}/edit")


@blueprint.post("/<public_id>/discard")
@policy(Act.COMPOSE)
def discard(public_id: str) -> Any:
    """Throw the draft away, or the changes of a post that is scheduled or out."""
    composing.discard(current_user.workspace_id, public_id, **_who())
    post = _mine_or_none(public_id)
    return redirect_or_hx(f"/posts/{public_id}" if post else "/posts?show=drafts")


def _mine_or_none(public_id: str) -> AuthoredPost | None:
    try:
        return _mine(public_id)
    except NotFound:
        return None


@blueprint.post("/<public_id>/in/<channel>/there")
@policy(Act.PUBLISH)
def it_is_there(public_id: str, channel: str) -> Any:
    """Somebody looked: an unconfirmed post is in the channel."""
    delivery_id = queries_waiting.unknown_delivery(current_user.workspace_id, _mine(public_id).id, channel)
    resolving.it_is_there(current_user.workspace_id, delivery_id, **_who())
    return _back(public_id)


@blueprint.post("/<public_id>/in/<channel>/again")
@policy(Act.PUBLISH)
def send_again(public_id: str, channel: str) -> Any:
    """Somebody looked: an unconfirmed post is not in the channel."""
    delivery_id = queries_waiting.unknown_delivery(current_user.workspace_id, _mine(public_id).id, channel)
    resolving.send_again(current_user.workspace_id, delivery_id, **_who())
    return _back(public_id)


@blueprint.post("/resume/<channel>")
@policy(Act.PUBLISH)
def resume(channel: str) -> Any:
    """Let a channel's posts on hold go on."""
    ref = channel_of(current_user.workspace_id, channel)
    if ref is None:
        raise NotFound(N_("There is no such channel."))
    scheduling.resume(current_user.workspace_id, ref.id, **_who())
    return redirect_or_hx("/posts")
