"""The theft radar, its cases with their evidence, and the reader of invisible marks over HTTP."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, g, request, send_file
from flask_login import current_user

from app.core import policy as roles
from app.core.errors import Conflict, Invalid, LimitReached, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.core.uploads import sent_file
from app.media import child
from app.media.service import fetched
from app.protection import queries
from app.protection.evidence_pdf import Pack, Side, pdf_of
from app.protection.pages import CasePage, CopyPage, RadarPage
from app.protection.queries import Case
from app.protection.service import cases, reading_marks, scans

blueprint = Blueprint("protection", __name__, url_prefix="/protection")
_TAKEN_BYTES = 5 * reading_marks.MOST_BYTES  # so that one that is too large is answered by its page, which says so
_RADAR, _CASE, _COPY = "protection/radar.html", "protection/case.html", "protection/copy.html"


def _data_dir() -> Path:
    return current_app.extensions["runtime"].settings.data_dir  # type: ignore[no-any-return]


def _may_act() -> bool:
    return roles.may(current_user.role, Act.PUBLISH)


def _radar(error: str = "") -> RadarPage:
    show = "ended" if request.args.get("show") == "ended" else "open"
    given = request.args.get("skip", "")
    skip = int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0
    found = queries.cases_of(current_user.workspace_id, is_open=show == "open", skip=skip)
    return RadarPage(
        watched=tuple(queries.watched_of(current_user.workspace_id)),
        scan=queries.last_scan(current_user.workspace_id),
        cases=tuple(found[: queries.PAGE]),
        show=show,
        next_skip=skip + queries.PAGE if len(found) > queries.PAGE else 0,
        can_compare=scans.can_compare(current_user.workspace_id),
        may_act=_may_act(),
        error=error,
    )


@blueprint.get("")
@policy(Act.COMPOSE)
def radar() -> Response:
    return page(_RADAR, page=_radar())


@blueprint.post("/scans")
@policy(Act.PUBLISH)
@limiter.limit("20 per hour")
def scan() -> Any:
    try:
        scans.ask(current_user.workspace_id, user_id=current_user.user_id, now=g.now)
    except (Conflict, LimitReached) as error:
        return page(_RADAR, status=error.status, page=_radar(explained(error)))
    return redirect_or_hx("/protection")


@blueprint.get("/cases/<public_id>")
@policy(Act.COMPOSE)
def case(public_id: str) -> Response:
    return page(_CASE, page=CasePage(queries.case_of(current_user.workspace_id, public_id), _may_act()))


@blueprint.post("/cases/<public_id>/end")
@policy(Act.PUBLISH)
def end(public_id: str) -> Any:
    """Close it, or dismiss it; its evidence is erased."""
    state = cases.DISMISSED if request.form.get("state") == cases.DISMISSED else cases.CLOSED
    try:
        cases.end(
            *(current_user.workspace_id, public_id, state),
            user_id=current_user.user_id,
            data_dir=_data_dir(),
            now=g.now,
        )
    except Conflict as error:
        found = queries.case_of(current_user.workspace_id, public_id)
        return page(_CASE, status=error.status, page=CasePage(found, _may_act(), explained(error)))
    return redirect_or_hx(f"/protection/cases/{public_id}")


@blueprint.get("/cases/<public_id>/picture")
@policy(Act.COMPOSE)
def case_picture(public_id: str) -> Response:
    """The copy's picture, as it was found."""
    found = queries.case_of(current_user.workspace_id, public_id)
    path = cases.picture_path(_data_dir(), public_id)
    if not found.has_picture or not path.exists():
        raise NotFound(N_("There is no such file."))
    response = send_file(path.resolve(), mimetype="image/jpeg", etag=found.picture_sha256 or "")
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers.pop("Expires", None)
    return response


@blueprint.get("/cases/<public_id>/evidence.pdf")
@policy(Act.COMPOSE)
@limiter.limit("60 per hour")
def evidence(public_id: str) -> Response:
    found = queries.case_of(current_user.workspace_id, public_id)
    response = Response(pdf_of(_pack(public_id, found)), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="evidence-{public_id[:8]}.pdf"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _pack(public_id: str, found: Case) -> Pack:
    row = found.row
    hashes = [(N_("SHA-256 of the words"), found.text_sha256), (N_("SHA-256 of the picture"), found.picture_sha256)]
    own = [(N_("SHA-256 of the picture"), found.own_sha256)]
    own_picture = fetched(_data_dir(), found.own_sha256) if found.own_sha256 else None
    picture = cases.picture_path(_data_dir(), public_id) if found.has_picture else None
    return Pack(
        number=public_id,
        own=Side(row.channel, found.own_link, row.own_posted_at, found.own_text, _read(own_picture), _known(own)),
        found=Side(row.found_in, found.found_link, row.found_posted_at, found.text, _read(picture), _known(hashes)),
        found_at=row.opened_at,
        text_percent=found.text_percent,
        alike_percent=found.alike_percent,
        made_at=g.now,
        language=current_user.language,
        timezone=current_user.workspace_timezone,
    )


def _known(pairs: list[tuple[str, str | None]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs if value)


def _read(path: Path | None) -> bytes | None:
    return path.read_bytes() if path is not None and path.exists() else None


@blueprint.get("/copies")
@policy(Act.COMPOSE)
def copies() -> Response:
    return page(_COPY, page=CopyPage())


@blueprint.post("/copies")
@policy(Act.COMPOSE, most_bytes=_TAKEN_BYTES)
@limiter.limit("30 per hour")
def which_copy() -> Response:
    """Nothing of the picture is kept."""
    settings = current_app.extensions["runtime"].settings
    try:
        stream = sent_file("file")
        if stream.seek(0, io.SEEK_END) > reading_marks.MOST_BYTES:
            raise Invalid(N_("This file is larger than %(most)s MB."), most=reading_marks.MOST_BYTES // 1_000_000)
        stream.seek(0)
        found = reading_marks.mark_of(
            current_user.workspace_id, stream, settings.secret_keys, data_dir=settings.data_dir
        )
    except (Invalid, child.TimedOut, child.Crashed) as error:
        return page(_COPY, status=422, page=CopyPage(error=explained(error)))
    return page(_COPY, page=_told(found))


def _told(found: reading_marks.Found | None) -> CopyPage:
    if found is None:
        return CopyPage(is_asked=True)
    if found.copy is None:
        return CopyPage(is_asked=True, has_mark=True)
    name, channel, post_id = reading_marks.told_of(current_user.workspace_id, found.copy)
    return CopyPage(
        is_asked=True,
        has_mark=True,
        is_ours=True,
        payload=f"{found.payload:012x}",
        file_name=name,
        file_id=found.copy.media,
        channel=channel,
        post_id=post_id,
        issued_at=found.copy.issued_at,
    )
