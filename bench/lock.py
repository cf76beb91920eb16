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

SECONDS = 6.0
_START = 3.0  # what a writer needs to import the app and connect


def rows(at: World) -> list[stats.Row]:
    alone = _latencies(at, [])
    burning = _latencies(at, [0] * 5)
    writing = _latencies(at, [5000, 80, 80, 80, 80])
    p99 = _p99(writing)
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    detail = (
        f"{len(writing)} pages, p50 {stats.median(writing):.1f} ms, max {max(writing):.1f} ms;"
        f" p99 alone {_p99(alone):.1f} ms; p99 beside 5 processes that only burn CPU {_p99(burning):.1f} ms; {load}"
    )
    what = "page p99 while an import and 4 processes write"
    return [stats.Row("lock", what, "none", f"{p99:.1f} ms", "<= 50 ms", p99 <= 50, detail)]


def _latencies(at: World, batches: list[int]) -> list[float]:
    """Milliseconds of the network partial, asked every 20 ms, beside a writer per batch size (0 burns CPU)."""
    at.enter()
    client = create_app(at.runtime).test_client(use_cookies=False)
    headers = PARTIAL | {"Cookie": session_cookie(create_app(at.runtime), at.token)}
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "bench.writer",
                *map(str, (at.path.parent, at.chats[n], _first_id(n), batch, _START + SECONDS)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for n, batch in enumerate(batches)
    ]
    client.get("/network", headers=headers)
    time.sleep(_START if batches else 0)
    found, end = [], time.monotonic() + SECONDS
    while time.monotonic() < end:
        started = time.perf_counter()
        answer = client.get("/network", headers=headers)
        found.append((time.perf_counter() - started) * 1e3)
        if answer.status_code != 200:
            raise RuntimeError(f"the page answered {answer.status_code} beside writers")
        time.sleep(0.02)
    for process in running:
        if process.wait(60):
            raise RuntimeError("a writer failed")
    return found


def _first_id(place: int) -> int:
    """First message id of a writer, apart from all others."""
    return 50_000_000 + place * 5_000_000


def _p99(found: list[float]) -> float:
    return sorted(found)[math.ceil(len(found) * 0.99) - 1]
