"""Uploads in pieces, by the rules of tus 1.0.0 (tus.io/protocols/resumable-upload, 2016-03-25): they outlive a broken
connection, a reload and a crash.

The bytes of one lie in a file of its own. They are durable before the row says how many there are, so the file may be
longer than the row says, and never shorter: what is too much is cut off before more is written. Whoever writes holds the
file's lock, and with it alone changes the row.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from app.core import db, ids
from app.core.errors import Conflict, Invalid, LimitReached, NotFound
from app.core.i18n import N_
from app.media.models import MediaFile
from app.media.service import content, keeping, room, store
from app.media.service.store import Draft, StoreAway
from app.media.upload_models import MediaUpload

OPEN, DONE, REFUSED, CANCELLED, EXPIRED = "open", "done", "refused", "cancelled", "expired"
ALGORITHMS = ("sha1", "sha256")
MOST_OPEN = 40  # of one workspace
LIVES = timedelta(hours=24)  # after its last piece
PIECE_S = 30.0  # for so long one request may send; what came until then stays
_READ = 64 * 1024


class Locked(Conflict):
    """Somebody else sends a piece of this upload just now."""

    status = 423
    default_code = "upload_locked"


class Ended(Conflict):
    """Nothing is left to be called off: the upload has become a file."""

    status = 410
    default_code = "upload_ended"


class TooLarge(Invalid):
    """More bytes than are allowed, or than were announced."""

    status = 413
    default_code = "too_large"


class Mismatch(Invalid):
    """The bytes are not those that the checksum is of: they are thrown away."""

    status = 460  # tus, "Checksum"
    default_code = "checksum"


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a piece's bytes must hash to: one of ALGORITHMS, and the digest."""

    algorithm: str
    digest: bytes


