"""The floor of a page: bare WSGI, the page's own statements as text on a raw connection, one minimal template.

The template prints the page's numbers from a plain dict made beforehand: the floor computes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment

from app.analytics.pages import Figure, NetworkPage

Statement = tuple[str, tuple[Any, ...]]

# as app.core.db sets them
PRAGMAS = ("journal_mode=wal", "synchronous=full", "foreign_keys=1", "cache_size=-16000")

TEMPLATE = """<div id="page_body"><h1>{{ name }}</h1>
<dl>{% for k, v in totals %}<dt>{{ k }}</dt><dd>{{ v }}</dd>{% endfor %}</dl>
{% for title, points in series %}<h2>{{ title }}</h2>
<svg><polyline points="{% for d, v in points %}{{ loop.index0 }},{{ v }} {% endfor %}"/></svg>
<table>{% for d, v in points %}<tr><th>{{ d }}</th><td>{{ v }}</td></tr>{% endfor %}</table>{% endfor %}
<table>{% for row in rows %}<tr><th><a href="{{ row.url }}">{{ row.title }}</a></th>
{% for v in row.numbers %}<td>{{ v }}</td>{% endfor %}
<td><svg><polyline points="{% for v in row.spark %}{{ loop.index0 }},{{ v }} {% endfor %}"/></svg>
</td></tr>{% endfor %}</table></div>"""


def record(store: Any, work: Callable[[], object]) -> list[Statement]:
    """The statements that `work` runs on the store, in order."""
    found: list[Statement] = []
    plain = store.execute_sql

    def listen(sql: str, params: Any = (), *more: Any, **named: Any) -> Any:
        found.append((sql, tuple(params or ())))
        return plain(sql, params, *more, **named)

    store.execute_sql = listen
    try:
        work()
    finally:
        del store.execute_sql
    return found


def raw_connection(path: Path) -> sqlite3.Connection:
    """A connection of the driver with the pragmas of app.core.db."""
    found = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    for pragma in PRAGMAS:
        found.execute(f"PRAGMA {pragma}")
    return found


def network_floor(path: Path, statements: list[Statement], page: NetworkPage) -> Callable[..., Iterable[bytes]]:
    """A WSGI app that runs the statements and prints the page's numbers."""
    connection = raw_connection(path)
    template = Environment(autoescape=True).from_string(TEMPLATE)
    shown = _shown(page)

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        for sql, params in statements:
            connection.execute(sql, params).fetchall()
        body = template.render(shown).encode()
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
        return [body]

    return app


def _shown(page: NetworkPage) -> dict[str, Any]:
    return {
        "name": page.workspace_name,
        "totals": [(key, figure.value) for key, figure in page.totals.items()],
        "series": [
            (title, [(point.day.isoformat(), point.value) for point in points])
            for title, points in (("Subscribers", page.growth), ("Views by day", page.views_by_day))
        ],
        "rows": [
            {"title": r.title, "url": r.url, "numbers": [_value(f) for f in _figures(r)], "spark": list(r.spark)}
            for r in page.rows
        ],
    }


def _figures(row: Any) -> tuple[Figure | None, ...]:
    return (row.subscribers, row.subscribers.delta, row.views, row.reach, row.posts)


def _value(figure: Figure | None) -> float | None:
    return figure.value if figure else None
