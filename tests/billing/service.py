"""A web process with Payme and Click set up, as a program of its own, and the command line beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.billing.buying import PAYME_KEY
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


class Service:
    """`with Service(folder, database_url) as service: service.cli("show-order", …)`. Ended by its own pid."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = folder / "web.log"
        self.env = {
            **os.environ,
            "DATABASE_URL": database_url,
            "DATA_DIR": str(folder),
            "BASE_URL": self.url,
            "PAYME_MERCHANT_ID": "m",
            "PAYME_KEY": PAYME_KEY,
            "CLICK_MERCHANT_ID": "1",
            "CLICK_SERVICE_ID": "2",
            "CLICK_SECRET_KEY": "secret",
            "PYTHONPATH": str(ROOT),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Service:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._signal(signal.SIGTERM)

    def start(self) -> None:
        """Begin, and wait until it answers."""
        serve = [
            *(str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"),
            *("--port", self.url.rpartition(":")[2], "--workers", "1", "--blocking-threads", "4"),
            *("--log-level", "warning", "app.wsgi:app"),
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                serve, env=self.env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + 30
        while not self._answers():
            is_running = self._process.poll() is None
            assert is_running and time.monotonic() < until, f"the web process did not start: {self._log.read_text()}"
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9, the process and what it started."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, number)
            self._process.wait(15)
            self._process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`analyticbot billing <arguments>`."""
        command = [sys.executable, "-m", "app.cli", "billing", *arguments]
        return subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=120)
