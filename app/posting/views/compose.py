"""The composer over HTTP: every button has its own address, all take the same form."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Response, current_app, g, request
from flask_login import current_user

from app.core import ids
from app.core import policy as roles
from app.core.errors import Conflict, Invalid, LimitReached
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.media import pages as files
from app.media import queries as media_queries
from app.media import service as media
from app.media.file_urls import file_url
from app.media.library_views import asked
from app.media.upload_views import most_bytes
from app.posting.approvals import asking
from app.posting.content.blocks import Media
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.pages.composer import Editor, as_fragment, composer_page
from app.posting.pages.shapes import ComposerPage
from app.posting.service import composing, planning, writing
from app.posting.views.posts import blueprint
from app.posting.views.sent_form import sent_draft, sent_version

__all__ = ["blueprint"]  # with the routes of this module
_TEMPLATE = "posting/composer.html"
_MOST_UPLOAD = 4 * media.MOST_BYTES  # several files in one form; each has the limit of its own
_MOST_PICKED = 10  # an album has no more
_FRAGMENTS = ("composer_state", "composer_preview", "composer_media")


def _editor() -> Editor:
    return Editor(
        workspace_id=current_user.workspace_id,
        timezones=(current_user.workspace_timezone, current_user.timezone),
        may_publish=roles.may(current_user.role, Act.PUBLISH),
        url_of=file_url,
        now=g.now,
        most_bytes=most_bytes(),
    )


def _kept(public_id: str) -> AuthoredPost | None:
    """The post, None while nothing of it is kept. Raises NotFound for one that is of another workspace or gone."""
    if sent_version() == composing.NEW and not writing.is_known(public_id):
        return None
    return writing.post_of(current_user.workspace_id, public_id)


def _who() -> dict[str, Any]:
    return {"user_id": current_user.user_id, "now": g.now}


@blueprint.get("/new")
@policy(Act.COMPOSE)
def new() -> Response:
    """An empty form under an id of its own. Nothing is kept before something is written."""
    draft = Draft(zone=current_user.workspace_timezone, channels=_only_channel())
    return page(_TEMPLATE, page=composer_page(_editor(), ids.public_id(), None, draft))


def _only_channel() -> tuple[str, ...]:
    """The workspace's channel is chosen already where there is no other and it can be posted in."""
    own = planning.own_channels(current_user.workspace_id)
    return (own[0].public_id,) if len(own) == 1 and not planning.why_not(own, now=g.now) else ()


@blueprint.get("/<public_id>/edit")
@policy(Act.COMPOSE)
def edit(public_id: str) -> Response:
    post = writing.post_of(current_user.workspace_id, public_id)
    draft = planning.draft_of(post, zone=current_user.workspace_timezone)
    return page(_TEMPLATE, page=composer_page(_editor(), public_id, post, draft))


@blueprint.post("/<public_id>/preview")
@policy(Act.COMPOSE)
def preview(public_id: str) -> Response:
    """How Telegram will show what stands in the form, and what is wrong with it. Nothing is kept."""
    shown = composer_page(_editor(), public_id, _kept(public_id), sent_draft())
    return page(_TEMPLATE, page=as_fragment(shown))


@blueprint.post("/<public_id>/autosave")
@policy(Act.COMPOSE)
def autosave(public_id: str) -> Response:
    """Keep the form, and say so beside it."""
    draft = sent_draft()
    try:
        post = composing.save(current_user.workspace_id, public_id, sent_version(), draft, **_who())
    except Conflict as error:
        return _stale(public_id, draft, error)
    return page(_TEMPLATE, page=as_fragment(composer_page(_editor(), public_id, post, draft)))


@blueprint.post("/<public_id>/save")
@policy(Act.COMPOSE)
def save(public_id: str) -> Any:
    """Keep the form and leave it."""
    draft = sent_draft()
    try:
        composing.save(current_user.workspace_id, public_id, sent_version(), draft, **_who())
    except Conflict as error:
        return _stale(public_id, draft, error)
    return redirect_or_hx("/posts?show=drafts")


@blueprint.post("/<public_id>/schedule")
@policy(Act.COMPOSE)
def schedule(public_id: str) -> Any:
    """At the form's time; where somebody must say yes first: ask for it."""
    draft = sent_draft()
    try:
        _submit(public_id, draft, draft.due_at())
    except Invalid as error:
        return _refused(public_id, draft, error)
    except LimitReached as error:
        return _over_limit(public_id, draft, error)
    except Conflict as error:
        return _stale(public_id, draft, error, pressed="schedule")
    return redirect_or_hx(f"/posts/{public_id}")


@blueprint.post("/<public_id>/publish")
@policy(Act.COMPOSE)
def publish(public_id: str) -> Any:
    """At once; where somebody must say yes first: ask for it."""
    draft = sent_draft()
    try:
        _submit(public_id, draft, None)
    except Invalid as error:
        return _refused(public_id, draft, error)
    except LimitReached as error:
        return _over_limit(public_id, draft, error)
    except Conflict as error:
        return _stale(public_id, draft, error, pressed="publish")
    return redirect_or_hx(f"/posts/{public_id}")


def _submit(public_id: str, draft: Draft, due_at: datetime | None) -> None:
    may_publish = roles.may(current_user.role, Act.PUBLISH)
    given = (current_user.workspace_id, public_id, sent_version(), draft)
    is_anyway = "anyway" in request.form
    asking.submit(*given, due_at=due_at, may_publish=may_publish, is_anyway=is_anyway, **_who())


