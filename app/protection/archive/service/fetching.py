"""The files of archived posts: from Telegram into the workspace's library, within its plan's room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

from app.core import db
from app.core.errors import Invalid, LimitReached, Upstream
from app.media.service import keeping, room, store
from app.protection.archive.models import Archive, ArchivedFile, ArchivedPost
from app.protection.archive.ports import Files
from app.protection.archive.service import storing
from app.protection.archive.service.filling import MOST_BYTES
from app.protection.archive.states import GONE, KEPT, NO_ROOM, PAYMENT_LATE, REFUSED, TOO_BIG, WANTED
from app.telegram import large

REST = timedelta(minutes=10)
_MOST_ATTEMPTS, _FIRST_WAIT_S, _LONGEST_WAIT_S = 10, 15.0, 3600.0
_WORDS_OF_SIZE = "too big"
_KEEPING_S = 120.0  # hashing a large file and giving it to a bucket


@dataclass(frozen=True, slots=True)
class Desk:
    """With what files are fetched: a bot's files by its id (None for a bot that is gone), the place where they are
    kept, when the turn is over, and how large a file may be."""

    files: Callable[[int], Files | None]
    data_dir: Path
    is_over: Callable[[], bool]
    most_bytes: int = MOST_BYTES


def fetch(archive: Archive, desk: Desk, *, now: datetime) -> int:
    """Fetch what is wanted, the newest posts first; returns how many files came.

    Where the plan has no room for one, smaller ones may still come; then the archive rests and says why.
    """
    if archive.rest_until is not None and archive.rest_until > now:
        return 0
    if archive.reason is not None:
        _rest(archive, None, None)
    came, reason = 0, None
    below: int | None = None
    while not desk.is_over() and (row := _next(archive, below, now=now)):
        try:
            came += _fetch_one(archive, row, desk, now=now)
        except LimitReached as error:
            reason, below = PAYMENT_LATE if error.code == PAYMENT_LATE else NO_ROOM, row.size
            if reason == PAYMENT_LATE or below is None:
                break
    if reason is not None:
        _rest(archive, reason, now + REST)
    return came


def _next(archive: Archive, below: int | None, *, now: datetime) -> ArchivedFile | None:
    """The newest that is due, of less than `below` bytes; a ban takes the file ids with it, and people miss what is
    recent most."""
    due = ArchivedFile.not_before.is_null() | (ArchivedFile.not_before <= now)
    if below is not None:
        due = due & (ArchivedFile.size < below)
    found: ArchivedFile | None = (
        ArchivedFile.select()
        .where(
            ArchivedFile.workspace == archive.workspace,
            ArchivedFile.archive == archive.id,
            ArchivedFile.state == WANTED,
            due,
        )
        .order_by(ArchivedFile.place.desc(), ArchivedFile.id)
        .first()
    )
    return found


def _rest(archive: Archive, reason: str | None, until: datetime | None) -> None:
    archive.reason, archive.rest_until = reason, until
    with db.write():
        db.execute(
            "UPDATE archive SET reason = ?, rest_until = ? WHERE id = ?",
            *(reason, db.stamp(until) if until else None, archive.id),
        )


def _fetch_one(archive: Archive, row: ArchivedFile, desk: Desk, *, now: datetime) -> bool:
    """One file; False when it is to be tried later or cannot be had. Raises LimitReached."""
    if (row.size or 0) > desk.most_bytes:
        return _end(row, TOO_BIG, None, now=now)  # wanted while the server was one of our own
    room.require(archive.workspace, row.size or 0, now=now)  # before the line is used: it is asked again when kept
    files = desk.files(int(row.bot_id or 0))
    if files is None:
        return _end(row, GONE, "the bot that saw it is gone", now=now)
    _hide(row, now=now)
    with store.blank(desk.data_dir) as place:
        try:
            with place.open("wb") as bytes_:
                path = files.fetch(str(row.file_id), bytes_, most_bytes=desk.most_bytes)
        except Upstream as error:
            return _not_fetched(row, error, now=now)
        name = row.name or f"{row.kind}-{row.place}{PurePosixPath(path).suffix}"
        try:
            kept = keeping.keep_written(
                archive.workspace, place, name, data_dir=desk.data_dir, user_id=archive.started_by, now=now
            )
        except Invalid as error:
            return _end(row, REFUSED, error.message, now=now)
    return _end(row, KEPT, None, file=kept.public_id, now=now)


def _hide(row: ArchivedFile, *, now: datetime) -> None:
    """A large file takes longer than the lease of the turn: whoever has the next one goes on with the others."""
    if row.size is None or row.size <= MOST_BYTES:
        return
    until = now + timedelta(seconds=large.patience_s(row.size) + _KEEPING_S)
    with db.write():
        db.execute("UPDATE archived_file SET not_before = ? WHERE id = ?", db.stamp(until), row.id)


def _not_fetched(row: ArchivedFile, error: Upstream, *, now: datetime) -> bool:
    """What Telegram refuses for good is so; silence is tried again, each time later, ten times at most."""
    if error.permanent:
        return _end(row, TOO_BIG if _WORDS_OF_SIZE in error.message else GONE, error.message, now=now)
    attempts = row.attempts + (0 if error.retry_after_s else 1)
    if attempts >= _MOST_ATTEMPTS:
        return _end(row, GONE, error.message, now=now)
    wait_s = error.retry_after_s or min(_FIRST_WAIT_S * 2.0**row.attempts, _LONGEST_WAIT_S)
    with db.write():
        db.execute(
            "UPDATE archived_file SET attempts = ?, not_before = ?, reason = ? WHERE id = ? AND state = ?",
            *(attempts, db.stamp(now + timedelta(seconds=wait_s)), error.message[:300], row.id, WANTED),
        )
    return False


def _end(row: ArchivedFile, state: str, reason: str | None, *, file: str | None = None, now: datetime) -> bool:
    """Compare and set, since an edit may have put another file into the place; then the post says what is there."""
    with db.write():
        moved = db.execute(
            "UPDATE archived_file SET state = ?, reason = ?, file = ? WHERE id = ? AND state = ?",
            *(state, reason[:300] if reason else None, file, row.id, WANTED),
        )
        post = ArchivedPost.get_or_none(ArchivedPost.workspace == row.workspace, ArchivedPost.id == row.post)
        if moved and post is not None:
            storing.settle(post)
    return bool(moved) and state == KEPT
