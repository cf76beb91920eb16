"""A signed-in person at a test client."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.service import sessions
from app.boot import Runtime
from app.core import clock
from app.web import create_app
from tests.world import Owner


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    built = create_app(runtime)
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
