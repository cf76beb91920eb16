"""Boosts of the simulated Telegram, in any order, as the channel's page, its file and the API tell them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from app.analytics.boosts import active_boosts
from app.boot import Runtime
from app.core import clock, db
from app.readings.service import boosts
from app.readings.service.boosts import BoostFacts
from app.telegram.port import ALLOWED_UPDATES
from tests.bot.connected import connect, hear
from tests.simulator.process import OWNER_ID, SimulatorProcess

KEPT = "SELECT boost_id, kind, added_at, expires_at, removed_at FROM chat_boost ORDER BY boost_id"


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path / "sim") as process:
        process.control("clock", rate=0)
        yield process


@pytest.fixture
def runtime(sim: SimulatorProcess, database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """Aziza's channel is connected."""
    yield connect(sim, database_url, tmp_path)
    db.database.close()


def _active(at: datetime) -> float | None:
    workspace_id, public_id = db.row("SELECT workspace_id, public_id FROM channel") or (0, "")
    (found,) = active_boosts(workspace_id, [at])
    return found[public_id].value if public_id in found else None


@pytest.mark.parametrize("last_first", [False, True])
def test_boosts_are_kept_as_telegram_has_them_in_whatever_order_they_are_told(
    sim: SimulatorProcess,
    runtime: Runtime,
    last_first: bool,
) -> None:
    assert _active(clock.utcnow()) is None, "nobody told of a boost: no source, and not none"
    sim.api("getUpdates", allowed_updates=list(ALLOWED_UPDATES))
    given = sim.control("boost", chat="news", count=3, days=20, user_id=OWNER_ID)["boost_ids"]
    given += sim.control("boost", chat="news", kind="giveaway", days=2)["boost_ids"]
    sim.control("clock", advance_s=60)
    sim.control("prolong_boost", chat="news", boost_id=given[1], days=30)
    sim.control("remove_boost", chat="news", boost_id=given[0])
    hear(sim, runtime, last_first=last_first)
    kinds = {boost_id: kind for boost_id, kind, *_ in db.rows(KEPT)}
    assert kinds == {**dict.fromkeys(given[:3], "premium"), given[3]: "giveaway"}
    now = clock.utcnow() + timedelta(minutes=2)
    assert _active(now) == sim.channel("news")["boosts"] == 3
    assert [_active(now + timedelta(days=days)) for days in (3, 21, 51)] == [2, 1, 0]
    columns = json.dumps(db.rows("SELECT boost_id, kind FROM chat_boost"))
    assert str(OWNER_ID) not in columns, "who gave it is not kept"


def test_every_order_of_updates_keeps_the_same_even_twice(sim: SimulatorProcess, runtime: Runtime) -> None:
    (chat_id,) = db.row("SELECT telegram_chat_id FROM chat") or (0,)
    now = clock.utcnow().replace(microsecond=0)
    told = [
        BoostFacts("b", "premium", now, now + timedelta(days=30)),
        BoostFacts("b", "premium", now, now + timedelta(days=60)),
        BoostFacts("b", "premium", removed_at=now + timedelta(days=9)),
    ]
    seen = set()
    for order in permutations([*told, told[2]]):
        db.execute("DELETE FROM chat_boost")
        assert all(boosts.note_boost(chat_id, facts, now=now) for facts in order)
        seen.add(repr(db.rows(KEPT)))
    assert len(seen) == 1
    assert [_active(now + timedelta(days=days)) for days in (8, 10)] == [1, 0]
    again = now + timedelta(days=12)
    boosts.note_boost(chat_id, BoostFacts("b", "premium", again, again + timedelta(days=30)), now=now)
    assert _active(again) == 1, "given again after its removal"


def test_a_removal_without_its_boost_is_no_boost_and_strange_chats_are_left_alone(
    sim: SimulatorProcess,
    runtime: Runtime,
) -> None:
    (chat_id,) = db.row("SELECT telegram_chat_id FROM chat") or (0,)
    now = clock.utcnow()
    assert boosts.note_boost(chat_id, BoostFacts("old", "premium", removed_at=now), now=now)
    assert _active(now + timedelta(seconds=1)) == 0
    assert not boosts.note_boost(-100999, BoostFacts("b", "premium", removed_at=now), now=now)


def test_a_bot_that_was_removed_tells_no_boosts(sim: SimulatorProcess, runtime: Runtime) -> None:
    sim.api("getUpdates", allowed_updates=list(ALLOWED_UPDATES))
    sim.control("boost", chat="news")
    hear(sim, runtime)
    sim.control("clock", advance_s=60)
    sim.control("remove_bot", chat="news")
    hear(sim, runtime)
    at = clock.utcnow() + timedelta(minutes=2)
    assert _active(at) is None
