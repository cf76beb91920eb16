"""Telegram's webhook brings updates twice and out of order; what is kept is what Telegram said last."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from app.boot import Runtime, boot
from app.channels.service import rights
from app.core import clock, db, inbox
from app.core.settings import SIMULATED_BOT_TOKEN, Settings
from app.readings.service import updates
from app.telegram import service as telegram
from app.telegram.models import Bot
from app.telegram.port import ALLOWED_UPDATES
from app.web import create_app
from bot.consumer import Consumer
from tests.simulator.process import OWNER_ID, SimulatorProcess

POST = "SELECT text_length, edited_at FROM post"
STATE = "SELECT c.state, r.status, r.rights FROM channel c JOIN bot_rights r ON r.chat_id = c.chat_id"
DELIVERED = ["my_chat_member", "my_chat_member", "edited_channel_post", "edited_channel_post", "channel_post"]


class Hooked:
    """A simulator that pushes to the real web app; the test works the inbox off when it wants."""

    def __init__(self, sim: SimulatorProcess, runtime: Runtime, bot: Bot) -> None:
        self.sim, self.runtime, self.bot = sim, runtime, bot
        self.server = make_server("127.0.0.1", 0, create_app(runtime), threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def deliver(self) -> None:
        """Let Telegram push what waits, then apply it."""
        url = f"http://127.0.0.1:{self.server.server_port}/hooks/telegram/{self.bot.bot_id}"
        secret = self.runtime.bots.webhook_secret(self.bot)
        self.sim.api("setWebhook", url=url, secret_token=secret, allowed_updates=list(ALLOWED_UPDATES))
        until = time.monotonic() + 30
        while self.sim.state_now()["pending_updates"][str(self.bot.bot_id)]:
            assert time.monotonic() < until, self.sim.api("getWebhookInfo")
            time.sleep(0.02)
        self.sim.api("deleteWebhook")
        consumer = Consumer(self.runtime, threading.Event())
        while consumer.turn():
            pass
        assert dict(inbox.counts()) == {"waiting": 0, "dead": 0}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("disorder")) as sim:
        yield sim


@pytest.fixture
def hooked(simulator: SimulatorProcess, database_url: str, tmp_path: Path) -> Iterator[Hooked]:
    """Aziza's channel is connected, in a world whose clock stands still."""
    simulator.control("reset")
    simulator.control("clock", rate=0)
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, database_url=database_url, data_dir=tmp_path, demo=True, telegram_api_url=simulator.url
    )
    runtime = boot("cli", settings)
    bot = telegram.register(
        runtime.sealer, token=SIMULATED_BOT_TOKEN, username="Bot", updates="webhook", now=clock.utcnow()
    )
    made = Hooked(simulator, runtime, bot)
    simulator.control("users", id=OWNER_ID, first_name="Aziza")
    simulator.control("channels", username="news", title="News", owner_id=OWNER_ID, subscribers=10)
    simulator.control("message", user_id=OWNER_ID, text="/start")
    made.deliver()
    simulator.control("promote_bot", chat="news", user_id=OWNER_ID)
    made.deliver()
    yield made
    made.server.shutdown()
    db.database.close()


def _happen_in_reverse(hooked: Hooked, seconds_apart: int) -> dict[str, Any]:
    """A post, two edits, a right taken and given back; delivered the last first, each twice. Returns the true post."""
    sim = hooked.sim
    pause = {"advance_s": seconds_apart}
    (number,) = sim.control("post", chat="news", text="one")["message_ids"]
    for text in ("the second text", "last"):
        sim.control("clock", **pause)
        sim.control("edit", chat="news", message_id=number, text=text)
    for is_granted in (False, True):
        sim.control("clock", **pause)
        sim.control("rights", chat="news", rights={"can_post_messages": is_granted})
    sim.control("faults", kind="reorder_updates")
    sim.control("faults", kind="duplicate_updates", times=5)
    hooked.deliver()
    arrived = [kind for (kind,) in db.rows("SELECT kind FROM inbox ORDER BY id DESC LIMIT 5")]
    assert arrived[::-1] == DELIVERED, "this is the disorder that the test is about"
    (post,) = sim.channel("news")["posts"]
    return dict(post)


@pytest.mark.parametrize("seconds_apart", [7, 0])
def test_what_telegram_said_last_is_kept_whatever_came_last(hooked: Hooked, seconds_apart: int) -> None:
    truth = _happen_in_reverse(hooked, seconds_apart)
    length, edited_at = db.row(POST) or (None, None)
    assert (length, f"{db.moment(edited_at):%Y-%m-%dT%H:%M:%SZ}") == (len("last"), truth["edited_at"])
    ((state, status, granted),) = db.rows(STATE)
    assert (state, status) == ("active", "administrator") and '"can_post_messages":true' in granted
    assert [t for (t,) in db.rows("SELECT template FROM notice ORDER BY id")] == ["welcome", "channel_connected"]


@pytest.mark.parametrize("seconds_apart", [7, 0])
def test_without_the_guards_old_news_win(hooked: Hooked, seconds_apart: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows the harm that the guards prevent; the guards themselves are on in the test above."""
    for owner, guard in ((updates, "is_older_edit"), (updates, "is_overtaken"), (rights, "is_outdated")):
        monkeypatch.setattr(owner, guard, lambda *_args, **_named: False)
    _happen_in_reverse(hooked, seconds_apart)
    assert (db.row(POST) or (0,))[0] == len("one")
    assert db.row(STATE) is not None and db.rows(STATE)[0][0] == "rights_missing"


def test_a_bot_removed_before_the_news_of_its_arrival_came_connects_nothing(hooked: Hooked) -> None:
    """The removal comes first and leaves no trace, since the chat is not ours; the older arrival must not either."""
    hooked.sim.control("channels", username="brief", title="Brief", owner_id=OWNER_ID, subscribers=10)
    hooked.sim.control("promote_bot", chat="brief", user_id=OWNER_ID)
    hooked.sim.control("remove_bot", chat="brief", user_id=OWNER_ID)
    hooked.sim.control("faults", kind="reorder_updates")
    hooked.deliver()
    assert db.rows("SELECT username FROM chat") == [("news",)]
    assert db.row("SELECT COUNT(*) FROM bot_rights") == (1,)


def test_later_news_are_applied_although_their_number_is_lower(hooked: Hooked) -> None:
    """After a quiet week Telegram begins its numbers anew at random: the date decides, not the number."""
    hooked.sim.control("rights", chat="news", rights={"can_post_messages": False})
    change = hooked.sim.api("getUpdates")["result"][-1]
    hooked.deliver()
    later = change["my_chat_member"] | {"date": change["my_chat_member"]["date"] + 8 * 24 * 3600}
    later["new_chat_member"] = later["new_chat_member"] | {"can_post_messages": True}
    inbox.store(hooked.bot.bot_id, [{"update_id": 17, "my_chat_member": later}], now=clock.utcnow())
    hooked.deliver()
    assert db.rows(STATE)[0][0] == "active"
