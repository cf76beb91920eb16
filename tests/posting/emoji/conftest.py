"""The web client of tests/web."""

from tests.web.conftest import app, sign_in

__all__ = ["app", "sign_in"]
