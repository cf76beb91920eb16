"""The pages of numbers, their CSV twins, and their ETags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Response, current_app, g, make_response, request
from flask_login import current_user

from app.analytics import asked, build, etags, files
from app.analytics.annotations import Note
from app.analytics.definitions import DEFINITIONS
from app.channels.queries import ChannelRef, channel_of
from app.core.clock import iso
from app.core.errors import NotFound
from app.core.htmx import page
from app.core.policy import Act, policy

blueprint = Blueprint("analytics", __name__)
_ROW_KEYS = ("subscribers", "growth", "views", "reach", "err", "err24", "er", "posts", "reactions")
_POST_KEYS = ("views", "views_24h", "reactions", "forwards", "comments", "er")


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
    rows = ([r.title, r.username or "", *files.cells(r, _ROW_KEYS)] for r in _network_page().rows)
    return files.answer("network.csv", ["channel", "username", *files.heads(_ROW_KEYS)], rows)


@blueprint.get("/network/days.csv")
@policy(Act.SEE)
def network_days_csv() -> Response:
    built = _network_page()
    return _days_csv(subscribers=built.growth, views=built.views_by_day)


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
    built = _overview(_channel(public_id))
    return _days_csv(
        subscribers=built.growth, views=built.views_by_day, reach=built.reach_by_day, notes=built.annotations
    )


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
    found = build.all_posts(current_user.workspace_id, _channel(public_id), span=asked.span(request.args), now=g.now)
    rows = (
        [p.public_id, iso(p.posted_at), p.media_label, str(p.text_length or ""), *files.cells(p, _POST_KEYS)]
        for p in found
    )
    return files.answer("posts.csv", ["post", "posted_at", "media", "text_length", *files.heads(_POST_KEYS)], rows)


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
    heat = _content_page(_channel(public_id)).heat
    rows = (
        [str(weekday + 1), str(hour), "" if views is None else str(views)]
        for weekday, hours in enumerate(heat)
        for hour, views in enumerate(hours)
    )
    return files.answer("hours.csv", ["weekday", "hour", "views"], rows)


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
    rows = (
        [iso(p.at), str(p.age_s), str(p.views), p.source, "rounded" if p.step else "exact", str(int(p.is_falling))]
        for p in _post_page(public_id, key, most_points=build.ALL_READINGS).curve
    )
    return files.answer("curve.csv", ["observed_at", "age_s", "views", "source", "precision", "is_falling"], rows)


@blueprint.get("/help")
@policy(Act.PUBLIC)
def help_page() -> Response:
    """What the figures mean; people with a read-only link ask it too."""
    return page("analytics/help.html", definitions=DEFINITIONS.values())


def _days_csv(notes: Sequence[Note] | None = None, **series: Sequence[Any]) -> Response:
    """One line a day, one column a series; empty where nothing was read. `notes` make one more."""
    days = next(iter(series.values()))
    said = [
        ["; ".join(n.text for n in notes if n.place == place)] if notes is not None else []
        for place in range(len(days))
    ]
    rows = (
        [point.day.isoformat(), *("" if s[n].value is None else str(s[n].value) for s in series.values()), *said[n]]
        for n, point in enumerate(days)
    )
    return files.answer("days.csv", ["day", *series, *(["annotation"] if notes is not None else [])], rows)
