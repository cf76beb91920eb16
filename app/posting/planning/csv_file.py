"""A file of posts as tables: what programs write, read with either comma or semicolon, with or without a mark in front."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from app.core.errors import Invalid
from app.core.i18n import N_

COLUMNS = (
    *("channel", "date", "time", "text", "button_text", "button_url"),
    *("silent", "protected", "pin", "delete_after_hours", "top_hours", "timezone"),
)
NEEDED = ("channel", "date", "time", "text")
MOST_ROWS, MOST_BYTES = 500, 1024 * 1024
_DELIMITERS = (";", "\t", ",")
_LONGEST_CELL = 20_000


@dataclass(frozen=True, slots=True)
class Row:
    """A line as it stands; `line` counts as a table does, the head being line 1."""

    line: int
    cells: Mapping[str, str]

    def cell(self, column: str) -> str:
        return self.cells.get(column, "")


def rows_of(data: bytes) -> list[Row]:
    """The lines of a file that are not empty. Raises Invalid (field `file`) for one that is no such table."""
    text = _decoded(data)
    head_line = text.lstrip("\n\r").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head_line.count)
    csv.field_size_limit(_LONGEST_CELL)
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise _wrong(
            N_("This file is no table that we can read: a quotation mark is open, or a cell too long.")
        ) from error
    lines = [(number, [cell.strip() for cell in cells]) for number, cells in enumerate(table, 1)]
    filled = [(number, cells) for number, cells in lines if any(cells)]
    if not filled:
        raise _wrong(N_("This file is empty."))
    names = _head(filled[0][1])
    if len(filled) - 1 > MOST_ROWS:
        raise _wrong(
            N_("A file may have %(most)s posts; this one has %(count)s."), most=MOST_ROWS, count=len(filled) - 1
        )
    if len(filled) == 1:
        raise _wrong(N_("This file has a head and no posts below it."))
    return [Row(number, dict(zip(names, cells, strict=False))) for number, cells in filled[1:]]


def _decoded(data: bytes) -> str:
    """UTF-8, or what Excel calls Unicode text. Other encodings would be guessed, and a wrong guess is published."""
    is_wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(N_("Save the file as CSV in UTF-8: its letters cannot be read.")) from error
    if "\0" in text:
        raise _wrong(N_("This is no CSV file. Save the table as CSV in UTF-8."))
    return text


def _head(cells: list[str]) -> list[str]:
    names = [cell.casefold().replace(" ", "_") for cell in cells]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise _wrong(N_("The first line must name the columns; missing: %(names)s."), names=", ".join(missing))
    unknown = [name for name in names if name and name not in COLUMNS]
    if unknown:
        raise _wrong(N_("Unknown columns: %(names)s."), names=", ".join(unknown)[:120])
    if len(set(names)) < len(names):
        raise _wrong(N_("A column stands twice in the first line."))
    return names


def _wrong(sentence: str, **params: object) -> Invalid:
    return Invalid(sentence, fields={"file": sentence}, code=None, permanent=None, **params)
