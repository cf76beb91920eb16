"""Page latency while a bulk import and four more processes write to the same SQLite file."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time

from app.web import create_app
from bench import stats
from bench.world import World
from bench.wsgi_calls import PARTIAL, session_cookie

SECONDS = 8.0
_PAUSE = 0.005


def rows(at: World) -> list[stats.Row]:
    alone, _ = _latencies(at, [])
    burning, _ = _latencies(at, [0] * 5)
    writing, written = _latencies(at, [5000, 80, 80, 80, 80])
    p99 = _p99(writing)
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    detail = (
        f"{len(writing)} pages beside {written:,} readings written, p50 {stats.median(writing):.1f} ms, max {max(writing):.1f} ms;"
        f" p99 alone {_p99(alone):.1f} ms; p99 beside 5 processes that only burn CPU {_p99(burning):.1f} ms; {load}"
    )
    what = "page p99 while an import and 4 processes write"
    return [stats.Row("lock", what, "none", f"{p99:.1f} ms", "<= 50 ms", p99 <= 50, detail)]


def _latencies(at: World, batches: list[int]) -> tuple[list[float], int]:
    """Milliseconds of the network partial beside a writer per batch size (0 burns CPU), and the readings written."""
    at.enter()
    app = create_app(at.runtime)
    client, headers = app.test_client(use_cookies=False), PARTIAL | {"Cookie": session_cookie(app, at.token)}
    stop = at.path.with_name("stop")
    stop.unlink(missing_ok=True)
    running = [_start(at, place, batch) for place, batch in enumerate(batches)]
    for process in running:
        process.stdout.readline()  # type: ignore[union-attr]
    client.get("/network", headers=headers)
    found, end = [], time.monotonic() + SECONDS
    while time.monotonic() < end:
        started = time.perf_counter()
        answer = client.get("/network", headers=headers)
        found.append((time.perf_counter() - started) * 1e3)
        if answer.status_code != 200:
            raise RuntimeError(f"the page answered {answer.status_code} beside writers")
        time.sleep(_PAUSE)
    stop.touch()
    return found, sum(int(process.communicate(timeout=60)[0]) for process in running)


def _start(at: World, place: int, batch: int) -> subprocess.Popen[str]:
    given = map(str, (at.path.parent, at.chats[place], _first_id(place), batch))
    return subprocess.Popen([sys.executable, "-m", "bench.writer", *given], stdout=subprocess.PIPE, text=True)


def _first_id(place: int) -> int:
    """First message id of a writer, apart from all others."""
    return 50_000_000 + place * 5_000_000


def _p99(found: list[float]) -> float:
    return sorted(found)[math.ceil(len(found) * 0.99) - 1]
