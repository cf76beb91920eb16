"""Rebuilding the rollups from the raw readings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from app.core import db
from app.readings import rollups, subscribers

_TABLES = ("post_stat", "feed_hour", "subscriber_hour", "feed_stat")
_POSTS_A_BLOCK = 500


def rebuild(chat_id: int | None = None, *, now: datetime) -> int:
    """Recompute the rollups and marks of a chat's feeds (or of all) from the raw readings; returns how many feeds."""
    found = feeds(chat_id)
    for feed_id, feed_chat, workspace_id in found:
        with db.write():
            rebuild_feed(feed_id, feed_chat, workspace_id)
    return len(found)


def rebuild_feed(feed_id: int, chat_id: int, workspace_id: int) -> None:
    """Recompute one feed, and the falls of its own sources, inside the caller's transaction.

    Its version goes on from where it was: one that came back would tell pages that nothing changed.
    """
    rollups.hold(chat_id)
    (version,) = db.row("SELECT version FROM feed_stat WHERE feed_id = ?", feed_id) or (0,)
    _clear(feed_id)
    _fill(feed_id, chat_id, workspace_id)
    db.execute("UPDATE feed_stat SET version = version + ? WHERE feed_id = ?", version, feed_id)


def forget_feed(feed_id: int) -> None:
    """Remove a feed that no channel reads any more, with its rollups, inside the caller's transaction."""
    _clear(feed_id)
    db.execute("DELETE FROM feed WHERE id = ?", feed_id)


def _clear(feed_id: int) -> None:
    for table in _TABLES:
        db.execute(f"DELETE FROM {table} WHERE feed_id = ?", feed_id)


def _fill(feed_id: int, chat_id: int, workspace_id: int) -> None:
    sources, own = rollups.visible_sources(workspace_id), rollups.own_sources(workspace_id)
    for block in blocks(chat_id):
        seen = rollups.visible(block.rows, sources)
        if len(seen.post):
            nothing = seen.only(seen.post < 0)
            rollups.apply_change(feed_id, block, nothing, seen)
        rollups.mark_falls(rollups.marked(block, workspace_id), rollups.falls(block, seen, own))
    subscribers.rebuild(feed_id, chat_id, workspace_id)


def blocks(chat_id: int) -> Iterator[rollups.PostBlock]:
    """All posts of a chat with all their readings, some hundred posts at a time."""
    ids = [int(i) for (i,) in db.rows("SELECT id FROM post WHERE chat_id = ? ORDER BY id", chat_id)]
    for start in range(0, len(ids), _POSTS_A_BLOCK):
        yield rollups.load_block(ids[start : start + _POSTS_A_BLOCK])


def feeds(chat_id: int | None = None) -> list[tuple[int, int, int]]:
    """(feed id, chat id, workspace id) of a chat's feeds, or of all."""
    where, params = ("WHERE chat_id = ?", (chat_id,)) if chat_id else ("", ())
    return [
        (int(f), int(c), int(w)) for f, c, w in db.rows(f"SELECT id, chat_id, workspace_id FROM feed {where}", *params)
    ]
