"""Telegram's statistics graphs: one JSON format for all (https://core.telegram.org/api/stats, 2026-10-01)."""

from __future__ import annotations

import json
from typing import Any

from app.readings.collectors.base import LayoutChanged
from app.readings.collectors.owner_session.base import Graph, Series

_MOST_POINTS = 1000
_FIRST_TIME_MS = 10**11  # smaller values of x are no unix milliseconds but hours of a day and the like


def read_graph(kind: str, text: str) -> Graph:
    """Columns of a graph by name. Raises LayoutChanged when it is not the format that we know."""
    try:
        body = json.loads(text)
        columns = {str(column[0]): column[1:] for column in body["columns"]}
        types = body["types"]
        (x_key,) = (key for key in columns if types[key] == "x")
        x = tuple(int(value) for value in columns.pop(x_key))
        series = tuple(Series(str(body["names"][key]), _values(values)) for key, values in columns.items())
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise LayoutChanged(f"Telegram's graph {kind} looks different now.") from error
    if len(x) > _MOST_POINTS or any(len(one.values) != len(x) for one in series):
        raise LayoutChanged(f"Telegram's graph {kind} has columns of different lengths.")
    return Graph(kind, is_time=bool(x) and min(x) >= _FIRST_TIME_MS, x=x, series=series)


def _values(column: list[Any]) -> tuple[float | None, ...]:
    return tuple(None if value is None else float(value) for value in column)
