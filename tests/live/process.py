"""The live process on a free port, and a page that listens to it."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from app.boot import Runtime
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


class LiveProcess:
    """`with LiveProcess(runtime) as live: live.listen(ticket)`. Ended by its own pid."""

    def __init__(self, runtime: Runtime) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        settings = runtime.settings
        environment = {
            **os.environ,
            "DEMO": "true",
            "DATABASE_URL": settings.database_address,
            "DATA_DIR": str(settings.data_dir),
            "SECRET_KEY": settings.secret_key.get_secret_value(),
            "LIVE_PORT": str(port),
            "LIVE_URL": self.url,
        }
        self.process = subprocess.Popen([sys.executable, "-m", "app.live"], cwd=ROOT, env=environment)

    def __enter__(self) -> LiveProcess:
        until = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < until and self.process.poll() is None, "the live process did not start"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def streams(self) -> int:
        return int(httpx.get(f"{self.url}/healthz", timeout=2).json()["streams"])


class Listener:
    """An open page: what it is told arrives in `heard`; `status` is the answer's."""

    def __init__(self, live: LiveProcess, ticket: str, *, since: str = "") -> None:
        self.heard: queue.Queue[tuple[str, float]] = queue.Queue()
        self.status = 0
        self.is_open = threading.Event()
        self.ended = threading.Event()
        query = f"ticket={ticket}" + (f"&since={since}" if since else "")
        self._address = f"{live.url}/stream?{query}"
        self._client = httpx.Client(timeout=httpx.Timeout(5, read=60), trust_env=False)
        threading.Thread(target=self._run, daemon=True).start()
        assert self.is_open.wait(10), "no answer"

    def _run(self) -> None:
        try:
            with self._client.stream("GET", self._address) as answer:
                self.status = answer.status_code
                self._socket = answer.extensions["network_stream"].get_extra_info("socket")
                self.is_open.set()
                for line in answer.iter_lines():
                    if line.startswith("id: "):
                        self.heard.put((line[4:], time.monotonic()))
        except httpx.HTTPError:
            pass
        finally:
            self.is_open.set()
            self.ended.set()

    def next(self, timeout_s: float = 10) -> tuple[str, float]:
        """The next version it hears of, and when."""
        return self.heard.get(timeout=timeout_s)

    def close(self) -> None:
        """The page goes away."""
        self._socket.shutdown(socket.SHUT_RDWR)
