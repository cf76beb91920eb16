"""Aziza's channel in the simulated Telegram, connected to a database of ours."""

from __future__ import annotations

import threading
from pathlib import Path

from app.boot import Runtime, boot
from app.core import clock, inbox
from app.core.settings import SIMULATED_BOT_TOKEN, Settings
from app.telegram import service as telegram
from bot.consumer import Consumer
from tests.simulator.process import OWNER_ID, SimulatorProcess


def connect(sim: SimulatorProcess, database_url: str, folder: Path) -> Runtime:
    """A booted runtime in which the bot was made administrator of @news."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, database_url=database_url, data_dir=folder, demo=True, telegram_api_url=sim.url
    )
    booted = boot("cli", settings)
    telegram.register(booted.sealer, token=SIMULATED_BOT_TOKEN, username="Bot", updates="polling", now=clock.utcnow())
    sim.control("users", id=OWNER_ID, first_name="Aziza")
    sim.control("channels", username="news", title="News", owner_id=OWNER_ID, subscribers=10)
    sim.control("message", user_id=OWNER_ID, text="/start")
    hear(sim, booted)
    sim.control("promote_bot", chat="news", user_id=OWNER_ID)
    hear(sim, booted)
    return booted


def hear(sim: SimulatorProcess, runtime: Runtime, *, last_first: bool = False) -> None:
    """Take what Telegram has to tell, in its order or backwards, and apply it."""
    told = sim.api("getUpdates")["result"]
    bot_id = int(SIMULATED_BOT_TOKEN.split(":")[0])
    inbox.store(bot_id, told[::-1] if last_first else told, now=clock.utcnow())
    if told:
        sim.api("getUpdates", offset=told[-1]["update_id"] + 1)
    consumer = Consumer(runtime, threading.Event())
    while consumer.turn():
        pass
