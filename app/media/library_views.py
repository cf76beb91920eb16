"""The library over HTTP: what the workspace has, one file, and what people do with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, current_app, g, request
from flask_login import current_user

from app.core.errors import Conflict, Invalid, LimitReached, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.media import pages, queries
from app.media.file_urls import file_url
from app.media.models import MediaFile
from app.media.queries import LONGEST_SEARCH, Wanted
from app.media.service import MOST_BYTES, keep, library, uploads
from app.media.service.store import StoreAway
from app.media.upload_views import blueprint, most_bytes

__all__ = ["blueprint"]  # with the routes of this module


def asked() -> Wanted:
    """Which files the address asks for."""
    words, tag = (request.values.get(name, "").strip()[:LONGEST_SEARCH] for name in ("q", "tag"))
    return Wanted(words, request.values.get("kind", "")[:9], tag, request.values.get("show") == "trash")


def _before() -> int | None:
    given = request.args.get("before", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None


@blueprint.get("/media")
@policy(Act.COMPOSE)
def files() -> Response:
    return _library()


def _library(*, status: int = 200, error: str = "") -> Response:
    shown = pages.library_page(
        *(current_user.workspace_id, asked()),
        before=_before(),
        user_id=current_user.user_id,
        most_bytes=most_bytes(),
        url_of=file_url,
        now=g.now,
        error=error,
    )
    return page("media/library.html", status=status, page=shown)


@blueprint.post("/media")
@policy(Act.COMPOSE, most_bytes=MOST_BYTES)
@limiter.limit("120 per minute")
def send_file_by_form() -> Any:
    """Keep what a plain form sends, where no script can send it in pieces."""
    try:
        given = [file for file in request.files.getlist("file") if file.filename]
        if not given:
            raise Invalid(N_("Choose a file."), fields={"file": "missing"})
        for file in given:
            keep(
                *(current_user.workspace_id, file.stream, file.filename or ""),
                data_dir=current_app.extensions["runtime"].settings.data_dir,
                user_id=current_user.user_id,
                now=g.now,
            )
    except (Invalid, LimitReached, StoreAway) as error:
        return _library(status=error.status, error=explained(error))
    return redirect_or_hx("/media")


@blueprint.post("/media/uploads/<public_id>/cancel")
@policy(Act.COMPOSE)
def forget_upload(public_id: str) -> Any:
    """Give up what was begun, where the file itself is not at hand any more."""
    uploads.cancel(current_user.workspace_id, public_id, data_dir=current_app.extensions["runtime"].settings.data_dir)
    return redirect_or_hx("/media")


@blueprint.get("/media/<public_id>/about")
@policy(Act.COMPOSE)
def about(public_id: str) -> Response:
    return _about(public_id)


def _about(public_id: str, *, status: int = 200, error: str = "", field: str = "") -> Response:
    row, uses = _row(public_id), current_app.extensions["runtime"].uses
    shown = pages.file_page(current_user.workspace_id, row, uses, url_of=file_url)
    return page("media/file.html", status=status, page=replace(shown, error=error, error_field=field))


def _row(public_id: str) -> MediaFile:
    row = queries.file_of(current_user.workspace_id, public_id)
    if row is None or row.origin is not None:
        raise NotFound(N_("There is no such file."))
    return row


def _who() -> dict[str, Any]:
    return {"user_id": current_user.user_id, "now": g.now}


@blueprint.post("/media/<public_id>/rename")
@policy(Act.COMPOSE)
def rename(public_id: str) -> Any:
    try:
        library.rename(current_user.workspace_id, public_id, request.form.get("name", "")[:500], **_who())
    except Invalid as error:
        return _about(public_id, status=422, error=explained(error), field="name")
    return redirect_or_hx(f"/media/{public_id}/about")


@blueprint.post("/media/<public_id>/tags")
@policy(Act.COMPOSE)
def tag(public_id: str) -> Any:
    try:
        library.tag(current_user.workspace_id, public_id, request.form.get("tags", "")[:1000], **_who())
    except Invalid as error:
        return _about(public_id, status=422, error=explained(error), field="tags")
    return redirect_or_hx(f"/media/{public_id}/about")


@blueprint.post("/media/<public_id>/trash")
@policy(Act.COMPOSE)
def put_in_trash(public_id: str) -> Any:
    uses = current_app.extensions["runtime"].uses
    try:
        library.put_in_trash(current_user.workspace_id, public_id, uses, **_who())
    except Conflict as error:
        return _about(public_id, status=409, error=explained(error), field="trash")
    return redirect_or_hx("/media")


@blueprint.post("/media/<public_id>/restore")
@policy(Act.COMPOSE)
def take_back(public_id: str) -> Any:
    library.take_back(current_user.workspace_id, public_id, **_who())
    return redirect_or_hx(f"/media/{public_id}/about")
