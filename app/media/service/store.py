"""Bytes under DATA_DIR/media/<first two of the SHA-256>/<SHA-256>: written beside, named at the end, read by us only.

What comes in pieces grows in DATA_DIR/media/uploads/<public id of the upload>. Where a remote store is set, the folder
holds local copies: bytes get their name here, and their row, only when they are durable there (ADR 21).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from app.core import crashpoint, telemetry
from app.core.errors import Invalid, Upstream
from app.core.i18n import N_
from app.core.uploads import PART
from app.media.ports import Remote
from app.media.service.content import MOST_BYTES

_PIECE = 1024 * 1024
_NAME = re.compile(r"[0-9a-f]{64}")
ORPHAN_AFTER = timedelta(hours=1)
RESTS_S = 60 * 60  # a local copy that was asked for since then stays: whoever has its path opens it by then
_TOUCH_S = 60  # how exactly it is known when a copy was asked for last
_remote: Remote | None = None  # set by `configure`


class StoreAway(Upstream):
    """The store of files cannot be reached; what is here stays usable, and everything else can be tried again."""

    status = 503
    default_code = "media_store_away"

    def __init__(self) -> None:
        super().__init__(
            N_("The store of files does not answer just now. Nothing is lost: try again in a few minutes.")
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """Bytes that came in and have no name yet."""

    path: Path
    size: int
    sha256: str


def configure(remote: Remote | None) -> None:
    """Name the store where bytes lie for good; None: they lie in the folder."""
    global _remote
    _remote = remote


def remote() -> Remote | None:
    """The store where bytes lie for good; None: they lie in the folder."""
    return _remote


def folder(data_dir: Path) -> Path:
    path = data_dir / "media"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def path_of(data_dir: Path, sha256: str) -> Path:
    """Where the bytes of this SHA-256 lie when they lie here; whoever reads them asks `fetched`."""
    return data_dir / "media" / sha256[:2] / sha256


def growing(data_dir: Path, public_id: str) -> Path:
    """Where the bytes of an upload that is under way lie."""
    path = folder(data_dir) / "uploads"
    path.mkdir(mode=0o700, exist_ok=True)
    return path / public_id


def fetched(data_dir: Path, sha256: str) -> Path | None:
    """The path of bytes that lie here, brought from the remote store when need be; None when they are nowhere.

    With a remote store the path is good for an hour. Raises StoreAway when they are not here and it cannot be reached.
    """
    path = path_of(data_dir, sha256)
    if _remote is None:
        return path if path.exists() else None
    if _touched(path):
        return path  # nobody waits for the store, or for those who do
    with coming(data_dir):  # what is forgotten meanwhile is forgotten here too
        return path if _touched(path) or _brought(_remote, sha256, path, data_dir) else None


def _touched(path: Path) -> bool:
    """Whether a file is here; when it was asked for is kept as its time of change, which nobody else moves."""
    try:
        if time.time() - path.stat().st_mtime > _TOUCH_S:
            os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _brought(remote: Remote, sha256: str, path: Path, data_dir: Path) -> bool:
    handle, name = tempfile.mkstemp(dir=folder(data_dir), suffix=PART)
    os.close(handle)
    given = Path(name)
    try:
        if not remote.bring(sha256, given):
            return False
        if digest_of(given) != sha256:
            telemetry.log().error("the store of files gave other bytes than were asked for", sha256=sha256)
            return False
        path.parent.mkdir(mode=0o700, exist_ok=True)
        os.replace(given, path)
    finally:
        given.unlink(missing_ok=True)
    return True


@contextmanager
def coming(data_dir: Path, given: Draft | None = None) -> Iterator[None]:
    """Bytes get their name and their row within this; nothing is deleted meanwhile.

    With a remote store the bytes of `given` are durable there before the block begins. Raises StoreAway.
    """
    with _turn(data_dir, fcntl.LOCK_SH):
        if given is not None:
            secure(given.path, given.sha256)
        yield


def secure(path: Path, sha256: str) -> bool:
    """Make bytes durable in the remote store, where one is set; whether they were not there yet. Raises StoreAway."""
    if _remote is None or _remote.has(sha256):
        return False
    _remote.put(sha256, path)
    crashpoint.reach("media.secured")
    return True


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
    with blank(data_dir) as path:
        with path.open("wb") as file:
            size, sha256 = _copied(stream, file)
        yield Draft(path, size, sha256)


@contextmanager
def blank(data_dir: Path) -> Iterator[Path]:
    """An empty file beside the others, for bytes that somebody else writes; deleted after the block unless settled."""
    handle, name = tempfile.mkstemp(dir=folder(data_dir), suffix=PART)  # of mode 0600
    os.close(handle)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def drafted(path: Path) -> Draft:
    """Bytes that were written into a `blank`, of whatever size; on return they are durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())  # the row that names the file is durable too
    return Draft(path, path.stat().st_size, digest_of(path))


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
    """Delete bytes, within `going`; what the remote store does not hear now is `still_to_forget`."""
    path_of(data_dir, sha256).unlink(missing_ok=True)
    if _remote is None:
        return
    note = _notes(data_dir) / sha256
    note.touch(mode=0o600)
    with suppress(StoreAway):
        _remote.delete(sha256)
        note.unlink(missing_ok=True)


def still_to_forget(data_dir: Path) -> list[str]:
    """The bytes whose deletion the remote store has not confirmed."""
    return [path.name for path in _notes(data_dir).iterdir()]


def keep_after_all(sha256: str, data_dir: Path) -> None:
    """Bytes that were to be forgotten came again, within `going`."""
    (_notes(data_dir) / sha256).unlink(missing_ok=True)


def _notes(data_dir: Path) -> Path:
    path = folder(data_dir) / "forgotten"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def let_go(data_dir: Path, *, most_bytes: int, now: datetime) -> int:
    """Delete local copies, those that were asked for longest ago first, until so many bytes are left; returns how many.

    One stays that was asked for within the hour, and one whose bytes are damaged; what the remote store lacks is put
    there. Raises StoreAway.
    """
    if _remote is None:
        return 0
    here = sorted(_here(data_dir), key=lambda one: one[1].st_mtime)
    over, gone = sum(known.st_size for _, known in here) - most_bytes, 0
    for path, known in here:
        if over <= 0 or now.timestamp() - known.st_mtime < RESTS_S:
            break
        with coming(data_dir):
            is_safe = brought_over(data_dir, path.name) is not None
        if is_safe and _gone(path, data_dir, now=now):
            over, gone = over - known.st_size, gone + 1
    return gone


def _here(data_dir: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder(data_dir).glob("??/*"):
        if _NAME.fullmatch(path.name):
            with suppress(FileNotFoundError):  # forgotten meanwhile
                yield path, path.stat()


def brought_over(data_dir: Path, sha256: str) -> bool | None:
    """Make bytes that lie here durable in the remote store, within `coming`: whether they were not there yet.

    None when they are not there and here neither, or damaged. Raises StoreAway.
    """
    path = path_of(data_dir, sha256)
    if _remote is None or _remote.has(sha256):
        return False
    if not path.exists() or digest_of(path) != sha256:
        telemetry.log().error("the bytes of a file are lost", sha256=sha256)
        return None
    return secure(path, sha256)


def _gone(path: Path, data_dir: Path, *, now: datetime) -> bool:
    """Delete a local copy, unless somebody asked for it meanwhile."""
    with going(data_dir), suppress(FileNotFoundError):
        if now.timestamp() - path.stat().st_mtime >= RESTS_S:
            path.unlink()
            return True
    return False


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
