"""Readings reach their table whole and once, in whatever order, size or company they come."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.boot import Runtime
from app.channels.models import Chat
from app.core import db
from app.core.errors import NotFound
from app.readings import bulk, raw, rollups
from app.readings import service as readings
from tests.conftest import NOW

_AT = db.to_ms(NOW)
_HOUR_MS = 3_600_000


def _chat() -> tuple[int, int, int]:
    """(chat, source, post) of a chat with everybody's feed and one post."""
    chat = Chat.create(title="x", username="x", created_at=NOW).id
    readings.ensure_feed(chat, now=NOW)
    source = readings.ensure_source("a", now=NOW)
    return chat, source, readings.record_posts(chat, [readings.PostFacts(1, NOW)])[1]


def _stored() -> list[tuple]:
    found = db.rows(
        "SELECT post_id, observed_at, source_id, views, reactions, step, flag FROM reading ORDER BY 1, 2, 3"
    )
    return [(post, db.to_ms(db.moment(at)), *rest) for post, at, *rest in found]


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 99, 100, 101, 237])
def test_any_number_of_rows_is_inserted_whole(runtime: Runtime, count: int) -> None:
    insert = bulk.Insert("feed_hour", (("feed_id", "int"), ("hour", "int")), fixed=(("micro_views", "7"),))
    flat = [value for hour in range(count) for value in (5, hour)]
    with db.write():
        insert.run(flat)
    expected = [(5, hour, 7) for hour in range(count)]
    assert db.rows("SELECT feed_id, hour, micro_views FROM feed_hour ORDER BY hour") == expected


def test_nothing_to_insert_is_no_statement(runtime: Runtime) -> None:
    bulk.Insert("no_such_table", (("x", "int"),)).run([])
    with pytest.raises(Exception, match="no_such_table"), db.write():
        bulk.Insert("no_such_table", (("x", "int"),)).run([1])


def test_every_value_comes_back_as_it_was_read(runtime: Runtime) -> None:
    """Both ways in: the first batch only lengthens the curve, the second comes before it."""
    chat, source, post = _chat()
    later = [
        (post, _AT + 9 * _HOUR_MS, source, 2_000_000_000, 5, 100),
        (post, _AT + 9 * _HOUR_MS + 1000, source, None, 0, 0),
        (post, _AT + 9 * _HOUR_MS + 2000, source, 2_000_000_000, None, 1_000_000),
        (post, _AT + 9 * _HOUR_MS + 3000, source, None, None, 0),
    ]
    earlier = [(p, at - 5 * _HOUR_MS, s, v, r, step) for p, at, s, v, r, step in later]
    assert readings.record_readings(chat, later, now=NOW) == 4
    assert readings.record_readings(chat, earlier, now=NOW) == 4
    assert _stored() == [(*reading, 0) for reading in earlier + later]


def test_order_and_repetition_within_a_batch_change_nothing(runtime: Runtime) -> None:
    best = [(1, n * 1000, source, 10 * n, n, 0) for n in range(50) for source in (1, 2)]
    worse = [(post, at, source, views - 1, 99, 0) for post, at, source, views, _, _ in best if views]
    same_views = [
        (post, at, source, views, reactions - 1, 0) for post, at, source, views, reactions, _ in best if views
    ]
    coarser = [(*reading[:5], 100) for reading in best]
    unknown = [(*reading[:3], None, 99, 0) for reading in best]
    mixed = best + worse + same_views + coarser + unknown
    random.Random(1).shuffle(mixed)
    batch, plain = raw.batch_of(mixed), raw.batch_of(best)
    assert batch.flat == plain.flat == [value for reading in best for value in reading]
    for column in ("post", "at", "views", "reactions", "step", "source"):
        assert getattr(batch.rows, column).tolist() == getattr(plain.rows, column).tolist()


def test_unknown_counts_stay_unknown_when_a_batch_is_sorted(runtime: Runtime) -> None:
    late, early = (1, 2000, 1, None, 3, 0), (1, 1000, 1, 4, None, 0)
    assert raw.batch_of([late, early]).flat == [*early, *late]


@pytest.mark.parametrize("is_sorted", [True, False])
def test_moments_are_cut_to_seconds_before_they_are_compared(runtime: Runtime, is_sorted: bool) -> None:
    chat, source, post = _chat()
    batch = [(post, _AT + ms, source, views, None, 0) for ms, views in ((1000, 5), (2345, 6), (3999, 7))]
    readings.record_readings(chat, batch if is_sorted else batch[::-1], now=NOW)
    readings.record_readings(
        chat, [(post, _AT + 2000, source, 6, None, 0), (post, _AT + 3001, source, 7, 1, 0)], now=NOW
    )
    expected = [(_AT + 1000, 5, None), (_AT + 2000, 6, None), (_AT + 3000, 7, 1)]
    assert [(at, views, reactions) for _, at, _, views, reactions, _, _ in _stored()] == expected
    assert readings.check_feeds(now=NOW).differences == 0


def test_a_reading_of_an_unknown_post_is_refused(runtime: Runtime) -> None:
    chat, source, post = _chat()
    good = (post, _AT + _HOUR_MS, source, 5, None, 0)
    with pytest.raises(NotFound):
        readings.record_readings(chat, [good, (post + 1, _AT + _HOUR_MS, source, 5, None, 0)], now=NOW)
    assert _stored() == []


@contextmanager
def _beside(chat: int, batch: list[raw.RawReading]) -> Iterator[None]:
    """Another connection records `batch` and meets the open transaction of this one."""

    def record() -> None:
        try:
            readings.record_readings(chat, batch, now=NOW)
        finally:
            db.database.close()

    other = threading.Thread(target=record)
    with db.write():
        yield
        other.start()
        _until_it_waits_or_ends(other)
    other.join(30)
    assert not other.is_alive()


def _until_it_waits_or_ends(other: threading.Thread) -> None:
    """On PostgreSQL until the other waits for a lock; on SQLite it queues for the file before it reads anything."""
    waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted"
    for _ in range(500):
        if not other.is_alive() or not db.is_postgres() or db.row(waiting) != (0,):
            return
        time.sleep(0.01)
    raise AssertionError("the other transaction neither waited nor ended")


def _two_at_once() -> int:
    """Two transactions lengthen one curve at the same time; returns how many rollup rows are wrong afterwards."""
    chat, source, post = _chat()
    with _beside(chat, [(post, _AT + 2 * _HOUR_MS, source, 30, None, 0)]):
        readings.record_readings(chat, [(post, _AT + _HOUR_MS, source, 20, None, 0)], now=NOW)
    assert [reading[3] for reading in _stored()] == [20, 30]
    return readings.check_feeds(now=NOW).differences


def test_two_transactions_at_once_see_each_others_readings(runtime: Runtime) -> None:
    assert _two_at_once() == 0


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_without_holding_the_chat_they_count_views_twice(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "hold", lambda chat_id: None)
    assert _two_at_once() > 0
