"""A process that writes, or with a batch of 0 only burns CPU, until the file `stop` stands in its folder.

`python -m bench.writer FOLDER CHAT FIRST_ID BATCH`; says "ready" when it begins, at the end how many readings it wrote.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from app.boot import boot
from app.cli.background import let_pages_go_first
from app.readings import service as readings
from bench import world


def main(folder: str, chat: str, first_id: str, batch: str) -> None:
    stop = Path(folder) / "stop"
    print("ready", flush=True)
    print(_write(stop, int(chat), int(first_id), int(batch)) if int(batch) else _burn(stop))


def _write(stop: Path, chat: int, first: int, batch: int) -> int:
    """A bulk import writes as fast as it can; a small batch stands for a collector and pauses in between."""
    boot("cli", world.settings_for(stop.parent))
    if batch >= 1000:
        let_pages_go_first()  # as the product's import does
    source_id = readings.ensure_source(readings.PREVIEW_PAGE, now=world.NOW)
    written = 0
    while not stop.exists():
        count = max(batch // world.READS, 1)
        posts = world.fresh_posts(chat, count, first_id=first)
        rows = [r for post_id, at in posts for r in world.reads_of(post_id, at, source_id, post_id)]
        written += readings.record_readings(chat, rows[:batch], now=world.NOW)
        first += count
        if batch < 1000:
            time.sleep(0.02)
    return written


def _burn(stop: Path) -> int:
    while not stop.exists():
        sum(range(20_000))
    return 0


if __name__ == "__main__":
    main(*sys.argv[1:5])
