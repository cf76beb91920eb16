"""Two answers that are given before Flask: "you have this already" (304) and "your update is stored" (200).

They are most of web's requests, and Flask with its extensions costs several times what they need. Only the plain,
successful case is answered here; anything else goes on to Flask, whose routes say the same (a test compares them).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import Any

from flask import Flask
from itsdangerous import BadSignature

from app.accounts.service import sessions
from app.analytics import etags
from app.boot import Runtime
from app.core import clock, htmx
from app.core.errors import AppError
from app.telegram import hooks

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_HOOK = "/hooks/telegram/"
_MAX_UPDATE_BYTES = 1024 * 1024


class Shortcuts:
    """WSGI around Flask's."""

    def __init__(self, app: Flask, runtime: Runtime) -> None:
        self._app, self._runtime = app.wsgi_app, runtime
        self._token = lru_cache(maxsize=4096)(_token_reader(app))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if method == "POST" and path.startswith(_HOOK) and (told := self._taken(environ, path)) is not None:
            kind = "application/json" if told else "text/html; charset=utf-8"
            start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(told)))])
            return (told,) if told else ()
        if method == "GET" and "HTTP_IF_NONE_MATCH" in environ and etags.is_tagged(path):
            tag = self._tag(environ)
            if tag and environ["HTTP_IF_NONE_MATCH"] in (f'"{tag}"', f'W/"{tag}"'):
                start_response("304 NOT MODIFIED", _unchanged(tag))
                return ()
        return self._app(environ, start_response)

    def _taken(self, environ: Environ, path: str) -> bytes | None:
        """The reply to an update that is stored now; None, with the body put back, where Flask has to answer."""
        bot_id, size = path.removeprefix(_HOOK), environ.get("CONTENT_LENGTH") or ""
        if not (_is_small_number(bot_id) and _is_small_number(size)) or int(size) > _MAX_UPDATE_BYTES:
            return None
        body = environ["wsgi.input"].read(int(size))
        given, runtime = environ.get("HTTP_X_TELEGRAM_BOT_API_SECRET_TOKEN", ""), self._runtime
        try:
            return hooks.take(runtime.bots, int(bot_id), given, body, answer=runtime.answer_update, now=clock.utcnow())
        except AppError:
            environ["wsgi.input"] = io.BytesIO(body)
            return None

    def _tag(self, environ: Environ) -> str | None:
        """The tag of what the session's person would see now; None without a live session. The header comes first."""
        token, now = environ.get("HTTP_X_SESSION"), clock.utcnow()
        if token is None:
            token = self._token(environ.get("HTTP_COOKIE", ""))
        who = sessions.signed_in(token, now=now) if token else None
        return etags.tag(who, environ, now=now) if who else None


def _token_reader(app: Flask) -> Callable[[str], str | None]:
    """How a Cookie header becomes the token of a session: as Flask's own signed cookie says."""

    def read(header: str) -> str | None:
        serializer: Any = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        try:
            cookie = SimpleCookie(header).get(app.config["SESSION_COOKIE_NAME"])
            return serializer.loads(cookie.value).get("token") if cookie else None
        except (BadSignature, CookieError):
            return None

    return read


def _unchanged(tag: str) -> list[tuple[str, str]]:
    return [("ETag", f'"{tag}"'), ("Cache-Control", "private, no-cache"), ("Vary", ", ".join(("Cookie", *htmx.VARY)))]


def _is_small_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
