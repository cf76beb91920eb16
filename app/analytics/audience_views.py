"""The audience page and its CSV twins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, g, request
from flask_login import current_user

from app.analytics import asked, files
from app.analytics.annotations import said_on
from app.analytics.audience_pages import AudiencePage
from app.analytics.build.audience import COHORT_WEEKS, audience_page, boosts_by_day
from app.analytics.build.blocks import block_of
from app.analytics.build.causes import IN_FILE, causes_of
from app.channels.queries import ChannelRef, channel_of
from app.core.clock import iso
from app.core.errors import NotFound
from app.core.htmx import page
from app.core.policy import Act, policy

blueprint = Blueprint("audience", __name__, url_prefix="/channels/<public_id>/audience")
_SOURCE = ("joined", "here", "left", "kept_24h", "kept_7d", "kept_30d")
_CAUSE = ("leaves", "expected", "excess")
_GAP = ("start", "joins", "leaves", "counted", "gap")


def mine(public_id: str) -> ChannelRef:
    """The workspace's channel; a stranger's and a missing one answer alike."""
    found = channel_of(current_user.workspace_id, public_id)
    if found is None:
        raise NotFound("There is no such channel.")
    return found


def _page(public_id: str) -> AudiencePage:
    span = asked.span(request.args)
    return audience_page(current_user.workspace_id, mine(public_id), span=span, now=g.now)


@blueprint.get("")
@policy(Act.SEE)
def show(public_id: str) -> Response:
    return page("analytics/audience.html", page=_page(public_id), weeks=COHORT_WEEKS)


@blueprint.get("/days.csv")
@policy(Act.SEE)
def days_csv(public_id: str) -> Response:
    """Joins and leaves by day, none where the bot was told of nothing in all of the period; active boosts at its end."""
    built, keys = _page(public_id), ("joins", "leaves")
    boosts = boosts_by_day(current_user.workspace_id, mine(public_id), built.period, now=g.now)
    rows = (
        [
            a.day.isoformat(),
            *(c for key, p in zip(keys, (a, b), strict=True) for c in _told(built, key, p.value)),
            *files.figure_cells(boosts[n]),
            said_on(built.annotations, n),
        ]
        for n, (a, b) in enumerate(zip(built.joins, built.leaves, strict=True))
    )
    head = ["day", *files.heads([*keys, "boosts"]), "annotation"]
    return files.answer("audience_days.csv", head, rows, period=built.period)


def _told(built: AudiencePage, key: str, value: int | None) -> list[str]:
    whole = built.tiles[key]
    return files.figure_cells(whole if whole.value is None else whole.says(value))


@blueprint.get("/sources.csv")
@policy(Act.SEE)
def sources_csv(public_id: str) -> Response:
    built = _page(public_id)
    rows = ([r.kind, r.name, r.detail, *files.cells(r, _SOURCE)] for r in built.sources)
    head = ["way", "name", "ran_in", *files.heads(_SOURCE)]
    return files.answer("audience_sources.csv", head, rows, period=built.period)


@blueprint.get("/cohorts.csv")
@policy(Act.SEE)
def cohorts_csv(public_id: str) -> Response:
    """The last weeks up to now, whatever the period of the page: only their zone is told."""
    keys, built = [f"kept_week_{n}" for n in range(1, COHORT_WEEKS)], _page(public_id)
    rows: Any = (
        [r.week.isoformat(), *files.cells(r, ["joined"]), *(c for f in r.kept for c in _cells(f)), built.timezone]
        for r in built.cohorts
    )
    return files.answer("audience_cohorts.csv", ["week", *files.heads(["joined", *keys]), "timezone"], rows)


def _cells(figure: Any) -> list[str]:
    return files.figure_cells(figure) if figure else [""] * len(files.heads(["x"]))


@blueprint.get("/gaps.csv")
@policy(Act.SEE)
def gaps_csv(public_id: str) -> Response:
    built = _page(public_id)
    rows = ([r.day.isoformat(), r.reason, *files.cells(r, _GAP)] for r in built.gaps)
    period = replace(built.period, timezone="UTC")
    return files.answer("audience_gaps.csv", ["utc_day", "reason", *files.heads(_GAP)], rows, period=period)


@blueprint.get("/causes.csv")
@policy(Act.SEE)
def causes_csv(public_id: str) -> Response:
    """Unsubscribes per post: leaves within two hours, the number expected without it, and the false discovery rate."""
    ref, span = mine(public_id), asked.span(request.args)
    period, block = block_of(current_user.workspace_id, ref, span=span, now=g.now)
    found = causes_of(ref, block.starts, query=span.query, limit=IN_FILE)
    rows = (
        [
            r.key,
            iso(r.posted_at),
            r.media_label,
            r.verdict,
            *("" if n is None else f"{n:.4g}" for n in (r.p, r.q)),
            *files.cells(r, _CAUSE),
        ]
        for r in found.rows
    )
    head = ["post", "posted_at", "media", "verdict", "p", "q", *files.heads(_CAUSE)]
    return files.answer("causes.csv", head, rows, period=period)
