"""Turning what a collector saw into posts, readings, reactions and subscriber counts."""

from __future__ import annotations

from datetime import datetime

from app.channels.models import Chat
from app.core import db
from app.core.errors import Upstream
from app.readings.collectors.base import ChannelPage, SeenPost
from app.readings.rollups import RawReading
from app.readings.service.ingest import (
    PostFacts,
    record_posts,
    record_reactions,
    record_readings,
    record_subscribers,
)


def record_page(chat: Chat, page: ChannelPage, *, source_id: int, now: datetime) -> int:
    """Store one page of a chat in one transaction; returns how many readings were new."""
    if page.chat_id is not None and chat.telegram_chat_id not in (None, page.chat_id):
        raise Upstream("This name belongs to another channel now.", code="name_moved", permanent=True)
    observed_at = (page.captured_at or now).replace(microsecond=0)
    with db.write():
        _note_identity(chat, page)
        if page.subscribers is not None:
            record_subscribers(
                chat.id,
                source_id=source_id,
                value=page.subscribers.value,
                step=page.subscribers.step,
                observed_at=observed_at,
            )
        return record_seen(chat.id, page.posts, source_id=source_id, observed_at=observed_at, now=now)


def _note_identity(chat: Chat, page: ChannelPage) -> None:
    """A channel known by its name only gets its Telegram id from the page."""
    title_changed = page.title and chat.title != page.title
    learns_id = chat.telegram_chat_id is None and page.chat_id is not None and chat.private_to is None
    if title_changed or learns_id or chat.has_preview is not True:
        chat.title = page.title or chat.title
        chat.telegram_chat_id = page.chat_id if learns_id else chat.telegram_chat_id
        chat.has_preview = True
        chat.save()


def record_seen(
    chat_id: int,
    seen: tuple[SeenPost, ...],
    *,
    source_id: int,
    observed_at: datetime,
    is_public: bool = True,
    now: datetime,
) -> int:
    """Store posts with the counts they showed at one moment."""
    dated = [p for p in seen if p.posted_at is not None]
    ids = record_posts(chat_id, [_facts(p) for p in dated], source_is_public=is_public)
    readings: list[RawReading] = []
    for post in dated:
        post_id = ids[post.message_id if post.message_id is not None else str(post.origin_uid)]
        if post.reactions is not None and not post.is_service:
            counts = {r.emoji: (r.count.value, r.count.step) for r in post.reactions}
            record_reactions(post_id, source_id=source_id, counts=counts, observed_at=observed_at)
        reading = _reading(post, post_id, source_id, observed_at)
        if reading is not None:
            readings.append(reading)
    return record_readings(chat_id, readings, now=now)


def _facts(p: SeenPost) -> PostFacts:
    assert p.posted_at is not None
    return PostFacts(
        message_id=p.message_id,
        origin_uid=p.origin_uid,
        posted_at=p.posted_at,
        media=p.media[0] if p.media else "text",
        text_length=p.text_length,
        text_hash=p.text_hash,
        is_service=p.is_service,
        album_id=str(p.album_ids[0]) if p.album_ids else None,
    )


def _reading(p: SeenPost, post_id: int, source_id: int, observed_at: datetime) -> RawReading | None:
    if p.is_service or (p.views is None and p.reactions is None):
        return None
    reactions = None if p.reactions is None else sum(r.count.value for r in p.reactions)
    views, step = (p.views.value, p.views.step) if p.views else (None, 0)
    return (post_id, db.to_ms(observed_at), source_id, views, reactions, step)
