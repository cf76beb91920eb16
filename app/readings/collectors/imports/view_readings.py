"""CSV files of recorded view and subscriber readings, plain or gzip; every value is exact as recorded."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, TypeVar

from app.core.errors import Invalid

_Row = TypeVar("_Row")
_MAX_PROBLEMS = 20
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class RecordedReading:
    """One row: a post's views (and reactions) at `snapshot_at`. Times are aware UTC, `line` is the file's."""

    channel: str
    message_id: int | None
    post_uid: str | None
    posted_at: datetime
    snapshot_at: datetime
    views: int
    reactions: int | None
    line: int
    forwards: int | None = None
    comments: int | None = None

    @property
    def identity(self) -> tuple[str, int | str]:
        """(channel, message_id), or (channel, post_uid) where there is no message id; int and str never meet."""
        return self.channel, self.message_id if self.message_id is not None else self.post_uid or ""


@dataclass(frozen=True, slots=True)
class SubscriberReading:
    """One row: a channel's subscribers at `observed_at` (aware UTC)."""

    channel: str
    observed_at: datetime
    subscribers: int
    line: int


def read_view_readings(path: str | Path) -> Iterator[RecordedReading]:
    """Read a CSV or CSV.gz of view readings, in file order.

    Columns: channel, message_id and/or post_uid, posted_at, snapshot_at, views, perhaps reactions, forwards and
    comments; others are ignored. Times are ISO 8601, UTC where no offset stands. The whole file is read before the first row is handed
    out, so a bad one gives nothing: raises `Invalid` with the line number of each bad row (the first 20 of them)
    in `fields`, for missing columns, and for a file that is no UTF-8 text or broken gzip.
    """
    return iter(_read(path, ("channel", "posted_at", "snapshot_at", "views"), _view_reader))


def read_subscribers(path: str | Path) -> Iterator[SubscriberReading]:
    """Read a CSV or CSV.gz with channel, observed_at, subscribers; raises `Invalid` like `read_view_readings`."""
    return iter(_read(path, ("channel", "observed_at", "subscribers"), _subscriber_reader))


def _read(
    path: str | Path,
    needed: Sequence[str],
    reader: Callable[[Sequence[str]], Callable[[list[str], int], _Row]],
) -> list[_Row]:
    with _open_text(Path(path)) as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows, [])]
        missing = [name for name in needed if name not in header]
        if missing:
            raise Invalid(f"The file lacks the columns {', '.join(missing)}.", fields={"file": "columns are missing"})
        read_row = reader(header)
        good, bad = [], {}
        for row in rows:
            if not row:
                continue
            try:
                if len(row) != len(header):
                    raise ValueError(f"{len(row)} values for {len(header)} columns")
                good.append(read_row(row, rows.line_num))
            except ValueError as error:
                bad[f"line {rows.line_num}"] = str(error)
                if len(bad) == _MAX_PROBLEMS:
                    break
    if bad:
        line, reason = next(iter(bad.items()))
        raise Invalid(f"Nothing was read: {line}: {reason} ({len(bad)} bad rows seen).", fields=bad)
    return good


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    """The file as UTF-8 text, unpacked when its first bytes say gzip (names lie); broken bytes become `Invalid`."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            source = gzip.GzipFile(fileobj=raw) if packed else raw
            with io.TextIOWrapper(source, encoding="utf-8-sig", newline="") as text:
                yield text
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile, csv.Error) as error:
        raise Invalid(f"The file cannot be read: {error}.", fields={"file": "unreadable"}) from error


def _view_reader(header: Sequence[str]) -> Callable[[list[str], int], RecordedReading]:
    """A reader of rows with the column numbers looked up once: a file holds 10^5 rows and more."""
    channel, posted, taken, views = (header.index(name) for name in ("channel", "posted_at", "snapshot_at", "views"))
    message, uid, *told = (
        header.index(name) if name in header else None
        for name in ("message_id", "post_uid", "reactions", "forwards", "comments")
    )
    if message is None and uid is None:
        raise Invalid("The file has neither message_id nor post_uid.", fields={"file": "columns are missing"})

    def read(row: list[str], line: int) -> RecordedReading:
        message_id = _optional_count("message_id", row[message]) if message is not None else None
        post_uid = (_name("post_uid", row[uid]) or None) if uid is not None else None
        if message_id is None and post_uid is None:
            raise ValueError("message_id and post_uid are both blank")
        reactions, forwards, comments = (
            _optional_count(name, row[place]) if place is not None else None
            for name, place in zip(("reactions", "forwards", "comments"), told, strict=True)
        )
        return RecordedReading(
            _channel(row[channel]),
            message_id,
            post_uid,
            _moment("posted_at", row[posted]),
            _moment("snapshot_at", row[taken]),
            _count("views", row[views]),
            reactions,
            line,
            forwards,
            comments,
        )

    return read


def _subscriber_reader(header: Sequence[str]) -> Callable[[list[str], int], SubscriberReading]:
    channel, observed, subscribers = (header.index(name) for name in ("channel", "observed_at", "subscribers"))

    def read(row: list[str], line: int) -> SubscriberReading:
        moment, count = _moment("observed_at", row[observed]), _count("subscribers", row[subscribers])
        return SubscriberReading(_channel(row[channel]), moment, count, line)

    return read


def _channel(text: str) -> str:
    name = _name("channel", text).removeprefix("@")
    if not name:
        raise ValueError("channel is blank")
    return name


_LONGEST_NAME = 64


def _name(column: str, text: str) -> str:
    """A name that both databases can hold."""
    name = text.strip()
    if len(name) > _LONGEST_NAME or "\0" in name:
        raise ValueError(f"{column} is longer than {_LONGEST_NAME} characters or holds a NUL")
    return name


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name} {text!r} is no ISO time") from None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{name} {text!r} is out of the calendar") from None


# More than there are people; the curves' integers hold it with room to spare.
_MOST = 2_000_000_000


def _count(name: str, text: str) -> int:
    """A whole number from 0; int() alone would also take "1_000" and "-1"."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{name} {text!r} is no whole number")
    if len(digits) > 10 or int(digits) > _MOST:
        raise ValueError(f"{name} {text!r} is too large to be true")
    return int(digits)


def _optional_count(name: str, text: str) -> int | None:
    return _count(name, text) if text.strip() else None
