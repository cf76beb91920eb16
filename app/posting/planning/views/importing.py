"""Posts from a file over HTTP: the columns explained, a sample to begin with, and what is wrong line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, g, request
from flask_login import current_user

from app.core import ids
from app.core.errors import Invalid
from app.core.htmx import explained, page
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.core.uploads import sent_file
from app.posting.planning import csv_file, importing
from app.posting.planning.importing import Checked, Wrong
from app.posting.planning.pages import ImportPage, WrongCell

blueprint = Blueprint("importing", __name__, url_prefix="/posts/import")
_TEMPLATE = "posting/planning/import.html"
_UPLOAD = re.compile(r"[\w-]{22}", re.ASCII)
_MOST_SHOWN = 200


def _page(upload_id: str, **more: Any) -> ImportPage:
    return ImportPage(upload_id, csv_file.COLUMNS, current_user.workspace_timezone, csv_file.MOST_ROWS, **more)


@blueprint.get("")
@policy(Act.PUBLISH)
def show() -> Response:
    return page(_TEMPLATE, page=_page(ids.public_id()))


@blueprint.post("")
@policy(Act.PUBLISH, most_bytes=csv_file.MOST_BYTES)
@limiter.limit("60 per minute")
def take() -> Any:
    """Check the file; schedule it when every line is right, or the right ones when the person says so."""
    given = request.form.get("upload", "")
    upload_id = given if _UPLOAD.fullmatch(given) else ids.public_id()
    try:
        rows = csv_file.rows_of(sent_file("file").read(csv_file.MOST_BYTES))
    except Invalid as error:
        return page(_TEMPLATE, status=422, page=_page(upload_id, error=explained(error)))
    checked = importing.check(
        current_user.workspace_id,
        rows,
        upload_id=upload_id,
        zone=current_user.workspace_timezone,
        is_anyway="anyway" in request.form,
        now=g.now,
    )
    shown = _checked(upload_id, checked)
    if checked.wrong and "only_right" not in request.form:
        return page(_TEMPLATE, status=422, page=shown)
    made, left, refused = importing.put_on(
        current_user.workspace_id, checked.ready, user_id=current_user.user_id, now=g.now
    )
    shown = replace(shown, made=made, left=left, wrong=(*shown.wrong, *_cells(refused)))
    return page(_TEMPLATE, page=shown)


def _checked(upload_id: str, checked: Checked) -> ImportPage:
    known = sum(one.is_known for one in checked.ready)
    return _page(
        upload_id,
        total=checked.total,
        right=len(checked.ready),
        known=known,
        wrong=_cells(checked.wrong),
        cautions=_cells(checked.cautions),
    )


def _cells(found: Iterable[Wrong]) -> tuple[WrongCell, ...]:
    def text(one: Wrong) -> str:
        params: dict[str, Any] = dict(one.params)
        return explained(Invalid(one.sentence, **params))

    return tuple(WrongCell(one.line, one.column, text(one)) for one in list(found)[:_MOST_SHOWN])
