"""CSV twins of what pages show. (Flask's response stands here for all of their routes.)"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response, make_response

from app.analytics.pages import Figure
from app.core.clock import iso

_PARTS = ("", "_source", "_precision", "_observed_at")


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
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def answer(name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """The file as a download."""
    response = make_response(text_of(head, rows))
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _harmless(cell: str) -> str:
    is_number = cell.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell and not is_number else cell
