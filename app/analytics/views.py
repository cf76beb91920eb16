"""The pages of numbers, their CSV twins, and their ETags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Response, current_app, g, make_response, request
from flask_login import current_user

from app.analytics import asked, build, etags, files
from app.analytics.build.days import DayLine
from app.analytics.definitions import DEFINITIONS
from app.analytics.pages import Period
from app.channels.queries import ChannelRef, channel_of
from app.core.chart_marks import noted
from app.core.clock import iso
from app.core.errors import NotFound
from app.core.htmx import page
from app.core.policy import Act, policy

blueprint = Blueprint("analytics", __name__)
_ROW_KEYS = ("subscribers", "growth", "views", "reach", "err", "err24", "er", "posts", "reactions")
_USUAL_KEYS = ("views", "usual_low", "usual_middle", "usual_high", "posts")
_POST_KEYS = ("views", "views_24h", "reactions", "forwards", "comments", "er", "ctr")


def _channel(public_id: str) -> ChannelRef:
    """The workspace's channel; a stranger's and a missing one answer alike."""
    found = channel_of(current_user.workspace_id, public_id)
    if found is None:
        raise NotFound("There is no such channel.")
    return found


def _tagged(template: str, assemble: Callable[[], Any]) -> Response:
    """The page with the tag of what the person would see now, or a 304 (app/shortcuts.py usually says that already)."""
    tag = etags.tag(current_user, request.environ, now=g.now)
    has_it = tag in request.if_none_match
    response = make_response("", 304) if has_it else page(template, page=assemble())
    response.set_etag(tag)
    return response


@blueprint.get("/network")
@policy(Act.SEE)
def network() -> Response:
    return _tagged("analytics/network.html", _network_page)


def _network_page() -> Any:
    settings = current_app.extensions["runtime"].settings
    return build.network_page(
        current_user.workspace_id,
        current_user.workspace_name,
        timezone=current_user.workspace_timezone,
        span=asked.span(request.args),
        is_demo=settings.demo,
        is_compared=request.args.get("compare") == "1",
        now=g.now,
    )


@blueprint.get("/network.csv")
@policy(Act.SEE)
def network_csv() -> Response:
    built = _network_page()
    rows = ([r.title, r.username or "", *files.cells(r, _ROW_KEYS)] for r in built.rows)
    return files.answer("network.csv", ["channel", "username", *files.heads(_ROW_KEYS)], rows, period=built.period)


@blueprint.get("/network/days.csv")
@policy(Act.SEE)
def network_days_csv() -> Response:
    who = current_user
    found = build.network_days(
        who.workspace_id, timezone=who.workspace_timezone, span=asked.span(request.args), now=g.now
    )
    return _days_csv(*found, ("subscribers", "views"))


@blueprint.get("/channels/<public_id>")
@policy(Act.SEE)
def channel(public_id: str) -> Response:
    ref = _channel(public_id)
    return _tagged("analytics/channel.html", lambda: _overview(ref))


def _overview(ref: ChannelRef) -> Any:
    return build.channel_page(current_user.workspace_id, ref, span=asked.span(request.args), now=g.now)


@blueprint.get("/channels/<public_id>/days.csv")
@policy(Act.SEE)
def channel_days_csv(public_id: str) -> Response:
    ref = _channel(public_id)
    found = build.channel_days(current_user.workspace_id, ref, span=asked.span(request.args), now=g.now)
    return _days_csv(*found, ("subscribers", "views", "reach"))


@blueprint.get("/channels/<public_id>/posts")
@policy(Act.SEE)
def posts(public_id: str) -> Response:
    ref = _channel(public_id)
    return _tagged("analytics/posts.html", lambda: _posts_page(ref))


def _posts_page(ref: ChannelRef) -> Any:
    table = asked.posts_table(request.args, choices=build.SHOWN)
    return build.posts_page(current_user.workspace_id, ref, span=asked.span(request.args), **table, now=g.now)


@blueprint.get("/channels/<public_id>/posts.csv")
@policy(Act.SEE)
def posts_csv(public_id: str) -> Response:
    """All posts with the table's filter, newest first; deleted and edited ones say when."""
    table, ref = asked.posts_table(request.args, choices=build.SHOWN), _channel(public_id)
    which = {key: table[key] for key in ("shown", "at_least")}
    found = build.posts_file(current_user.workspace_id, ref, span=asked.span(request.args), **which, now=g.now)
    rows = (
        [
            *(p.public_id, iso(p.posted_at), p.media_label, "" if p.text_length is None else str(p.text_length)),
            *("" if at is None else iso(at) for at in (p.edited_at, p.deleted_at)),
            *files.cells(p, _POST_KEYS),
            "" if p.clicks is None else str(p.clicks),
        ]
        for p in found.rows
    )
    head = ["post", "posted_at", "media", "text_length", "edited_at", "deleted_at", *files.heads(_POST_KEYS), "clicks"]
    return files.answer("posts.csv", head, rows, period=found.period, total=found.total)


