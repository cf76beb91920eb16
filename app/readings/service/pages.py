"""Turning what a collector saw into posts, readings, reactions and subscriber counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.channels.models import Chat
from app.core import db
from app.core.errors import Upstream
from app.readings.collectors.base import ChannelPage, Count, ReactionCount, SeenPost
from app.readings.rollups import FullReading
from app.readings.service.deletions import note_page
from app.readings.service.facts import PostFacts
from app.readings.service.ingest import record_reactions, record_readings, record_subscribers
from app.readings.service.posts import record_posts
from app.readings.service.sources import audience_of
from app.readings.service.versions import Telling


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
        new = record_seen(chat.id, page.posts, source_id=source_id, observed_at=observed_at, now=now)
        shown = {i for p in page.posts for i in (p.message_id, *p.album_ids) if i is not None}
        note_page(chat.id, shown, source_id=source_id, at=observed_at)
        return new


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
    now: datetime,
) -> int:
    """Store posts with the counts they showed at one moment; messages of one album count once.

    What a private source tells stays in its workspace.
    """
    dated = [p for p in seen if p.posted_at is not None]
    told = Telling(source_id, observed_at)
    ids = record_posts(chat_id, [_facts(p) for p in dated], private_to=audience_of(source_id), told=told)
    by_post: dict[int, list[SeenPost]] = {}
    for post in dated:
        by_post.setdefault(ids[post.message_id if post.message_id is not None else str(post.origin_uid)], []).append(
            post
        )
    heads = _heads(by_post)
    readings: list[FullReading] = []
    for post_id, shown in by_post.items():
        post = shown[0] if len(shown) == 1 and post_id not in heads else _as_one(shown, heads.get(post_id))
        if post.reactions is not None and not post.is_service:
            counts = {r.emoji: (r.count.value, r.count.step) for r in post.reactions}
            record_reactions(post_id, source_id=source_id, counts=counts, observed_at=observed_at)
        reading = _reading(post, post_id, source_id, observed_at)
        if reading is not None:
            readings.append(reading)
    return record_readings(chat_id, readings, now=now)


def _heads(by_post: dict[int, list[SeenPost]]) -> dict[int, int]:
    """The message id that a post bears, of those whose messages came one by one."""
    ids = [i for i, shown in by_post.items() if any(p.album_key for p in shown)]
    marks = db.marks(ids)
    return dict(db.rows(f"SELECT id, message_id FROM post WHERE id IN ({marks})", *ids)) if ids else {}


def _as_one(items: Sequence[SeenPost], head: int | None) -> SeenPost:
    """An album's messages as the album: of each counter the largest.

    Reactions and comments belong to the first message; of another one alone, none of them means nothing.
    """
    first = min(items, key=lambda p: p.message_id or 0)
    reactions = _most_reactions(items)
    comments = _most([p.comments for p in items])
    if first.message_id != head:
        reactions = reactions or None
        comments = comments if comments and comments.value else None
    return replace(
        first,
        views=_most([p.views for p in items]),
        forwards=_most([p.forwards for p in items]),
        reactions=reactions,
        comments=comments,
    )


def _most(counts: Sequence[Count | None]) -> Count | None:
    return max((c for c in counts if c is not None), key=lambda c: (c.value, -c.step), default=None)


def _most_reactions(items: Sequence[SeenPost]) -> tuple[ReactionCount, ...] | None:
    told = [p.reactions for p in items if p.reactions is not None]
    if not told:
        return None
    most: dict[str, ReactionCount] = {}
    for one in (reaction for reactions in told for reaction in reactions):
        if one.emoji not in most or one.count.value > most[one.emoji].count.value:
            most[one.emoji] = one
    return tuple(most.values())


def _facts(p: SeenPost) -> PostFacts:
    assert p.posted_at is not None
    return PostFacts(
        message_id=p.message_id,
        origin_uid=p.origin_uid,
        posted_at=p.posted_at,
        media="album" if p.album_key else p.media[0] if p.media else "text",
        text_length=p.text_length,
        text_hash=p.text_hash,
        is_service=p.is_service,
        album_id=p.album_key or (str(p.album_ids[0]) if p.album_ids else None),
        album_items=p.album_ids,
        edited_at=p.edited_at,
        is_edited=p.edited,
    )


def _reading(p: SeenPost, post_id: int, source_id: int, observed_at: datetime) -> FullReading | None:
    reactions = None if p.reactions is None else sum(r.count.value for r in p.reactions)
    views, step = (p.views.value, p.views.step) if p.views else (None, 0)
    forwards, comments = (count.value if count else None for count in (p.forwards, p.comments))
    if p.is_service or (views, reactions, forwards, comments) == (None,) * 4:
        return None
    return (post_id, db.to_ms(observed_at), source_id, views, reactions, step, forwards, comments)
