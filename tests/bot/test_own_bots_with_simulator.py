"""An own bot against the simulated Telegram: its token is proven, its channel connects, its lane posts by its name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.accounts.models import User, Workspace
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.tenancy import unscoped
from app.posting.bots import service as bots
from app.posting.service.rendering import Outlet
from app.telegram import own_bots
from bot.consumer import Consumer
from bot.own_bots import OwnBots
from tests.bot.connected import connect
from tests.posting.authored import run_lane, scheduled, text
from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess
from tests.world import Owner

OWN, OWN_TOKEN = 5550000001, "5550000001:SIMULATED-own-bot-token-not-real-1"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_own_bot_is_proven_connects_posts_and_is_revoked(database_url: str, tmp_path: Path) -> None:
    with SimulatorProcess(tmp_path / "sim", "--bot-token", TOKEN, "--bot-token", OWN_TOKEN) as sim:
        runtime = connect(sim, database_url, tmp_path)
        who = _aziza()
        process, stop = OwnBots(runtime, threading.Event(), poll_s=1), threading.Event()
        _hand_in(runtime, who, "5550000001:SIMULATED-but-not-the-token-of-it")
        process.turn()
        assert [wish.reason for wish in own_bots.wishes_of(who.workspace.id)] == ["unknown_token"]
        _hand_in(runtime, who, OWN_TOKEN)
        thread = threading.Thread(target=process.run, args=(stop,))
        thread.start()
        try:
            _soon(lambda: own_bots.bots_of(who.workspace.id))
            sim.control("promote_bot", chat="news", user_id=OWNER_ID, bot_id=OWN)
            _soon(lambda: _applied(runtime) and _bot_of_channel() == OWN)
            _post(runtime, who)
            calls = [entry for entry in sim.journal() if entry["method"] == "sendMessage"]
            assert [(c["bot_id"], c["params"]["text"]) for c in calls if "Hello" in c["params"]["text"]] == [
                (OWN, "Hello")
            ]
            bots.revoke(who.workspace.id, OWN, user_id=who.user.id, now=clock.utcnow())
            _soon(lambda: process.heard == set())
        finally:
            stop.set()
            thread.join(10)
    db.database.close()


def _aziza() -> Owner:
    user: User = User.get(User.telegram_user_id == OWNER_ID)
    return Owner(user, Workspace.get())


def _hand_in(runtime: Runtime, who: Owner, token: str) -> None:
    bots.hand_in(runtime.sealer, who.workspace.id, token, user_id=who.user.id, now=clock.utcnow())


def _applied(runtime: Runtime) -> bool:
    consumer = Consumer(runtime, threading.Event())
    while consumer.turn():
        pass
    return True


def _bot_of_channel() -> int:
    return int((db.row("SELECT bot_id FROM channel") or (0,))[0])


def _post(runtime: Runtime, who: Owner) -> None:
    with unscoped("the test's only channel"):
        channel: Channel = Channel.get()
    scheduled(who, text("Hello"), channel)
    outlet = Outlet(OWN, runtime.bots.publisher(own_bots.bot_of(who.workspace.id, OWN)), Path("/nowhere"), "")
    assert run_lane(outlet.line, run_s=1, bot_id=OWN).sent == 1


def _soon(question: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not question():
        assert time.monotonic() < until, "too late"
        time.sleep(0.05)