@blueprint.get("/channels/<public_id>/content")
@policy(Act.SEE)
def content(public_id: str) -> Response:
    ref = _channel(public_id)
    return _tagged("analytics/content.html", lambda: _content_page(ref))


def _content_page(ref: ChannelRef) -> Any:
    return build.content_page(current_user.workspace_id, ref, span=asked.span(request.args), now=g.now)


@blueprint.get("/channels/<public_id>/hours.csv")
@policy(Act.SEE)
def hours_csv(public_id: str) -> Response:
    """Views by hour of the week: parts of the period's views, by the sources of these."""
    built = _content_page(_channel(public_id))
    rows = (
        [str(weekday + 1), str(hour), *files.figure_cells(built.views.says(views))]
        for weekday, hours in enumerate(built.heat)
        for hour, views in enumerate(hours)
    )
    return files.answer("hours.csv", ["weekday", "hour", *files.heads(["views"])], rows, period=built.period)


@blueprint.get("/channels/<public_id>/posts/<key>")
@policy(Act.SEE)
def post(public_id: str, key: str) -> Response:
    return page("analytics/post.html", page=_post_page(public_id, key))


def _post_page(public_id: str, key: str, **how: int) -> Any:
    built = build.post_page(current_user.workspace_id, _channel(public_id), key, **how, now=g.now)
    if built is None:
        raise NotFound("There is no such post.")
    return built


@blueprint.get("/channels/<public_id>/posts/<key>.csv")
@policy(Act.SEE)
def post_csv(public_id: str, key: str) -> Response:
    """One line a reading; a note stands at the first reading since its day began."""
    built = _post_page(public_id, key, most_points=build.ALL_READINGS)
    rows = (
        [iso(p.at), str(p.age_s), str(p.views), p.source, "rounded" if p.step else "exact", str(int(p.is_falling))]
        for p in built.curve
    )
    head = ["observed_at", "age_s", "views", "source", "precision", "is_falling", "annotation"]
    noted_rows = noted(rows, built.annotations, [p.age_s for p in built.curve])
    return files.answer("curve.csv", head, [[str(cell) for cell in row] for row in noted_rows])


@blueprint.get("/channels/<public_id>/posts/<key>/usual.csv")
@policy(Act.SEE)
def usual_csv(public_id: str, key: str) -> Response:
    """One line an age: this post's views and the quarter points of the posts before it."""
    built = _post_page(public_id, key)
    rows = (
        [
            str(row.age_s),
            *(c for f in (row.own, row.low, row.middle, row.high, row.posts) for c in files.figure_cells(f)),
        ]
        for row in built.usual
    )
    return files.answer("usual.csv", ["age_s", *files.heads(_USUAL_KEYS)], rows)


@blueprint.get("/help")
@policy(Act.PUBLIC)
def help_page() -> Response:
    """What the figures mean; people with a read-only link ask it too."""
    return page("analytics/help.html", definitions=DEFINITIONS.values())


def _days_csv(period: Period, lines: Sequence[DayLine], keys: Sequence[str]) -> Response:
    """One line a day; a number is empty where nothing was read."""
    rows = (
        [line.day.isoformat(), *(c for key in keys for c in files.figure_cells(line.figures[key])), line.notes]
        for line in lines
    )
    head = ["day", *files.heads(keys), "annotation"]
    return files.answer("days.csv", head, rows, period=period)
