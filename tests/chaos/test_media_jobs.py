"""kill -9 of the jobs process while it works on files: every piece of work ends, after two runs at most, and nothing is half.

Small by default; the proof at full size is CHAOS_MEDIA_JOBS=200 CHAOS_MEDIA_KILLS=20.
"""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from app.boot import Runtime
from app.core import clock, db
from app.media import child
from app.media import service as media
from app.media.service import marking, store, watermarks, work
from app.media.service.marking import Wish
from e2e.stack import ROOT, wait_for
from tests.chaos.publishing import full
from tests.world import Owner, owner

JOBS, KILLS = full("CHAOS_MEDIA_JOBS", 16), full("CHAOS_MEDIA_KILLS", 2)
SEED = full("CHAOS_SEED", 20261128)
pytestmark = pytest.mark.timeout(300 + 6 * JOBS)
_HANDS = os.cpu_count() or 1


@contextmanager
def _consumer(runtime: Runtime) -> Iterator[subprocess.Popen[bytes]]:
    """The jobs process as the Procfile runs it; ended by its own pid."""
    (line,) = [text for text in (ROOT / "Procfile").read_text().splitlines() if text.startswith("jobs:")]
    command = line.removeprefix("jobs:").split()
    command[0] = str(Path(sys.executable).parent / command[0])
    environ = {**os.environ, "DATABASE_URL": runtime.settings.database_url, "DATA_DIR": str(runtime.settings.data_dir)}
    environ |= {"DEMO": "1", "TELEGRAM_PREVIEW_URL": "http://127.0.0.1:9", "PYTHONPATH": str(ROOT)}
    with (runtime.settings.data_dir / "jobs.log").open("ab") as log:
        running = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        yield running
    finally:
        running.kill()
        running.wait(20)


def _ask(runtime: Runtime, who: Owner, dice: random.Random) -> None:
    """So many pieces of work: each picture gets a still and is to be marked."""
    row = watermarks.Watermark(
        kind="text", text="@mine", position="tiled", width=25, margin=3, opacity=60, seconds=0, logo=None
    )
    for _ in range(JOBS // 2):
        out = io.BytesIO()
        Image.effect_noise((1600, 1200), dice.uniform(20, 90)).convert("RGB").save(out, "JPEG", quality=90)
        out.seek(0)
        kept = media.keep(
            *(who.workspace.id, out, "a.jpg"),
            data_dir=runtime.settings.data_dir,
            user_id=who.user.id,
            now=clock.utcnow(),
        )
        marking.want(who.workspace.id, [kept.public_id], Wish(watermarks.params_of(row)), now=clock.utcnow())


def _states() -> Counter[str]:
    return Counter({str(state): int(n) for state, n in db.rows("SELECT state, COUNT(*) FROM media_job GROUP BY state")})


def _kill_one_that_works(runtime: Runtime, dice: random.Random) -> None:
    begun = clock.utcnow()
    with _consumer(runtime) as running:
        wait_for("it works", lambda: _begun_since(begun) or not _states()[work.WAITING], timeout_s=120)
        time.sleep(dice.uniform(0.05, 1.5))
        running.send_signal(signal.SIGKILL)
        running.wait(20)


def _begun_since(moment: datetime) -> bool:
    """Whether this process works: what the killed one before it held still stands as running."""
    asked = "SELECT 1 FROM media_job WHERE state = ? AND started_at > ? LIMIT 1"
    return db.row(asked, work.RUNNING, db.stamp(moment)) is not None


def test_killed_again_and_again_every_piece_of_work_ends_and_nothing_is_half(runtime: Runtime) -> None:
    dice, who = random.Random(SEED), owner("Aziza", plan="network", now=clock.utcnow())
    _ask(runtime, who, dice)
    killed = 0
    while killed < KILLS:
        _kill_one_that_works(runtime, dice)
        killed += 1
    with _consumer(runtime):
        wait_for(
            "all of it has ended",
            lambda: not (_states()[work.WAITING] + _states()[work.RUNNING]),
            timeout_s=240 + 2 * JOBS,
        )
    _is_whole(runtime)
    runs = Counter({int(runs): int(n) for runs, n in db.rows("SELECT runs, COUNT(*) FROM media_job GROUP BY runs")})
    print(f"{JOBS} pieces of work, {killed} times kill -9: {dict(_states())}, by runs {dict(runs)}")
    assert (
        sum(_states().values()) == JOBS and set(_states()) <= {work.DONE, work.FAILED} and max(runs) <= work.MOST_RUNS
    )
    interrupted = db.rows("SELECT error, runs FROM media_job WHERE state = ?", work.FAILED)
    assert all(row == (work.INTERRUPTED, 2) for row in interrupted), "only what was killed twice is given up"
    assert 1 <= runs[2] <= killed * _HANDS and _states()[work.DONE] >= JOBS - killed


def _is_whole(runtime: Runtime) -> None:
    """Every file has the bytes that its name says; what was made is named by its row, and nothing is left lying about."""
    folder = runtime.settings.data_dir / "media"
    child.sweep(folder, older_than_s=0, now_s=time.time() + 1)
    files = [path for path in folder.rglob("*") if path.is_file()]
    parts = [path for path in files if path.suffix == ".part"]
    assert all(store.digest_of(path) == path.name for path in files if path not in parts)
    named = {str(sha256) for (sha256,) in db.rows("SELECT sha256 FROM media_file")}
    assert named <= {path.name for path in files}
    made = db.rows("SELECT COUNT(*) FROM media_file WHERE origin_id IS NOT NULL")
    assert made == [(_states()[work.DONE],)], "one of each that is done"
    assert db.rows("SELECT COUNT(*), COUNT(DISTINCT result_id) FROM media_job WHERE state = 'done'") == [
        (_states()[work.DONE],) * 2
    ]
