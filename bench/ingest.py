"""b1 and b2: readings with their rollups over the driver's own fastest insert of the same tuples."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from app.core import db
from app.readings import service as readings
from app.readings.rollups import RawReading
from bench import floor, stats, world
from bench.world import World

Measure = Callable[[], tuple[float, float]]  # CPU seconds and clock seconds per row
BATCH = 2000  # the product's own import batch
_POSTS = 400
_FIRST = itertools.count(10_000_000, _POSTS)
_COLUMNS = "post_id, observed_at, source_id, views, reactions, step, flag"
_INSERT = f"INSERT INTO plain_reading ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 0)"


def fresh_readings(at: World, *, by_sweep: bool) -> list[RawReading]:
    """Readings of new posts: post after post as an import has them, or age after age as a collector does."""
    posts = world.fresh_posts(at.chats[0], _POSTS, first_id=next(_FIRST))
    found = [r for post_id, posted in posts for r in world.reads_of(post_id, posted, at.source_id, post_id)]
    return sorted(found, key=lambda r: (r[1], r[0])) if by_sweep else found


def _ours(at: World, *, by_sweep: bool) -> Measure:
    def measure() -> tuple[float, float]:
        at.enter()
        rows = fresh_readings(at, by_sweep=by_sweep)
        started, cpu = time.perf_counter(), time.process_time()
        for part in world.batches(rows, BATCH):
            readings.record_readings(at.chats[0], part, now=world.NOW)
        return (time.process_time() - cpu) / len(rows), (time.perf_counter() - started) / len(rows)

    return measure


def _raw(at: World, *, batch: int) -> Measure:
    """executemany into a table like `reading`, in a database of its own with the same pragmas."""
    connection = floor.raw_connection(at.path.with_name(f"plain{batch}.sqlite3"))
    ((made,),) = floor.raw_connection(at.path).execute("SELECT sql FROM sqlite_master WHERE name = 'reading'")
    connection.execute(re.sub(r'TABLE "?reading"?', "TABLE plain_reading", str(made), count=1))

    def measure() -> tuple[float, float]:
        at.enter()
        rows = fresh_readings(at, by_sweep=False)
        started, cpu = time.perf_counter(), time.process_time()
        for part in world.batches(rows, batch):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, part)
            connection.execute("COMMIT")
        return (time.process_time() - cpu) / len(rows), (time.perf_counter() - started) / len(rows)

    return measure


def sqlite_rows(at: World) -> list[stats.Row]:
    """b1, by CPU and (for information) by the clock, also against one big transaction and in a collector's order."""
    variants = {
        "ours": _ours(at, by_sweep=False),
        "sweep": _ours(at, by_sweep=True),
        "raw": _raw(at, batch=BATCH),
        "big": _raw(at, batch=10**9),
    }
    cpu, wall = _split(variants)
    name = f"raw executemany, transactions of {BATCH}"
    detail = f"ours {1 / stats.median(cpu['ours']):,.0f} rows/CPU-s, floor {1 / stats.median(cpu['raw']):,.0f}"
    what = "batch ingest incl. rollups, SQLite, rows per CPU-s"
    return [
        stats.at_least("b1", what, name, stats.ratio(cpu["raw"], cpu["ours"]), 0.5, detail),
        stats.informs("b1", "the same by the clock", name, stats.ratio(wall["raw"], wall["ours"])),
        stats.informs("b1", "the same, CPU", "raw executemany, one transaction", stats.ratio(cpu["big"], cpu["ours"])),
        stats.informs("b1", "in a collector's order (age after age), CPU", name, stats.ratio(cpu["raw"], cpu["sweep"])),
    ]


def growth_rows(small: World, large: World) -> list[stats.Row]:
    """b1 with ten times as many readings stored before: our own CPU over our own CPU."""
    found, _ = _split({"small": _ours(small, by_sweep=False), "large": _ours(large, by_sweep=False)})
    detail = f"{1 / stats.median(found['large']):,.0f} rows/CPU-s at 10^6"
    ratio = stats.ratio(found["large"], found["small"])
    return [stats.informs("b1", "growth 10^5 to 10^6 readings stored, CPU", "ours at 10^5", ratio, detail)]


def _split(variants: dict[str, Measure]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Rounds of measures that give CPU and clock at once."""
    wall: dict[str, list[float]] = {name: [] for name in variants}

    def only_cpu(name: str) -> Callable[[], float]:
        def measure() -> float:
            used, passed = variants[name]()
            wall[name].append(passed)
            return used

        return measure

    return stats.rounds({name: only_cpu(name) for name in variants}), wall


def postgres_rows(at: World, address: str) -> list[stats.Row]:
    """b2: client and server CPU together, over a plain COPY in transactions of the same size."""
    own = db.database.connection()
    plain = psycopg.connect(address)
    plain.execute("CREATE TABLE plain_reading (LIKE reading INCLUDING INDEXES)")
    plain.commit()

    def measured(connection: Any, work: Callable[[list[RawReading]], None]) -> Measure:
        def measure() -> tuple[float, float]:
            rows = fresh_readings(at, by_sweep=False)
            started, cpu, server = time.perf_counter(), time.process_time(), _server_cpu(connection)
            work(rows)
            used = time.process_time() - cpu + _server_cpu(connection) - server
            return used / len(rows), (time.perf_counter() - started) / len(rows)

        return measure

    def ours(rows: list[RawReading]) -> None:
        for part in world.batches(rows, BATCH):
            readings.record_readings(at.chats[0], part, now=world.NOW)

    def copy(rows: list[RawReading]) -> None:
        for part in world.batches(rows, BATCH):
            with plain.cursor().copy(f"COPY plain_reading ({_COLUMNS}) FROM STDIN") as into:
                for post, moment, source, views, reactions, step in part:
                    into.write_row((post, db.from_ms(moment), source, views, reactions, step, 0))
            plain.commit()

    cpu, wall = _split({"ours": measured(own, ours), "copy": measured(plain, copy)})
    plain.close()
    name = f"plain COPY, transactions of {BATCH}"
    detail = f"ours {1 / stats.median(wall['ours']):,.0f} rows/s, floor {1 / stats.median(wall['copy']):,.0f} rows/s"
    return [
        stats.at_least(
            "b2", "the same, PostgreSQL, by clock", name, stats.ratio(wall["copy"], wall["ours"]), 0.3, detail
        ),
        stats.informs("b2", "the same by CPU, client and server", name, stats.ratio(cpu["copy"], cpu["ours"])),
    ]


def _server_cpu(connection: Any) -> float:
    """CPU seconds so far of the server process behind a connection on this machine."""
    spent = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text()
    return int(spent.split()[0]) / 1e9
