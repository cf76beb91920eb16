"""The jobs process's part in handed-in exports: one process at a time, a minute's turn; a killed one is taken up again."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from peewee import InterfaceError, OperationalError

from app.core import clock, leases, telemetry
from app.readings.desktop_models import DesktopImport
from app.readings.service.desktop import work

LEASE = "desktop_imports"
_LEASE_S = 30  # longer than the slowest batch
_RUN_S = 50.0


def read_exports(data_dir: Path, *, run_s: float = _RUN_S) -> int:
    """Read handed-in files for about a minute, if nobody else does; returns how many turns were taken."""
    work.sweep_files(data_dir, now=clock.utcnow())
    if work.next_one() is None:
        return 0
    holder, until = secrets.token_hex(8), time.monotonic() + run_s

    def is_ours() -> bool:
        return time.monotonic() < until and leases.take(LEASE, holder, now=clock.utcnow(), ttl_s=_LEASE_S)

    turns = 0
    try:
        while is_ours() and (row := work.next_one()) is not None:
            _one_turn(row, data_dir, is_ours)
            turns += 1
    finally:
        leases.give_back(LEASE, holder)
    return turns


def _one_turn(row: DesktopImport, data_dir: Path, is_ours: work.IsOurs) -> None:
    """One file's turn. A file that breaks us is counted (see MOST_ATTEMPTS), loudly, so that no other one waits for it."""
    try:
        work.go_on(row, data_dir, is_ours=is_ours, clock=clock.utcnow)
    except (OperationalError, InterfaceError):
        raise  # the database, not the file
    except Exception:  # noqa: BLE001  the edge: one file must not keep all others from being read
        telemetry.log().exception("a handed-in export broke the reader", desktop_import=row.public_id)
