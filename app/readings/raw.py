"""The raw readings' way into their table and out of it, as columns of integers.

Everything here runs inside the caller's write transaction.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core import db
from app.readings import curves
from app.readings.bulk import Insert

# (post id, observed ms cut to seconds, source id, views or None, reactions or None, step)
RawReading = tuple[int, int, int, int | None, int | None, int]
# The same with forwards and comments, each or None: few sources tell them.
FullReading = tuple[int, int, int, int | None, int | None, int, int | None, int | None]
_WIDTH, _FULL = 6, 8
_COLUMNS = (
    ("post_id", "int"),
    ("observed_at", "timestamptz"),
    ("source_id", "int"),
    ("views", "bigint"),
    ("reactions", "bigint"),
    ("step", "int"),
)
_FULL_COLUMNS = (*_COLUMNS, ("forwards", "bigint"), ("comments", "bigint"))
_STRENGTH = (
    "(COALESCE({0}.views, -1), COALESCE({0}.reactions, -1), -{0}.step,"
    " COALESCE({0}.forwards, -1), COALESCE({0}.comments, -1))"
)
# The same order as `_one_of_each`: views, then reactions, then the finer step, then forwards and comments.
LARGER_WINS = (
    "ON CONFLICT (post_id, observed_at, source_id) DO UPDATE SET views = excluded.views,"
    " reactions = excluded.reactions, step = excluded.step, forwards = excluded.forwards, comments = excluded.comments"
    f" WHERE {_STRENGTH.format('excluded')} > {_STRENGTH.format('reading')}"
)
_NO_FLAG = (("flag", "0"),)
_APPEND = {len(columns): Insert("reading", columns, fixed=_NO_FLAG) for columns in (_COLUMNS, _FULL_COLUMNS)}
_PUT = {len(columns): Insert("reading", columns, LARGER_WINS, fixed=_NO_FLAG) for columns in (_COLUMNS, _FULL_COLUMNS)}
_UNIX_TO_POSTGRES_S = 946_684_800  # its binary timestamps count microseconds since 2000


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings to store, sorted by post, moment and source and one of each.

    `post_ids` ascend; `rows.post` is a place in them. `flat` holds the same readings value after value, `width` a
    reading: forwards and comments only where one of them tells any.
    """

    post_ids: list[int]
    rows: curves.ReadingRows
    flat: list[Any]
    width: int

    def __len__(self) -> int:
        return len(self.rows.post)

    def only(self, mask: NDArray[np.bool_]) -> Batch:
        """The readings under the mask, their posts numbered as before."""
        if mask.all():
            return self
        chosen = [self.flat[n * self.width : (n + 1) * self.width] for n in np.flatnonzero(mask).tolist()]
        return Batch(self.post_ids, self.rows.only(mask), list(chain.from_iterable(chosen)), self.width)


def batch_of(readings: Sequence[RawReading | FullReading]) -> Batch:
    """Sort what came and cut its moments to seconds.

    Of one source at one moment the reading with the larger views stays, at equal views the larger reactions, then the
    finer step, then the more forwards and comments; known beats unknown.
    """
    flat: list[Any] = list(chain.from_iterable(readings))
    width = _WIDTH if len(flat) == _WIDTH * len(readings) else _FULL
    if len(flat) != width * len(readings):
        flat = list(chain.from_iterable((*reading, None, None)[:_FULL] for reading in readings))
    columns = as_columns(flat, width)
    in_ms = columns[1].copy()
    columns[1] //= 1000
    if not _is_sorted(columns):
        columns = columns[:, _one_of_each(columns)]
        flat = _values(columns)
    elif (in_ms % 1000).any():
        flat = _values(columns)
    post = columns[0]
    is_new = np.ones(len(post), dtype=bool)
    is_new[1:] = post[1:] != post[:-1]
    place = np.cumsum(is_new) - 1
    return Batch(post[is_new].tolist(), _as_rows(place, columns), flat, width)


def _as_rows(place: curves.Ints, columns: curves.Ints) -> curves.ReadingRows:
    """Columns in the table's order, narrow or full, as readings of the posts at these places."""
    _, at, source, views, reactions, step, *more = columns
    forwards, comments = more or np.full((2, len(at)), -1)
    return curves.ReadingRows(place, at, views, reactions, step, source, forwards, comments)


def as_columns(flat: list[Any], width: int = _WIDTH) -> curves.Ints:
    """Values as columns; unknown counts become -1. struct reads Python's integers much faster than numpy does."""
    layout = f"{len(flat)}q"
    try:
        packed = struct.pack(layout, *flat)
    except struct.error:
        packed = struct.pack(layout, *[-1 if value is None else value for value in flat])
    return np.frombuffer(packed, dtype=np.int64).reshape(-1, width).T.copy()


def _values(columns: curves.Ints) -> list[Any]:
    """Columns as values again. The tuples that came lie scattered in memory: making new integers is quicker."""
    in_ms = columns.copy()
    in_ms[1] *= 1000
    flat = in_ms.T.ravel().tolist()
    return [None if value < 0 else value for value in flat] if columns.min(initial=0) < 0 else flat


def _is_sorted(columns: curves.Ints) -> bool:
    post, at, source = columns[:3]
    by_source = (at[1:] == at[:-1]) & (source[1:] > source[:-1])
    by_moment = (post[1:] == post[:-1]) & ((at[1:] > at[:-1]) | by_source)
    return bool(((post[1:] > post[:-1]) | by_moment).all())


