"""Watermarks over HTTP: those that a workspace has, one of them with its form, and how it looks on a picture."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, g, request
from flask_login import current_user

from app.core import policy as roles
from app.core.errors import Conflict, Forbidden, Invalid, LimitReached, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.media import mark_pages, queries
from app.media.file_urls import file_url
from app.media.queries import LONGEST_SEARCH
from app.media.service import marking, watermarks, work
from app.media.service.marking import Wish
from app.media.service.watermarks import Typed

blueprint = Blueprint("watermarks", __name__, url_prefix="/watermarks")
NEW = "new"
_LONGEST = {"name": 100, "text": 2_000, "kind": 8, "logo": 22, "position": 16}


@blueprint.get("")
@policy(Act.COMPOSE)
def show() -> Response:
    return page("media/watermarks.html", page=mark_pages.list_page(current_user.workspace_id, may_change=_may_change()))


@blueprint.get("/<public_id>")
@policy(Act.COMPOSE)
def one(public_id: str) -> Response:
    """A watermark with its form, and what is being tried; `new` is one that is to be made."""
    if public_id == NEW and not _may_change():
        raise Forbidden(N_("Watermarks are made by those who manage the channels."))
    return _form(public_id, None)


@blueprint.post("/<public_id>")
@policy(Act.MANAGE_CHANNELS)
def save(public_id: str) -> Any:
    typed = _typed()
    known = None if public_id == NEW else public_id
    try:
        row = watermarks.save(current_user.workspace_id, known, typed, **_who())
    except Invalid as error:
        return _form(public_id, typed, status=422, errors=dict.fromkeys(error.fields, explained(error)))
    return redirect_or_hx(f"/watermarks/{row.public_id}")


@blueprint.post("/<public_id>/delete")
@policy(Act.MANAGE_CHANNELS)
def delete(public_id: str) -> Any:
    """Its channels' next posts carry none; what was scheduled with it keeps it."""
    watermarks.delete(current_user.workspace_id, public_id, **_who())
    return redirect_or_hx("/watermarks")


@blueprint.post("/<public_id>/try")
@policy(Act.COMPOSE)
@limiter.limit("30 per minute")
def try_it(public_id: str) -> Any:
    """Put it on a file of the library; that counts as one of the month's watermarks, as on a post."""
    here = current_user.workspace_id
    mark = watermarks.params_of(watermarks.by_public_id(here, public_id))
    file = request.form.get("file", "")[:22]
    try:
        if (row := queries.file_of(here, file)) and (refusal := marking.why_not(row)):
            raise refusal  # before it counts as one of the month's
        if not marking.want(here, [file], Wish(mark), now=g.now):
            raise Invalid(N_("A watermark can be put on pictures and films only."), fields={"file": "kind"})
    except (Invalid, LimitReached) as error:
        return _form(public_id, None, status=error.status, errors={"file": explained(error)})
    return redirect_or_hx(f"/watermarks/{public_id}?file={file}")


@blueprint.post("/<public_id>/stop/<job>")
@policy(Act.COMPOSE)
def stop(public_id: str, job: str) -> Any:
    """Call off what is being tried; what has ended meanwhile stays."""
    with suppress(Conflict, NotFound):
        work.cancel(current_user.workspace_id, job, now=g.now)
    return redirect_or_hx(f"/watermarks/{public_id}?file={request.form.get('file', '')[:22]}")


def _form(public_id: str, typed: Typed | None, *, status: int = 200, errors: dict[str, str] | None = None) -> Response:
    shown = mark_pages.mark_page(
        current_user.workspace_id,
        public_id if public_id != NEW else "",
        typed,
        tried=request.args.get("file", "")[:22],
        words=request.args.get("q", "").strip()[:LONGEST_SEARCH],
        may_change=_may_change(),
        errors=errors or {},
        url_of=file_url,
    )
    return page("media/watermark.html", status=status, page=shown)


def _may_change() -> bool:
    return roles.may(current_user.role, Act.MANAGE_CHANNELS)


def _typed() -> Typed:
    form = request.form
    numbers = {name: form.get(name, "")[:6] for name in ("width", "margin", "opacity", "seconds")}
    words = {name: form.get(name, "")[:most] for name, most in _LONGEST.items()}
    return Typed(**words, **numbers, channels=form.getlist("channels")[:100])


def _who() -> dict[str, Any]:
    return {"user_id": current_user.user_id, "now": g.now}
