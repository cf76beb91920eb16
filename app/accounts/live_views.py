"""The way to the live process: a ticket for a stream."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, jsonify
from flask_login import current_user

from app.accounts.service import streams
from app.core.errors import NotFound
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

blueprint = Blueprint("live", __name__)


@blueprint.post("/live/ticket")
@policy(Act.SEE)
@limiter.limit("60 per minute")
def ticket() -> Any:
    """The address of a stream that says when to look again; it opens once, within half a minute."""
    settings = current_app.extensions["runtime"].settings
    if not settings.live_url:
        raise NotFound("Nothing is live here.")
    given = streams.ticket(settings.secret_key.get_secret_value(), current_user, now=g.now)
    return jsonify(url=f"{settings.live_url}/stream?ticket={given}")
