"""Bytes in the remote store that no row names: a process died between them and their row, and nobody brought them again.

One whose row is being written is never deleted. Whoever writes a row holds `store.coming` from before the bytes are there
until the row is durable, also where they lay there already and are not sent again; here each is looked up and deleted
within `store.going`, which waits for all of those and lets none begin. So a row is seen, or it comes later and finds no
bytes, and then sends them. (One DATA_DIR writes into a bucket: ADR 21.)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from app.core import db, telemetry
from app.media.ports import Lying, Remote
from app.media.service import store

AGE = timedelta(days=1)
_EACH = timedelta(hours=23)  # a day, and the hourly job that asks comes not to the second
_PAGES, _MOST = 100, 500  # of one run
_FEW = 20
_BATCH = 500


def sweep(data_dir: Path, *, now: datetime) -> int:
    """Once a day, look through a part of the remote store, the next one each time, and delete what is older than a day
    and has no row; returns how many. Raises StoreAway.

    Where that is most of what lies there the database is not the one of this bucket: then nothing is deleted, loudly.
    """
    remote = store.remote()
    place = store.folder(data_dir) / "bucket-swept"
    if remote is None or (place.exists() and now.timestamp() - place.stat().st_mtime < _EACH.total_seconds()):
        return 0
    found, seen, after = _unnamed(remote, place.read_text() if place.exists() else "", now=now)
    if len(found) > max(_FEW, seen // 2):
        telemetry.log().error("most of the bucket has no row here: nothing is deleted", unnamed=len(found), seen=seen)
        return 0
    gone = sum(_forget(sha256, data_dir) for sha256 in found[:_MOST])
    place.write_text(after)
    return gone


def _unnamed(remote: Remote, after: str, *, now: datetime) -> tuple[list[str], int, str]:
    """What has no row on the next pages, how many files lie there, and where the next run goes on ("": from the beginning).

    All of it, also what is too much for one run: the one who judges whether this is the right database has to see it.
    """
    found, seen = list[str](), 0
    for _ in range(_PAGES):
        page, following = remote.listed(after)
        seen += len(page)
        found += _without_row(page, now=now)
        if len(found) >= _MOST:
            break  # the rest of this page has the next turn
        after = following
        if not after:
            break
    return found, seen, after


def _without_row(page: Sequence[Lying], *, now: datetime) -> list[str]:
    old = [one.sha256 for one in page if now - one.since > AGE]
    named = set[str]()
    for start in range(0, len(old), _BATCH):
        some = old[start : start + _BATCH]
        sql = f"SELECT DISTINCT sha256 FROM media_file WHERE deleted_at IS NULL AND sha256 IN ({db.marks(some)})"
        named |= {str(row[0]) for row in db.rows(sql, *some)}
    return [sha256 for sha256 in old if sha256 not in named]


def _forget(sha256: str, data_dir: Path) -> bool:
    with store.going(data_dir):
        if is_named(sha256):
            return False
        store.forget(sha256, data_dir)
    return True


def is_named(sha256: str) -> bool:
    """Whether a live file, of whomever, has these bytes."""
    return db.row("SELECT 1 FROM media_file WHERE sha256 = ? AND deleted_at IS NULL LIMIT 1", sha256) is not None
