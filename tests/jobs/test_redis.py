"""The queue in a Redis: the same work, woken from any process, and nothing lost while it is away."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from app.boot import Runtime, boot
from app.cli import main
from app.core import clock, db, leases
from app.core.jobs import make_huey
from app.core.settings import Settings, SettingsError, load_settings
from app.media import service as media
from app.media.service import work
from e2e.stack import ROOT, wait_for
from tests.jobs.redis_server import RedisServer
from tests.world import Owner, owner

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def runtime(redis: RedisServer, migrated_file: Path, tmp_path: Path) -> Iterator[Runtime]:
    """The web process, whose queue is there. The rows are on SQLite: the queue knows nothing of them."""
    shutil.copyfile(migrated_file, tmp_path / "test.sqlite3")
    database_url = f"sqlite:///{tmp_path / 'test.sqlite3'}"
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, database_url=database_url, data_dir=tmp_path, demo=True, huey_redis_url=redis.url
    )
    yield boot("web", settings)
    work.configure(lambda: None)
    if not db.database.is_closed():
        db.database.close()


def _environ(runtime: Runtime, url: str) -> dict[str, str]:
    told = {"DATABASE_URL": runtime.settings.database_url, "DATA_DIR": str(runtime.settings.data_dir), "DEMO": "1"}
    told |= {"HUEY_REDIS_URL": url, "TELEGRAM_PREVIEW_URL": "http://127.0.0.1:9", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **told}


@contextmanager
def _consumer(runtime: Runtime, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The jobs process as the Procfile runs it; ended by its own pid."""
    (line,) = [text for text in (ROOT / "Procfile").read_text().splitlines() if text.startswith("jobs:")]
    command = line.removeprefix("jobs:").split()
    command[0] = str(Path(sys.executable).parent / command[0])
    with (runtime.settings.data_dir / "jobs.log").open("ab") as log:
        running = subprocess.Popen(command, cwd=ROOT, env=_environ(runtime, url), stdout=log, stderr=log)
    try:
        yield running
    finally:
        running.kill()
        running.wait(20)


def _ask(runtime: Runtime, who: Owner, shade: int) -> None:
    """A picture whose still is wanted."""
    out = io.BytesIO()
    Image.effect_noise((700, 500), 60 + shade).convert("RGB").save(out, "PNG")
    out.seek(0)
    folder = runtime.settings.data_dir
    media.keep(who.workspace.id, out, f"{shade}.png", data_dir=folder, user_id=who.user.id, now=clock.utcnow())


def _states() -> list[str]:
    return [str(state) for (state,) in db.rows("SELECT state FROM media_job ORDER BY id")]


def test_a_message_in_redis_is_signed_and_one_that_is_not_is_not_unpickled(
    runtime: Runtime, redis: RedisServer
) -> None:
    _ask(runtime, owner("Aziza", now=clock.utcnow()), 1)
    (sent,) = redis.client().lrange("huey.redis.analyticbot", 0, -1)
    serializer = make_huey(runtime.settings).serializer
    assert b"wake_media" in sent and serializer.deserialize(sent)
    with pytest.raises(ValueError, match="mismatch"):
        serializer.deserialize(pickle.dumps({"task": "wake_media"}) + b":" + b"0" * 40)
    assert not (runtime.settings.data_dir / "huey.sqlite3").exists()


def test_who_asks_in_one_process_wakes_the_work_in_another(runtime: Runtime, redis: RedisServer) -> None:
    who = owner("Aziza", now=clock.utcnow())
    with _consumer(runtime, redis.url):
        wait_for("jobs works", lambda: "jobs" in leases.last_beats())
        _swept_at_its_start(runtime)
        for shade in range(3):
            _ask(runtime, who, shade)
            # the sweep of the next minute would find it too: the wake is faster
            wait_for("it is made", lambda n=shade: _states() == [work.DONE] * (n + 1), timeout_s=40)


def _swept_at_its_start(runtime: Runtime) -> None:
    """The first minute's periodic work is over, so that what follows is due to a wake."""
    wait_for("it has looked", lambda: "sweep_media_work" in (runtime.settings.data_dir / "jobs.log").read_text())


def test_periodic_work_is_the_same_on_both(runtime: Runtime, redis: RedisServer) -> None:
    names = "import app.jobs; print(sorted(t.__class__.__name__ for t in app.jobs.huey._registry.periodic_tasks))"
    told = [
        subprocess.run(
            [sys.executable, "-c", names],
            env=_environ(runtime, url),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
        for url in ("", redis.url)
    ]
    assert told[0] == told[1] and "sweep_media_work" in told[0] and "collect_due" in told[0]


def test_with_redis_away_asking_commits_and_the_work_is_done_once_it_is_back(
    runtime: Runtime, redis: RedisServer
) -> None:
    who = owner("Aziza", now=clock.utcnow())
    with _consumer(runtime, redis.url) as running:
        wait_for("jobs works", lambda: "jobs" in leases.last_beats())
        redis.stop()
        _ask(runtime, who, 1)
        assert _states() == [work.WAITING], "the row stands, and nobody was told of an error"
        redis.start()
        wait_for("the sweep found it", lambda: _states() == [work.DONE], timeout_s=200)
        assert running.poll() is None, "it is the same process"


def test_without_the_sweep_what_was_not_woken_would_rest(
    runtime: Runtime, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harm: only the row knows of it, and nothing in Redis will."""
    redis.stop()
    _ask(runtime, owner("Aziza", now=clock.utcnow()), 1)
    redis.start()
    assert redis.client().llen("huey.redis.analyticbot") == 0 and _states() == [work.WAITING]
    assert work.sweep(now=clock.utcnow()) == 1, "and the sweep wakes"
    assert redis.client().llen("huey.redis.analyticbot") == 1


def test_killed_while_it_works_every_piece_ends_all_the_same(runtime: Runtime, redis: RedisServer) -> None:
    """No message tells of the work: the minute's sweep finds what waits and, later, what the dead process held."""
    who = owner("Aziza", now=clock.utcnow())
    for shade in range(4):
        _ask(runtime, who, shade)
    redis.client().flushall()
    with _consumer(runtime, redis.url) as running:
        wait_for("it works", lambda: set(_states()) != {work.WAITING}, timeout_s=100)
        running.send_signal(signal.SIGKILL)
        running.wait(20)
    with _consumer(runtime, redis.url):
        wait_for("all of it is made", lambda: _states() == [work.DONE] * 4, timeout_s=200)
    assert max(row[0] for row in db.rows("SELECT runs FROM media_job")) <= work.MOST_RUNS


def test_the_doctor_says_whether_redis_answers(
    runtime: Runtime, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _environ(runtime, redis.url).items():
        monkeypatch.setenv(name, value)
    assert "ok   queue: Redis answers" in CliRunner().invoke(main, ["doctor"]).output
    redis.stop()
    told = CliRunner().invoke(main, ["doctor"])
    assert "FAIL queue: Redis does not answer" in told.output and told.exit_code == 1


def test_an_address_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUEY_REDIS_URL", "http://127.0.0.1")
    with pytest.raises(SettingsError, match="HUEY_REDIS_URL must start with"):
        load_settings(_env_file=None)
    monkeypatch.setenv("HUEY_REDIS_URL", "redis://:hidden-word@127.0.0.1:1/0")
    assert "hidden-word" not in repr(load_settings(_env_file=None))
