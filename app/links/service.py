"""Making tracked links and following them.

A click is one GET of /r/<key> that a browser makes for a person. No click is: a HEAD; a page fetched ahead of the
person (`Sec-Purpose: prefetch` and its older names); whatever draws a link's preview or crawls (TelegramBot, WhatsApp,
facebookexternalhit and the like); a program that does not call itself a browser. Robots that pass themselves off as
browsers are counted, and so is a person twice who clicks twice: these are clicks, not people.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from urllib.parse import urlsplit

from app.core import db, ids
from app.core.errors import Invalid, NotFound
from app.core.i18n import N_
from app.links.models import TrackedLink

LONGEST_URL = 2048
_KEY_CHARACTERS = 10
# browsers' names for themselves begin so, RFC 9110 section 10.1.5 and what browsers made of it; programs' do not
_BROWSER = re.compile(r"(Mozilla|Opera)/")
# CUBOT is a brand of phones
_ROBOT = re.compile(r"(?<!cu)bot|crawl|spider|preview|facebookexternalhit|whatsapp|vkshare|embedly", re.I)
_AHEAD = re.compile(r"prefetch|prerender|preview", re.I)


def make(workspace_id: int, url: str, *, post_id: int | None, channel_id: int | None, now: datetime) -> TrackedLink:
    """The workspace's link to an address for a post in a channel; asked twice, it is the same link.

    Raises Invalid with the field `url` for what is no address of a web page.
    """
    _require_web_address(url)
    fingerprint = hashlib.sha256(db.canonical_json([post_id, channel_id, url]).encode()).hexdigest()
    with db.write():
        TrackedLink.insert(
            workspace=workspace_id,
            key=ids.public_id()[:_KEY_CHARACTERS],
            url=url,
            fingerprint=fingerprint,
            post_id=post_id,
            channel=channel_id,
            created_at=now,
        ).on_conflict_ignore().execute()
        found: TrackedLink = TrackedLink.get(
            TrackedLink.workspace == workspace_id, TrackedLink.fingerprint == fingerprint
        )
    return found


def carried_by(workspace_id: int, post_id: int, channel_id: int, message_id: int) -> None:
    """The links of a post are out in a channel, in that message. Of a post that is sent once more the first counts."""
    with db.write():
        db.execute(
            "UPDATE tracked_link SET message_id = ? WHERE workspace_id = ? AND post_id = ? AND channel_id = ?"
            " AND message_id IS NULL",
            *(message_id, workspace_id, post_id, channel_id),
        )


def address(link: TrackedLink, base_url: str) -> str:
    """What stands in the post instead of the address itself."""
    return f"{base_url}/r/{link.key}"


def follow(key: str, *, is_click: bool, now: datetime) -> str:
    """Where a link leads; a click is counted in its hour. Raises NotFound."""
    found = db.row("SELECT id, workspace_id, url FROM tracked_link WHERE key = ?", key)
    if found is None:
        raise NotFound(N_("There is no such page."))
    link_id, workspace_id, url = found
    if is_click:
        hour = now.replace(minute=0, second=0, microsecond=0)
        with db.write():
            db.execute(
                "INSERT INTO link_hour (link_id, workspace_id, hour, clicks) VALUES (?, ?, ?, 1)"
                " ON CONFLICT (link_id, hour) DO UPDATE SET clicks = link_hour.clicks + 1",
                *(link_id, workspace_id, db.stamp(hour)),
            )
    return str(url)


def is_click(method: str, *, user_agent: str, purpose: str) -> bool:
    """Whether a person asked, by what the request says of itself; `purpose` is its Sec-Purpose or Purpose."""
    if method != "GET" or _AHEAD.search(purpose):
        return False
    return bool(_BROWSER.match(user_agent)) and not _ROBOT.search(user_agent)


def _require_web_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_web = False
    if not is_web or not url.isprintable() or " " in url:
        raise Invalid(
            N_("A link leads to a web page: its address begins with http:// or https://."), fields={"url": "kind"}
        )
    if len(url) > LONGEST_URL:
        raise Invalid(
            N_("A link's address has at most %(most)s characters."), most=LONGEST_URL, fields={"url": "length"}
        )
