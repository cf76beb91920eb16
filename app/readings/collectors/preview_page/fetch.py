"""One request to t.me, and what each kind of answer means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar
from urllib.parse import urlsplit

import httpx

from app.core.errors import Invalid, Upstream
from app.readings.collectors.base import ChannelPage, LayoutChanged, NoPreview
from app.readings.collectors.preview_page.page import parse_preview

# Four to 32 letters, digits and underscores (https://core.telegram.org/method/channels.checkUsername, 2026-10-01).
_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
# t.me publishes no limit and seldom says how long to wait; these are our own patience.
_WAIT_AFTER_REFUSAL_S = 60.0
_WAIT_AFTER_FAILURE_S = 30.0
# English keeps the words beside the numbers in the language that the fixtures prove.
_HEADERS = {"Accept": "text/html", "Accept-Language": "en"}


@dataclass(frozen=True, slots=True)
class PreviewPages:
    """The `Collector` over t.me/s; pacing (one request a second) belongs to its caller."""

    client: httpx.Client
    base_url: str
    source: ClassVar[str] = "preview_page"

    def read(self, channel: str, *, before: int | None = None) -> ChannelPage:
        """See `fetch_preview`."""
        return fetch_preview(self.client, self.base_url, channel, before=before)


def fetch_preview(client: httpx.Client, base_url: str, username: str, *, before: int | None = None) -> ChannelPage:
    """GET <base_url>/s/<username>[?before=id] once, without following redirects, and parse it.

    Never calls the address that registers a view. Raises `Invalid` for an impossible username, `NoPreview` when
    t.me sends us to the landing page, `LayoutChanged` for content that is not the known page, and temporary
    `Upstream` with `retry_after_s` for 403, 429, 5xx, time-outs and broken connections.
    """
    if not _USERNAME.fullmatch(username):
        raise Invalid("This is no public Telegram username.", fields={"username": "not a username"})
    try:
        response = client.get(
            f"{base_url.rstrip('/')}/s/{username}",
            params={} if before is None else {"before": before},
            headers=_HEADERS,
            follow_redirects=False,
        )
    except httpx.HTTPError as error:
        raise Upstream(f"t.me did not answer: {error!r}.", retry_after_s=_WAIT_AFTER_FAILURE_S) from error
    _check(response, username)
    return parse_preview(response.text)


def _check(response: httpx.Response, username: str) -> None:
    status = response.status_code
    if response.is_redirect:
        _refuse_redirect(response, username)
    if status in (403, 429):
        raise Upstream(f"t.me refuses with {status}.", retry_after_s=_retry_after_s(response, _WAIT_AFTER_REFUSAL_S))
    if status >= 500:
        raise Upstream(f"t.me fails with {status}.", retry_after_s=_retry_after_s(response, _WAIT_AFTER_FAILURE_S))
    if status != 200:
        raise LayoutChanged(f"t.me answers {status} where the preview page was.")
    if "html" not in response.headers.get("content-type", ""):
        raise LayoutChanged("t.me answers with something that is not HTML.")


def _refuse_redirect(response: httpx.Response, username: str) -> None:
    target = urlsplit(response.headers.get("location", "")).path.strip("/")
    if target.lower() == username.lower():
        raise NoPreview(f"Telegram does not show a public preview of @{username}.")
    raise LayoutChanged(f"t.me redirects the preview page of @{username} to an unknown place.")


def _retry_after_s(response: httpx.Response, default: float) -> float:
    """Retry-After in seconds or as a date (RFC 9110, 10.2.3); the default where it is missing or nonsense."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return default
