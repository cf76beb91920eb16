"""The whole product on loopback, for tests from outside: free ports, own process groups, ended by their own pids."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from app.core.settings import SIMULATED_BOT_TOKEN, SIMULATED_CLIENT_SECRET, Settings
from deploy.local import payments_command, procfile, simulated_payments, stripe_command
from tests.ports import free_port
from workflows import devserver

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
OWNER_ID = 777000001
BOT_ID = int(SIMULATED_BOT_TOKEN.split(":")[0])
PRODUCT = ("web", "jobs", "bot")
_READY_S, _STOP_S, _TAIL_LINES = 60.0, 8.0, 15
Answer = TypeVar("Answer")


def wait_for(what: str, ask: Callable[[], Answer], *, timeout_s: float = _READY_S, every_s: float = 0.05) -> Answer:
    """The first truthy answer. Raises AssertionError that names `what` when none comes in time."""
    until = time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < until, f"not within {timeout_s:.0f} s: {what}; last answer {answer!r}"
        time.sleep(every_s)
    return answer


class Stack:
    """`with Stack(tmp_path, scenario="demo") as stack: page.goto(stack.link())`. Simulator, product, maybe Temporal."""

    def __init__(
        self,
        folder: Path,
        *,
        scenario: str = "empty",
        is_living: bool = False,
        parts: Sequence[str] = PRODUCT,
        has_temporal: bool = False,
    ) -> None:
        self.folder, self._scenario, self._is_living = folder, scenario, is_living
        self.logs = folder / "logs"
        self.base_url = f"http://127.0.0.1:{free_port()}"
        self.simulator_url = f"http://127.0.0.1:{free_port()}"
        self.payments_url = f"http://127.0.0.1:{free_port()}"
        self.stripe_url = f"http://127.0.0.1:{free_port()}"
        self._temporal, self.temporal_ui_url = f"127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        self.live_url = f"http://127.0.0.1:{free_port()}" if "live" in parts else ""
        self.parts = (*parts, "worker") if has_temporal else tuple(parts)
        self._has_temporal = has_temporal
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.started_ms: dict[str, int] = {}
        self.http = httpx.Client(timeout=30, trust_env=False)
        self._commands = self._all_commands()

    def _all_commands(self) -> dict[str, list[str]]:
        port = self.base_url.rsplit(":", 1)[1]
        found = {
            name: shlex.split(command.replace("${PORT:-8000}", port))
            for name, command in procfile().items()
            if name in self.parts
        }
        found["simulator"] = [
            *(sys.executable, "-m", "simulator", "--port", self.simulator_url.rsplit(":", 1)[1]),
            *("--state", str(self.folder / "simulator"), "--scenario", self._scenario),
            *("--life" if self._is_living else "--no-life", "--bot-token", SIMULATED_BOT_TOKEN),
            *("--mini-app-url", f"{self.base_url}/twa"),
        ]
        found["payments"] = payments_command(self.payments_url, self.base_url, self.folder / "payments")
        found["stripe"] = stripe_command(self.stripe_url, self.base_url, self.folder / "stripe")
        if self._has_temporal:
            settings = Settings(
                temporal_address=self._temporal,
                temporal_ui_url=self.temporal_ui_url,
                base_url=self.base_url,
                temporal_cli=str(BIN / "temporal"),
                _env_file=None,  # type: ignore[call-arg]
            )
            found["temporal"] = devserver.command(settings, self.folder / "temporal.sqlite3")
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Everything that decides where the processes go; a developer's own settings must not leak in."""
        told = {
            "APP_ENV": "development",
            "DEMO": "true",
            "SIMULATOR_URL": self.simulator_url,
            "TELEGRAM_API_URL": self.simulator_url,
            "TELEGRAM_PREVIEW_URL": self.simulator_url,
            "TELEGRAM_BOT_TOKEN": "",
            "TELEGRAM_UPDATES": "polling",
            "OIDC_ISSUER": f"{self.simulator_url}/oidc",
            "OIDC_CLIENT_ID": str(BOT_ID),
            "OIDC_CLIENT_SECRET": SIMULATED_CLIENT_SECRET,
            "TELEGRAM_FRAME_ANCESTORS": self.other_site,
            **{name.upper(): value for name, value in simulated_payments(self.payments_url, self.stripe_url).items()},
            "LIVE_URL": self.live_url,
            "LIVE_PORT": self.live_url.rpartition(":")[2] or "0",
            "DATABASE_URL": "",
            "DATA_DIR": str(self.folder),
            "BASE_URL": self.base_url,
            "TEMPORAL_ADDRESS": self._temporal,
            "TEMPORAL_UI_URL": self.temporal_ui_url,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        return {**os.environ, **told, "PATH": f"{BIN}:{os.environ.get('PATH', '')}"}

    @property
    def other_site(self) -> str:
        """The simulated phone under a name that browsers take for another site than the product's."""
        return self.simulator_url.replace("127.0.0.1", "localhost")

    def __enter__(self) -> Stack:
        self.logs.mkdir(parents=True, exist_ok=True)
        try:
            self._come_up()
        except BaseException as error:
            error.add_note(self.tails())
            self.close()
            raise
        return self

    def _come_up(self) -> None:
        self.start("simulator")
        self.start("payments")
        self.start("stripe")
        self.cli("db", "up")
        if self._has_temporal:
            self.start("temporal")
        wait_for("the simulator answers", lambda: self._answers(f"{self.simulator_url}/_control/clock"))
        if self._scenario == "demo":
            self.cli("demo", "seed")
        for name in self.parts:
            self.start(name)
        for name in self.parts:
            self.wait_until_up(name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.tails())
        self.close()

    def close(self) -> None:
        """End everything, the simulator last; whoever does not listen in time is killed."""
        for name in sorted(self.running, key=lambda one: one in ("simulator", "temporal")):
            self.running[name].send_signal(signal.SIGTERM)
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_S)
            _kill_group(process)
        self.running.clear()
        self.http.close()

    def start(self, name: str) -> None:
        self.started_ms[name] = int(time.time() * 1000)
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self._commands[name],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """kill -9, the process and what it started, without a last word."""
        _kill_group(self.running.pop(name))

    def wait_until_up(self, name: str) -> None:
        """By its heartbeat since this start; what has none by its answer."""
        addresses = {
            "web": f"{self.base_url}/healthz",
            "payments": f"{self.payments_url}/",
            "stripe": f"{self.stripe_url}/",
        }

        def is_up() -> bool:
            code = self.running[name].poll()
            assert code is None, f"{name} ended with {code}"
            if name in addresses:
                return self._answers(addresses[name])
            beats = self.rows("SELECT at FROM heartbeat WHERE process = ?", name)
            return bool(beats) and beats[0][0] >= self.started_ms[name]

        wait_for(f"{name} is up", is_up)

    def _answers(self, url: str) -> bool:
        try:
            return self.http.get(url, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def cli(self, *arguments: str) -> str:
        """`analyticbot <arguments>`; raises AssertionError with its words when it fails."""
        command = [sys.executable, "-m", "app.cli", *arguments]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def link(self) -> str:
        """A one-time way in for the demo's owner."""
        return self.cli("demo", "link")

    def control(self, verb: str, **body: Any) -> dict[str, Any]:
        """A verb of the simulator's control API; raises AssertionError with its words when refused."""
        answer = self.http.post(f"{self.simulator_url}/_control/{verb}", json=body).json()
        assert answer.get("ok"), answer
        return dict(answer)

    def truth(self) -> dict[str, Any]:
        """What the simulated Telegram holds."""
        return dict(self.http.get(f"{self.simulator_url}/_control/state").json())

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """A look into the product's database by a reader that uses nothing of the product's."""
        database = sqlite3.connect(f"file:{self.folder / 'analyticbot.sqlite3'}?mode=ro", uri=True, timeout=10)
        try:
            return database.execute(sql, values).fetchall()
        finally:
            database.close()

    def change(self, sql: str, *values: Any) -> None:
        """What somebody else does to the product's database meanwhile."""
        database = sqlite3.connect(self.folder / "analyticbot.sqlite3", timeout=10)
        try:
            with database:
                database.execute(sql, values)
        finally:
            database.close()

    def tails(self) -> str:
        """The last lines of every log, for the report of a failure."""
        parts = [
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            for path in sorted(self.logs.glob("*.log"))
        ]
        return "\n".join(parts)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the group that this process began; its pid is the group's."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_STOP_S)
