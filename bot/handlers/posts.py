"""Channel posts and their edits."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from aiogram.enums import ContentType
from aiogram.types import Message

from app.readings.collectors.base import hash_text, utf16_length
from app.readings.service import PostFacts, updates
from bot.dispatcher import Effect, Incoming, nothing

_MEDIA = {
    ContentType.PHOTO: "photo",
    ContentType.LIVE_PHOTO: "photo",
    ContentType.VIDEO: "video",
    ContentType.VIDEO_NOTE: "video",
    ContentType.ANIMATION: "animation",
    ContentType.DOCUMENT: "document",
    ContentType.AUDIO: "document",
    ContentType.VOICE: "voice",
    ContentType.POLL: "poll",
    ContentType.STICKER: "sticker",
}
# What a person writes without being one of our media kinds; everything else Telegram writes itself.
_WRITTEN = frozenset(_MEDIA) | {
    ContentType.TEXT,
    ContentType.UNKNOWN,
    ContentType.RICH_MESSAGE,
    ContentType.PAID_MEDIA,
    ContentType.STORY,
    ContentType.CHECKLIST,
    ContentType.CONTACT,
    ContentType.DICE,
    ContentType.GAME,
    ContentType.VENUE,
    ContentType.LOCATION,
    ContentType.INVOICE,
    ContentType.GIVEAWAY,
}


def channel_post(incoming: Incoming) -> Effect:
    post = incoming.update.channel_post or incoming.update.edited_channel_post
    if post is None:
        return nothing
    facts, stored = facts_of(post), incoming.stored
    return partial(
        updates.note_post,
        post.chat.id,
        facts,
        bot_id=stored.bot_id,
        update_id=stored.update_id,
        now=incoming.now,
    )


def facts_of(post: Message) -> PostFacts:
    """What an update says of a post. Of an album each item comes as a message of its own."""
    text, is_service = post.text or post.caption or "", post.content_type not in _WRITTEN
    media = "album" if post.media_group_id else _MEDIA.get(ContentType(post.content_type), "text")
    return PostFacts(
        message_id=post.message_id,
        posted_at=post.date.astimezone(UTC),
        edited_at=datetime.fromtimestamp(post.edit_date, UTC) if post.edit_date else None,
        album_id=post.media_group_id,
        media=media,
        text_length=None if is_service else utf16_length(text),
        text_hash=hash_text(text),
        is_service=is_service,
        is_edited=post.edit_date is not None,
        text=None if is_service else text,
    )
