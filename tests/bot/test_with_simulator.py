"""The bot and jobs processes against the simulated Telegram, each a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.boot import boot
from app.core import clock, db, inbox, leases, migrate
from app.core.settings import Settings
from tests.bot.wire import standing
from tests.simulator.process import OWNER_ID, ROOT, SimulatorProcess
from tests.world import watch

STRANGER_ID = 777000055


class World:
    """Simulator, bot and jobs on one database."""

    def __init__(self, folder: Path) -> None:
        self.sim = SimulatorProcess(folder / "sim").start()
        self.settings = Settings(  # type: ignore[call-arg]
            _env_file=None, data_dir=folder / "var", demo=True
        )
        boot("cli", self.settings)
        migrate.up()
        self.environment = {
            **os.environ,
            "DATA_DIR": str(folder / "var"),
            "DEMO": "1",
            "TELEGRAM_API_URL": self.sim.url,
            "TELEGRAM_PREVIEW_URL": self.sim.url,
            "SIMULATOR_URL": self.sim.url,
            "PYTHONPATH": str(ROOT),
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, *command], cwd=self.settings.data_dir, env=self.environment)
        self.processes.append(process)
        return process

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(10)
        self.sim.stop()
        db.database.close()

    def sent(self, chat_id: int) -> list[str]:
        """What the bot told a person, as the simulator's journal has it."""
        accepted = [entry for entry in self.sim.journal() if "refused" not in entry]
        calls = [entry for entry in accepted if str(entry.get("method", "")).lower() == "sendmessage"]
        return [str(c["params"]["text"]) for c in calls if int(c["params"]["chat_id"]) == chat_id]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.end()


def _soon(question: Callable[[], Any], *, within_s: float) -> float:
    """Wait until the answer is yes; returns how long that took."""
    started = time.monotonic()
    while not question():
        assert time.monotonic() - started < within_s, "too late"
        time.sleep(0.05)
    return time.monotonic() - started


def _channel(username: str) -> tuple[Any, ...] | None:
    return db.row(
        "SELECT c.relation, c.state FROM channel c JOIN chat t ON t.id = c.chat_id WHERE t.username = ?", username
    )


def test_a_channel_connects_is_collected_and_its_loss_is_told(world: World) -> None:
    sim = world.sim
    for user_id, name in ((OWNER_ID, "Owner"), (STRANGER_ID, "Stranger")):
        sim.control("users", id=user_id, first_name=name)
    sim.control("channels", username="news", title="News", owner_id=OWNER_ID, subscribers=1000)
    other = sim.control("channels", username="other", title="Other", owner_id=OWNER_ID, subscribers=10)["chat_id"]
    bot = world.start("-m", "bot")
    _soon(lambda: db.row("SELECT 1 FROM bot"), within_s=60)
    for user_id in (OWNER_ID, STRANGER_ID):
        sim.control("message", user_id=user_id, text="/start")
    _soon(lambda: len(db.rows("SELECT 1 FROM membership")) == 2, within_s=10)

    sim.control("promote_bot", chat="news", user_id=OWNER_ID)
    _soon(lambda: _channel("news") == ("owned", "active"), within_s=5)
    sim.control("promote_bot", chat="other", user_id=OWNER_ID)
    _soon(lambda: any("plan allows 1 channels" in text for text in world.sent(OWNER_ID)), within_s=15)
    # The simulator lets no stranger promote, so we forge it; an older date than the owner's would be outdated news.
    forged = standing(0, by=STRANGER_ID, chat_id=other, at=int(time.time()) + 1)
    sim.control("raw_update", update={"my_chat_member": forged["my_chat_member"]})
    _soon(lambda: any("Only an owner or administrator" in text for text in world.sent(STRANGER_ID)), within_s=15)
    assert _channel("other") is None

    (posted,) = sim.control("post", chat="news", text="Hello")["message_ids"]
    sim.control("react", chat="news", message_id=posted, reactions=[{"emoji": "👍", "count": 3}])
    sim.control("join", chat="news")
    _soon(lambda: db.row("SELECT count FROM reaction_count") == (3,), within_s=10)
    _soon(lambda: db.row("SELECT kind FROM member_event") == ("join",), within_s=10)

    sim.control("faults", method="sendMessage", kind="429", retry_after=3)
    sim.control("rights", chat="news", rights={"can_post_messages": False})
    _soon(lambda: any("no longer have the right" in text for text in world.sent(OWNER_ID)), within_s=60)
    assert _channel("news") == ("owned", "rights_missing")

    assert (clock.utcnow() - leases.last_beats()["bot"]) < timedelta(seconds=20)
    bot.send_signal(signal.SIGTERM)
    assert bot.wait(15) == 0


def test_the_jobs_process_reads_the_preview_and_beats(world: World) -> None:
    sim = world.sim
    sim.control("users", id=OWNER_ID, first_name="Owner")
    sim.control("channels", username="news", title="News", owner_id=OWNER_ID, subscribers=1000)
    (posted,) = sim.control("post", chat="news", text="Hello")["message_ids"]
    sim.control("view", chat="news", message_id=posted, views=77)
    consumer = str(Path(sys.executable).with_name("huey_consumer"))
    jobs = world.start(consumer, "app.jobs.huey", "-w", "2", "-k", "thread", "-m", "0.2")
    _soon(lambda: "jobs" in leases.last_beats(), within_s=60)
    watch("news", now=clock.utcnow())
    _soon(lambda: db.row("SELECT views, step FROM reading"), within_s=10)
    assert db.row("SELECT views, step FROM reading") == (77, 0)
    time.sleep(6)
    assert (clock.utcnow() - leases.last_beats()["jobs"]) < timedelta(seconds=7)
    jobs.send_signal(signal.SIGTERM)
    assert jobs.wait(15) is not None


def test_a_bot_killed_amid_a_burst_applies_every_update_once(world: World) -> None:
    sim = world.sim
    sim.control("users", id=OWNER_ID, first_name="Owner")
    sim.control("channels", username="news", title="News", owner_id=OWNER_ID, subscribers=1000)
    bot = world.start("-m", "bot")
    sim.control("message", user_id=OWNER_ID, text="/start")
    _soon(lambda: db.row("SELECT 1 FROM membership"), within_s=60)
    sim.control("promote_bot", chat="news", user_id=OWNER_ID)
    _soon(lambda: _channel("news"), within_s=5)
    made = {"posts": 0, "joins": 0}
    for _ in range(3):
        burst = sim.control("burst", chat="news", updates=120)["made"]
        made = {kind: count + burst[kind] for kind, count in made.items()}
        before = _processed()
        _soon(lambda n=before: _processed() > n, within_s=60)  # type: ignore[misc]
        bot.kill()
        bot.wait(10)
        bot = world.start("-m", "bot")
    joins = "SELECT COUNT(*) FROM member_event WHERE kind = 'join'"
    _soon(lambda: db.row(joins) == (made["joins"],) and not dict(inbox.counts())["waiting"], within_s=60)
    assert db.row("SELECT COUNT(*) FROM post") == (made["posts"],)
    assert dict(inbox.counts()) == {"waiting": 0, "dead": 0}


def _processed() -> int:
    found = db.row("SELECT COUNT(*) FROM inbox WHERE processed_at IS NOT NULL")
    return int(found[0]) if found else 0
