"""A Redis of our own: Debian's server on a free port of this machine, which keeps nothing, ended by its pid."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.ports import free_port


@dataclass
class RedisServer:
    """May be stopped and started; what it held is forgotten then."""

    folder: Path
    port: int = 0
    running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = shutil.which("redis-server") or pytest.fail(
            "redis-server is missing: run deploy/system-packages test"
        )
        self.port = self.port or free_port()
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.running = subprocess.Popen(
            [*command, "--dir", str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            if self._answers():
                return
            time.sleep(0.05)
        pytest.fail("redis-server did not start")

    def stop(self) -> None:
        if self.running is not None:
            self.running.send_signal(signal.SIGKILL)
            self.running.wait(20)
            self.running = None

    def client(self) -> Redis:
        return Redis(host="127.0.0.1", port=self.port)

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except RedisError:
            return False
