"""Telegram Desktop's JSON export of a channel: text, time and reactions, but no views.

Format as written by tdesktop's export_output_json.cpp (https://github.com/telegramdesktop/tdesktop, 2026-10-01);
views are not in it (tdesktop issue 16890), reactions are since late 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from app.readings.collectors.imports.json_stream import NotAnObject, members

_CHANNEL_TYPES = ("public_channel", "private_channel")
_PART = 1000  # messages
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
    """One channel's export; `chat_id` is the Bot API's. Its posts have `views` None: the export holds none.

    `newest`: the moment of its last message. The file does not say when it was made, only that it was not before.
    """

    title: str
    chat_id: int
    posts: tuple[SeenPost, ...]
    newest: datetime | None
    holds_views: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Survey:
    """What an export holds, seen once through. `knows_reactions`: older exports cannot say "none" of a post.

    `newest` as in DesktopExport.
    """

    title: str
    chat_id: int
    messages: int
    knows_reactions: bool
    newest: datetime | None


def read_desktop_export(path: str | Path) -> DesktopExport:
    """Read result.json of one channel, posts in file order; times aware UTC, reaction counts exact.

    Raises as `survey` does. Albums are not marked in exports: their items come as posts.
    """
    known = survey(path)
    return DesktopExport(known.title, known.chat_id, tuple(posts_of(path, known)), known.newest)


def survey(path: str | Path, *, on_part: Callable[[], object] = lambda: None) -> Survey:
    """Read an export once through, a message at a time; `on_part` is called every thousand messages.

    Raises `Invalid` for what is no such export (with the number of the bad message in `fields`), for a chat that
    is no channel, and for an export of all chats; its `code` is a word of service/desktop/states.py.
    """
    facts: dict[str, Any] = {}
    messages, knows_reactions, bad, newest = None, False, None, None
    for name, number, value in _members(path):
        if number is None:
            facts[name] = value
        elif not number:
            messages = 0
        else:
            messages = number
            knows_reactions = knows_reactions or (isinstance(value, dict) and "reactions" in value)
            try:
                posted_at = _read_post(value, number, knows_reactions=True).posted_at
                newest = max(newest or posted_at, posted_at) if posted_at else newest
            except Invalid as error:
                bad = bad or error
            if number % _PART == 0:
                on_part()
    if facts.get("type") not in _CHANNEL_TYPES:
        raise Invalid(
            "This is not the export of one channel.", code="not_a_channel", fields={"type": str(facts.get("type"))}
        )
    if messages is None or not isinstance(facts.get("id"), int):
        raise Invalid("The export lacks its id or its messages.", code="incomplete", fields={"file": "incomplete"})
    if bad is not None:
        raise bad
    return Survey(str(facts.get("name") or ""), bot_api_chat_id(facts["id"]), messages, knows_reactions, newest)


def posts_of(path: str | Path, known: Survey) -> Iterator[SeenPost]:
    """The posts of an export that was surveyed, in file order."""
    for _, number, value in _members(path):
        if number:
            yield _read_post(value, number, known.knows_reactions)


def _members(path: str | Path) -> Iterator[tuple[str, int | None, Any]]:
    try:
        with Path(path).open(encoding="utf-8-sig") as text:
            yield from members(text, array="messages")
    except NotAnObject as error:
        raise Invalid("The export is not one chat.", code="not_json", fields={"file": "not an object"}) from error
    except ValueError as error:
        raise Invalid(f"The export is no JSON: {error}.", code="not_json", fields={"file": "unreadable"}) from error


def _read_post(message: Any, number: int, knows_reactions: bool) -> SeenPost:
    try:
        return _post(message, knows_reactions)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise Invalid(
            f"Message {number} of the export is unreadable.", code="bad_message", fields={f"message {number}": reason}
        ) from error


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
