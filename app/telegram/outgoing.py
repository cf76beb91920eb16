"""What is sent to a chat and what Telegram says of it, in Telegram's terms and without its library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class OutgoingMedia:
    """A file: by Telegram's id for this bot, else by its bytes at `path`. `kind`: photo, video, animation, document."""

    kind: str
    file_id: str = ""
    path: str = ""
    name: str = ""
    has_spoiler: bool = False


@dataclass(frozen=True, slots=True)
class OutgoingPoll:
    """A poll; with `correct` (an option's index) a quiz."""

    question: str
    options: tuple[str, ...]
    is_multiple: bool = False
    correct: int | None = None
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class UrlButton:
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One call: `kind` is message, album, poll or the kind of its one medium.

    `entities` are Telegram's own dictionaries, offsets in UTF-16 units. `preview`: auto, off, small or large.
    """

    kind: str
    text: str = ""
    entities: tuple[Mapping[str, Any], ...] = ()
    media: tuple[OutgoingMedia, ...] = ()
    poll: OutgoingPoll | None = None
    buttons: tuple[tuple[UrlButton, ...], ...] = ()
    is_silent: bool = False
    is_protected: bool = False
    preview: str = "auto"
    preview_above: bool = False
    caption_above: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as Telegram took it; its file has an id that this bot may send again. `chat_kind` as Telegram calls it."""

    message_id: int
    date: datetime
    text: str = ""
    entities: tuple[Mapping[str, Any], ...] = ()
    media: str = "text"
    file_id: str = ""
    file_unique_id: str = ""
    album_id: str | None = None
    chat_kind: str = ""
