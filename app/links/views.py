"""The public door of tracked links."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.links import service as links

blueprint = Blueprint("links", __name__)
_PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


@blueprint.get("/r/<key>")
@policy(Act.PUBLIC)
@limiter.limit("600 per minute")  # the readers of a mobile operator share an address
def follow(key: str) -> Response:
    """Lead on to the link's address, and count the click."""
    purpose = " ".join(request.headers.get(name, "") for name in _PURPOSES)
    counts = links.is_click(request.method, user_agent=request.headers.get("User-Agent", ""), purpose=purpose)
    url = links.follow(key, is_click=counts, now=g.now)
    return Response(
        status=302, headers={"Location": url, "Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
    )
