"""The queue's messages, the sign of life, and forgetting in time."""

from __future__ import annotations

import pickle
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from app.accounts import jobs as accounts
from app.boot import Runtime
from app.core import clock, db, inbox, leases, retention
from app.core.jobs import Pulse, make_huey
from app.notices import jobs as notices
from tests.bot.conftest import Apply
from tests.bot.wire import BOT_ID, post

LONG_AGO = timedelta(days=120)


def test_a_message_that_we_did_not_sign_is_not_unpickled(runtime: Runtime) -> None:
    serializer = make_huey(runtime.settings).serializer
    assert serializer.deserialize(serializer.serialize({"task": "collect"})) == {"task": "collect"}
    with pytest.raises(ValueError, match="mismatch"):
        serializer.deserialize(pickle.dumps({"task": "collect"}) + b":" + b"0" * 40)


def test_the_queue_lives_in_the_data_folder(runtime: Runtime, tmp_path: Path) -> None:
    huey = make_huey(runtime.settings)

    @huey.task()  # type: ignore[untyped-decorator]
    def nothing() -> None: ...

    nothing()
    (waiting,) = sqlite3.connect(tmp_path / "huey.sqlite3").execute("SELECT COUNT(*) FROM task").fetchone()
    assert waiting == 1


def test_the_pulse_beats_while_work_turns_and_falls_silent_when_it_hangs(runtime: Runtime) -> None:
    pulse = Pulse(stuck_after_s=60)
    assert pulse.beat_if_alive()
    assert "jobs" in leases.last_beats()
    pulse._turned_at -= 61
    assert not pulse.beat_if_alive()
    pulse.turn()
    assert pulse.beat_if_alive()


def test_applied_updates_and_sent_notices_are_forgotten_after_ninety_days(
    runtime: Runtime, apply: Apply, owned: None
) -> None:
    now = clock.utcnow()
    inbox.store(BOT_ID, [post(50, 50)], now=now - LONG_AGO)
    db.execute("UPDATE inbox SET processed_at = ? WHERE update_id = 1", db.stamp(now - LONG_AGO))
    db.execute("UPDATE notice SET state = 'sent', created_at = ? WHERE template = 'welcome'", db.stamp(now - LONG_AGO))
    gone = retention.sweep((*retention.KEPT, *notices.KEPT, *accounts.KEPT), now=now)
    assert gone == {"inbox": 1, "notice": 1}
    assert db.rows("SELECT update_id FROM inbox ORDER BY 1") == [(2,), (50,)], "what waits is never forgotten"


def test_old_rows_go_in_batches(runtime: Runtime) -> None:
    now = clock.utcnow()
    inbox.store(BOT_ID, [post(n, n) for n in range(25)], now=now - LONG_AGO)
    db.execute("UPDATE inbox SET dead_at = ?", db.stamp(now - LONG_AGO))
    assert retention.sweep(retention.KEPT, now=now, batch=10) == {"inbox": 25}


def test_every_rule_names_a_table_and_columns_that_exist(runtime: Runtime) -> None:
    from app.channels import jobs as channels

    rules = (*retention.KEPT, *notices.KEPT, *accounts.KEPT, *channels.KEPT)
    assert retention.sweep(rules, now=clock.utcnow()) == {}
