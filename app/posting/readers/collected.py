"""What other sources have told us meanwhile: a second bot in the channel, an owner's account, the collectors."""

from __future__ import annotations

from app.core import db
from app.posting.readers.base import Look, Place
from app.readings.collectors.base import SeenPost


class CollectedPosts:
    """Finds, and never proves absence: a source that told nothing may only be late."""

    name = "collected"

    def look(self, place: Place) -> Look:
        rows = db.rows(
            "SELECT p.id, p.message_id, p.posted_at, p.media, p.text_length, p.text_hash, p.album_id FROM post p"
            " WHERE p.chat_id = ? AND p.posted_at >= ? AND p.message_id IS NOT NULL AND p.deleted_at IS NULL"
            " AND NOT p.is_service AND p.private_to IN (0, ?) ORDER BY p.posted_at LIMIT 200",
            *(place.chat_id, db.stamp(place.since), place.workspace_id),
        )
        return Look([_seen(*row) for row in rows], is_whole=False)


def _seen(
    post_id: int,
    message_id: int,
    posted_at: object,
    media: str,
    text_length: int | None,
    text_hash: str | None,
    album: str | None,
) -> SeenPost:
    items = db.rows("SELECT message_id FROM album_item WHERE post_id = ? ORDER BY message_id", post_id) if album else []
    return SeenPost(
        message_id=message_id,
        origin_uid=None,
        posted_at=db.moment(posted_at),
        edited=False,
        views=None,
        reactions=None,
        media=(media,) if media != "text" else (),
        text_length=text_length,
        text_hash=text_hash,
        is_service=False,
        album_ids=tuple(int(row[0]) for row in items),
    )
