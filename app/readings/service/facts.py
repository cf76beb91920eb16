"""What a source knows of a message besides its counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PostFacts:
    """One of message_id and origin_uid is given.

    `album_id` names the album (Telegram's media group id where the source tells it), `album_items` are all its message
    ids where the source shows the album whole. `edited_at` is when it was edited, `is_edited` that it was. `text` is
    given only by sources of channels whose administrator our bot is.
    """

    message_id: int | None
    posted_at: datetime
    origin_uid: str | None = None
    edited_at: datetime | None = None
    album_id: str | None = None
    media: str = "text"
    text_length: int | None = None
    text_hash: str | None = None
    is_service: bool = False
    album_items: tuple[int, ...] = ()
    is_edited: bool = False
    text: str | None = None

    @property
    def key(self) -> int | str:
        return self.message_id if self.message_id is not None else str(self.origin_uid)

    @property
    def speaks_for_all(self) -> bool:
        """Whether its text is the post's: the other messages of an album have none, and say nothing of the caption."""
        return self.album_id is None or bool(self.album_items) or self.text_hash is not None
