"""Custom emoji over HTTP: the palette, the sets that it is filled from, and the composer's picker."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request
from flask_login import current_user

from app.core import policy as roles
from app.core.errors import Invalid, LimitReached, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.media.file_urls import ticketed
from app.posting.emoji import pages, palette, pictures, queries

blueprint = Blueprint("emoji", __name__, url_prefix="/emoji")
_LONGEST = 200


@blueprint.get("")
@policy(Act.COMPOSE)
def show() -> Response:
    return _palette()


def _palette(*, status: int = 200, typed: str = "", error: str = "") -> Response:
    shown = pages.palette_page(current_user.workspace_id, may_change=_may_change(), typed=typed, error=error, now=g.now)
    return page("posting/emoji.html", status=status, page=shown, url_of=picture_url)


@blueprint.get("/pick")
@policy(Act.COMPOSE)
def pick() -> Response:
    """The palette for the composer: what is pressed is written at the cursor."""
    emoji = queries.palette_of(current_user.workspace_id)
    return page("posting/emoji_pick.html", emoji=emoji, url_of=picture_url)


@blueprint.get("/<emoji_id>/picture")
@policy(Act.COMPOSE)
def picture(emoji_id: str) -> Response:
    """The still picture of a custom emoji, as Telegram made it; it never changes."""
    found = pictures.picture_of(emoji_id)
    if found is None:
        raise NotFound(N_("There is no such emoji."))
    response = Response(found[1], mimetype=found[0])
    response.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return response


@blueprint.post("/sets")
@policy(Act.MANAGE_CHANNELS)
@limiter.limit("30 per minute")
def ask() -> Any:
    """Have a set read by its name or link; its page tells when it has come."""
    typed = request.form.get("name", "")[:_LONGEST]
    try:
        key = palette.ask_for(current_user.workspace_id, typed, now=g.now)
    except Invalid as error:
        return _palette(status=422, typed=typed, error=explained(error))
    return redirect_or_hx(f"/emoji/sets/{key}")


@blueprint.get("/sets/<key>")
@policy(Act.COMPOSE)
def one_set(key: str) -> Response:
    return _set(key)


def _set(key: str, *, status: int = 200, error: str = "") -> Response:
    shown = pages.set_page(current_user.workspace_id, key, may_change=_may_change(), error=error, now=g.now)
    return page("posting/emoji_set.html", status=status, page=shown, url_of=picture_url)


@blueprint.post("/sets/<key>/add")
@policy(Act.MANAGE_CHANNELS)
def add(key: str) -> Any:
    """Put what was chosen of a set at hand; `all` for everything that is in it."""
    here = current_user.workspace_id
    known = [one.emoji_id for one in queries.emoji_of(here, key)]
    chosen = known if "all" in request.form else [one for one in request.form.getlist("emoji") if one in set(known)]
    if not chosen:
        return _set(key, status=422, error=explained(Invalid(N_("Choose at least one emoji."))))
    try:
        palette.add(here, chosen, user_id=current_user.user_id, now=g.now)
    except LimitReached as error:
        return _set(key, status=error.status, error=explained(error))
    return redirect_or_hx(f"/emoji/sets/{key}")


@blueprint.post("/sets/<key>/forget")
@policy(Act.MANAGE_CHANNELS)
def forget(key: str) -> Any:
    palette.forget_set(current_user.workspace_id, key)
    return redirect_or_hx("/emoji")


@blueprint.post("/<emoji_id>/remove")
@policy(Act.MANAGE_CHANNELS)
def remove(emoji_id: str) -> Any:
    palette.remove(current_user.workspace_id, emoji_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx("/emoji")


def picture_url(emoji_id: str) -> str:
    """Where a page finds an emoji's picture."""
    return ticketed(f"/emoji/{emoji_id}/picture")


def _may_change() -> bool:
    return roles.may(current_user.role, Act.MANAGE_CHANNELS)
