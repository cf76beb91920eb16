"""Rebuilding the rollups from the raw readings, and checking that they are equal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from app.core import db
from app.readings import rollups
from app.readings.models import RollupCheck

_TABLES = {
    "post_stat": "post_id, media, is_deleted, views, views_24h, reactions, er_ppm, step, source_id, observed_at, readings,"
    " reactions_step, reactions_source_id, reactions_at",
    "feed_hour": "hour, micro_views",
    "subscriber_hour": "hour, value, step, source_id, observed_at",
    "feed_stat": "posts, views, readings, last_reading_at, subscribers, subscribers_step, subscribers_source_id,"
    " subscribers_at, subscriber_readings",
}
_POSTS_A_BLOCK = 500


@dataclass(slots=True)
class CheckResult:
    """What a check saw: feeds and readings compared, differing rollup rows, and the first of them by table."""

    feeds: int = 0
    readings: int = 0
    differences: int = 0
    details: dict[str, int] = field(default_factory=dict)


def rebuild(chat_id: int | None = None, *, now: datetime) -> int:
    """Recompute the rollups of a chat's feeds (or of all) from the raw readings; returns how many feeds."""
    feeds = _feeds(chat_id)
    for feed_id, feed_chat, workspace_id in feeds:
        with db.write():
            rebuild_feed(feed_id, feed_chat, workspace_id, now=now)
    return len(feeds)


def rebuild_feed(feed_id: int, chat_id: int, workspace_id: int, *, now: datetime) -> None:
    """Recompute one feed inside the caller's transaction."""
    rollups.hold(chat_id)
    _clear(feed_id)
    _fill(feed_id, chat_id, workspace_id, now=now)


def forget_feed(feed_id: int) -> None:
    """Remove a feed that no channel reads any more, with its rollups, inside the caller's transaction."""
    _clear(feed_id)
    db.execute("DELETE FROM feed WHERE id = ?", feed_id)


def _clear(feed_id: int) -> None:
    for table in _TABLES:
        db.execute(f"DELETE FROM {table} WHERE feed_id = ?", feed_id)


def _fill(feed_id: int, chat_id: int, workspace_id: int, *, now: datetime) -> None:
    sources = rollups.visible_sources(workspace_id)
    for block in _blocks(chat_id):
        seen = rollups.visible(block.rows, sources)
        if len(seen.post):
            nothing = seen.only(seen.post < 0)
            rollups.apply_change(feed_id, block, nothing, seen, now=now)
    rollups.rebuild_subscribers(feed_id, chat_id, workspace_id)


def _blocks(chat_id: int) -> Iterator[rollups.PostBlock]:
    ids = [int(i) for (i,) in db.rows("SELECT id FROM post WHERE chat_id = ? ORDER BY id", chat_id)]
    for start in range(0, len(ids), _POSTS_A_BLOCK):
        yield rollups.load_block(ids[start : start + _POSTS_A_BLOCK])


def check_feeds(chat_id: int | None = None, *, now: datetime) -> CheckResult:
    """Compare the rollups with a fresh computation and keep what was found as a `rollup_check` row.

    Each feed is rebuilt aside (as feed -id) in a transaction that is rolled back, so the check changes nothing.
    """
    result = CheckResult()
    for feed_id, feed_chat, workspace_id in _feeds(chat_id):
        _check_feed(result, feed_id, feed_chat, workspace_id, now=now)
    with db.write():
        RollupCheck.create(
            started_at=now,
            finished_at=now,
            feeds=result.feeds,
            readings=result.readings,
            differences=result.differences,
            details=result.details,
        )
    return result


class _Undo(Exception):
    """Ends the transaction of a check without keeping anything."""


def _check_feed(result: CheckResult, feed_id: int, chat_id: int, workspace_id: int, *, now: datetime) -> None:
    try:
        with db.write():
            rollups.hold(chat_id)
            _fill(-feed_id, chat_id, workspace_id, now=now)
            for table, columns in _TABLES.items():
                differing = _differences(table, columns, feed_id)
                if differing:
                    result.details[table] = result.details.get(table, 0) + differing
                    result.differences += differing
            readings = db.row("SELECT readings FROM feed_stat WHERE feed_id = ?", -feed_id)
            result.readings += int(readings[0]) if readings else 0
            raise _Undo
    except _Undo:
        result.feeds += 1


def _differences(table: str, columns: str, feed_id: int) -> int:
    kept = "micro_views != 0" if table == "feed_hour" else "1 = 1"
    sql = f"SELECT {columns} FROM {table} WHERE feed_id = ? AND {kept}"
    stored, computed = set(db.rows(sql, feed_id)), set(db.rows(sql, -feed_id))
    return len(stored ^ computed)


def _feeds(chat_id: int | None) -> list[tuple[int, int, int]]:
    where, params = ("WHERE chat_id = ?", (chat_id,)) if chat_id else ("", ())
    return [
        (int(f), int(c), int(w)) for f, c, w in db.rows(f"SELECT id, chat_id, workspace_id FROM feed {where}", *params)
    ]
