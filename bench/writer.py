"""A process that writes, or with a batch of 0 only burns CPU, for some seconds.

`python -m bench.writer FOLDER CHAT FIRST_ID BATCH SECONDS`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from app.boot import boot
from app.readings import service as readings
from bench import world


def main(folder: str, chat: str, first_id: str, batch: str, seconds: str) -> None:
    if int(batch) == 0:
        _burn(float(seconds))
        return
    boot("cli", world.settings_for(Path(folder)))
    source_id = readings.ensure_source(readings.PREVIEW_PAGE, now=world.NOW)
    end, first, written = time.monotonic() + float(seconds), int(first_id), 0
    while time.monotonic() < end:
        count = max(int(batch) // world.READS, 1)
        posts = world.fresh_posts(int(chat), count, first_id=first)
        rows = [r for post_id, at in posts for r in world.reads_of(post_id, at, source_id, post_id)]
        written += readings.record_readings(int(chat), rows[: int(batch)], now=world.NOW)
        first += count
        if int(batch) < 1000:
            time.sleep(0.02)
    print(written)


def _burn(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(20_000))


if __name__ == "__main__":
    main(*sys.argv[1:6])
