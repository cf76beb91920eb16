"""CSV twins of what pages show. (Flask's response stands here for all of their routes.)"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from flask import Response

from app.analytics.pages import Figure, Period
from app.core.clock import iso

_PARTS = ("", "_source", "_precision", "_observed_at")
_PERIOD = ("period_start", "period_end", "timezone")
_LINES_AT_ONCE = 500
_AFTER_SEMICOLON = re.compile(r"(;\s*)(?=[=+\-@])")


def heads(keys: Sequence[str]) -> list[str]:
    """The columns of figures: each with its source, precision and time."""
    return [f"{key}{part}" for key in keys for part in _PARTS]


def cells(owner: Any, keys: Sequence[str]) -> list[str]:
    """The figures of these names as cells under `heads`."""
    return [cell for key in keys for cell in figure_cells(getattr(owner, key))]


def figure_cells(figure: Figure) -> list[str]:
    if figure.value is None:
        return [""] * len(_PARTS)
    at = iso(figure.observed_at) if figure.observed_at else ""
    return [str(figure.value), "+".join(figure.sources), figure.precision, at]


def text_of(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A CSV in which no cell of a person's text is a formula."""
    return "".join(_parts([], head, rows))


def answer(
    name: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    period: Period | None = None,
    total: int | None = None,
) -> Response:
    """The file as a download. `period`: its days and zone stand in each line.

    `total`: the rows are many, and are read while they are sent, when the request is over: they may ask nothing of it.
    How many there will be is told ahead in the header X-Total-Count, so that a cut file is known for one.
    """
    days = [period.start.isoformat(), period.end.isoformat(), period.timezone] if period else []
    text = _parts(days, [*head, *(_PERIOD if period else ())], rows)
    response = Response("".join(text) if total is None else text, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if total is not None:
        response.headers["X-Total-Count"] = str(total)
    return response


def _parts(days: Sequence[str], head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The text in parts of so many lines; `days` end each line."""
    yield _text([head])
    lines = iter(rows)
    while some := list(islice(lines, _LINES_AT_ONCE)):
        yield _text([*(_harmless(cell) for cell in row), *days] for row in some)


def _text(lines: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue()


def _harmless(cell: str) -> str:
    """No formula, not even to a reader that begins a new cell at each semicolon."""
    is_number = cell.lstrip("-").replace(".", "", 1).isdigit()
    if ";" in cell:
        cell = _AFTER_SEMICOLON.sub(r"\1'", cell)
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell and not is_number else cell
