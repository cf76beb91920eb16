"""The session cookie: Lax for a browser's pages, cross-site for the Mini App.

Telegram's web client shows the Mini App in a frame of another site, where browsers only take a cookie that says
SameSite=None; Secure; Partitioned (shared facts/telegram.md 1.3; CHIPS, developer.mozilla.org, 2026-11). Such cookies
need https: on http, as in the demo, both sites are the loopback address and Lax suffices.
"""

from __future__ import annotations

from flask import Flask, session
from flask.sessions import SecureCookieSessionInterface


class Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie, with the attributes that the present session's kind needs."""

    def get_cookie_samesite(self, app: Flask) -> str | None:
        return "None" if self._is_cross_site(app) else super().get_cookie_samesite(app)

    def get_cookie_partitioned(self, app: Flask) -> bool:
        return self._is_cross_site(app) or super().get_cookie_partitioned(app)

    def _is_cross_site(self, app: Flask) -> bool:
        return session.get("kind") == "twa" and self.get_cookie_secure(app)
