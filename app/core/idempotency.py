"""`@idempotent` under the route's policy: a POST with the header Idempotency-Key is done once, however often it is sent.

The header is that of draft-ietf-httpapi-idempotency-key-header-07 (datatracker.ietf.org, 2026-11), its quotes optional.
A key belongs to a person in a workspace, and to an address. The same request again gets the same reply with
`Idempotency-Replayed: true`, in the language and form of the first; another one 422 `key_reused`; while the first runs,
409 `in_flight`. Errors of ours, conflicts, limits and missing rights are not kept: the next request runs.

The reply is kept after the view's own transaction. A process that dies between them leaves a claim; after
`kept_replies.DEAD_AFTER` the request runs again, so a view still guards what must never happen twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, current_app, g, request
from flask_login import current_user
from werkzeug.exceptions import HTTPException

from app.core import db, kept_replies
from app.core.errors import AppError, Conflict, Invalid
from app.core.i18n import N_
from app.core.kept_replies import Asked, Claim, Reply

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
NOT_SAID = frozenset({"csrf_token", "page_workspace"})  # fields of the page around a form
MOST_KEPT = 256 * 1024
_KEPT_HEADERS = ("Location", "HX-Redirect", "HX-Trigger", "HX-Reswap", "HX-Push-Url", "Content-Type")
_NOT_KEPT = frozenset({401, 403, 409, 429})
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')  # a string of RFC 9651, 3.3.3
_KEY = re.compile(r"[ -~]{1,255}")

View = TypeVar("View", bound=Callable[..., Any])


def idempotent(view: View) -> View:
    """For a POST of signed-in people that takes a form or JSON, no file. Without the header it runs as if not declared.

    Of a reply over `MOST_KEPT` bytes only status and Location are kept: its repetition has no body.
    """

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> Any:
        if HEADER not in request.headers:
            return view(*args, **kwargs)
        try:
            claimed = kept_replies.claim(_asked(key_of(request.headers[HEADER])), now=g.now)
        except Conflict as error:
            response = _explained(error)
            response.headers["Retry-After"] = "1"
            return response
        if isinstance(claimed, Reply):
            return _said_again(claimed)
        return _run(claimed, lambda: view(*args, **kwargs))

    answer.is_idempotent = True  # type: ignore[attr-defined]
    return cast(View, answer)


def key_of(given: str) -> str:
    """The key that a header holds. Raises Invalid (`key_malformed`)."""
    quoted = _QUOTED.fullmatch(given)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else given
    if not _KEY.fullmatch(key) or (quoted is None and key.startswith('"')):
        raise Invalid(
            N_(
                "The header Idempotency-Key holds 1 to 255 printable ASCII characters, with or without quotes around them."
            ),
            code="key_malformed",
        )
    return key


def _asked(key: str) -> Asked:
    return Asked(
        workspace_id=current_user.workspace_id,
        user_id=current_user.user_id,
        endpoint=str(request.endpoint),
        key_hash=_hash([request.path, key]),
        fingerprint=_hash([request.method, request.path, request.query_string.decode("latin-1"), *_body()]),
    )


def _body() -> tuple[list[tuple[str, str]], str]:
    """What a form says, in the order of its names; of a form that was read no raw body is left, of others it is all."""
    fields = [
        (name, value) for name in sorted(request.form) if name not in NOT_SAID for value in request.form.getlist(name)
    ]
    return fields, hashlib.sha256(request.get_data()).hexdigest()


def _hash(said: list[Any]) -> str:
    return hashlib.sha256(db.canonical_json(said).encode()).hexdigest()


def _run(claim: Claim, view: Callable[[], Any]) -> Response:
    try:
        response = _response_of(view)
    except Exception:
        kept_replies.give_back(claim)
        raise
    if response.status_code >= 500 or response.status_code in _NOT_KEPT:
        kept_replies.give_back(claim)
    else:
        kept_replies.keep(claim, _reply_of(response))
    return response


def _response_of(view: Callable[[], Any]) -> Response:
    """What a person gets to see, also of a refusal: it is a reply like another."""
    try:
        return current_app.make_response(view())
    except (AppError, HTTPException) as error:
        return _explained(error)


def _explained(error: Exception) -> Response:
    said: Any = current_app.handle_user_exception(error)
    return current_app.make_response(said)


def _reply_of(response: Response) -> Reply:
    body = response.get_data()
    names = _KEPT_HEADERS if len(body) <= MOST_KEPT else ("Location",)
    headers = {name: response.headers[name] for name in names if name in response.headers}
    return Reply(response.status_code, headers, body if len(body) <= MOST_KEPT else b"")


def _said_again(reply: Reply) -> Response:
    response = current_app.response_class(reply.body, status=reply.status)
    del response.headers["Content-Type"]
    response.headers.update(reply.headers | {REPLAYED: "true"})
    return response
