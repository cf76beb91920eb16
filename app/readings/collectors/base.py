"""What every collector speaks: counts with their precision, posts, channel pages, and the ways to fail.

Adapters import `app.core` and this module, never each other, so a source is added or dropped by one module.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, Protocol

from app.core.errors import Upstream

Precision = Literal["exact", "rounded"]

# Bot API ids of channels are the channel's own id behind this offset
# (https://core.telegram.org/api/bots/ids, 2026-10-01).
_BOT_API_CHANNEL_OFFSET = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Count:
    """A counter as the source shows it.

    `value` in units; `step` 0 when exact, else the rounding step in units: "4.85K" is 4850 with step 10.
    """

    value: int
    step: int

    @property
    def precision(self) -> Precision:
        return "rounded" if self.step else "exact"


@dataclass(frozen=True, slots=True)
class ReactionCount:
    """`emoji` is the character itself, `custom:<document id>` or `paid`."""

    emoji: str
    count: Count


@dataclass(frozen=True, slots=True)
class SeenPost:
    """One post at one moment, as one source shows it.

    `message_id` or `origin_uid` names it (imports may know only the latter). `posted_at` is aware UTC and None only
    for a service post that the source shows without a date. `views` is None where the source holds none (service
    posts, exports); `reactions` is None where the source cannot tell and () where it shows none. `media` holds
    photo, video, animation, album, document, poll, voice, sticker; an album is "album" followed by its items.
    `text_length` counts UTF-16 units of the visible text, `text_hash` is `hash_text` of it. `album_ids` are all
    message ids that the album covers, `message_id` among them; () for a post that is no album. `album_key` names the
    album where the source tells it (media_group_id, grouped_id). `forwards` and `comments` (replies in the channel's
    discussion) are None where the source cannot tell. `edited_at` is when the shown content was made, if told.
    """

    message_id: int | None
    origin_uid: str | None
    posted_at: datetime | None
    edited: bool
    views: Count | None
    reactions: tuple[ReactionCount, ...] | None
    media: tuple[str, ...]
    text_length: int | None
    text_hash: str | None
    is_service: bool
    album_ids: tuple[int, ...] = ()
    album_key: str | None = None
    forwards: Count | None = None
    comments: Count | None = None
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """One answer of a source about one channel.

    `channel` is the username without "@", `chat_id` the Bot API's (-100...), `captured_at` the source's own clock.
    `before` asks for the next older page; None when there is none. `posts` in the source's order, oldest first.
    """

    channel: str
    chat_id: int | None
    title: str
    subscribers: Count | None
    posts: tuple[SeenPost, ...]
    captured_at: datetime | None
    before: int | None


class LayoutChanged(Upstream):
    """The source no longer looks as we know it: a person must look; nothing of the answer may be stored."""

    default_code = "layout_changed"
    default_permanent = True


class NoPreview(Upstream):
    """The channel exists or not, but this source does not show it (t.me redirects /s/name to /name)."""

    default_code = "no_preview"
    default_permanent = True


class Collector(Protocol):
    """A source that answers with pages of a channel's posts, newest page first.

    Raises `NoPreview` and `LayoutChanged` (permanent: repeating cannot help), `Upstream` with `retry_after_s`
    (temporary), `Invalid` for a channel name that cannot be one. Never returns a number that it did not read.
    """

    source: ClassVar[str]

    def read(self, channel: str, *, before: int | None = None) -> ChannelPage:
        """Return the page of posts older than message id `before`, or the newest page."""
        ...


def bot_api_chat_id(channel_id: int) -> int:
    """Turn Telegram's bare channel id (of either sign) into the Bot API's -100... id."""
    return -(_BOT_API_CHANNEL_OFFSET + abs(channel_id))


def utf16_length(text: str) -> int:
    """Length in UTF-16 units, Telegram's own measure (https://core.telegram.org/api/entities, 2026-10-01)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def hash_text(text: str) -> str | None:
    """Sha256 hex of the text in NFC with every run of white space as one space; None for a blank text.

    White space goes because sources disagree on it: the same post must hash alike in a page and in an export.
    """
    normal = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest() if normal else None
