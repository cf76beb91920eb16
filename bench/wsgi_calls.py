"""Calling WSGI apps with nothing between: no socket, no test client inside the measured time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import Client, EnvironBuilder

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(slots=True)
class Caller:
    """One request, prepared once, sent as often as wanted."""

    app: WsgiApp
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    environ: dict[str, Any] = field(init=False)
    status: str = ""
    answered: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        builder = EnvironBuilder(path=self.path, method=self.method, headers=list(self.headers.items()))
        self.environ = builder.get_environ()

    def send(self, body: bytes = b"") -> bytes:
        environ = dict(self.environ)
        if body:
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
            environ["CONTENT_TYPE"] = "application/json"
        parts = self.app(environ, self._start)
        answer = b"".join(parts)
        getattr(parts, "close", lambda: None)()
        return answer

    def _start(self, status: str, headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], None]:
        self.status, self.answered = status, dict(headers)
        return lambda _bytes: None


def by_client(client: Client, caller: Caller) -> Callable[[bytes], object]:
    """Sending the same request through a test client, whose own cost then counts on both sides."""
    headers = dict(caller.headers)
    kind = "application/json" if caller.method == "POST" else None

    def send(body: bytes = b"") -> object:
        return client.open(caller.path, method=caller.method, headers=headers, data=body or None, content_type=kind)

    return send


def hello_app() -> Flask:
    """The smallest Flask app: what any answer of the framework costs."""
    app = Flask("hello")
    app.add_url_rule("/", "hello", lambda: "hello")
    app.add_url_rule("/hook", "hook", lambda: ("", 204), methods=["POST"])
    return app


def session_cookie(app: Flask, token: str) -> str:
    """The Cookie header of a signed-in person."""
    client = app.test_client()
    with client.session_transaction() as session:
        session["token"] = token
    cookie = client.get_cookie("session")
    if cookie is None:
        raise RuntimeError("the app set no session cookie")
    return f"session={cookie.value}"


PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#page_body"}
