"""Posts of public channels from t.me/s: read through the collector of preview pages, which checks what came, and looked
at once more for what readings never keep: words and pictures.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import httpx
from selectolax.lexbor import LexborHTMLParser, LexborNode

from app.protection.sources.base import FoundPage, FoundPost
from app.readings.collectors.base import SeenPost
from app.readings.collectors.preview_page import PreviewPages
from app.readings.collectors.preview_page.nodes import attribute, is_inside, visible_text

MOST_PICTURE_BYTES = 5_000_000
PAGE_PAUSE_S = 2.0  # the collector asks t.me once a second; a scan adds half of that
PICTURE_PAUSE_S = 0.2
_QUOTED = frozenset({"tgme_widget_message_reply", "tgme_widget_message_link_preview"})
_TEXT = ".tgme_widget_message_text, .js-message_text"
_PHOTO = ".tgme_widget_message_photo_wrap"
_FORWARD = ".tgme_widget_message_forwarded_from"
_ADDRESS = re.compile(r"background-image:\s*url\(['\"]?([^'\")]+)['\"]?\)")
# Telegram's own hosts for pictures, from pages of 2022 to 2026: an address on a page leads nowhere else
_CDN = re.compile(r"[\w-]+\.(?:telesco\.pe|cdn-telegram\.org|telegram-cdn\.org)|telegram\.org")


class PreviewPosts:
    """The `PostSource` over t.me/s. Not for several threads."""

    def __init__(self, client: httpx.Client, base_url: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client, self._base_url, self._pause = client, base_url, pause
        self._pages, self._html = PreviewPages(client, base_url), ""
        client.event_hooks = {"response": [self._keep]}

    def page(self, username: str, *, before: int | None = None) -> FoundPage:
        self._pause(PAGE_PAUSE_S)
        seen = self._pages.read(username, before=before)
        root = LexborHTMLParser(self._html).root
        assert root is not None, "the collector has read it"
        nodes = {_message_id(node): node for node in root.css(".tgme_widget_message[data-post]")}
        posts = (self._post(post, nodes[post.message_id]) for post in seen.posts if post.message_id in nodes)
        return FoundPage(tuple(post for post in posts if post), seen.before)

    def picture(self, address: str) -> bytes | None:
        if not self._is_allowed(address):
            return None
        self._pause(PICTURE_PAUSE_S)
        try:
            with self._client.stream("GET", address, follow_redirects=False) as response:
                return _limited(response) if response.status_code == 200 else None
        except httpx.HTTPError:
            return None

    def _keep(self, response: httpx.Response) -> None:
        if "html" in response.headers.get("content-type", ""):
            response.read()
            self._html = response.text

    def _post(self, seen: SeenPost, node: LexborNode) -> FoundPost | None:
        """None for what copies nobody: a service message, and a forward, which names its author."""
        if seen.is_service or seen.message_id is None or seen.posted_at is None or node.css_first(_FORWARD):
            return None
        pictures = tuple(address for photo in node.css(_PHOTO) if (address := self._address(photo)))
        return FoundPost(seen.message_id, seen.posted_at, _words(node), pictures)

    def _address(self, photo: LexborNode) -> str | None:
        found = _ADDRESS.search(attribute(photo, "style"))
        return urljoin(f"{self._base_url.rstrip('/')}/", found[1]) if found else None

    def _is_allowed(self, address: str) -> bool:
        """Only Telegram's hosts, by https, and the host whose pages are read."""
        asked, ours = urlsplit(address), urlsplit(self._base_url)
        if (asked.scheme, asked.netloc) == (ours.scheme, ours.netloc):
            return True
        return asked.scheme == "https" and _CDN.fullmatch(asked.netloc) is not None


def _limited(response: httpx.Response) -> bytes | None:
    data = b""
    for piece in response.iter_bytes():
        data += piece
        if len(data) > MOST_PICTURE_BYTES:
            return None
    return data


def _message_id(node: LexborNode) -> int:
    return int(attribute(node, "data-post").rpartition("/")[2] or 0)


def _words(node: LexborNode) -> str:
    """The post's own words, not those of a post that it answers."""
    for found in node.css(_TEXT):
        if not is_inside(found, _QUOTED, node) and "js-message_reply_text" not in attribute(found, "class"):
            return visible_text(found)
    return ""
