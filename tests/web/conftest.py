"""A signed-in person at a test client."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from app.accounts.service import sessions
from app.boot import Runtime
from app.core import clock
from app.web import create_app
from tests.world import Owner


class _CompiledOnce(BytecodeCache):
    """Templates compiled for one test serve the next: each test has an application of its own."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _CompiledOnce()


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    built = create_app(runtime)
    built.jinja_env.bytecode_cache = _COMPILED
    built.config["WTF_CSRF_ENABLED"] = False
    return built


@pytest.fixture
def sign_in(app: Flask) -> Callable[[Owner], FlaskClient]:
    def enter(who: Owner) -> FlaskClient:
        client = app.test_client()
        token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=clock.utcnow())
        with client.session_transaction() as cookie:
            cookie["token"], cookie["kind"] = token, "browser"
        return client

    return enter
