"""One database for all: SQLite by default, PostgreSQL by DATABASE_URL.

Reads run outside transactions on a connection per thread. Writes go through `write()`:
on SQLite writers queue on a file lock before BEGIN IMMEDIATE, since five processes that
meet inside SQLite fail at once or starve each other (shared/facts/reliability.md).
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, ClassVar, TypeVar

from peewee import (  # type: ignore[attr-defined]
    BigIntegerField,
    Database,
    DatabaseProxy,
    Field,
    Model,
    PostgresqlDatabase,
    SqliteDatabase,
    TextField,
    __exception_wrapper__,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_Row = TypeVar("_Row", bound=Model)

database = DatabaseProxy()
_queue_path: Path | None = None


class _SqliteStore(SqliteDatabase):
    field_types = SqliteDatabase.field_types | {"UTC_TIMESTAMP": "INTEGER"}


class _PostgresStore(PostgresqlDatabase):
    field_types = PostgresqlDatabase.field_types | {"UTC_TIMESTAMP": "TIMESTAMPTZ"}


def connect(address: str) -> Database:
    """Bind the models to the database at `address` (sqlite:///path or postgresql://…) and return it."""
    global _queue_path
    if address.startswith("sqlite:///"):
        path = Path(address.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        _queue_path = path.with_name(path.name + ".queue")
        store: Database = _SqliteStore(
            str(path),
            timeout=5,
            pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1, "cache_size": -16000},
        )
    else:
        _queue_path = None
        store = _PostgresStore(address)
    database.initialize(store)
    return store


def is_postgres() -> bool:
    return isinstance(database.obj, PostgresqlDatabase)


class _Local(threading.local):
    depth = 0
    lock_held = False

    def __init__(self) -> None:
        self.after_commit: list[Callable[[], None]] = []
        self._place: tuple[Path, int, IO[str]] | None = None

    def place_in(self, queue: Path) -> IO[str]:
        """This thread's own handle of the queue's file: a lock belongs to the handle, also across a fork."""
        if self._place is None or self._place[:2] != (queue, os.getpid()):
            self._place = (queue, os.getpid(), open(queue, "a"))  # noqa: SIM115  kept as long as the thread
        return self._place[2]


_local = _Local()


@contextmanager
def write() -> Iterator[None]:
    """One write transaction; an inner `write()` joins the outer one. After-commit hooks run at its end."""
    if _local.depth:
        yield
        return
    with _queue():
        _local.depth, _local.after_commit = 1, []
        try:
            with database.atomic() if is_postgres() else database.atomic("IMMEDIATE"):
                yield
        finally:
            _local.depth = 0
    hooks, _local.after_commit = _local.after_commit, []
    for hook in hooks:
        hook()


@contextmanager
def snapshot() -> Iterator[None]:
    """Let the reads inside see one moment of the database, while others go on writing. Nothing can be written in it."""
    with database.atomic():
        if is_postgres():
            database.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


@contextmanager
def _queue() -> Iterator[None]:
    """Wait for one's turn among SQLite's writers, of all processes and threads."""
    if _queue_path is None:
        yield
        return
    place = _local.place_in(_queue_path)
    fcntl.flock(place, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(place, fcntl.LOCK_UN)


def after_commit(hook: Callable[[], None]) -> None:
    """Run `hook` once the running write transaction is durable; at once when there is none."""
    if _local.depth:
        _local.after_commit.append(hook)
    else:
        hook()


def marks(values: Sized) -> str:
    """A placeholder for each value; for none, one that no id equals."""
    return ", ".join("?" * len(values)) or "NULL"


def rows(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """Run a query kept as text (`?` stands for a parameter) and return its tuples."""
    return database.execute_sql(_dialect(sql), params).fetchall()  # type: ignore[no-any-return]


def row(sql: str, *params: Any) -> tuple[Any, ...] | None:
    """The first row of a query kept as text, or None."""
    return database.execute_sql(_dialect(sql), params).fetchone()  # type: ignore[no-any-return]


def one(table: type[_Row], condition: str, *params: Any) -> _Row | None:
    """The first row of a table under a condition kept as text, where building it anew each time would cost more than it."""
    sql = _dialect(f"SELECT * FROM {table._meta.table_name} WHERE {condition} LIMIT 1")  # type: ignore[attr-defined]
    return next(iter(table.raw(sql, *params)), None)


def execute(sql: str, *params: Any) -> int:
    """Run a statement kept as text inside `write()`; returns how many rows it changed."""
    return int(database.execute_sql(_dialect(sql), params).rowcount)


def serialise(table: str, row_id: int, *, key: str = "id") -> None:
    """Let only one transaction at a time count and use up what belongs to a row; SQLite's writers queue anyway."""
    if is_postgres():
        # not FOR UPDATE: rows that refer to it may be added
        row(f"SELECT {key} FROM {table} WHERE {key} = ? FOR NO KEY UPDATE", row_id)


def is_free(table: str, row_id: int) -> bool:
    """Take a row as `serialise` does, unless another transaction has it: then False, without waiting."""
    return (
        not is_postgres()
        or row(f"SELECT id FROM {table} WHERE id = ? FOR NO KEY UPDATE SKIP LOCKED", row_id) is not None
    )


def execute_many(sql: str, batch: Sequence[Sequence[Any]]) -> None:
    """Run a statement kept as text once per row of `batch`, by the driver's own executemany."""
    with raw_cursor() as cursor:
        cursor.executemany(_dialect(sql), batch)


@contextmanager
def raw_cursor() -> Iterator[Any]:
    """The driver's cursor inside `write()`; its errors come out as peewee's, as everywhere else."""
    with __exception_wrapper__:
        cursor = database.connection().cursor()
        try:
            yield cursor
        finally:
            cursor.close()


def _dialect(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s") if is_postgres() else sql


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware moment. Raises ValueError when it is naive."""
    if moment.tzinfo is None:
        raise ValueError("a naive time has no place in the database")
    return (moment - _EPOCH) // _MS


def from_ms(value: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=value)


def stamp(moment: datetime) -> Any:
    """A moment as the present database takes it in SQL kept as text."""
    return moment.astimezone(UTC) if is_postgres() else to_ms(moment)


def moment(value: Any) -> Any:
    """A moment as SQL kept as text gave it back, as aware UTC; None stays None."""
    if value is None:
        return None
    return value.astimezone(UTC) if isinstance(value, datetime) else from_ms(value)


class UtcTimestamp(Field):  # type: ignore[misc]
    """Aware UTC, milliseconds: INTEGER on SQLite, timestamptz on PostgreSQL. Naive input raises."""

    field_type = "UTC_TIMESTAMP"

    def db_value(self, value: datetime | None) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{self.name}: a naive time has no place in the database")
        return stamp(value)

    def python_value(self, value: Any) -> datetime | None:
        found: datetime | None = moment(value)
        return found


class JsonText(TextField):  # type: ignore[misc]
    """A small JSON value as canonical text, the same on both databases."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else canonical_json(value)

    def python_value(self, value: str | None) -> Any:
        return None if value is None else json.loads(value)


def canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Personal:
    """What a column says of a person: class of data, why we keep it, how long."""

    category: str
    purpose: str
    retention: str


class Table(Model):
    """Every table of ours. `personal` annotates columns; `impersonal` names text columns that hold nothing of a person."""

    personal: ClassVar[dict[str, Personal]] = {}
    impersonal: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        database = database
        legacy_table_names = False
        only_save_dirty = True  # what was not changed here may have been changed by others


def big_key() -> BigIntegerField:
    return BigIntegerField(primary_key=True)
