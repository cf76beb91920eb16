"""The pages of numbers, their CSV twins, and their ETags."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Blueprint, Response, current_app, g, make_response, request
from flask_login import current_user

from app.analytics import build, etags, periods, queries
from app.analytics.pages import Figure
from app.channels.queries import ChannelRef, channel_of
from app.core.clock import iso
from app.core.errors import Invalid, NotFound
from app.core.htmx import page
from app.core.policy import Act, policy

blueprint = Blueprint("analytics", __name__)


def _days() -> int:
    given = request.args.get("days", "30")
    if _small(given) not in periods.CHOICES:
        choices = ", ".join(map(str, periods.CHOICES))
        raise Invalid(f"The period must be one of {choices} days.", fields={"days": "unknown"})
    return int(given)


def _small(text: str) -> int | None:
    """A whole number of at most nine plain digits, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _channel(public_id: str) -> ChannelRef:
    """The workspace's channel; a stranger's and a missing one answer alike."""
    found = channel_of(current_user.workspace_id, public_id)
    if found is None:
        raise NotFound("There is no such channel.")
    return found


def _unchanged() -> tuple[str, Response | None]:
    """The tag of what the person would see now, and a 304 when they have it (app/shortcuts.py usually says so)."""
    tag = etags.tag(current_user, request.environ, now=g.now)
    if tag not in request.if_none_match:
        return tag, None
    answer = make_response("", 304)
    answer.set_etag(tag)
    return tag, answer


@blueprint.get("/network")
@policy(Act.SEE)
def network() -> Response:
    tag, unchanged = _unchanged()
    if unchanged:
        return unchanged
    built = _network_page()
    response = page("analytics/network.html", page=built)
    response.set_etag(tag)
    return response


def _network_page() -> Any:
    settings = current_app.extensions["runtime"].settings
    return build.network_page(
        current_user.workspace_id,
        current_user.workspace_name,
        timezone=current_user.workspace_timezone,
        days=_days(),
        is_demo=settings.demo,
        now=g.now,
    )


@blueprint.get("/network.csv")
@policy(Act.SEE)
def network_csv() -> Response:
    keys = ("subscribers", "views", "reach", "posts")
    rows = ([r.title, r.username or "", *_cells(r, keys)] for r in _network_page().rows)
    return _csv("network.csv", ["channel", "username", *_heads(keys)], rows)


def _heads(keys: Sequence[str]) -> list[str]:
    return [f"{key}{suffix}" for key in keys for suffix in ("", "_source", "_precision", "_observed_at")]


def _cells(owner: Any, keys: Sequence[str]) -> list[str]:
    return [cell for key in keys for cell in _figure_cells(getattr(owner, key))]


def _figure_cells(figure: Figure) -> list[str]:
    if figure.value is None:
        return ["", "", "", ""]
    at = iso(figure.observed_at) if figure.observed_at else ""
    return [str(figure.value), "+".join(figure.sources), figure.precision, at]


def _csv(name: str, head: list[str], rows: Iterable[list[str]]) -> Response:
    """A CSV in which no cell of a person's text is a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    response = make_response(out.getvalue())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _harmless(cell: str) -> str:
    is_number = cell.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell and not is_number else cell


@blueprint.get("/channels/<public_id>")
@policy(Act.SEE)
def channel(public_id: str) -> Response:
    ref = _channel(public_id)
    tag, unchanged = _unchanged()
    if unchanged:
        return unchanged
    sort, order, shown = (
        request.args.get(k, d) for k, d in (("sort", "posted_at"), ("order", "desc"), ("show", "all"))
    )
    offset = request.args.get("offset", "0")
    if sort not in queries.SORTS or order not in ("asc", "desc") or _small(offset) is None:
        raise Invalid("This table cannot be sorted so.")
    if shown not in ("all", "top", "flop", *build.MEDIA):
        raise Invalid("There is no such filter.")
    built = build.channel_page(
        current_user.workspace_id,
        ref,
        days=_days(),
        sort=sort,
        order=order,
        shown=shown,
        offset=int(offset),
        now=g.now,
    )
    response = page("analytics/channel.html", page=built)
    response.set_etag(tag)
    return response


@blueprint.get("/channels/<public_id>/posts.csv")
@policy(Act.SEE)
def posts_csv(public_id: str) -> Response:
    ref, keys = _channel(public_id), ("views", "views_24h", "reactions", "er")
    rows = (
        [p.public_id, iso(p.posted_at), p.media_label, str(p.text_length or ""), *_cells(p, keys)]
        for p in build.all_posts(current_user.workspace_id, ref, days=_days(), now=g.now)
    )
    return _csv("posts.csv", ["post", "posted_at", "media", "text_length", *_heads(keys)], rows)


@blueprint.get("/channels/<public_id>/posts/<key>")
@policy(Act.SEE)
def post(public_id: str, key: str) -> Response:
    return page("analytics/post.html", page=_post_page(public_id, key))


def _post_page(public_id: str, key: str) -> Any:
    built = build.post_page(current_user.workspace_id, _channel(public_id), key, now=g.now)
    if built is None:
        raise NotFound("There is no such post.")
    return built


@blueprint.get("/channels/<public_id>/posts/<key>.csv")
@policy(Act.SEE)
def post_csv(public_id: str, key: str) -> Response:
    rows = (
        [iso(p.at), str(p.age_s), str(p.views), p.source, "rounded" if p.step else "exact", str(int(p.is_falling))]
        for p in _post_page(public_id, key).curve
    )
    return _csv("curve.csv", ["observed_at", "age_s", "views", "source", "precision", "is_falling"], rows)