def begin(
    workspace_id: int,
    name: str,
    size: int,
    *,
    sha256: str | None,
    most_bytes: int,
    data_dir: Path,
    user_id: int,
    now: datetime,
) -> MediaUpload:
    """Announce a file of `size` bytes. `sha256`: in hexadecimal, what they shall hash to.

    Raises Invalid for an empty file, TooLarge, and LimitReached (`limit_media_mb`, `too_many_uploads`, `payment_late`).
    """
    if size < 1:
        raise Invalid(N_("This file is empty."), fields={"file": "empty"})
    if size > most_bytes:
        raise TooLarge(
            N_("This file is larger than %(most)s MB, the most that Telegram takes from a bot."),
            most=most_bytes // 1_000_000,
            fields={"file": "size"},
        )
    with db.write():
        room.require(workspace_id, size, now=now)
        _require_few(workspace_id)
        upload: MediaUpload = MediaUpload.create(
            public_id=ids.public_id(),
            workspace=workspace_id,
            created_by=user_id,
            name=keeping.plain_name(name),
            size=size,
            sha256=sha256,
            state=OPEN,
            created_at=now,
            expires_at=now + LIVES,
        )
        os.close(os.open(store.growing(data_dir, upload.public_id), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return upload


def _require_few(workspace_id: int) -> None:
    found = db.row("SELECT COUNT(*) FROM media_upload WHERE workspace_id = ? AND state = ?", workspace_id, OPEN)
    if found and found[0] >= MOST_OPEN:
        raise LimitReached(
            N_("%(most)s files are being uploaded already. Let them end, or cancel some."),
            code="too_many_uploads",
            most=MOST_OPEN,
        )


def upload_of(workspace_id: int, public_id: str) -> MediaUpload:
    """An upload of the workspace that is open or done. Raises NotFound for others and for what has ended otherwise."""
    found: MediaUpload | None = MediaUpload.get_or_none(
        MediaUpload.workspace == workspace_id,
        MediaUpload.public_id == public_id,
        MediaUpload.state.in_((OPEN, DONE)),
    )
    if found is None:
        raise NotFound(N_("There is no such upload."))
    return found


def media_of(upload: MediaUpload) -> str | None:
    """The public id of the file that an upload became."""
    found = db.row("SELECT public_id FROM media_file WHERE id = ? AND workspace_id = ?", upload.media, upload.workspace)
    return str(found[0]) if found else None


def resume(workspace_id: int, public_id: str, *, data_dir: Path, now: datetime) -> MediaUpload:
    """How far an upload is. One whose last byte came in a request that died is brought to its end.

    While the store of files is away its last byte is not here: whoever asks sends it again, and that ends the upload.
    """
    upload = upload_of(workspace_id, public_id)
    if upload.state == OPEN and upload.received == upload.size:
        with _alone(upload, data_dir) as (upload, file), suppress(StoreAway):
            if upload.state == OPEN:
                _end(upload, file, data_dir=data_dir, now=now)
    return upload


def receive(
    workspace_id: int,
    public_id: str,
    offset: int,
    stream: IO[bytes],
    *,
    checksum: Checksum | None = None,
    data_dir: Path,
    now: datetime,
) -> MediaUpload:
    """Append what a stream holds, which begins at `offset`; with the last byte the upload becomes a file.

    A stream that breaks off leaves what came of it, unless it has a checksum: then all of it counts, or nothing.
    Raises Conflict (`upload_offset`) for another offset than the upload has, Locked, TooLarge for more than was
    announced, Mismatch, and, with the last byte, Invalid where the file is not taken: that upload is over; and StoreAway,
    after which the upload goes on with its last byte.
    """
    with _alone(upload_of(workspace_id, public_id), data_dir) as (upload, file):
        if upload.state != OPEN or offset != upload.received:
            raise _elsewhere()
        _cut(file, upload.received)
        _append(upload, file, stream, checksum, now=now)
        if upload.received == upload.size:
            _end(upload, file, data_dir=data_dir, now=now)
    return upload


def cancel(workspace_id: int, public_id: str, *, data_dir: Path) -> None:
    """End an upload and delete what came of it. Raises Locked while a piece comes, Ended for one that is done."""
    if upload_of(workspace_id, public_id).state == DONE:
        raise _ended()
    with _alone(upload_of(workspace_id, public_id), data_dir) as (upload, _):
        if upload.state != OPEN:
            raise _ended()
        _close(upload, CANCELLED, data_dir=data_dir)


def expire(data_dir: Path, *, now: datetime) -> int:
    """End uploads that nobody goes on with, and delete files whose upload is over; returns how many ended."""
    due = db.rows(
        "SELECT workspace_id, public_id FROM media_upload WHERE state = ? AND expires_at < ? ORDER BY expires_at LIMIT 500",
        *(OPEN, db.stamp(now)),
    )
    gone = sum(_expire(int(workspace_id), str(public_id), data_dir, now=now) for workspace_id, public_id in due)
    _sweep(data_dir)
    return gone


def _expire(workspace_id: int, public_id: str, data_dir: Path, *, now: datetime) -> bool:
    try:
        with _alone(upload_of(workspace_id, public_id), data_dir) as (upload, _):
            if upload.state != OPEN or upload.expires_at >= now:
                return False
            _close(upload, EXPIRED, data_dir=data_dir)
    except (Conflict, NotFound):
        return False
    return True


def _sweep(data_dir: Path) -> None:
    """A crash between a row's end and its file's leaves a file that no open upload has."""
    paths = list(store.growing(data_dir, "x").parent.iterdir())
    for start in range(0, len(paths), 500):
        some = {path.name: path for path in paths[start : start + 500]}
        known = db.rows(
            f"SELECT public_id FROM media_upload WHERE state = ? AND public_id IN ({db.marks(some)})", OPEN, *some
        )
        for name in set(some) - {str(row[0]) for row in known}:
            _unlink_if_old(some[name])


def _unlink_if_old(path: Path) -> None:
    """A row that is being committed is not seen yet: its file is young."""
    try:
        if time.time() - path.stat().st_mtime > store.ORPHAN_AFTER.total_seconds():
            path.unlink()
    except FileNotFoundError:
        pass  # its upload ended meanwhile


@contextmanager
def _alone(upload: MediaUpload, data_dir: Path) -> Iterator[tuple[MediaUpload, IO[bytes]]]:
    """The upload as it is now and its file, while nobody else can write either. Raises Locked, and NotFound without it."""
    try:
        file = store.growing(data_dir, upload.public_id).open("r+b")
    except FileNotFoundError:
        raise _without_file(upload) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(N_("A piece of this file is just coming by another connection.")) from None
        yield upload_of(upload.workspace, upload.public_id), file


def _without_file(upload: MediaUpload) -> Conflict | NotFound:
    """It is done, or the disk lost its bytes: then it is over, and whoever sends it begins anew."""
    if upload_of(upload.workspace, upload.public_id).state == DONE:
        return _elsewhere()
    with db.write():
        db.execute(
            "UPDATE media_upload SET state = ? WHERE id = ? AND workspace_id = ? AND state = ?",
            *(EXPIRED, upload.id, upload.workspace, OPEN),
        )
    return NotFound(N_("There is no such upload."))


def _ended() -> Ended:
    return Ended(N_("The whole file has come before it was called off. Delete it in the library."))


def _elsewhere() -> Conflict:
    return Conflict(N_("The upload goes on at another place. It is asked for anew."), code="upload_offset")


def _cut(file: IO[bytes], received: int) -> None:
    """Forget what a crash left behind the bytes that are known of, and go on there."""
    file.truncate(received)
    file.seek(received)


def _append(
    upload: MediaUpload, file: IO[bytes], stream: IO[bytes], checksum: Checksum | None, *, now: datetime
) -> None:
    """Write what comes, make it durable, and only then say so in the row."""
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    got = _copy(stream, file, upload.size - upload.received, digest)
    if checksum and digest and not hmac.compare_digest(digest.digest(), checksum.digest):
        file.truncate(upload.received)
        raise Mismatch(N_("A piece of the file came damaged. It is sent again."))
    file.flush()
    os.fsync(file.fileno())
    upload.received, upload.expires_at = upload.received + got, now + LIVES
    with db.write():
        upload.save()


def _copy(stream: IO[bytes], file: IO[bytes], room_left: int, digest: Any) -> int:
    """Copy at most the announced rest, for at most PIECE_S; returns how many bytes. Raises TooLarge when more comes."""
    got, until = 0, time.monotonic() + PIECE_S
    while piece := _read(stream):
        got += len(piece)
        if got > room_left:
            raise TooLarge(N_("More came than was announced."))
        if digest:
            digest.update(piece)
        file.write(piece)
        if time.monotonic() > until:
            break
    return got


def _read(stream: IO[bytes]) -> bytes:
    """The next bytes; none once the connection broke: what came before stays."""
    try:
        return stream.read(_READ)
    except OSError:
        return b""


def _end(upload: MediaUpload, file: IO[bytes], *, data_dir: Path, now: datetime) -> None:
    """Make the upload a file of the workspace. Raises Invalid, and the upload is over, where it is not taken; StoreAway."""
    path = store.growing(data_dir, upload.public_id)
    given = Draft(path, upload.size, store.digest_of(path))
    try:
        if upload.sha256 and given.sha256 != upload.sha256:
            raise Mismatch(N_("The file came damaged. Send it again."), fields={"file": "checksum"})
        found = content.look(path, upload.size)
    except Invalid as error:
        upload.error = error.message[:300]
        _close(upload, REFUSED, data_dir=data_dir)
        raise
    with _or_without_its_last_byte(upload), store.coming(data_dir, given), db.write():
        row: MediaFile = keeping.record(upload.workspace, given, found, upload.name, user_id=upload.created_by, now=now)
        store.give_name(path, given.sha256, data_dir)
        upload.state, upload.media = DONE, row.id
        upload.save()
    path.unlink(missing_ok=True)


@contextmanager
def _or_without_its_last_byte(upload: MediaUpload) -> Iterator[None]:
    """A client that hears that all is here sends nothing more, and one that hears of an error begins anew: so that it
    goes on later, one byte is missing."""
    try:
        yield
    except StoreAway:
        upload.received = upload.size - 1
        with db.write():
            upload.save()
        raise


def _close(upload: MediaUpload, state: str, *, data_dir: Path) -> None:
    upload.state = state
    with db.write():
        upload.save()
    store.growing(data_dir, upload.public_id).unlink(missing_ok=True)
