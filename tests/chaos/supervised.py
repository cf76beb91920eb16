"""The whole product under the supervisor of `make run`: who dies is started again by supervisor, not by the test."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx

from app.core.settings import Settings
from deploy.local import supervisor_config
from e2e.stack import BIN, BOT_ID, PRODUCT, ROOT, Stack, wait_for

WEB_WORKER = "web's worker"  # the process that granian, the program `web`, starts and watches itself
_EVENT = re.compile(r"(spawned|exited): '?([a-z]+)'? (?:with pid (\d+)|\((.*)\))")
_STOP_S = 40


class SupervisedStack(Stack):
    """All programs, the configuration of deploy/local.py; an empty simulated Telegram instead of the demo."""

    def __init__(self, folder: Path, *, parts: Sequence[str] = PRODUCT) -> None:
        super().__init__(folder, parts=parts, has_temporal=True)
        self.killed, self.unanswered = Counter[str](), 0
        self._killed_at_ms: dict[str, int] = {}
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def programs(self) -> tuple[str, ...]:
        return tuple(self._commands)

    @property
    def temporal_address(self) -> str:
        return self._temporal

    def _come_up(self) -> None:
        self.cli("db", "up")
        settings = Settings(_env_file=None, data_dir=self.folder)  # type: ignore[call-arg]
        config = self.folder / "supervisor.conf"
        config.write_text(supervisor_config(settings, self._commands))
        self._supervisor = subprocess.Popen(
            [str(BIN / "supervisord"), "-n", "-c", str(config)],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.wait_until_all_up()

    def close(self) -> None:
        """As Ctrl-C does: end the supervisor, which ends the rest."""
        self.http.close()
        if self._supervisor is None:
            return
        self._supervisor.send_signal(signal.SIGTERM)
        try:
            self._supervisor.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
            for name in self.programs:
                with suppress(ProcessLookupError):
                    os.killpg(self._pid(name), signal.SIGKILL)
            raise
        finally:
            self._supervisor = None

    def events(self) -> Iterator[tuple[str, str, str]]:
        """What supervisor did: (spawned or exited, program, pid or why)."""
        log = self.logs / "supervisor.log"
        for match in _EVENT.finditer(log.read_text() if log.exists() else ""):
            yield match[1], match[2], match[3] or match[4]

    def _pid(self, name: str) -> int:
        return [int(pid) for what, program, pid in self.events() if (what, program) == ("spawned", name)][-1]

    def signal(self, name: str, number: int) -> None:
        """A signal to one process; SIGSTOP and SIGCONT leave it what it was."""
        os.kill(self._pid(name), number)

    def is_stopped(self, name: str) -> bool:
        """Whether a process stands still after SIGSTOP."""
        return Path(f"/proc/{self._pid(name)}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def _is_running(self, name: str) -> bool:
        """Whether supervisor has noticed every death of the program and started it again."""
        seen = Counter(what for what, program, _ in self.events() if program == name)
        return seen["spawned"] > seen["exited"] >= self.killed[name]

    def kill(self, name: str) -> None:
        """kill -9 of one process, and of nothing that it started."""
        program = "web" if name == WEB_WORKER else name
        wait_for(f"{program} runs", lambda: self._is_running(program))
        pid = self._pid(program)
        if name == WEB_WORKER:
            pid = wait_for("granian has its worker", lambda: _children(pid))[0]
        self._killed_at_ms[program] = int(time.time() * 1000)
        self.killed[name] += 1
        os.kill(pid, signal.SIGKILL)

    def wait_until_up(self, name: str) -> None:
        """By an answer, or by a heartbeat that is younger than now."""
        asked_ms = int(time.time() * 1000)
        wait_for(f"{name} runs", lambda: self._is_running(name))
        beats = "SELECT 1 FROM heartbeat WHERE process = ? AND at >= ?"
        alive = {
            "web": lambda: self._answers(f"{self.base_url}/readyz"),
            "simulator": lambda: self._answers(f"{self.simulator_url}/_control/clock"),
            "payments": lambda: self._answers(f"{self.payments_url}/"),
            "stripe": lambda: self._answers(f"{self.stripe_url}/"),
            "temporal": lambda: True,  # the worker beats only while Temporal answers
        }.get(name, lambda: bool(self.rows(beats, name, asked_ms)))
        wait_for(f"{name} is up", alive)

    def wait_until_all_up(self) -> None:
        """The web process last: its /readyz asks for everybody's heartbeat."""
        for name in sorted(self.programs, key=lambda one: one == "web"):
            self.wait_until_up(name)

    def insist(self, verb: str, **body: Any) -> None:
        """A verb of the control API, until it is answered or may have been accepted: then the state knows, not we."""
        while True:
            try:
                self.control(verb, **body)
                return
            except httpx.ConnectError:
                time.sleep(0.05)
            except httpx.TransportError:
                self.unanswered += 1
                return

    def numbered(self) -> int:
        """How many updates the simulated Telegram has made so far, from its own state file, whether it lives or not."""
        with closing(sqlite3.connect(self.folder / "simulator" / "state.sqlite3", timeout=10)) as state:
            (doc,) = state.execute("SELECT doc FROM docs WHERE kind = 'bot' AND key = ?", (str(BOT_ID),)).fetchone()
        return int(json.loads(doc)["next_update_id"]) - FIRST_UPDATE_ID

    def told(self) -> dict[int, dict[str, Any]]:
        """Every update that the simulated Telegram has handed out, by number, from its journal."""
        lines = (self.folder / "simulator" / "journal.jsonl").read_text().splitlines()
        entries = [entry for entry in map(json.loads, lines) if entry["method"] == "getUpdates"]
        return {update["update_id"]: update for entry in entries for update in entry["result"]}


FIRST_UPDATE_ID = 100_000_001  # the simulator numbers without gaps from here


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
