"""Doing a thing in one process at a time, and saying that a process lives."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.core import db


def take(name: str, holder: str, *, now: datetime, ttl_s: int) -> bool:
    """Take or renew a lease; False while another holder's has not ended."""
    with db.write():
        changed = db.execute(
            "INSERT INTO lease (name, holder, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
            " SET holder = excluded.holder, until = excluded.until WHERE lease.holder = excluded.holder OR lease.until < ?",
            *(name, holder, db.stamp(now + timedelta(seconds=ttl_s)), db.stamp(now)),
        )
    return changed > 0


def give_back(name: str, holder: str) -> None:
    with db.write():
        db.execute("DELETE FROM lease WHERE name = ? AND holder = ?", name, holder)


def beat(process: str, *, now: datetime, detail: str = "") -> None:
    """Say that a process works; /readyz reads it."""
    with db.write():
        db.execute(
            "INSERT INTO heartbeat (process, at, detail) VALUES (?, ?, ?)"
            " ON CONFLICT (process) DO UPDATE SET at = excluded.at, detail = excluded.detail",
            *(process, db.stamp(now), detail),
        )


def last_beats() -> dict[str, datetime]:
    """When each process last said that it works."""
    return {str(process): db.moment(at) for process, at in db.rows("SELECT process, at FROM heartbeat")}


def set_gauge(name: str, value: int, *, now: datetime, labels: dict[str, str] | None = None) -> None:
    """Publish a measured number for /metrics of the web process."""
    with db.write():
        db.execute(
            "INSERT INTO gauge (name, labels, value, at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name, labels) DO UPDATE SET value = excluded.value, at = excluded.at",
            *(name, db.canonical_json(labels or {}), value, db.stamp(now)),
        )
