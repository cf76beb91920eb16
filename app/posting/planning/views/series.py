"""Recurring posts over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from flask import Blueprint, Response, g, request
from flask_login import current_user

from app.core import policy as roles
from app.core import zones
from app.core.errors import AppError, Invalid, LimitReached
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.posting.planning import recurrence, series
from app.posting.planning.local_time import clock_time
from app.posting.planning.pages import SeriesForm
from app.posting.planning.series import Wish
from app.posting.planning.series_pages import form_of, new_page, series_list, series_page
from app.posting.service import writing
from app.posting.views.sent_form import sent_version

blueprint = Blueprint("series", __name__, url_prefix="/posts/series")
_TEMPLATE = "posting/planning/series.html"
_FIELDS = ("kind", "every", "day", "time", "timezone", "starts_on", "ends_on", "count")


def _who() -> dict[str, Any]:
    return {"user_id": current_user.user_id, "now": g.now}


def _may_publish() -> bool:
    return roles.may(current_user.role, Act.PUBLISH)


@blueprint.get("")
@policy(Act.SEE)
def lists() -> Response:
    rows = series_list(current_user.workspace_id, now=g.now)
    return page("posting/planning/series_list.html", rows=rows, timezone=current_user.workspace_timezone)


@blueprint.get("/new/<post>")
@policy(Act.PUBLISH)
def new(post: str) -> Response:
    """How often shall this post come again?"""
    return page(_TEMPLATE, page=_new(post))


def _new(post: str, form: SeriesForm | None = None) -> Any:
    source = writing.post_of(current_user.workspace_id, post)
    return new_page(source, form=form, zone=current_user.workspace_timezone, now=g.now)


@blueprint.post("/new/<post>")
@policy(Act.PUBLISH)
def start(post: str) -> Any:
    form = _typed()
    try:
        begun = series.start(current_user.workspace_id, post, _wish(form), **_who())
    except (Invalid, LimitReached) as error:
        return page(_TEMPLATE, status=error.status, page=_new(post, _refused(form, error)))
    return redirect_or_hx(f"/posts/series/{begun.public_id}")


@blueprint.get("/<public_id>")
@policy(Act.SEE)
def show(public_id: str) -> Response:
    return _shown(public_id)


def _shown(public_id: str, *, form: SeriesForm | None = None, status: int = 200) -> Response:
    found = series.of(current_user.workspace_id, public_id)
    shown = series_page(found, form=form or form_of(found), may_publish=_may_publish(), now=g.now)
    return page(_TEMPLATE, status=status, page=shown)


@blueprint.post("/<public_id>")
@policy(Act.PUBLISH)
def change(public_id: str) -> Any:
    form = _typed()
    try:
        series.change(current_user.workspace_id, public_id, sent_version(), _wish(form), **_who())
    except Invalid as error:
        return _shown(public_id, form=_refused(form, error), status=422)
    return redirect_or_hx(f"/posts/series/{public_id}")


@blueprint.post("/<public_id>/text")
@policy(Act.PUBLISH)
def take_text(public_id: str) -> Any:
    """Let the posts to come say what the series' composer holds."""
    series.take_text(current_user.workspace_id, public_id, sent_version(), **_who())
    return redirect_or_hx(f"/posts/series/{public_id}")


@blueprint.post("/<public_id>/pause")
@policy(Act.PUBLISH)
def pause(public_id: str) -> Any:
    series.pause(current_user.workspace_id, public_id, **_who())
    return redirect_or_hx(f"/posts/series/{public_id}")


@blueprint.post("/<public_id>/resume")
@policy(Act.PUBLISH)
def resume(public_id: str) -> Any:
    series.resume(current_user.workspace_id, public_id, **_who())
    return redirect_or_hx(f"/posts/series/{public_id}")


@blueprint.post("/<public_id>/end")
@policy(Act.PUBLISH)
def end(public_id: str) -> Any:
    series.end(current_user.workspace_id, public_id, **_who())
    return redirect_or_hx(f"/posts/series/{public_id}")


def _typed() -> SeriesForm:
    days = [int(day) for day in request.form.getlist("weekday") if day in "0123456" and len(day) == 1]
    return SeriesForm({name: request.form.get(name, "")[:64] for name in _FIELDS}, days)


def _wish(form: SeriesForm) -> Wish:
    """What the form says. Raises Invalid by its fields."""
    values = form.values
    rule = recurrence.rule_of(
        {
            "kind": values["kind"],
            "every": _number(values["every"] or "1"),
            "weekdays": form.weekdays,
            "day": _number(values["day"] or "1"),
        }
    )
    try:
        at = clock_time(values["time"])
    except ValueError as error:
        raise _wrong("time", N_("Choose a time.")) from error
    first = _day(values, "starts_on")
    if first is None:
        raise _wrong("starts_on", N_("Choose the first day."))
    count = _number(values["count"]) if values["count"].strip() else None
    return Wish(rule, at, zones.known(values["timezone"]), first, _day(values, "ends_on"), count)


def _number(text: str) -> int:
    """0, which every field refuses in its own words, for what is no number."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _day(values: Mapping[str, str], name: str) -> date | None:
    try:
        found = date.fromisoformat(values[name]) if values[name] else None
    except ValueError as error:
        raise _wrong(name, N_("This is no day that we can read.")) from error
    if found is not None and not 2000 < found.year < 2100:
        raise _wrong(name, N_("This is no day that we can read."))
    return found


def _wrong(field: str, sentence: str) -> Invalid:
    return Invalid(sentence, fields={field: sentence})


def _refused(form: SeriesForm, error: AppError) -> SeriesForm:
    fields = error.fields if isinstance(error, Invalid) else {}
    known = {name: explained(error) for name in fields if name in (*_FIELDS, "weekdays")}
    return replace(form, errors=known or {"": explained(error)})
