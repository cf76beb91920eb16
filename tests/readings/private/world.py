"""A channel of Aziza's that Bek only watches; both have private sources of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.analytics import post_queries
from app.channels.models import Channel
from app.channels.service import connect
from app.core import clock, db
from app.readings import service as readings
from app.readings.collectors.base import Count, SeenPost, hash_text
from tests.world import Owner, owned_channel, owner

CHAT = -1001


class World:
    """The channel, and what each source tells of it and each feed shows."""

    def __init__(self) -> None:
        self.now = clock.utcnow().replace(microsecond=0)
        self.aziza, self.bek = owner("Aziza", now=self.now), owner("Bek", now=self.now)
        self.channel: Channel = owned_channel(self.aziza, "News", telegram_chat_id=CHAT, now=self.now)
        self.chat = int(self.channel.chat)
        audiences = (0, self.aziza.workspace.id, self.bek.workspace.id)
        self.feeds = {w: readings.ensure_feed(self.chat, workspace_id=w, now=self.now) for w in audiences}
        own = self.aziza.workspace.id
        connect.see_through(self.channel, self.feeds[own], workspace_id=own)

    def source(self, by: Owner | None) -> int:
        kind = "import" if by else readings.PREVIEW_PAGE
        return readings.ensure_source(kind, workspace_id=by.workspace.id if by else 0, now=self.now)

    def tell(self, by: Owner | None, *seen: SeenPost, minutes: int = 0) -> int:
        """What a workspace's private source, or the public page, shows so long after the beginning."""
        at = self.now + timedelta(minutes=minutes)
        return readings.record_seen(self.chat, seen, source_id=self.source(by), observed_at=at, now=self.now)

    def shown(self, by: Owner | None, message_id: int = 1) -> tuple[Any, ...] | None:
        """(posted at, media, length, views) of a message as a feed shows it."""
        feed = self.feeds[by.workspace.id if by else 0]
        post = post_queries.post_of(feed, self.chat, str(message_id))
        return (post["posted_at"], post["media"], post["text_length"], post["views"]) if post else None

    def sums(self, by: Owner | None) -> tuple[Any, ...] | None:
        """(posts, views, readings) that a feed adds up."""
        feed = self.feeds[by.workspace.id if by else 0]
        return db.row("SELECT posts, views, readings FROM feed_stat WHERE feed_id = ?", feed)

    def rows(self) -> list[tuple[Any, ...]]:
        """(message, whose) of all posts that are stored."""
        return db.rows("SELECT message_id, private_to FROM post ORDER BY message_id, private_to")

    def is_true(self) -> bool:
        """Whether a rebuild comes to what is stored."""
        return readings.check_feeds(self.chat, now=self.now).differences == 0


def post(text: str, at: datetime, views: int | None, *, message: int = 1, **more: Any) -> SeenPost:
    told: dict[str, Any] = {"media": (), "is_service": False} | more
    return SeenPost(
        message_id=message,
        origin_uid=None,
        posted_at=at,
        edited=False,
        views=None if views is None else Count(views, 0),
        reactions=(),
        text_length=len(text),
        text_hash=hash_text(text),
        **told,
    )
