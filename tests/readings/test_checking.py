"""The check of rollups beside collectors that go on writing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta

import pytest

from app.boot import Runtime
from app.core import db
from app.readings import rollups
from app.readings import service as readings
from app.readings.service import checking
from tests.conftest import NOW
from tests.world import owned_channel, owner, read_posts


def _write_amid(monkeypatch: pytest.MonkeyPatch, chat_id: int, post_id: int) -> list[int]:
    """Let another thread store a reading after the check has read the raw rows and before it reads the rollups."""
    source, stored = readings.ensure_source(readings.BOT_UPDATES, now=NOW), list[int]()
    late = (post_id, db.to_ms(NOW) + 3_600_000, source, 900_000, 5, 0)

    def write() -> None:
        with db.database.connection_context():
            stored.append(readings.record_readings(chat_id, [late], now=NOW))

    def blocks(chat: int) -> Iterator[rollups.PostBlock]:
        yield from all_blocks(chat)
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(10)
        assert stored == [1], "the writer waits for the check"

    all_blocks = checking.blocks
    monkeypatch.setattr(checking, "blocks", blocks)
    return stored


@pytest.mark.parametrize("guard", [True, False])
def test_a_check_sees_one_moment_and_keeps_no_writer_waiting(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, guard: bool
) -> None:
    channel = owned_channel(owner("Aziza", telegram_user_id=42, now=NOW), "News", telegram_chat_id=-1001, now=NOW)
    ids = read_posts(channel, posts=3, now=NOW)
    _write_amid(monkeypatch, channel.chat, ids[0])
    if not guard:
        monkeypatch.setattr(checking.db, "snapshot", nullcontext)
    found = readings.check_feeds(now=NOW)
    assert (found.differences == 0) is guard, found.details
    monkeypatch.undo()
    assert readings.check_feeds(now=NOW).differences == 0


@pytest.mark.parametrize(
    ("change", "details"),
    [
        ("UPDATE post_stat SET views = views + 1 WHERE post_id = 1", {"post_stat": 1}),
        ("DELETE FROM post_stat WHERE post_id = 1", {"post_stat": 1}),
        ("UPDATE subscriber_hour SET value = value + 1", {"subscriber_hour": 2}),
        ("UPDATE feed_stat SET readings = readings + 1", {"feed_stat": 1}),
    ],
)
def test_a_differing_row_counts_once(runtime: Runtime, change: str, details: dict[str, int]) -> None:
    channel = owned_channel(owner("Aziza", now=NOW), "News", telegram_chat_id=-1001, now=NOW)
    read_posts(channel, posts=3, now=NOW)
    with db.write():
        db.execute(change)
    found = readings.check_feeds(now=NOW)
    assert (found.details, found.differences) == (details, sum(details.values()))


def test_a_check_says_when_it_has_finished(runtime: Runtime) -> None:
    done = NOW + timedelta(seconds=3)
    readings.check_feeds(now=NOW, clock=lambda: done)
    started, finished = db.rows("SELECT started_at, finished_at FROM rollup_check")[0]
    assert (db.moment(started), db.moment(finished)) == (NOW, done)
