"""The bot process hears every own bot, in threads of their own, and an own bot works for its workspace only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from app.accounts.models import Workspace
from app.accounts.service import people
from app.boot import Runtime
from app.core import clock, db, inbox
from app.core.errors import Upstream
from app.posting.bots import service as bots
from app.telegram import own_bots
from app.telegram import service as telegram_service
from app.telegram.port import BotIdentity
from app.telegram.service import Bots
from bot.consumer import Consumer
from bot.own_bots import OwnBots
from tests.bot.wire import BOT_ID, CHAT_ID, OWNER_ID, STRANGER_ID, FakeTelegram, Raw, post, pressed, said, standing
from tests.world import Owner

OWN, TOKEN = 5550000001, "5550000001:AAfirst-token-that-is-long-enough-1"


@pytest.fixture
def aziza(runtime: Runtime) -> Owner:
    now = clock.utcnow()
    person = people.ensure_person(OWNER_ID, name="Aziza", language="en", timezone="Asia/Tashkent", now=now)
    return Owner(person, Workspace.get_by_id(people.workspaces_of(person.id)[0][0]))


class OwnLine(FakeTelegram):
    """The own bot's Telegram: it waits a little when nothing is new, as Telegram does."""

    def me(self) -> BotIdentity:
        self._maybe_fail("me")
        return BotIdentity(OWN, "AzizaBot")

    def updates(self, *, offset: int, timeout_s: int) -> list[Raw]:
        time.sleep(0.01)
        return super().updates(offset=offset, timeout_s=timeout_s)


@pytest.fixture
def line() -> OwnLine:
    return OwnLine()


@pytest.fixture
def process(runtime: Runtime, aziza: Owner, line: OwnLine) -> Iterator[OwnBots]:
    """The part of the bot process that hears own bots; Aziza has handed her token in."""
    bots.hand_in(runtime.sealer, aziza.workspace.id, TOKEN, user_id=aziza.user.id, now=clock.utcnow())
    lines = Bots(runtime.sealer, lambda _: line, lambda _: line)  # type: ignore[arg-type, return-value]
    made = OwnBots(replace(runtime, bots=lines), threading.Event(), poll_s=0, rest_s=0.2)
    yield made
    for hearing in made._running.values():
        hearing.stop.set()
        hearing.thread.join(5)


def _soon(question: Callable[[], object]) -> None:
    until = time.monotonic() + 5
    while not question():
        assert time.monotonic() < until, "too late"
        time.sleep(0.01)


def _stored() -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in db.rows("SELECT bot_id, kind FROM inbox ORDER BY id")]


def test_a_kept_bot_is_heard_and_its_updates_are_stored_as_its_own(process: OwnBots, line: OwnLine) -> None:
    line.waiting = [post(7, 1)]
    process.turn()
    assert process.heard == {OWN}
    _soon(lambda: _stored() == [(OWN, "channel_post")])
    assert db.row("SELECT value FROM cursor WHERE name = ?", f"updates:{OWN}") == (8,)


def test_a_revoked_bot_is_heard_no_more(process: OwnBots, line: OwnLine, aziza: Owner) -> None:
    process.turn()
    (hearing,) = process._running.values()
    bots.revoke(aziza.workspace.id, OWN, user_id=aziza.user.id, now=clock.utcnow())
    process.turn()
    hearing.thread.join(5)
    assert process.heard == set() and not hearing.thread.is_alive()


def test_a_new_token_begins_a_new_thread(process: OwnBots, line: OwnLine, aziza: Owner, runtime: Runtime) -> None:
    process.turn()
    (first,) = process._running.values()
    new = f"{OWN}:AAsecond-token-that-is-long-enough2"
    bots.hand_in(runtime.sealer, aziza.workspace.id, new, user_id=aziza.user.id, now=clock.utcnow())
    process.turn()
    (second,) = process._running.values()
    first.thread.join(5)
    assert second is not first and not first.thread.is_alive() and process.heard == {OWN}


def test_a_bot_that_telegram_refuses_says_so_and_is_tried_again(process: OwnBots, line: OwnLine, aziza: Owner) -> None:
    line.failures["updates"] = [Upstream("Unauthorized", permanent=True)]
    process.turn()
    _soon(lambda: own_bots.bot_of(aziza.workspace.id, OWN).trouble == "Unauthorized")
    _soon(lambda: process.heard == set())
    time.sleep(0.25)
    process.turn()
    _soon(lambda: own_bots.bot_of(aziza.workspace.id, OWN).trouble is None)
    assert process.heard == {OWN}


def test_a_thread_that_breaks_ends_alone(process: OwnBots, line: OwnLine) -> None:
    line.waiting = [post(2**70, 1)]  # more than the database's integers hold
    process.turn()
    (hearing,) = process._running.values()
    hearing.thread.join(5)
    assert hearing.ended_at is not None and process.heard == set()
    process.turn()
    assert process._running[OWN] is hearing, "it rests before it is tried again"


def test_at_most_so_many_are_heard(
    process: OwnBots, runtime: Runtime, aziza: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_bots, "MOST_HEARD", 1)
    token = f"{OWN + 1}:AAtoken-of-the-second-bot-12345678"
    telegram_service.register(
        runtime.sealer, token=token, username="Second", updates="polling", workspace_id=1, now=clock.utcnow()
    )
    process.turn()
    assert len(process.heard) == 1


@pytest.fixture
def hear(process: OwnBots, runtime: Runtime, telegram: FakeTelegram) -> Callable[..., None]:
    """Updates of the own bot, applied as the process does."""
    bot_wish = own_bots.waiting(clock.utcnow())
    for wish in bot_wish:
        bots.check(process._runtime.bots, wish, updates="polling", now=clock.utcnow())
    telegram.statuses[CHAT_ID, OWNER_ID] = telegram.statuses[CHAT_ID, STRANGER_ID] = "creator"
    telegram.counts[CHAT_ID] = 1234

    def apply(*updates: Raw) -> None:
        inbox.store(OWN, updates, now=clock.utcnow())
        consumer = Consumer(runtime, threading.Event())
        while consumer.turn():
            pass

    return apply


def _channels() -> list[tuple[int, int]]:
    return [(row[0], row[1]) for row in db.rows("SELECT workspace_id, bot_id FROM channel")]


def test_an_own_bot_connects_channels_for_its_workspace(hear: Callable[..., None], aziza: Owner) -> None:
    hear(standing(1))
    assert _channels() == [(aziza.workspace.id, OWN)]
    ((bot_id, template),) = db.rows("SELECT bot_id, template FROM notice")
    assert (bot_id, template) == (BOT_ID, "channel_connected"), "told by the bot that people know"


def test_an_own_bot_connects_nothing_for_anybody_else(hear: Callable[..., None], aziza: Owner) -> None:
    people.ensure_person(STRANGER_ID, name="Bek", language="en", timezone="UTC", now=clock.utcnow())
    hear(standing(1, by=STRANGER_ID))
    assert _channels() == [] and db.rows("SELECT status FROM bot_rights") == [("administrator",)]


def test_an_own_bot_talks_to_nobody(hear: Callable[..., None]) -> None:
    hear(said(1, "/start", by=STRANGER_ID), pressed(2, "stats", by=STRANGER_ID))
    assert db.rows("SELECT 1 FROM notice") == [] and len(db.rows('SELECT 1 FROM "user"')) == 1
    assert dict(inbox.counts()) == {"waiting": 0, "dead": 0}
