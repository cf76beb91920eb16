"""The web's signed-in persons serve here too."""

from tests.web.conftest import app, sign_in  # noqa: F401
