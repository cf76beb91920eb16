"""`make run` as a newcomer has it: an empty data folder, the box, a restart that loses nothing, and Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
_PORTS = ("web", "simulator", "payments", "stripe", "temporal", "ui", "live")
_COLD_S, _WARM_S, _STOP_S = 60, 15, 20
_KEPT = ("inbox", "post", "reading", "subscriber_reading", "channel", "audit_entry", "rollup_check")


class Running:
    """`make run` with its own data folder and ports."""

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        self.folder, self.ports = folder, ports
        web, simulator = f"http://127.0.0.1:{ports['web']}", f"http://127.0.0.1:{ports['simulator']}"
        own = {
            "DATA_DIR": str(folder),
            "WEB_PORT": str(ports["web"]),
            "BASE_URL": web,
            "SIMULATOR_URL": simulator,
            "SIMULATED_PAYMENTS_URL": f"http://127.0.0.1:{ports['payments']}",
            "SIMULATED_STRIPE_URL": f"http://127.0.0.1:{ports['stripe']}",
            "TEMPORAL_ADDRESS": f"127.0.0.1:{ports['temporal']}",
            "TEMPORAL_UI_URL": f"http://127.0.0.1:{ports['ui']}",
            "LIVE_PORT": str(ports["live"]),
        }
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            ["make", "run"], cwd=ROOT, env={**os.environ, **own}, stdout=pipe, text=True, start_new_session=True
        )
        self.started = time.monotonic()

    def box(self) -> tuple[str, float]:
        """What it prints until the box is closed, and the seconds that took. Raises RuntimeError when it ends first."""
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if line.startswith("└"):
                return said[said.index("┌") :], time.monotonic() - self.started
        raise RuntimeError(f"make run ended: {said}")

    def interrupt(self) -> float:
        """Ctrl-C; returns the seconds until it had ended."""
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(_STOP_S)
        return time.monotonic() - began

    def rows(self) -> dict[str, int]:
        """Rows of the tables that must not shrink, by a reader of its own."""
        database = sqlite3.connect(f"file:{self.folder / 'analyticbot.sqlite3'}?mode=ro", uri=True)
        return {table: database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in _KEPT}

    def checks_in_temporal(self) -> int:
        """Runs of the rollup check that the Temporal UI lists."""
        url = f"http://127.0.0.1:{self.ports['ui']}/api/v1/namespaces/default/workflows"
        found = httpx.get(url, timeout=10).json().get("executions", [])
        return sum(run["type"]["name"] == "RollupCheck" for run in found)


def make_run() -> tuple[bool, str]:
    """Start cold, stop, start again. Each limit of the issue is asserted; says what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        said, is_good = [], True
        before: dict[str, int] = {}
        for name, limit_s in (("first start", _COLD_S), ("restart", _WARM_S)):
            running = Running(Path(folder), ports)
            box, took = running.box()
            rows, checks = running.rows(), _until(running.checks_in_temporal)
            link = re.search(r"http\S+/login/demo/\S+", box)
            opened = httpx.get(link[0]).status_code if link else 0
            ready = httpx.get(f"http://127.0.0.1:{ports['web']}/readyz").status_code
            lost = {table: count for table, count in before.items() if rows[table] < count}
            stopped, open_ports = running.interrupt(), [n for n, port in ports.items() if _answers(port)]
            fine = (took <= limit_s, not lost, opened == 200, ready == 200, checks > 0, not open_ports)
            said += [
                box.strip(),
                f"{name}: box after {took:.1f} s (limit {limit_s}), link {opened}, readyz {ready}, rollup checks in the"
                f" Temporal UI {checks}, rows {rows}, lost {lost or 'none'}; Ctrl-C took {stopped:.1f} s,"
                f" ports still open: {open_ports or 'none'}",
            ]
            before, is_good = rows, is_good and all(fine)
    return is_good, "\n".join(said)


def _until(count: Callable[[], int], wait_s: float = 30) -> int:
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        found = count()
        if found:
            return found
        time.sleep(0.5)
    return 0


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    found = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return found


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    print(*make_run(), sep="\n")
