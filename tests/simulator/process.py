"""The simulator as a process of its own: tests start it, script it and end it by its process id."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "1000000001:SIMULATED-service-bot-token-not-real"
OWNER_ID = 777000001


class SimulatorProcess:
    """`with SimulatorProcess(tmp_path) as sim: sim.control("post", chat="x", text="hi")`."""

    def __init__(self, state: Path, *arguments: str, scenario: str = "empty", life: bool = False) -> None:
        self.state = state
        self.arguments = ["--scenario", scenario, "--life" if life else "--no-life", *arguments]
        self.url = ""
        self.process: subprocess.Popen[str] | None = None
        self.http = httpx.Client(timeout=30, trust_env=False)

    def start(self, timeout_s: float = 30) -> "SimulatorProcess":
        """Start on a free port; a restart on the same state keeps the port it had."""
        port = self.url.rsplit(":", 1)[1] if self.url else "0"
        command = [sys.executable, "-m", "simulator", "--port", port, "--state", str(self.state)]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [*command, *self.arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        watchdog = threading.Timer(timeout_s, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line.startswith("simulator ready on "):
            raise RuntimeError(f"the simulator did not start: {line!r}")
        self.url = line.split()[-1]
        return self

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        return self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(15)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def __enter__(self) -> "SimulatorProcess":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.http.close()

    def control(self, verb: str, **body: Any) -> dict[str, Any]:
        """A control verb; raises AssertionError with the simulator's words when refused."""
        answer = self.http.post(f"{self.url}/_control/{verb}", json=body).json()
        assert answer.get("ok"), answer
        return dict(answer)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(f"{self.url}{path}", params=query or None)

    def state_now(self) -> dict[str, Any]:
        return dict(self.get("/_control/state").json())

    def channel(self, username: str) -> dict[str, Any]:
        channels = self.state_now()["channels"]
        return next(dict(channel) for channel in channels if channel["username"] == username)

    def journal(self, after: int = 0) -> list[dict[str, Any]]:
        """Entries after a sequence number, from the running simulator; the file is state/journal.jsonl."""
        return list(self.get("/_control/journal", after=after).json()["entries"])

    def api(self, method: str, token: str = TOKEN, **params: Any) -> dict[str, Any]:
        """A raw Bot API call with a JSON body; the envelope as it came."""
        return dict(self.http.post(f"{self.url}/bot{token}/{method}", json=params).json())
