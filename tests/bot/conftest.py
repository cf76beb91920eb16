"""A booted runtime on a real SQLite file, with a scripted Telegram in place of the line."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.boot import Runtime, boot
from app.core import clock, db, inbox
from app.core.settings import Settings
from app.telegram import service as telegram_service
from app.telegram.service import Bots
from bot.consumer import Consumer
from tests.bot.wire import BOT_ID, CHAT_ID, OWNER_ID, FakeTelegram, Raw, said, standing

Apply = Callable[..., Consumer]


@pytest.fixture
def telegram() -> FakeTelegram:
    return FakeTelegram()


@pytest.fixture
def runtime(tmp_path: Path, migrated_file: Path, telegram: FakeTelegram) -> Iterator[Runtime]:
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, data_dir=tmp_path, database_url="", demo=True, telegram_updates="polling"
    )
    shutil.copyfile(migrated_file, settings.data_dir / "analyticbot.sqlite3")
    booted = boot("cli", settings)
    now = clock.utcnow()
    telegram_service.register(
        booted.sealer, token=settings.bot_token, username="TrueNumbersBot", updates="polling", now=now
    )
    yield replace(booted, bots=Bots(booted.sealer, lambda _token: telegram, lambda _token: telegram))
    db.database.close()


@pytest.fixture
def apply(runtime: Runtime) -> Apply:
    """Store raw updates and work the inbox off, as the process does."""

    def run(*updates: Raw) -> Consumer:
        consumer = Consumer(runtime, threading.Event())
        inbox.store(BOT_ID, updates, now=clock.utcnow())
        while consumer.turn():
            pass
        return consumer

    return run


@pytest.fixture
def owned(apply: Apply, telegram: FakeTelegram) -> None:
    """Aziza said /start and made the bot administrator of her channel of 1,234 subscribers."""
    telegram.statuses[CHAT_ID, OWNER_ID] = "creator"
    telegram.counts[CHAT_ID] = 1234
    apply(said(1, "/start"), standing(2))
