"""Deleting what has been kept long enough, in batches that hold up nobody.

Raw readings are not here: on PostgreSQL their monthly partitions are dropped whole, and on SQLite their rollups
must first stop depending on them (app/readings/rollups.py rebuilds from raw rows).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """Delete rows of `table` whose moment `column` is older than `keep`; `also` narrows it down (SQL)."""

    table: str
    key: str
    column: str
    keep: timedelta
    also: str = "1 = 1"


# An update that was never applied is kept by when it came: a dead letter is somebody's message too.
KEPT = (
    Rule("inbox", "id", "processed_at", timedelta(days=90)),
    Rule("inbox", "id", "dead_at", timedelta(days=90)),
    Rule("idempotency_key", "id", "claimed_at", timedelta(hours=24)),
)


def sweep(rules: Iterable[Rule], *, now: datetime, batch: int = BATCH) -> dict[str, int]:
    """Apply the rules; returns how many rows of each table are gone."""
    gone: dict[str, int] = {}
    for rule in rules:
        while deleted := _one_batch(rule, now, batch):
            gone[rule.table] = gone.get(rule.table, 0) + deleted
    return gone


def _one_batch(rule: Rule, now: datetime, batch: int) -> int:
    with db.write():
        return db.execute(
            f"DELETE FROM {rule.table} WHERE {rule.key} IN (SELECT {rule.key} FROM {rule.table}"
            f" WHERE {rule.column} < ? AND {rule.also} LIMIT ?)",
            *(db.stamp(now - rule.keep), batch),
        )
