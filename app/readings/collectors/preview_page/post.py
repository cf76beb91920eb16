"""One post of the preview page."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from selectolax.lexbor import LexborNode

from app.readings.collectors.base import (
    Count,
    ReactionCount,
    SeenPost,
    bot_api_chat_id,
    hash_text,
    utf16_length,
)
from app.readings.collectors.preview_page.media import album_ids, media_items, refuse_unknown_parts
from app.readings.collectors.preview_page.nodes import attribute, changed, classes, is_inside, own_text, required
from app.readings.collectors.preview_page.nodes import visible_text as read_text
from app.readings.collectors.preview_page.numbers import parse_count

_QUOTED = frozenset({"tgme_widget_message_reply", "tgme_widget_message_link_preview"})


@dataclass(frozen=True, slots=True)
class ViewMark:
    """What a post's data-view says of the page: whose it is (Bot API id) and when the server made it (UTC).

    It also holds a token that registers a view; we never send it, because that would fake a reader.
    """

    chat_id: int
    captured_at: datetime


def parse_post(message: LexborNode) -> SeenPost:
    """Read one `.tgme_widget_message`; raises `LayoutChanged` naming the selector of whatever is not there."""
    message_id = _message_id(message)
    where = f"post {message_id}"
    if is_service(message):
        return _service_post(message, message_id)
    bubble = required(message, ".tgme_widget_message_bubble", where)
    refuse_unknown_parts(bubble, where)
    media = media_items(bubble, where)
    text = _text(bubble) or ""
    if not text and not media and bubble.css_first(_OTHER_CONTENT) is None:
        changed(".tgme_widget_message_text", f"and every known kind of media are missing in {where}")
    return SeenPost(
        message_id=message_id,
        origin_uid=None,
        posted_at=_posted_at(required(message, "a.tgme_widget_message_date > time[datetime]", where), where),
        edited=_is_edited(message, where),
        views=_views(message, where),
        reactions=_reactions(message, where),
        media=media,
        text_length=utf16_length(text),
        text_hash=hash_text(text),
        is_service=False,
        album_ids=album_ids(bubble, message_id, where),
    )


def is_service(message: LexborNode) -> bool:
    return "service_message" in classes(message)


def parse_view_mark(message: LexborNode) -> ViewMark:
    """Decode data-view, base64url JSON {"c": -<channel id>, "p": post, "t": server time in s, "h": token}."""
    raw = attribute(message, "data-view")
    where = attribute(message, "data-post")
    if not raw:
        changed("[data-view]", f"is missing in post {where}")
    try:
        mark = json.loads(base64.b64decode(raw + "=" * (-len(raw) % 4), altchars=b"-_", validate=True))
        return ViewMark(bot_api_chat_id(int(mark["c"])), datetime.fromtimestamp(int(mark["t"]), UTC))
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, OSError):
        changed("[data-view]", f"cannot be decoded in post {where}")


# Content that is neither text nor one of our media kinds; a post may consist of it alone.
_OTHER_CONTENT = ", ".join(
    f".tgme_widget_message_{name}"
    for name in ("location_wrap", "venue_wrap", "contact_wrap", "contact", "invoice", "game", "link_preview")
) + (", .message_media_not_supported, .message_media_not_supported_wrap")


def _message_id(message: LexborNode) -> int:
    match = re.fullmatch(r"\w+/(\d+)", attribute(message, "data-post"))
    if match is None:
        changed("[data-post]", "is missing or unreadable in a post")
    return int(match[1])


def _service_post(message: LexborNode, message_id: int) -> SeenPost:
    """A pin, a new name, "Channel created": it has no counters, and on some pages no date."""
    time = message.css_first("time[datetime]")
    text = _text(message)
    return SeenPost(
        message_id=message_id,
        origin_uid=None,
        posted_at=None if time is None else _posted_at(time, f"post {message_id}"),
        edited=False,
        views=None,
        reactions=(),
        media=(),
        text_length=None if text is None else utf16_length(text),
        text_hash=None if text is None else hash_text(text),
        is_service=True,
    )


def _posted_at(time: LexborNode, where: str) -> datetime:
    try:
        stamp = datetime.fromisoformat(attribute(time, "datetime"))
    except ValueError:
        changed("time[datetime]", f"is no ISO time in {where}")
    if stamp.tzinfo is None:
        changed("time[datetime]", f"has no offset in {where}")
    return stamp.astimezone(UTC)


def _is_edited(message: LexborNode, where: str) -> bool:
    """The mark is plain text ("edited", localized) beside the date; the author's signature is an element."""
    meta = required(message, ".tgme_widget_message_meta", where)
    return any(letter.isalpha() for letter in own_text(meta))


def _views(message: LexborNode, where: str) -> Count:
    text = required(message, ".tgme_widget_message_views", where).text()
    views = parse_count(text)
    return views if views is not None else changed(".tgme_widget_message_views", f"is no number in {where}")


def _text(node: LexborNode) -> str | None:
    """The post's own text, not that of the post it answers; None where there is no element for it."""
    for found in node.css(".tgme_widget_message_text, .js-message_text"):
        if "js-message_reply_text" not in classes(found) and not is_inside(found, _QUOTED, node):
            return read_text(found)
    return None


def _reactions(message: LexborNode, where: str) -> tuple[ReactionCount, ...]:
    block = message.css_first(".tgme_widget_message_reactions")
    shown = message.css(".tgme_reaction")
    if block is None:
        return () if not shown else changed(".tgme_widget_message_reactions", f"is missing in {where}")
    if not shown:
        changed(".tgme_reaction", f"is missing in the reactions of {where}")
    strangers = [part for part in block.iter() if "tgme_reaction" not in classes(part)]
    if any(letter.isdigit() for part in strangers for letter in part.text()):
        changed(".tgme_reaction", f"stands beside an unknown counter in {where}")
    return tuple(_reaction(node, where) for node in shown)


def _reaction(node: LexborNode, where: str) -> ReactionCount:
    count = parse_count(own_text(node))
    if count is None:
        changed(".tgme_reaction", f"has no readable count in {where}")
    return ReactionCount(_reaction_emoji(node, where), count)


def _reaction_emoji(node: LexborNode, where: str) -> str:
    """A custom emoji may hold a plain one as its fallback, so it is asked first."""
    if "tgme_reaction_paid" in classes(node):
        return "paid"
    custom = node.css_first("tg-emoji")
    if custom is not None:
        emoji_id = attribute(custom, "emoji-id")
        return f"custom:{emoji_id}" if emoji_id else changed("tg-emoji[emoji-id]", f"is missing in {where}")
    plain = required(node, ".emoji b", f"a reaction of {where}").text().strip()
    return plain or changed(".emoji b", f"is empty in a reaction of {where}")
