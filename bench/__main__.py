"""Run the rows asked for, or all: `python -m bench [a1 a2 a3 a4 b1 b2 b3 b4 c e e3 g1 h1 lock p1 p2]`.

BENCH_FULL=1 adds ten million readings. Only a run of all rows writes docs/bench.md. The exit status is 1 when a row misses its limit.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import (
    callbacks,
    equality,
    hooks,
    ingest,
    lanes,
    lock,
    marks,
    memory,
    network,
    pages,
    peers,
    postgres,
    posts_table,
    report,
    sizes,
    stats,
    uploads,
    world,
)

_SIZES = {"10^5": 100_000, "10^6": 1_000_000, "10^7": 10_000_000}


def main(wanted: list[str]) -> int:
    load, found = os.getloadavg(), []
    with tempfile.TemporaryDirectory(prefix="analyticbot-bench-") as name:
        for row in _rows(Path(name), set(wanted)):
            report.show(row)
            found.append(row)
    if not wanted:
        report.write(found, load)
    return 1 if any(row.is_pass is False for row in found) else 0


def _rows(folder: Path, wanted: set[str]) -> Iterator[stats.Row]:
    def is_wanted(name: str) -> bool:
        return not wanted or name in wanted

    small = world.build(folder / "10^5", _SIZES["10^5"])
    if is_wanted("a1") or is_wanted("a2") or is_wanted("a3"):
        yield from _pages(folder, small, is_wanted)
    parts: dict[str, Callable[[world.World], list[stats.Row]]] = {
        "a4": sizes.rows,
        "h1": memory.rows,
        "b1": ingest.sqlite_rows,
        "b3": hooks.rows,
        "lock": lock.rows,
        "e3": uploads.rows,
    }
    for name, measure in parts.items():
        if is_wanted(name):
            yield from measure(small)
    if is_wanted("b1"):
        yield from ingest.growth_rows(small, world.build(folder / "growth", _SIZES["10^6"]))
    if is_wanted("p1"):
        yield from posts_table.rows(folder / "posts", database="SQLite")
    if is_wanted("p2"):
        with pages.frozen_clock():
            yield from network.rows(folder / "fifty")
    if is_wanted("e1") or is_wanted("e2") or is_wanted("e"):
        yield from marks.rows(folder / "marks")
    if is_wanted("g1"):
        yield from callbacks.rows(folder / "callbacks")
    if is_wanted("c"):
        yield from lanes.rows()
    if is_wanted("b4"):
        yield from equality.rows(small, database="SQLite")
    if is_wanted("b2") or is_wanted("b4"):
        yield from _on_postgres(folder, is_wanted)


def _pages(folder: Path, small: world.World, is_wanted: Callable[[str], bool]) -> Iterator[stats.Row]:
    with pages.frozen_clock():
        if is_wanted("a1"):
            sizes = ["10^6", "10^7"] if os.environ.get("BENCH_FULL") == "1" else ["10^6"]
            worlds = {"10^5": small} | {size: world.build(folder / size, _SIZES[size]) for size in sizes}
            yield from pages.rendered({size: pages.prepare(w) for size, w in worlds.items()})
        if is_wanted("a2"):
            yield from pages.unchanged(pages.prepare(small))
        if is_wanted("a3"):
            yield from peers.rows(pages.prepare(small), folder)


def _on_postgres(folder: Path, is_wanted: Callable[[str], bool]) -> Iterator[stats.Row]:
    with _postgres_world(folder) as found:
        if not found:
            yield _missing()
            return
        if is_wanted("b2"):
            yield from ingest.postgres_rows(*found)
        if is_wanted("b4"):
            yield from equality.rows(found[0], database="PostgreSQL")


@contextmanager
def _postgres_world(folder: Path) -> Iterator[tuple[world.World, str] | None]:
    with postgres.server() as address:
        yield (world.build(folder / "postgres", 20_000, address=address, channels=2), address) if address else None


def _missing() -> stats.Row:
    return stats.informs("b2", "batch ingest, PostgreSQL", "plain COPY", "not measured: PostgreSQL is not installed")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
