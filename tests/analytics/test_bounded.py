"""A page visits as many rows at a million readings as at ten thousand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.analytics import build
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.core import db
from app.readings import service as readings
from tests.conftest import NOW
from tests.world import owned_channel, owner

_SIZES = (10**4, 10**5, 10**6)


def _fill(channel: Channel, readings_wanted: int) -> None:
    """Two thousand posts or more (both the period and the one before are full), an hour apart, read in ten hours."""
    per_post = min(100, readings_wanted // 2000)
    source, posts = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW), readings_wanted // per_post
    facts = [readings.PostFacts(n, NOW - timedelta(hours=n + 11)) for n in range(1, posts + 1)]
    ids = readings.record_posts(channel.chat, facts)
    batch = []
    for fact in facts:
        start = db.to_ms(fact.posted_at)
        batch += [
            (ids[fact.key], start + k * 36_000_000 // per_post, source, 10 * k, k, 0) for k in range(1, per_post + 1)
        ]
        if len(batch) >= 20_000:
            readings.record_readings(channel.chat, batch, now=NOW)
            batch = []
    readings.record_readings(channel.chat, batch, now=NOW)


def _steps(workspace_id: int, public_id: str) -> int:
    """How many times SQLite's engine stepped (in tens) while the network and channel page were built."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    connection = db.database.connection()
    connection.set_progress_handler(tick, 10)
    ref = channel_of(workspace_id, public_id)
    assert ref is not None
    build.network_page(workspace_id, "x", timezone="UTC", span=Span(), is_demo=False, now=NOW)
    for sort in ("posted_at", "views", "er"):
        build.posts_page(workspace_id, ref, span=Span(), sort=sort, order="desc", shown="all", offset=0, now=NOW)
    build.channel_page(workspace_id, ref, span=Span(), now=NOW)
    build.content_page(workspace_id, ref, span=Span(), now=NOW)
    connection.set_progress_handler(None, 10)
    return count


def _visited(plan: dict) -> int:
    own = int(plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * int(plan["Actual Loops"])
    return own + sum(_visited(child) for child in plan.get("Plans", ()))


def _rows_visited(workspace_id: int, public_id: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """PostgreSQL's own count over every statement of the pages, by EXPLAIN ANALYZE."""
    seen: list[tuple[str, tuple]] = []
    real = db.rows
    monkeypatch.setattr(db, "rows", lambda sql, *params: seen.append((sql, params)) or real(sql, *params))
    ref = channel_of(workspace_id, public_id)
    assert ref is not None
    build.channel_page(workspace_id, ref, span=Span(), now=NOW)
    build.content_page(workspace_id, ref, span=Span(), now=NOW)
    build.posts_page(workspace_id, ref, span=Span(), sort="views", order="desc", shown="all", offset=0, now=NOW)
    monkeypatch.setattr(db, "rows", real)
    total = 0
    for sql, params in seen:
        (plan,) = db.row(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *params) or ([{}],)
        total += _visited(plan[0]["Plan"])
    return total


def test_rows_visited_do_not_grow_with_readings(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    visited: list[int] = []
    who = owner("Aziza", now=NOW)
    for size in _SIZES:
        channel = owned_channel(who, f"N{size}", telegram_chat_id=-size, now=NOW)
        _fill(channel, size)
        if db.is_postgres():
            with db.write():
                db.execute("ANALYZE")
            # tables this small are cheaper read whole; the claim is about what the indexes bound
            db.database.execute_sql("SET enable_seqscan = off")
            visited.append(_rows_visited(who.workspace.id, channel.public_id, monkeypatch))
        else:
            visited.append(_steps(who.workspace.id, channel.public_id))
            Channel.update(deleted_at=NOW).where(
                Channel.workspace == who.workspace.id, Channel.id == channel.id
            ).execute()
    assert min(visited) > 1000 and max(visited) <= visited[0] * 1.3, visited
    print(f"rows visited (SQLite: steps in tens) at {_SIZES} readings: {visited}")
