"""The web client of tests/web, for the pages of this folder."""

from tests.web.conftest import app, sign_in

__all__ = ["app", "sign_in"]
