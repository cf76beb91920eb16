"""REST API v1: the same numbers as the pages, by an API key."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from app.accounts.service import keys
from app.analytics import asked, build, periods
from app.analytics.boosts import NONE, active_boosts
from app.analytics.pages import Figure
from app.core.clock import iso
from app.core.errors import Forbidden, Unauthenticated
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

_KEYS = ("subscribers", "growth", "views", "reach", "err", "err24", "er", "posts", "reactions")


def _holder(scope: str) -> keys.KeyHolder:
    secret = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    holder = keys.holder_of(secret, now=g.now) if secret else None
    if holder is None:
        raise Unauthenticated("Send a valid key: Authorization: Bearer ab_…", code="bad_key")
    if scope not in holder.scopes:
        raise Forbidden("This key does not have the scope %(scope)s.", scope=scope)
    return holder


@blueprint.get("/channels")
@policy(Act.API)
@limiter.limit("120 per minute")
def channels() -> Response:
    """The workspace's channels with the period's figures, each with its provenance."""
    holder = _holder("channels:read")
    period, rows = build.channel_rows(
        holder.workspace_id, timezone=holder.timezone, span=asked.span(request.args), now=g.now
    )
    end = periods.hour_moment(periods.day_starts(period.end, 1, holder.timezone)[1])
    (boosts,) = active_boosts(holder.workspace_id, [min(end, g.now)])
    return jsonify(
        channels=[
            {
                "id": row.public_id,
                "title": row.title,
                "username": row.username,
                "relation": row.relation,
                "state": row.state,
                **{key: _figure(getattr(row, key)) for key in _KEYS},
                "boosts": _figure(boosts.get(row.public_id, NONE)),
            }
            for row in rows
        ],
        period={
            "start": period.start.isoformat(),
            "end": period.end.isoformat(),
            "timezone": holder.timezone,
        },
    )


def _figure(figure: Figure) -> dict[str, Any] | None:
    if figure.value is None:
        return None
    return {
        "value": figure.value,
        "precision": figure.precision,
        "step": figure.step,
        "sources": list(figure.sources),
        "observed_at": iso(figure.observed_at) if figure.observed_at else None,
    }
