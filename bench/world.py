"""Databases to measure on: a workspace with ten channels whose history grows while its pace stays the same."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.accounts.service import sessions
from app.boot import Runtime, boot
from app.core import clock, db, migrate
from app.core.settings import Settings
from app.readings import service as readings
from app.readings.rollups import RawReading
from tests import world as people

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CHANNELS = 10
READS = 40  # readings of a post, at ages from 5 minutes to 30 days, evenly on a log scale
POST_EVERY = timedelta(hours=3)
_AGES = [timedelta(seconds=int(300 * (30 * 86_400 / 300) ** (n / (READS - 1)))) for n in range(READS)]


@dataclass(frozen=True, slots=True)
class World:
    """A filled database, the store that speaks to it, and a signed-in person."""

    runtime: Runtime
    store: Any
    path: Path
    chats: list[int]
    source_id: int
    token: str
    readings: int

    def enter(self) -> None:
        """Point the models and queries at this database."""
        db.database.initialize(self.store)


def settings_for(folder: Path, address: str = "") -> Settings:
    address = address or f"sqlite:///{folder / 'bench.sqlite3'}"
    return Settings(database_url=address, data_dir=folder, demo=True, log_format="json", _env_file=None)  # type: ignore[call-arg]


def empty(folder: Path, address: str = "") -> Runtime:
    """A migrated database without rows."""
    folder.mkdir(parents=True, exist_ok=True)
    runtime = boot("web", settings_for(folder, address))
    migrate.up()
    return runtime


def build(folder: Path, count: int, *, address: str = "", channels: int = CHANNELS) -> World:
    """About `count` readings over `channels` channels: more readings are a longer history, not a faster one."""
    runtime = empty(folder, address)
    start = NOW - timedelta(days=3700)
    who = people.owner("Bench", telegram_user_id=1, now=start)
    for n in range(channels):
        people.owned_channel(who, f"Channel{n}", telegram_chat_id=-1001000 - n, now=start)
    chats = [int(chat) for (chat,) in db.rows("SELECT chat_id FROM channel ORDER BY id")]
    source_id = readings.ensure_source(readings.PREVIEW_PAGE, now=start)
    written = sum(_history(c, source_id, count // channels, seed=n) for n, c in enumerate(chats))
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=clock.utcnow())
    return World(runtime, db.database.obj, folder / "bench.sqlite3", chats, source_id, token, written)


def _history(chat_id: int, source_id: int, count: int, *, seed: int) -> int:
    posts = _posts(chat_id, count // READS, first_id=1)
    rows = [r for post_id, at in posts for r in reads_of(post_id, at, source_id, seed + post_id)]
    for part in batches(rows, 20_000):
        readings.record_readings(chat_id, part, now=NOW)
    with db.write():
        for n in range(160):
            at = NOW - timedelta(hours=6 * (160 - n))
            readings.record_subscribers(chat_id, source_id=source_id, value=5000 + 3 * n, step=0, observed_at=at)
    return len(rows)


def _posts(chat_id: int, count: int, *, first_id: int) -> list[tuple[int, datetime]]:
    times = {first_id + n: NOW - POST_EVERY * (count - n) for n in range(count)}
    ids = readings.record_posts(chat_id, [readings.PostFacts(n, at) for n, at in times.items()])
    return [(ids[n], at) for n, at in times.items()]


def fresh_posts(chat_id: int, count: int, *, first_id: int) -> list[tuple[int, datetime]]:
    """Posts without readings, published far enough back to be read at every age."""
    times = {first_id + n: NOW - timedelta(days=60) - timedelta(minutes=10 * n) for n in range(count)}
    ids = readings.record_posts(chat_id, [readings.PostFacts(n, at) for n, at in times.items()])
    return [(ids[n], at) for n, at in times.items()]


def reads_of(post_id: int, posted_at: datetime, source_id: int, seed: int) -> list[RawReading]:
    """The readings of one post that lie before NOW, rising, by age."""
    final = random.Random(seed).randint(800, 9000)
    ages = [a for a in _AGES if posted_at + a <= NOW]
    return [
        (post_id, db.to_ms(posted_at + age), source_id, final * (n + 1) // READS, final * (n + 1) // READS // 50, 0)
        for n, age in enumerate(ages)
    ]


def batches(rows: list[RawReading], size: int) -> list[list[RawReading]]:
    return [rows[n : n + size] for n in range(0, len(rows), size)]
