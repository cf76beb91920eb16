"""Outbox rows coalesce, survive being asked again, back off alone and die visibly."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.boot import Runtime
from app.core import db, leases, outbox


def test_a_row_asked_for_again_during_delivery_stays(runtime: Runtime, now: datetime) -> None:
    outbox.put("t", "1", now=now)
    (pending,) = outbox.due(now)
    outbox.put("t", "1", now=now)
    outbox.delivered(pending, workflow_id="w", run_id="r", now=now)
    (left,) = outbox.due(now)
    assert left.version == 2
    outbox.delivered(left, workflow_id="w", run_id="r", now=now)
    assert outbox.due(now) == []


def test_a_poison_row_backs_off_dies_and_blocks_nobody(runtime: Runtime, now: datetime) -> None:
    outbox.put("t", "poison", now=now)
    outbox.put("t", "healthy", now=now)
    moment = now
    for _ in range(12):
        row = next((p for p in outbox.due(moment) if p.key == "poison"), None)
        assert row is not None
        outbox.failed(row, "no", now=moment)
        assert [p.key for p in outbox.due(moment)] == ["healthy"]
        moment += timedelta(seconds=301)
    assert [p.key for p in outbox.due(moment)] == ["healthy"]
    assert db.row("SELECT COUNT(*) FROM outbox WHERE dead_at IS NOT NULL") == (1,)


def test_a_rolled_back_change_leaves_no_outbox_row(runtime: Runtime, now: datetime) -> None:
    try:
        with db.write():
            outbox.put("t", "1", now=now)
            raise ValueError
    except ValueError:
        pass
    assert outbox.due(now) == []


def test_one_holder_at_a_time(runtime: Runtime, now: datetime) -> None:
    assert leases.take("x", "a", now=now, ttl_s=30)
    assert not leases.take("x", "b", now=now, ttl_s=30)
    assert leases.take("x", "b", now=now + timedelta(seconds=31), ttl_s=30)
    leases.give_back("x", "b")
    assert leases.take("x", "a", now=now, ttl_s=30)
