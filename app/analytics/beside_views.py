"""The watch-list and the comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from flask_login import current_user

from app.analytics import asked, files
from app.analytics.build import beside
from app.analytics.pages import ChannelRow, Period
from app.core.htmx import page
from app.core.policy import Act, policy
from app.readings import service as readings

blueprint = Blueprint("beside", __name__)
_KEYS = ("subscribers", "growth", "views", "reach", "err", "err24", "er", "posts", "reactions")


@blueprint.get("/watchlist")
@policy(Act.SEE)
def watchlist() -> Response:
    pace = current_app.extensions["runtime"].settings.preview_pages_per_minute
    return page("analytics/watchlist.html", page=_watch_page(), room=readings.room(pages_per_minute=pace), pace=pace)


def _watch_page() -> Any:
    return beside.watch_page(
        current_user.workspace_id,
        timezone=current_user.workspace_timezone,
        span=asked.span(request.args),
        now=g.now,
    )


@blueprint.get("/watchlist.csv")
@policy(Act.SEE)
def watchlist_csv() -> Response:
    built = _watch_page()
    return _csv("watchlist.csv", (*built.rows, *built.own), built.period)


def _csv(name: str, rows: Sequence[ChannelRow], period: Period) -> Response:
    lines = ([r.title, r.username or "", *files.cells(r, _KEYS)] for r in rows)
    return files.answer(name, ["channel", "username", *files.heads(_KEYS)], lines, period=period)


@blueprint.get("/compare")
@policy(Act.SEE)
def compare() -> Response:
    return page("analytics/compare.html", page=_compare_page(), most=beside.MOST_COMPARED)


@blueprint.get("/compare.csv")
@policy(Act.SEE)
def compare_csv() -> Response:
    built = _compare_page()
    return _csv("compare.csv", built.rows, built.period)


@blueprint.get("/compare/days.csv")
@policy(Act.SEE)
def compare_days_csv() -> Response:
    """One line a channel and day; a number is empty where nothing was read."""
    period, lines = _compared(beside.compare_days)
    rows = (
        [
            *(line.day.isoformat(), channel.title, channel.username or ""),
            *(cell for key in beside.DAY_KEYS for cell in files.figure_cells(line.figures[key])),
            line.notes,
        ]
        for channel, line in lines
    )
    head = ["day", "channel", "username", *files.heads(beside.DAY_KEYS), "annotation"]
    return files.answer("compare_days.csv", head, rows, period=period)


def _compare_page() -> Any:
    return _compared(beside.compare_page)


def _compared(build: Callable[..., Any]) -> Any:
    """What is built of the channels and the days that the address names."""
    return build(
        current_user.workspace_id,
        request.args.getlist("c")[: 4 * beside.MOST_COMPARED],
        timezone=current_user.workspace_timezone,
        span=asked.span(request.args),
        now=g.now,
    )