def _one_of_each(columns: curves.Ints) -> curves.Ints:
    """Places of the readings that stay, in order."""
    post, at, source, views, reactions, step, *more = columns
    order = np.lexsort((source, at, post))
    is_last = _differ_from_next(columns[:3, order])
    if not is_last.all():
        order = np.lexsort((*reversed(more), -step, reactions, views, source, at, post))
    return order[is_last]


def _differ_from_next(keys: curves.Ints) -> NDArray[np.bool_]:
    result = np.ones(keys.shape[1], dtype=bool)
    result[:-1] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return result


def merged(old: curves.ReadingRows, new: curves.ReadingRows) -> curves.ReadingRows:
    """Old and new readings as one set, sorted, one of each as in `batch_of`."""
    both = np.stack([np.concatenate([getattr(old, n), getattr(new, n)]) for n in _IN_TABLE_ORDER])
    columns = both[:, _one_of_each(both)]
    return _as_rows(columns[0], columns)


_IN_TABLE_ORDER = ("post", "at", "source", "views", "reactions", "step", "forwards", "comments")


def load(post_ids: Sequence[int], wanted: Iterable[int]) -> curves.ReadingRows:
    """All readings of the `wanted` posts; `rows.post` is a place in `post_ids`, which ascend."""
    flat: list[Any] = []
    for part in parts(list(wanted)):
        marks = db.marks(part)
        found = db.rows(
            f"SELECT post_id, {seconds('observed_at')}, source_id, COALESCE(views, -1), COALESCE(reactions, -1), step,"
            " COALESCE(forwards, -1), COALESCE(comments, -1)"
            f" FROM reading WHERE post_id IN ({marks})",
            *part,
        )
        flat += chain.from_iterable(found)
    columns = as_columns(flat, _FULL)
    return _as_rows(np.searchsorted(np.asarray(post_ids, dtype=np.int64), columns[0]), columns)


def append(batch: Batch) -> None:
    """Store readings whose keys are known to be new."""
    if db.is_postgres():
        _copy_into("reading", batch)
    else:
        _APPEND[batch.width].run(batch.flat)


def put(batch: Batch) -> None:
    """Store readings; where one of the source at the moment is there already, the larger stays."""
    if not db.is_postgres():
        _PUT[batch.width].run(batch.flat)
        return
    db.execute(
        "CREATE TEMP TABLE IF NOT EXISTS incoming (post_id int, observed_at timestamptz, source_id int,"
        " views bigint, reactions bigint, step int, flag smallint,"
        " forwards bigint, comments bigint) ON COMMIT DELETE ROWS"
    )
    _copy_into("incoming", batch)
    names = ", ".join(_copied(batch))
    db.execute(f"INSERT INTO reading ({names}) SELECT {names} FROM incoming {LARGER_WINS}")
    db.execute("DELETE FROM incoming")


def _copied(batch: Batch) -> list[str]:
    """The columns of `reading` that a batch brings."""
    named = _COLUMNS if batch.width == _WIDTH else _FULL_COLUMNS
    return [name for name, _ in named] + ["flag"]


def _copy_into(table: str, batch: Batch) -> None:
    """COPY in PostgreSQL's binary form (its manual, "COPY", Binary Format): numpy writes it whole."""
    rows, names = batch.rows, _copied(batch)
    ids = np.asarray(batch.post_ids, dtype=np.int64)[rows.post]
    counts: list[str] = [name for name in ("views", "reactions", "forwards", "comments") if name in names]
    known = sum((getattr(rows, name) >= 0).astype(np.int64) << bit for bit, name in enumerate(counts))
    with (
        db.raw_cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for pattern in np.unique(known).tolist():
            mask = known == pattern
            lacking = {name for bit, name in enumerate(counts) if not pattern >> bit & 1}
            copy.write(_packed(ids[mask], rows.only(mask), names, lacking))
        copy.write(b"\xff\xff")


def _packed(ids: curves.Ints, rows: curves.ReadingRows, names: Sequence[str], lacking: set[str]) -> bytes:
    """Rows as the wire has them: a count of fields, then each field's length (-1: NULL, without a value) and value."""
    of: dict[str, tuple[str, curves.Ints | int]] = {
        "post_id": (">i4", ids),
        "observed_at": (">i8", (rows.at - _UNIX_TO_POSTGRES_S) * 1_000_000),
        "source_id": (">i4", rows.source),
        "views": (">i8", rows.views),
        "reactions": (">i8", rows.reactions),
        "step": (">i4", rows.step),
        "flag": (">i2", 0),
        "forwards": (">i8", rows.forwards),
        "comments": (">i8", rows.comments),
    }
    fields = {name: ("" if name in lacking else of[name][0], of[name][1]) for name in names}
    layout: list[tuple[str, str]] = [("count", ">i2")]
    for name, (kind, _) in fields.items():
        layout += [(f"{name}_size", ">i4"), (name, kind)] if kind else [(f"{name}_size", ">i4")]
    packed = np.empty(len(ids), dtype=layout)
    packed["count"] = len(fields)
    for name, (kind, values) in fields.items():
        packed[f"{name}_size"] = int(kind[2:]) if kind else -1
        if kind:
            packed[name] = values
    return packed.tobytes()


def seconds(column: str) -> str:
    """SQL for a moment's unix seconds."""
    return f"CAST(FLOOR(EXTRACT(EPOCH FROM {column})) AS BIGINT)" if db.is_postgres() else f"{column} / 1000"


def parts(ids: Sequence[int], size: int = 500) -> Iterable[Sequence[int]]:
    """Ids in portions that fit one statement's parameters."""
    return (ids[n : n + size] for n in range(0, len(ids), size))
