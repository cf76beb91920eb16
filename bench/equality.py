"""b4: after batches of every kind the rollups equal what the product's own check computes from the raw readings."""

from __future__ import annotations

import random

from app.readings import service as readings
from app.readings.rollups import RawReading
from bench import ingest, stats, world
from bench.world import World

_SEED = 20261124


def rows(at: World, *, database: str) -> list[stats.Row]:
    """Batches of random sizes, out of order, with repetitions and smaller counts; then the check of all feeds.

    What other rows have brought into the same database is checked with it.
    """
    at.enter()
    dice = random.Random(_SEED)
    for by_sweep in (False, True):
        _bring(at, _spoiled(ingest.fresh_readings(at, by_sweep=by_sweep), dice), dice)
    found = readings.check_feeds(now=world.NOW)
    what = f"rollups == recomputed from raw, {database}, differences"
    detail = f"{found.feeds} feeds, {found.readings:,} readings"
    return [stats.Row("b4", what, "raw readings", str(found.differences), "0", found.differences == 0, detail)]


def _spoiled(rows: list[RawReading], dice: random.Random) -> list[RawReading]:
    """In order for the most part: one in twenty comes late, one in fifty twice, one in fifty lower than before."""
    places = [(n + (dice.randint(0, 4000) if dice.random() < 0.05 else 0), n) for n in range(len(rows))]
    moved = [rows[n] for _, n in sorted(places)]
    again = [r for r in moved if dice.random() < 0.02]
    return [_lower(r) if dice.random() < 0.02 else r for r in moved] + again


def _lower(reading: RawReading) -> RawReading:
    post, at, source, views, reactions, step = reading
    return (post, at, source, (views or 0) // 2, reactions, step)


def _bring(at: World, rows: list[RawReading], dice: random.Random) -> None:
    start = 0
    while start < len(rows):
        size = dice.choice((1, 20, 500, ingest.BATCH))
        readings.record_readings(at.chats[0], rows[start : start + size], now=world.NOW)
        start += size
