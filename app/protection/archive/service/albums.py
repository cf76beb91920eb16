"""An album's words: each of its messages may have some, and an edit moves them from one to another.

Telegram tells of each message apart, in any order, and its apps show the words below the album when one message has some.
So what each said last is kept (`ArchivedPost.captions`), and the album says what the first of those with words says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db
from app.posting.content import tree
from app.posting.content.blocks import Content
from app.protection.archive.models import ArchivedPost


@dataclass(frozen=True, slots=True)
class Caption:
    """What a message of an album says, and when it was edited last; None: as it was sent."""

    content: Content
    at: datetime | None


Captions = dict[int, Caption]  # by message id


def captions_of(row: ArchivedPost) -> Captions:
    """What is known of each message. Of one that was kept before that was: all its words are those of the first."""
    if row.captions is None:
        return {row.message_id: Caption(tree.from_json(row.content), row.edited_at)}
    return {int(number): _read(told) for number, told in row.captions.items()}


def _read(told: dict[str, Any]) -> Caption:
    return Caption(tree.from_json(told["said"]), None if told["at"] is None else db.from_ms(told["at"]))


def document(captions: Captions) -> dict[str, Any]:
    """As a row keeps them."""
    return {
        str(number): {"said": tree.to_json(one.content), "at": None if one.at is None else db.to_ms(one.at)}
        for number, one in captions.items()
    }


def words_of(captions: Captions) -> Content:
    """What the album says: the first message with words, else the first of all."""
    told = [captions[number].content for number in sorted(captions)]
    return next((content for content in told if content.blocks), told[0])


def is_news(captions: Captions, number: int, at: datetime | None) -> bool:
    """Whether a message's telling is not older than what is known of it."""
    known = captions[number].at if number in captions else None
    return known is None or (at is not None and at >= known)
