"""Updates: stored once, applied once, in order per chat; poison ends in the dead letters."""

from __future__ import annotations

import threading

import pytest

from app.boot import Runtime
from app.core import clock, db, inbox
from app.core.inbox import MAX_ATTEMPTS
from bot.consumer import Consumer
from bot.dispatcher import Effect, Incoming
from tests.bot.conftest import Apply
from tests.bot.wire import BOT_ID, CHAT_ID, OTHER_CHAT_ID, post


class Ledger:
    """A handler whose effect is not idempotent: it adds one per effect to a gauge, and fails where told."""

    def __init__(self, *broken: int) -> None:
        self.broken, self.seen = set(broken), list[int]()

    def __call__(self, incoming: Incoming) -> Effect:
        def effect() -> None:
            update_id = incoming.stored.update_id
            db.execute(
                "INSERT INTO gauge (name, labels, value, at) VALUES ('effects', '{}', 1, ?)"
                " ON CONFLICT (name, labels) DO UPDATE SET value = gauge.value + 1",
                db.stamp(incoming.now),
            )
            if update_id in self.broken:
                raise ValueError(f"update {update_id} cannot be applied")
            self.seen.append(update_id)

        return effect

    @property
    def effects(self) -> int:
        found = db.row("SELECT value FROM gauge WHERE name = 'effects'")
        return int(found[0]) if found else 0


def _consumer(runtime: Runtime, ledger: Ledger) -> Consumer:
    return Consumer(runtime, threading.Event(), handlers={"channel_post": ledger})


def _no_more_waiting() -> None:
    db.execute("UPDATE inbox SET not_before = NULL")


def test_an_update_is_stored_once_per_bot_and_update_id(runtime: Runtime) -> None:
    now = clock.utcnow()
    assert inbox.store(BOT_ID, [post(1, 10), post(1, 10), post(2, 11)], now=now) == 2
    assert inbox.store(BOT_ID, [post(2, 11)], now=now) == 0
    assert inbox.store(BOT_ID + 1, [post(2, 11)], now=now) == 1


def test_updates_of_a_chat_are_applied_in_order(runtime: Runtime) -> None:
    ledger = Ledger()
    inbox.store(BOT_ID, [post(n, n) for n in range(1, 451)], now=clock.utcnow())
    consumer = _consumer(runtime, ledger)
    while consumer.turn():
        pass
    assert ledger.seen == list(range(1, 451))


def test_poison_delays_its_own_chat_only_and_not_for_ever(runtime: Runtime) -> None:
    ledger = Ledger(1)
    inbox.store(BOT_ID, [post(1, 1), post(2, 2), post(3, 3, chat_id=OTHER_CHAT_ID)], now=clock.utcnow())
    consumer = _consumer(runtime, ledger)

    assert (consumer.turn(), ledger.seen) == (1, [3])
    assert consumer.turn() == 0, "the chat backs off"
    for _ in range(MAX_ATTEMPTS - 1):
        _no_more_waiting()
        consumer.turn()

    assert ledger.seen == [3, 2]
    assert dict(inbox.counts()) == {"waiting": 0, "dead": 1}
    assert db.row("SELECT update_id, error FROM inbox WHERE dead_at IS NOT NULL") == (
        1,
        "ValueError: update 1 cannot be applied",
    )
    assert ledger.effects == 2, "what the poison wrote was rolled back each time"


def test_an_update_that_telegrams_types_refuse_is_a_dead_letter_in_the_end(apply: Apply, owned: None) -> None:
    broken = {"update_id": 5, "channel_post": {"chat": {"id": CHAT_ID, "type": "channel"}, "date": "soon"}}
    for _ in range(MAX_ATTEMPTS):
        apply(broken, post(6, 60))
        _no_more_waiting()
    assert dict(inbox.counts()) == {"waiting": 0, "dead": 1}
    assert db.row("SELECT COUNT(*) FROM post WHERE message_id = 60") == (1,)


def test_an_unknown_kind_is_stored_and_acknowledged(apply: Apply) -> None:
    apply({"update_id": 7, "telepathy": {"chat": {"id": CHAT_ID}, "thought": "…"}}, {"update_id": 8})
    assert dict(inbox.counts()) == {"waiting": 0, "dead": 0}
    assert db.rows("SELECT kind FROM inbox ORDER BY update_id") == [("telepathy",), ("empty",)]


def test_two_consumers_with_the_same_update_in_hand_have_one_effect(runtime: Runtime) -> None:
    ledger = Ledger()
    inbox.store(BOT_ID, [post(1, 1)], now=clock.utcnow())
    (stored,) = inbox.ready(clock.utcnow())
    for consumer in (_consumer(runtime, ledger), _consumer(runtime, ledger)):
        assert consumer.apply(stored, now=clock.utcnow())
    assert ledger.effects == 1


def test_without_the_mark_the_same_update_has_two_effects(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows the harm that the guard prevents; the guard itself is on in the test above."""
    monkeypatch.setattr(inbox, "mark_processed", lambda *_args, **_named: True)
    ledger = Ledger()
    inbox.store(BOT_ID, [post(1, 1)], now=clock.utcnow())
    (stored,) = inbox.ready(clock.utcnow())
    for consumer in (_consumer(runtime, ledger), _consumer(runtime, ledger)):
        consumer.apply(stored, now=clock.utcnow())
    assert ledger.effects == 2
