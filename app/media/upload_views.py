"""Uploads over HTTP by tus 1.0.0 (tus.io/protocols/resumable-upload): core, creation, checksum, termination, expiration.

Any client of that protocol works, with pieces of at most MOST_PIECE bytes. A request needs what every request that
changes something needs: a CSRF token beside the cookie, or the session in its header.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable
from functools import wraps
from typing import IO, Any, cast

from flask import Response, current_app, g, request
from flask_login import current_user
from werkzeug.exceptions import ClientDisconnected
from werkzeug.http import http_date

from app.core.errors import Invalid
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.media.service import content, uploads
from app.media.service.uploads import Checksum
from app.media.upload_models import MediaUpload
from app.media.views import blueprint

__all__ = ["blueprint", "most_bytes"]  # with the routes of this module
VERSION = "1.0.0"
MOST_PIECE = 8 * 1024 * 1024
_EXTENSIONS = "creation,checksum,termination,expiration"
_HEX = re.compile(r"[0-9a-f]{64}")
_WAIT_S = "1"
# A slow sender holds a thread of the web process for as long as its piece takes: pages keep the others.
_RECEIVING = threading.BoundedSemaphore(3)
View = Callable[..., Response]


@blueprint.after_request
def _speak(response: Response) -> Response:
    if request.path.startswith("/media/uploads"):
        response.headers["Tus-Resumable"] = VERSION
    return response


def _by_protocol(view: View) -> View:
    """Only for who speaks this version; a client without all methods names the one that it means in a header."""

    @wraps(view)
    def answer(**given: str) -> Response:
        if request.headers.get("Tus-Resumable") != VERSION:
            return _plain(412, {"Tus-Version": VERSION})
        return view(**given)

    return answer


def _plain(status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(status=status, headers={"Cache-Control": "no-store", **(headers or {})})


def most_bytes() -> int:
    """The largest file that may be sent here."""
    settings = current_app.extensions["runtime"].settings
    return content.most_bytes(is_local_server=settings.telegram_local_server)


@blueprint.route("/media/uploads", methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route("/media/uploads/<public_id>", methods=["OPTIONS"], provide_automatic_options=False)
@policy(Act.COMPOSE)
def upload_options(public_id: str = "") -> Response:
    """What is spoken here, and how large a file may be."""
    told = {"Tus-Version": VERSION, "Tus-Max-Size": str(most_bytes()), "Tus-Extension": _EXTENSIONS}
    return _plain(204, {**told, "Tus-Checksum-Algorithm": ",".join(uploads.ALGORITHMS)})


@blueprint.post("/media/uploads", provide_automatic_options=False)
@policy(Act.COMPOSE)
@limiter.limit("240 per minute")
@_by_protocol
def begin_upload() -> Response:
    """Announce a file: its length, and in its metadata `filename` and, for who knows it, `sha256` in hexadecimal."""
    told = _metadata(request.headers.get("Upload-Metadata", ""))
    sha256 = told.get("sha256", "").lower()
    upload = uploads.begin(
        *(current_user.workspace_id, told.get("filename", ""), _number("Upload-Length")),
        sha256=sha256 if _HEX.fullmatch(sha256) else None,
        most_bytes=most_bytes(),
        data_dir=_data_dir(),
        user_id=current_user.user_id,
        now=g.now,
    )
    return _plain(201, {"Location": f"/media/uploads/{upload.public_id}", **_expires(upload)})


@blueprint.route("/media/uploads/<public_id>", methods=["HEAD"], provide_automatic_options=False)
@policy(Act.COMPOSE)
@_by_protocol
def upload_offset(public_id: str) -> Response:
    """How much of it is here for good."""
    upload = uploads.resume(current_user.workspace_id, public_id, data_dir=_data_dir(), now=g.now)
    return _plain(200, {"Upload-Length": str(upload.size), **_standing(upload)})


@blueprint.patch("/media/uploads/<public_id>", provide_automatic_options=False)
@policy(Act.COMPOSE, most_bytes=MOST_PIECE)
@_by_protocol
def append_to_upload(public_id: str) -> Response:
    """The next piece."""
    return _append(public_id)


@blueprint.delete("/media/uploads/<public_id>", provide_automatic_options=False)
@policy(Act.COMPOSE)
@_by_protocol
def cancel_upload(public_id: str) -> Response:
    """It is not wanted any more."""
    return _cancel(public_id)


@blueprint.post("/media/uploads/<public_id>", provide_automatic_options=False)
@policy(Act.COMPOSE, most_bytes=MOST_PIECE)
@_by_protocol
def act_on_upload(public_id: str) -> Response:
    """The same for a client, or a proxy, that knows GET and POST only (tus, "X-HTTP-Method-Override")."""
    meant = request.headers.get("X-HTTP-Method-Override", "").upper()
    if meant == "PATCH":
        return _append(public_id)
    return _cancel(public_id) if meant == "DELETE" else _plain(405)


def _append(public_id: str) -> Response:
    if request.mimetype != "application/offset+octet-stream":
        return _plain(415)
    checksum = _checksum(request.headers.get("Upload-Checksum", ""))
    offset = _number("Upload-Offset")
    if not _RECEIVING.acquire(blocking=False):
        return _plain(503, {"Retry-After": _WAIT_S})
    try:
        upload = uploads.receive(
            *(current_user.workspace_id, public_id, offset, cast(IO[bytes], _Body(request.stream))),
            checksum=checksum,
            data_dir=_data_dir(),
            now=g.now,
        )
    finally:
        _RECEIVING.release()
    return _plain(204, _standing(upload))


def _cancel(public_id: str) -> Response:
    uploads.cancel(current_user.workspace_id, public_id, data_dir=_data_dir())
    return _plain(204)


class _Unreadable(Invalid):
    """A header is not what the protocol says."""

    status = 400
    default_code = "upload_header"

    def __init__(self) -> None:
        super().__init__(N_("This request of an upload is not as it should be."))


class _Body:
    """A request's body that ends where its connection broke."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except ClientDisconnected:
            return b""


def _standing(upload: MediaUpload) -> dict[str, str]:
    """How far it is; once it is done, which file it became."""
    media = uploads.media_of(upload) if upload.state == uploads.DONE else None
    return {"Upload-Offset": str(upload.received), **({"X-Media": media} if media else _expires(upload))}


def _expires(upload: MediaUpload) -> dict[str, str]:
    return {"Upload-Expires": http_date(upload.expires_at)}


def _data_dir() -> Any:
    return current_app.extensions["runtime"].settings.data_dir


def _number(header: str) -> int:
    given = request.headers.get(header, "")
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise _Unreadable
    return int(given)


def _metadata(header: str) -> dict[str, str]:
    """Key and value, the value in Base64, parted by commas."""
    pairs = (pair.strip().partition(" ") for pair in header[:4096].split(","))
    return {key: _decoded(value).decode("utf-8", "replace") for key, _, value in pairs if key}


def _checksum(header: str) -> Checksum | None:
    if not header:
        return None
    algorithm, _, value = header.partition(" ")
    if algorithm not in uploads.ALGORITHMS:
        raise _Unreadable
    return Checksum(algorithm, _decoded(value))


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise _Unreadable from error