@blueprint.post("/<public_id>/media")
@policy(Act.COMPOSE, most_bytes=_MOST_UPLOAD)
@limiter.limit("120 per minute")
def upload(public_id: str) -> Any:
    """Keep the files that were sent and put them behind those of the form."""
    draft, settings = sent_draft(), current_app.extensions["runtime"].settings
    given = [file for file in request.files.getlist("file") if file.filename]
    added = list(draft.rest.media)
    try:
        if not given:
            raise Invalid(N_("Choose a file."), fields={"media": "missing"})
        for file in given:
            row = media.keep(
                *(current_user.workspace_id, file.stream, file.filename or ""),
                data_dir=settings.data_dir,
                user_id=current_user.user_id,
                now=g.now,
            )
            if row.public_id not in {one.file for one in added}:
                added.append(Media(row.kind, row.public_id))  # type: ignore[arg-type]
    except Invalid as error:
        return _refused(public_id, _with_media(draft, added), composing.in_field(error, "media"))
    except LimitReached as error:
        return _no_room(public_id, _with_media(draft, added), error)
    return _with_files(public_id, _with_media(draft, added))


@blueprint.get("/<public_id>/library")
@policy(Act.COMPOSE)
def library(public_id: str) -> Response:
    """The workspace's files, to take some of them into the post; the newest of those that are asked for."""
    rows = media_queries.library(current_user.workspace_id, asked(), before=None, limit=media_queries.ON_A_PAGE)
    tags = media_queries.tags_of(current_user.workspace_id)
    shown = tuple(files.tiles(rows, file_url))
    return page("posting/composer_library.html", url=f"/posts/{public_id}", tiles=shown, tags=tags, wanted=asked())


@blueprint.post("/<public_id>/media/pick")
@policy(Act.COMPOSE)
def pick_file(public_id: str) -> Any:
    """Put files of the library behind those of the form."""
    draft = sent_draft()
    found = media_queries.files_of(current_user.workspace_id, request.form.getlist("pick")[:_MOST_PICKED])
    has = {one.file for one in draft.rest.media}
    new = [Media(row.kind, key) for key, row in found.items() if key not in has]  # type: ignore[arg-type]
    return _with_files(public_id, _with_media(draft, [*draft.rest.media, *new]))


@blueprint.post("/<public_id>/media/<file>/remove")
@policy(Act.COMPOSE)
def remove_file(public_id: str, file: str) -> Any:
    draft = sent_draft()
    return _with_files(public_id, _with_media(draft, [one for one in draft.rest.media if one.file != file]))


@blueprint.post("/<public_id>/media/<file>/earlier")
@policy(Act.COMPOSE)
def move_file(public_id: str, file: str) -> Any:
    """One place towards the beginning of the album."""
    draft = sent_draft()
    media_ = list(draft.rest.media)
    at = next((number for number, one in enumerate(media_) if one.file == file), 0)
    if at:
        media_[at - 1], media_[at] = media_[at], media_[at - 1]
    return _with_files(public_id, _with_media(draft, media_))


def _with_media(draft: Draft, media_: list[Media]) -> Draft:
    return replace(draft, rest=replace(draft.rest, media=tuple(media_)))


def _with_files(public_id: str, draft: Draft) -> Any:
    """The form with other files, kept: without a script the person goes on in the form that comes."""
    try:
        post = composing.save(current_user.workspace_id, public_id, sent_version(), draft, **_who())
    except Conflict as error:
        return _stale(public_id, draft, error)
    if request.headers.get("HX-Request") != "true":
        return redirect_or_hx(f"/posts/{public_id}/edit#composer_media")
    return page(_TEMPLATE, page=as_fragment(composer_page(_editor(), public_id, post, draft)))


def _refused(public_id: str, draft: Draft, error: Invalid) -> Response:
    shown = composer_page(_editor(), public_id, _kept(public_id), draft, error=error, is_asked=True)
    return page(_TEMPLATE, status=422, page=_for_target(shown))


def _over_limit(public_id: str, draft: Draft, error: LimitReached) -> Response:
    """The plan has no room for it; what was typed stays in the form."""
    shown = replace(composer_page(_editor(), public_id, _kept(public_id), draft), error=explained(error))
    return page(_TEMPLATE, status=429, page=replace(shown, version=sent_version()))


def _no_room(public_id: str, draft: Draft, error: LimitReached) -> Response:
    """The plan keeps no more files: told where they are chosen."""
    shown = composer_page(_editor(), public_id, _kept(public_id), draft)
    problems = {**shown.problems, "media": [explained(error)]}
    return page(_TEMPLATE, status=429, page=_for_target(replace(shown, problems=problems)))


def _stale(public_id: str, draft: Draft, error: Conflict, *, pressed: str = "") -> Response:
    """What was typed stays. Told by the form's own button, the next save is meant and takes the place of theirs."""
    if error.code == "needs_anyway":
        shown = composer_page(_editor(), public_id, _kept(public_id), draft)
        asked = replace(shown, error=explained(error), anyway=pressed, version=sent_version())
        return page(_TEMPLATE, status=409, page=asked)
    shown = composer_page(_editor(), public_id, writing.post_of(current_user.workspace_id, public_id), draft)
    target: Any = request
    is_own_button = target.target_id not in _FRAGMENTS
    told = replace(
        shown,
        error=explained(error),
        is_stale=error.code == "stale",
        version=shown.version if is_own_button else sent_version(),
    )
    return page(_TEMPLATE, status=409, page=_for_target(told))


def _for_target(shown: ComposerPage) -> ComposerPage:
    target: Any = request
    return as_fragment(shown) if target.target_id in _FRAGMENTS else shown
