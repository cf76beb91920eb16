"""p2: the network page of an owner with fifty channels: milliseconds of CPU, and of the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import pages, stats, world

CHANNELS, _READINGS, _SENDS, _LIMIT_MS = 50, 500_000, 40, 300.0


def rows(folder: Path) -> list[stats.Row]:
    """With every channel changed since the last page, and with none."""
    page = pages.prepare(world.build(folder, _READINGS, channels=CHANNELS))
    what = f"network page of {CHANNELS} channels, p95 of the clock"
    anew, kept = _times(partial(pages.read_anew, page.ours)), _times(page.ours.send)
    detail = (
        f"{page.world.readings:,} readings, {page.size:,} bytes; median {stats.median(anew):.0f} ms;"
        f" no channel changed: p95 {_p95(kept):.0f} ms, median {stats.median(kept):.0f} ms"
    )
    slowest = _p95(anew)
    return [
        stats.Row("p2", what, "300 ms", f"{slowest:.0f} ms", f"<= {_LIMIT_MS:.0f} ms", slowest <= _LIMIT_MS, detail)
    ]


def _times(send: Callable[[], object]) -> list[float]:
    found = []
    for _ in range(_SENDS):
        before = time.perf_counter()
        send()
        found.append((time.perf_counter() - before) * 1000)
    return found


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]
