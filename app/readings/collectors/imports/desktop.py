"""Telegram Desktop's JSON export of a channel: text, time and reactions, but no views.

Format as written by tdesktop's export_output_json.cpp (https://github.com/telegramdesktop/tdesktop, 2026-10-01);
views are not in it (tdesktop issue 16890), reactions are since late 2024.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from app.core.errors import Invalid
from app.readings.collectors.base import (
    Count,
    ReactionCount,
    SeenPost,
    bot_api_chat_id,
    hash_text,
    utf16_length,
)

_CHANNEL_TYPES = ("public_channel", "private_channel")
_MEDIA_TYPES = {
    "sticker": "sticker",
    "video_file": "video",
    "video_message": "video",
    "animation": "animation",
    "voice_message": "voice",
    "audio_file": "document",
}


@dataclass(frozen=True, slots=True)
class DesktopExport:
    """One channel's export; `chat_id` is the Bot API's. Its posts have `views` None: the export holds none."""

    title: str
    chat_id: int
    posts: tuple[SeenPost, ...]
    holds_views: ClassVar[bool] = False


def read_desktop_export(path: str | Path) -> DesktopExport:
    """Read result.json of one channel, posts in file order; times aware UTC, reaction counts exact.

    Raises `Invalid` for what is no such export (with the number of the bad message in `fields`), for a chat that
    is no channel, and for an export of all chats. Albums are not marked in exports: their items come as posts.
    """
    content = _load(Path(path))
    if content.get("type") not in _CHANNEL_TYPES:
        raise Invalid("This is not the export of one channel.", fields={"type": str(content.get("type"))})
    messages = content.get("messages")
    if not isinstance(messages, list) or not isinstance(content.get("id"), int):
        raise Invalid("The export lacks its id or its messages.", fields={"file": "incomplete"})
    # Older exports know no reactions at all; only a file that shows some can say "none" of a post.
    knows_reactions = any(isinstance(message, dict) and "reactions" in message for message in messages)
    posts = tuple(_read_post(message, number, knows_reactions) for number, message in enumerate(messages, 1))
    return DesktopExport(str(content.get("name") or ""), bot_api_chat_id(content["id"]), posts)


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise Invalid(f"The export is no JSON: {error}.", fields={"file": "unreadable"}) from error
    if not isinstance(content, dict):
        raise Invalid("The export is not one chat.", fields={"file": "not an object"})
    return content


def _read_post(message: Any, number: int, knows_reactions: bool) -> SeenPost:
    try:
        return _post(message, knows_reactions)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise Invalid(f"Message {number} of the export is unreadable.", fields={f"message {number}": reason}) from error


# Telegram's message ids are 32-bit; an emoji is its few characters or custom:<64-bit id>.
_MOST = 2**31 - 1
_LONGEST_EMOJI = 64


def _number(value: Any) -> int:
    number = int(value)
    if not 0 <= number <= _MOST:
        raise ValueError(f"{value} cannot be true")
    return number


def _post(message: dict[str, Any], knows_reactions: bool) -> SeenPost:
    text = _text(message).strip()
    return SeenPost(
        message_id=_number(message["id"]),
        origin_uid=None,
        posted_at=datetime.fromtimestamp(int(message["date_unixtime"]), UTC),
        edited="edited_unixtime" in message,
        views=None,
        reactions=tuple(map(_reaction, message.get("reactions") or ())) if knows_reactions else None,
        media=_media(message),
        text_length=utf16_length(text),
        text_hash=hash_text(text),
        is_service=message["type"] == "service",
    )


def _text(message: dict[str, Any]) -> str:
    """`text` is a string or a list of strings and entities; `text_entities` the same, always as entities."""
    parts = message.get("text") or message.get("text_entities") or ""
    if isinstance(parts, str):
        return parts
    return "".join(part if isinstance(part, str) else str(part["text"]) for part in parts)


def _media(message: dict[str, Any]) -> tuple[str, ...]:
    if "media_type" in message:
        return (_MEDIA_TYPES.get(message["media_type"], "document"),)
    kinds = (("photo", "photo"), ("file", "document"), ("poll", "poll"))
    return tuple(kind for key, kind in kinds if key in message)


def _reaction(reaction: dict[str, Any]) -> ReactionCount:
    count = Count(_number(reaction["count"]), 0)
    kind = reaction["type"]
    if kind == "paid":
        return ReactionCount("paid", count)
    if kind == "emoji":
        return ReactionCount(_short(str(reaction["emoji"])), count)
    # With media exported, document_id is a file's path instead of the id: then the emoji stays unknown.
    document_id = str(reaction["document_id"])
    return ReactionCount(_short(f"custom:{document_id if document_id.isdecimal() else 'unknown'}"), count)


def _short(emoji: str) -> str:
    if len(emoji) > _LONGEST_EMOJI or "\0" in emoji:
        raise ValueError("the reaction is no emoji")
    return emoji
