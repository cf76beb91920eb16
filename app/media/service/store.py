"""Bytes under DATA_DIR/media/<first two of the SHA-256>/<SHA-256>: written beside, named at the end, read by us only.

What comes in pieces grows in DATA_DIR/media/uploads/<public id of the upload>.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from app.core.errors import Invalid
from app.core.i18n import N_
from app.core.uploads import PART
from app.media.service.content import MOST_BYTES

_PIECE = 1024 * 1024
ORPHAN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Draft:
    """Bytes that came in and have no name yet."""

    path: Path
    size: int
    sha256: str


def folder(data_dir: Path) -> Path:
    path = data_dir / "media"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def path_of(data_dir: Path, sha256: str) -> Path:
    """Where the bytes of this SHA-256 lie."""
    return data_dir / "media" / sha256[:2] / sha256


def growing(data_dir: Path, public_id: str) -> Path:
    """Where the bytes of an upload that is under way lie."""
    path = folder(data_dir) / "uploads"
    path.mkdir(mode=0o700, exist_ok=True)
    return path / public_id


@contextmanager
def coming(data_dir: Path) -> Iterator[None]:
    """Bytes get their name and their row within this; nothing is deleted meanwhile."""
    with _turn(data_dir, fcntl.LOCK_SH):
        yield


@contextmanager
def going(data_dir: Path) -> Iterator[None]:
    """Bytes that no row names any more are deleted within this; none gets a name meanwhile."""
    with _turn(data_dir, fcntl.LOCK_EX):
        yield


@contextmanager
def _turn(data_dir: Path, how: int) -> Iterator[None]:
    with (data_dir / "media.lock").open("a") as place:
        fcntl.flock(place, how)
        yield


@contextmanager
def draft(stream: IO[bytes], data_dir: Path) -> Iterator[Draft]:
    """The rest of a stream in a file, deleted after the block unless it was settled. Raises Invalid when too large."""
    handle, name = tempfile.mkstemp(dir=folder(data_dir), suffix=PART)  # of mode 0600
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            size, sha256 = _copied(stream, file)
        yield Draft(path, size, sha256)
    finally:
        path.unlink(missing_ok=True)


def settle(given: Draft, data_dir: Path) -> None:
    """Give a draft its name; the same bytes that lie there already are replaced by themselves."""
    path = path_of(data_dir, given.sha256)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    os.replace(given.path, path)


def give_name(grown: Path, sha256: str, data_dir: Path) -> None:
    """Give an upload's bytes their name too; whoever grew them deletes the old one once the row is durable."""
    path = path_of(data_dir, sha256)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    beside = folder(data_dir) / f"{grown.name}{PART}"
    beside.unlink(missing_ok=True)
    os.link(grown, beside)
    os.replace(beside, path)
    beside.unlink(missing_ok=True)  # two names of the same bytes: then nothing was replaced (rename(2))


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def forget(sha256: str, data_dir: Path) -> None:
    """Delete bytes, within `going`."""
    path_of(data_dir, sha256).unlink(missing_ok=True)


def sweep_parts(data_dir: Path, *, now: datetime) -> int:
    """Delete drafts that a killed process left; returns how many."""
    gone = 0
    for path in folder(data_dir).glob(f"*{PART}"):
        if now.timestamp() - path.stat().st_mtime > ORPHAN_AFTER.total_seconds():
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _copied(stream: IO[bytes], file: IO[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    while piece := stream.read(_PIECE):
        size += len(piece)
        if size > MOST_BYTES:
            raise Invalid(
                N_("This file is larger than %(most)s MB, the most that Telegram takes from a bot."),
                most=MOST_BYTES // 1_000_000,
                fields={"file": "size"},
            )
        digest.update(piece)
        file.write(piece)
    file.flush()
    os.fsync(file.fileno())  # the row that names the file is durable too
    return size, digest.hexdigest()
