"""Many rows in few statements: on both databases a statement of its own costs more than the row it brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.core import db

# Rows in one SQLite statement: larger ones gain nothing more, and few sizes keep every statement prepared.
_SIZES = (100, 10, 1)


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT of any number of rows.

    `columns`: each name with its PostgreSQL type; `fixed`: names with the SQL of one value for all rows;
    `conflict`: the ON CONFLICT.
    """

    table: str
    columns: tuple[tuple[str, str], ...]
    conflict: str = ""
    fixed: tuple[tuple[str, str], ...] = ()

    def run(self, flat: Sequence[Any]) -> None:
        """Insert rows given value after value, inside `db.write()`. Rows must not share a key among themselves."""
        if not flat:
            return
        if db.is_postgres():
            self._by_arrays(flat)
        else:
            self._by_rows(flat)

    def _by_rows(self, flat: Sequence[Any]) -> None:
        width, start = len(self.columns), 0
        with db.raw_cursor() as cursor:
            for size in _SIZES:
                statement, step = _of_rows(self, size), size * width
                while len(flat) - start >= step:
                    cursor.execute(statement, flat[start : start + step])
                    start += step

    def _by_arrays(self, flat: Sequence[Any]) -> None:
        width = len(self.columns)
        with db.raw_cursor() as cursor:
            cursor.execute(_of_arrays(self), [flat[n::width] for n in range(width)])

    @property
    def head(self) -> str:
        return f"INSERT INTO {self.table} ({', '.join(name for name, _ in self.columns + self.fixed)})"


@cache
def _of_rows(insert: Insert, size: int) -> str:
    values = ["?"] * len(insert.columns) + [sql for _, sql in insert.fixed]
    row = f"({', '.join(values)})"
    return f"{insert.head} VALUES {', '.join([row] * size)} {insert.conflict}"


@cache
def _of_arrays(insert: Insert) -> str:
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in insert.columns)
    chosen = ", ".join(["given.*"] + [sql for _, sql in insert.fixed])
    return f"{insert.head} SELECT {chosen} FROM unnest({arrays}) AS given {insert.conflict}"
