"""A message of Telegram's update, as what posting would send to get the same.

Fields: core.telegram.org/bots/api#message (2026-10-01). A poll's right answer is told only where the bot may know it:
a quiz without one is kept as an ordinary poll. Where a post was forwarded from, and buttons that open no address, are
not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from app.posting.content import telegram, urls
from app.posting.content.blocks import Button, Content, MediaKind, Options, Poll
from app.posting.content.telegram import Entity

# How Telegram's kinds are sent again; a voice message and a song come back as files.
_KINDS: Mapping[str, MediaKind] = {
    "animation": "animation",  # first: Telegram tells a document beside it
    "video": "video",
    "video_note": "video",
    "audio": "document",
    "voice": "document",
    "document": "document",
}
_OTHER = frozenset(
    ("sticker", "location", "venue", "contact", "dice", "game", "story", "giveaway", "giveaway_winners")
    + ("checklist", "paid_media", "invoice")
)
_BUTTON_LETTERS = 64


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file as the bot was told of it; `size` in bytes where Telegram tells it."""

    kind: MediaKind
    file_id: str
    unique_id: str
    size: int | None
    name: str
    has_spoiler: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A message that somebody wrote. `is_other`: of a kind that cannot be sent again."""

    message_id: int
    posted_at: datetime
    edited_at: datetime | None
    album_id: str | None
    content: Content
    file: SeenFile | None
    is_other: bool


def seen(message: Mapping[str, Any]) -> Seen | None:
    """What a channel's message says; None for one that Telegram wrote itself (a new title, a pinned message)."""
    file, poll = _file(message), message.get("poll")
    is_other = not file and not poll and any(name in message for name in _OTHER)
    if not (file or poll or is_other or "text" in message):
        return None
    return Seen(
        message_id=int(message["message_id"]),
        posted_at=datetime.fromtimestamp(message["date"], UTC),
        edited_at=datetime.fromtimestamp(message["edit_date"], UTC) if message.get("edit_date") else None,
        album_id=message.get("media_group_id"),
        content=_content(message),
        file=file,
        is_other=is_other,
    )


def _content(message: Mapping[str, Any]) -> Content:
    is_caption = "text" not in message
    entities = message.get("caption_entities" if is_caption else "entities") or ()
    text = message.get("caption" if is_caption else "text") or ""
    return Content(
        blocks=telegram.read(text, [Entity.from_api(dict(one)) for one in entities]) if text else (),
        poll=_poll(message["poll"]) if "poll" in message else None,
        buttons=_buttons(message.get("reply_markup") or {}),
        options=_options(message),
    )


def _options(message: Mapping[str, Any]) -> Options:
    asked = message.get("link_preview_options") or {}
    sizes = (("is_disabled", "off"), ("prefer_small_media", "small"), ("prefer_large_media", "large"))
    preview = next((name for key, name in sizes if asked.get(key)), "auto")
    return Options(
        preview=cast(Any, preview),
        preview_above=bool(asked.get("show_above_text")),
        caption_above=bool(message.get("show_caption_above_media")),
        is_protected=bool(message.get("has_protected_content")),
    )


def _poll(told: Mapping[str, Any]) -> Poll:
    answer = told.get("correct_option_id") if told.get("type") == "quiz" else None
    return Poll(
        question=str(told.get("question", "")),
        options=tuple(str(one.get("text", "")) for one in told.get("options", ())),
        is_multiple=bool(told.get("allows_multiple_answers")) and answer is None,
        answer=answer,
        explanation=str(told.get("explanation") or "") if answer is not None else "",
    )


def _buttons(markup: Mapping[str, Any]) -> tuple[tuple[Button, ...], ...]:
    rows = []
    for row in markup.get("inline_keyboard", ()):
        named = [(str(one.get("text", ""))[:_BUTTON_LETTERS], str(one.get("url", ""))) for one in row]
        rows.append(tuple(Button(text, url) for text, url in named if text.strip() and urls.checked(url)))
    return tuple(row for row in rows if row)


def _file(message: Mapping[str, Any]) -> SeenFile | None:
    spoiler = bool(message.get("has_media_spoiler"))
    if photo := message.get("photo"):
        return _seen_file("photo", photo[-1], has_spoiler=spoiler)  # the sizes come upwards
    for name, kind in _KINDS.items():
        if name in message:
            return _seen_file(kind, message[name], has_spoiler=spoiler and kind != "document")
    return None


def _seen_file(kind: MediaKind, told: Mapping[str, Any], *, has_spoiler: bool) -> SeenFile:
    return SeenFile(
        kind=kind,
        file_id=str(told["file_id"]),
        unique_id=str(told.get("file_unique_id", "")),
        size=told.get("file_size"),
        name=str(told.get("file_name") or ""),
        has_spoiler=has_spoiler,
    )
