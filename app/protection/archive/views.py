"""Archives of own channels, and their rebuilding in another channel, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from flask_babel import get_locale
from flask_login import current_user

from app.billing.service import limits
from app.channels.queries import ChannelRef
from app.core import i18n
from app.core.errors import AppError, Conflict, Invalid, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.posting.planning import settings
from app.posting.service import planning
from app.protection.archive import places, queries
from app.protection.archive.dated import note_of
from app.protection.archive.models import Archive
from app.protection.archive.pages import ArchivePage, ArchivesPage, FormPage, RebuildPage
from app.protection.archive.service import filling, rebuilding, switching
from app.protection.archive.service.rebuilding import Wish

blueprint = Blueprint("archive", __name__, url_prefix="/protection")
_LIST, _ONE = "protection/archives.html", "protection/archive.html"
_FORM, _REBUILD = "protection/archive_form.html", "protection/archive_rebuild.html"


def _skip() -> int:
    given = request.args.get("skip", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0


def _more(found: list[Any]) -> int:
    return _skip() + queries.PAGE if len(found) > queries.PAGE else 0


def _archives(error: str = "") -> ArchivesPage:
    mine = current_user.workspace_id
    return ArchivesPage(
        archives=tuple(queries.archives_of(mine)),
        others=tuple(queries.without_archive(mine)),
        rebuilds=tuple(queries.rebuilds_of(mine)),
        error=error,
    )


@blueprint.get("/archives")
@policy(Act.PUBLISH)
def archives() -> Response:
    return page(_LIST, page=_archives())


@blueprint.post("/archives")
@policy(Act.PUBLISH)
@limiter.limit("60 per hour")
def switch_on() -> Any:
    channel = request.form.get("channel", "")
    try:
        made = switching.switch_on(current_user.workspace_id, channel, user_id=current_user.user_id, now=g.now)
    except (NotFound, Conflict) as error:
        return page(_LIST, status=error.status, page=_archives(explained(error)))
    return redirect_or_hx(f"/protection/archives/{made.public_id}")


def _said(reason: str) -> str:
    """A reason of ours in the reader's language; Telegram's own words stay as they are."""
    return i18n.say(str(get_locale()), reason) if reason else ""


def _archive(public_id: str, error: str = "") -> ArchivePage:
    archive = switching.archive_of(current_user.workspace_id, public_id)
    found, whole = queries.lacking(archive, skip=_skip()), queries.whole_of(archive)
    is_local = current_app.extensions["runtime"].settings.telegram_local_server
    return ArchivePage(
        archive=archive,
        title=queries.title_of(archive),
        channel=queries.channel_of_archive(archive),
        whole=replace(whole, why_wanted=_said(whole.why_wanted)),
        lacking=tuple(found[: queries.PAGE]),
        next_skip=_more(found),
        most_bytes=filling.most_bytes(is_local_server=is_local),
        is_local_server=is_local,
        error=error,
    )


@blueprint.get("/archives/<public_id>")
@policy(Act.PUBLISH)
def show(public_id: str) -> Response:
    return page(_ONE, page=_archive(public_id))


@blueprint.post("/archives/<public_id>/off")
@policy(Act.PUBLISH)
def switch_off(public_id: str) -> Any:
    switching.switch_off(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx(f"/protection/archives/{public_id}")


@blueprint.post("/archives/<public_id>/erase")
@policy(Act.PUBLISH)
def erase(public_id: str) -> Any:
    try:
        switching.ask_to_erase(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    except Conflict as error:
        return page(_ONE, status=error.status, page=_archive(public_id, explained(error)))
    return redirect_or_hx("/protection/archives")


def _form(archive: Archive, wish: Wish, error: AppError | None = None) -> FormPage:
    contents = queries.contents_of(archive, has_deleted=wish.has_deleted)
    chat = places.chat_of(archive.channel)
    channels = [ref for ref in planning.own_channels(current_user.workspace_id) if ref.chat_id != chat]
    # without a choice the form shows the first one
    into = next((ref for ref in channels if ref.public_id == wish.channel), next(iter(channels), None))
    zone = into.timezone if into else current_user.workspace_timezone
    fields = error.fields if isinstance(error, Invalid) else {}
    return FormPage(
        archive=archive,
        title=queries.title_of(archive),
        contents=contents,
        channels=tuple(channels),
        chosen=wish.channel,
        language=wish.language,
        has_deleted=wish.has_deleted,
        sample=note_of(contents.first_at, language=wish.language, zone=zone) if contents.first_at else "",
        posts_left=_left("posts"),
        marks_left=_left("watermarks") if into and _is_marked(into) else None,
        errors={name: i18n.say(str(get_locale()), sentence) for name, sentence in fields.items()},
        error=explained(error) if error and not fields else "",
    )


def _is_marked(ref: ChannelRef) -> bool:
    """Whether pictures get a watermark or an invisible mark in a channel."""
    dress = settings.dresses_of(current_user.workspace_id).get(ref.public_id, {})
    return bool(dress.get("mark") or dress.get("is_traced"))


def _left(key: str) -> int | None:
    """How much the plan still has of it this month; None: as much as one likes."""
    stocks = current_app.extensions["runtime"].stocks
    for usage in limits.usage_of(current_user.workspace_id, stocks, now=g.now):
        if usage.key == key and usage.limit is not None:
            return max(usage.limit - usage.used, 0)
    return None


def _wish(given: Any) -> Wish:
    language = given.get("language", "")
    return Wish(
        channel=given.get("channel", "")[:22],
        language=language if language in i18n.LANGUAGES else i18n.spoken(str(get_locale()).replace("_", "-")),
        has_deleted=given.get("deleted") == "1",
    )


@blueprint.get("/archives/<public_id>/rebuild")
@policy(Act.PUBLISH)
def plan(public_id: str) -> Response:
    """What a rebuild would do, for the channel and the language that are asked for."""
    archive = switching.archive_of(current_user.workspace_id, public_id)
    return page(_FORM, page=_form(archive, _wish(request.args)))


@blueprint.post("/archives/<public_id>/rebuild/look")
@policy(Act.PUBLISH)
def look_again(public_id: str) -> Response:
    """The same for the form as it stands; nothing is begun."""
    archive = switching.archive_of(current_user.workspace_id, public_id)
    return page(_FORM, page=_form(archive, _wish(request.form)))


@blueprint.post("/archives/<public_id>/rebuild")
@policy(Act.PUBLISH)
@limiter.limit("20 per hour")
def start(public_id: str) -> Any:
    wish = _wish(request.form)
    try:
        made = rebuilding.start(current_user.workspace_id, public_id, wish, user_id=current_user.user_id, now=g.now)
    except (Invalid, Conflict) as error:
        archive = switching.archive_of(current_user.workspace_id, public_id)
        return page(_FORM, status=error.status, page=_form(archive, wish, error))
    return redirect_or_hx(f"/protection/rebuilds/{made.public_id}")


def _rebuild(public_id: str, error: str = "") -> RebuildPage:
    progress = queries.progress_of(current_user.workspace_id, public_id)
    found = [replace(one, reason=_said(one.reason)) for one in queries.unsent_of(progress.row, skip=_skip())]
    return RebuildPage(progress, tuple(found[: queries.PAGE]), _skip(), _more(found), error)


@blueprint.get("/rebuilds/<public_id>")
@policy(Act.PUBLISH)
def rebuild(public_id: str) -> Response:
    return page(_REBUILD, page=_rebuild(public_id))


def _change(public_id: str, change: Callable[..., None]) -> Any:
    try:
        change(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    except Conflict as error:
        return page(_REBUILD, status=error.status, page=_rebuild(public_id, explained(error)))
    return redirect_or_hx(f"/protection/rebuilds/{public_id}")


@blueprint.post("/rebuilds/<public_id>/pause")
@policy(Act.PUBLISH)
def pause(public_id: str) -> Any:
    return _change(public_id, rebuilding.pause)


@blueprint.post("/rebuilds/<public_id>/go-on")
@policy(Act.PUBLISH)
def go_on(public_id: str) -> Any:
    return _change(public_id, rebuilding.go_on)


@blueprint.post("/rebuilds/<public_id>/stop")
@policy(Act.PUBLISH)
def stop(public_id: str) -> Any:
    return _change(public_id, rebuilding.stop)
