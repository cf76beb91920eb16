"""A workspace's own files, for its pages."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request, send_file
from flask_login import current_user

from app.core.errors import NotFound
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.media import queries
from app.media.service import fetched

blueprint = Blueprint("media", __name__)
# what a browser draws or plays without running anything of it
_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/quicktime"})


@blueprint.get("/media/<public_id>")
@policy(Act.SEE)
def show(public_id: str) -> Response:
    """The bytes, whole or in ranges; whatever a browser could run is handed over as a download."""
    row = queries.file_of(current_user.workspace_id, public_id)
    path = fetched(current_app.extensions["runtime"].settings.data_dir, row.sha256) if row else None
    if row is None or path is None:
        raise NotFound(N_("There is no such file."))
    response = send_file(
        path.resolve(),
        mimetype=row.mime,
        as_attachment="download" in request.args or row.kind == "document" or row.mime not in _SHOWN,
        download_name=row.name,
        etag=row.sha256,
    )
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers.pop("Expires", None)
    return response
