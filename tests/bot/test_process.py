"""The loops around the inbox: intake, sender, heartbeat, and a process that dies loudly."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from app.boot import Runtime
from app.core import clock, db, inbox, leases
from app.core.errors import Upstream
from app.core.settings import Settings
from bot.consumer import Consumer
from bot.intake import Intake
from bot.sender import Sender
from tests.bot.conftest import Apply
from tests.bot.wire import BOT_ID, OWNER_ID, FakeTelegram, post


def test_polling_stores_updates_with_the_offset_and_confirms_them_next_time(
    runtime: Runtime, telegram: FakeTelegram
) -> None:
    telegram.waiting = [post(8, 2), post(7, 1)]
    arrived = threading.Event()
    intake = Intake(runtime, arrived, poll_s=0)
    assert (intake.poll_once(BOT_ID, telegram), arrived.is_set()) == (2, True)
    assert [stored.update_id for stored in inbox.ready(clock.utcnow())] == [7, 8]
    assert intake.poll_once(BOT_ID, telegram) == 0
    assert telegram.offsets == [0, 9]


def test_updates_that_could_not_be_stored_are_asked_for_again(runtime: Runtime, telegram: FakeTelegram) -> None:
    telegram.waiting = [post(7, 1), post(2**70, 2)]  # more than the database's integers hold
    intake = Intake(runtime, threading.Event(), poll_s=0)
    with pytest.raises(OverflowError):
        intake.poll_once(BOT_ID, telegram)
    assert dict(inbox.counts())["waiting"] == 0
    assert db.row("SELECT COUNT(*) FROM cursor") == (0,)


def test_updates_of_any_shape_are_stored(runtime: Runtime, telegram: FakeTelegram) -> None:
    telegram.waiting = [
        {"update_id": 1, "channel_post": {"chat": {"id": "no number"}}},
        {"update_id": 2, "callback_query": {"message": "gone", "from": {"id": 5}}},
        {"update_id": 3, "novelty": [1, 2]},
    ]
    assert Intake(runtime, threading.Event(), poll_s=0).poll_once(BOT_ID, telegram) == 3
    assert [stored.chat_key for stored in inbox.ready(clock.utcnow())] == [0, 5, 0]


def test_the_intake_waits_for_a_telegram_that_is_not_up_yet(runtime: Runtime, telegram: FakeTelegram) -> None:
    telegram.failures["me"] = [Upstream("down", retry_after_s=0.01), Upstream("down", retry_after_s=0.01)]
    telegram.waiting = [post(7, 1)]
    arrived, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=Intake(runtime, arrived, poll_s=0).run, args=(stop,))
    thread.start()
    assert arrived.wait(5)
    stop.set()
    thread.join(5)
    assert db.row("SELECT username, updates FROM bot") == ("TrueNumbersBot", "polling")


def test_webhook_mode_tells_telegram_our_address_and_the_sealed_secret(
    runtime: Runtime, telegram: FakeTelegram, tmp_path: Path
) -> None:
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, data_dir=tmp_path, demo=True, telegram_updates="webhook", base_url="https://numbers.example"
    )
    hooked, stop = replace(runtime, settings=settings), threading.Event()
    thread = threading.Thread(target=Intake(hooked, threading.Event()).run, args=(stop,))
    thread.start()
    for _ in range(500):
        if telegram.webhook:
            break
        stop.wait(0.01)
    stop.set()
    thread.join(5)
    assert telegram.webhook
    url, secret = telegram.webhook
    assert url == f"https://numbers.example/hooks/telegram/{BOT_ID}"
    assert len(secret) == 43


def test_notices_go_out_in_order_within_the_chats_budget(
    apply: Apply, owned: None, runtime: Runtime, telegram: FakeTelegram
) -> None:
    sender = Sender(runtime)
    assert sender.turn() == 1
    assert sender.turn() == 0, "one message a second in one chat"
    db.execute("UPDATE notice SET not_before = 0")
    db.execute("DELETE FROM send_budget")
    assert sender.turn() == 1
    assert [chat for chat, _ in telegram.sent] == [OWNER_ID, OWNER_ID]
    assert "Field Notes" in telegram.sent[1][1]


def test_a_429_is_obeyed_by_every_notice_of_the_bot(
    apply: Apply, owned: None, runtime: Runtime, telegram: FakeTelegram
) -> None:
    telegram.failures["send_message"] = [Upstream("Too Many Requests", retry_after_s=30)]
    sender = Sender(runtime)
    assert sender.turn() == 0
    db.execute("UPDATE notice SET not_before = 0")
    assert sender.turn() == 0
    assert telegram.sent == []


def test_the_consumer_beats_while_it_works(runtime: Runtime) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=Consumer(runtime, threading.Event()).run, args=(stop,))
    thread.start()
    for _ in range(500):
        if "bot" in leases.last_beats():
            break
        stop.wait(0.01)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert (clock.utcnow() - leases.last_beats()["bot"]).total_seconds() < 6


def test_a_thread_that_dies_ends_the_process_with_an_error(runtime: Runtime) -> None:
    from bot.process import BotProcess  # installs signal handlers only when run in the main thread

    process = BotProcess(runtime)

    def die(_stop: threading.Event) -> None:
        raise RuntimeError("a defect")

    process._loops = {"intake": lambda stop: stop.wait() and None, "consumer": die}  # type: ignore[dict-item]
    assert process.run() == 1
