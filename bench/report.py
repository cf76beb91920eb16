"""The rows on the screen and in docs/bench.md."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.stats import ROUNDS, Row

PAGE = Path(__file__).parent.parent / "docs/bench.md"


def show(row: Row) -> None:
    limit = f" (limit {row.limit})" if row.limit else ""
    print(
        f"{row.verdict:4}  {row.name:10} {row.what}: {row.measured}{limit}, floor: {row.floor}. {row.detail}",
        flush=True,
    )


def write(rows: Sequence[Row], load_at_start: tuple[float, float, float]) -> None:
    lines = [
        "# Speed",
        "",
        "Written by `make bench` (`python -m bench`). Each ratio is the median of paired rounds in one run, in a"
        f" shuffled order ({ROUNDS} rounds, 9 for memory), with its 95 % bootstrap interval; CPU time unless a row"
        " says otherwise. The row with a limit calls the app as WSGI, so no test client dilutes its ratio. More"
        " readings are a longer history of the same ten channels at the same pace. Absolute times depend on the"
        " machine.",
        "",
        "Row a3 measures Healthchecks where HEALTHCHECKS_DIR names a checkout of github.com/healthchecks/healthchecks and"
        " HEALTHCHECKS_PYTHON the interpreter of an environment (Python 3.12) with its requirements.txt.",
        "",
        f"- Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- Commit: {_commit()}",
        f"- Machine: {os.cpu_count()} cores, load {load_at_start[0]:.1f} at the start,"
        f" {os.getloadavg()[0]:.1f} at the end",
        f"- Python {platform.python_version()}, {platform.system()} {platform.release()}",
        "",
        "| row | what | floor | measured | limit | verdict | detail |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.name} | {r.what} | {r.floor} | {r.measured} | {r.limit or ''} | {r.verdict} | {r.detail} |" for r in rows
    ]
    PAGE.write_text("\n".join(lines) + "\n")


def _commit() -> str:
    found = [_git("rev-parse", "--short", "HEAD")]
    if _git("status", "--porcelain", "--", "app", "templates", "bench"):
        found.append("with uncommitted changes")
    return " ".join(found)


def _git(*args: str) -> str:
    done = subprocess.run(["git", *args], cwd=PAGE.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip()
