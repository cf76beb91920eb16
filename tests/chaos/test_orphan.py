"""What kill -9 of a server leaves behind: with the guard nothing, without it a worker that nobody watches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from e2e.stack import ROOT, wait_for


def _worker_of_a_killed_server(kind: str) -> int:
    command = [sys.executable, "-m", "tests.chaos.orphan", kind]
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
    )
    assert server.stdout is not None
    worker = int(server.stdout.readline())
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()
    return worker


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def test_a_worker_ends_with_its_server_however_that_ended() -> None:
    worker = _worker_of_a_killed_server("guarded")
    wait_for("the worker has ended", lambda: not _command_line(worker), timeout_s=10)


def test_without_the_guard_the_worker_lives_on() -> None:
    """Shows the harm that the guard prevents."""
    worker = _worker_of_a_killed_server("unguarded")
    time.sleep(1)
    assert "spawn_main" in _command_line(worker)
    os.kill(worker, signal.SIGKILL)
