"""Five hundred open pages on one live process: how soon each hears, how soon a tile is new, what it costs in memory."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from app.accounts.service import people, sessions, streams
from app.billing.service.limits import put_on_plan
from app.boot import Runtime, boot
from app.channels.service import connect
from app.core import clock, db, migrate
from app.core.settings import Settings
from app.readings import service as readings

ROOT = Path(__file__).resolve().parent.parent
PAGES, TILES = 500, 20
_TILE_S, _HEALTH_S = 2.0, 0.05
Person = tuple[str, str, str]  # ticket, session token, channel


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def _processes(settings: Settings, web_port: int) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    commands = dict(line.split(":", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line.strip())
    env = {
        **os.environ,
        "DEMO": "true",
        "DATA_DIR": str(settings.data_dir),
        "BASE_URL": settings.base_url,
        "LIVE_URL": settings.live_url,
        "LIVE_PORT": str(settings.live_port),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
    }
    started = {
        name: subprocess.Popen(
            shlex.split(commands[name].replace("${PORT:-8000}", str(web_port))),
            cwd=ROOT,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for name in ("web", "live")
    }
    try:
        yield started
    finally:
        for process in started.values():
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(15)


def _people(runtime: Runtime) -> tuple[int, list[Person]]:
    """Five hundred owners who all watch one channel; returns its chat and their tickets and tokens."""
    now, secret, found, chat_id = clock.utcnow(), runtime.settings.secret_key.get_secret_value(), [], 0
    for n in range(PAGES):
        user = people.create_user(name=f"Owner {n}", timezone="UTC", now=now)
        workspace = people.create_workspace(f"Owner {n}", owner=user, timezone="UTC", now=now)
        put_on_plan(workspace.id, "network", now=now)
        chat = connect.ensure_chat(connect.ChatFacts(-1001, "News", "news"), now=now)
        chat_id = chat.id
        channel = connect.watch(
            chat, workspace_id=workspace.id, actor="proof", feed_id=readings.ensure_feed(chat.id, now=now),
            limits=runtime.limits, now=now,
        )  # fmt: skip
        token, _ = sessions.start(user.id, workspace.id, kind="browser", now=now)
        who = sessions.signed_in(token, now=now)
        assert who is not None
        found.append((streams.ticket(secret, who, now=clock.utcnow()), token, channel.public_id))
    return chat_id, found


async def _listen(client: aiohttp.ClientSession, url: str, heard: list[float], ready: list[int]) -> None:
    async with client.get(url) as answer:
        assert answer.status == 200, answer.status
        first = True
        async for line in answer.content:
            if line.startswith(b"id: "):
                if first:
                    ready.append(1)
                    first = False
                else:
                    heard.append(time.monotonic())


async def _crowd(settings: Settings, chat_id: int, crowd: list[Person], live_pid: int) -> tuple[bool, str]:
    heard: list[float] = []
    ready: list[int] = []
    empty_mb = _rss_mb(live_pid)
    unlimited = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=unlimited, timeout=aiohttp.ClientTimeout(total=None)) as client:
        pages = [
            asyncio.create_task(_listen(client, f"{settings.live_url}/stream?ticket={ticket}", heard, ready))
            for ticket, _, _ in crowd
        ]
        while len(ready) < PAGES:
            await asyncio.sleep(0.05)
        full_mb, health = _rss_mb(live_pid), []
        began = time.monotonic()
        await asyncio.to_thread(_read, chat_id)
        stored = time.monotonic()
        while len(heard) < PAGES and time.monotonic() - stored < 10:
            asked = time.monotonic()
            async with client.get(f"{settings.base_url}/healthz") as answer:
                await answer.read()
            health.append(time.monotonic() - asked)
            await asyncio.sleep(0.02)
        tiles = [await _tile(client, settings.base_url, *person[1:]) for person in crowd[:TILES]]
        for page in pages:
            page.cancel()
    signals = sorted(at - stored for at in heard)
    signal_p95 = signals[int(len(signals) * 0.95) - 1] if signals else float("inf")
    tile_p95 = sorted(tiles)[int(TILES * 0.95) - 1]
    ok = len(heard) == PAGES and signal_p95 + tile_p95 <= _TILE_S and max(health) <= _HEALTH_S
    return ok, "\n".join(
        [
            f"{len(heard)} of {PAGES} pages heard; stored in {stored - began:.3f} s",
            f"signal after the commit: median {statistics.median(signals):.3f} s, p95 {signal_p95:.3f} s",
            f"the tile asked for then: p95 of {TILES} {tile_p95 * 1000:.0f} ms; together <= {_TILE_S} s",
            f"/healthz of web meanwhile: at most {max(health) * 1000:.1f} ms over {len(health)} (limit 50)",
            f"memory of the live process: {empty_mb:.0f} MB at 0 pages, {full_mb:.0f} MB at {PAGES}",
        ]
    )


def _read(chat_id: int) -> None:
    now = clock.utcnow()
    source = readings.ensure_source(readings.BOT_UPDATES, now=now)
    readings.record_subscribers(chat_id, source_id=source, value=1001, step=0, observed_at=now)


async def _tile(client: aiohttp.ClientSession, base_url: str, token: str, public_id: str) -> float:
    headers = {"X-Session": token, "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "dl#tiles"}
    asked = time.monotonic()
    async with client.get(f"{base_url}/channels/{public_id}", headers=headers) as answer:
        assert 'value="1001"' in await answer.text(), "the tile shows the new number"
    return time.monotonic() - asked


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as client:
        for _ in range(600):
            try:
                async with client.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


def live_crowd() -> tuple[bool, str]:
    """`make proof`'s part: (passed, what was measured)."""
    with tempfile.TemporaryDirectory() as folder:
        web_port, live_port = _port(), _port()
        settings = Settings(  # type: ignore[call-arg]
            data_dir=Path(folder),
            demo=True,
            base_url=f"http://127.0.0.1:{web_port}",
            live_url=f"http://127.0.0.1:{live_port}",
            live_port=live_port,
            _env_file=None,
        )
        runtime = boot("cli", settings)
        migrate.up()
        try:
            with _processes(settings, web_port) as started:
                asyncio.run(_answers(f"{settings.base_url}/healthz"))
                asyncio.run(_answers(f"{settings.live_url}/healthz"))
                chat_id, crowd = _people(runtime)
                return asyncio.run(_crowd(settings, chat_id, crowd, started["live"].pid))
        finally:
            db.database.close()


if __name__ == "__main__":
    passed, told = live_crowd()
    print(told)
    sys.exit(not passed)
