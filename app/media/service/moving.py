"""Bringing the files of a folder into the remote store: what is there already is passed over, so it can be begun again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.core import db
from app.media.service import store

_BATCH = 200


@dataclass(slots=True)
class Moved:
    """How many files were looked at, brought, and there before; `lost`: the SHA-256 of those whose bytes are nowhere."""

    seen: int = 0
    brought: int = 0
    known: int = 0
    lost: list[str] = field(default_factory=list)


def to_remote(data_dir: Path, *, on_batch: Callable[[Moved], object]) -> Moved:
    """Make the bytes of every live file of every workspace durable in the remote store. Raises StoreAway."""
    moved, after = Moved(), ""
    while found := _named(after):
        for sha256 in found:
            _move(sha256, data_dir, moved)
        after = found[-1]
        on_batch(moved)
    return moved


def _named(after: str) -> list[str]:
    rows = db.rows(
        "SELECT DISTINCT sha256 FROM media_file WHERE deleted_at IS NULL AND sha256 > ? ORDER BY sha256 LIMIT ?",
        *(after, _BATCH),
    )
    return [str(row[0]) for row in rows]


def _move(sha256: str, data_dir: Path, moved: Moved) -> None:
    moved.seen += 1
    with store.coming(data_dir):  # what is forgotten meanwhile does not come back
        if not db.row("SELECT 1 FROM media_file WHERE sha256 = ? AND deleted_at IS NULL LIMIT 1", sha256):
            return
        outcome = store.brought_over(data_dir, sha256)
    if outcome is None:
        moved.lost.append(sha256)
    elif outcome:
        moved.brought += 1
    else:
        moved.known += 1
