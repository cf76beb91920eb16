"""Writing a note on a channel's overview, and taking it back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request
from flask_login import current_user

from app.analytics import annotations as notes
from app.analytics import asked, build
from app.analytics.audience_views import mine
from app.core.errors import Invalid
from app.core.htmx import explained, page, redirect_or_hx
from app.core.policy import Act, policy

blueprint = Blueprint("annotations", __name__, url_prefix="/channels/<public_id>/annotations")
_FIELDS = ("day", "kind", "text")


@blueprint.post("")
@policy(Act.MANAGE_CHANNELS)
def add(public_id: str) -> Any:
    ref, who = mine(public_id), current_user
    values = {name: request.form.get(name, "")[:200] for name in _FIELDS}
    try:
        notes.add(
            who.workspace_id,
            None if request.form.get("everywhere") else ref.id,
            **values,
            timezone=ref.timezone,
            user_id=who.user_id,
            now=g.now,
        )
    except Invalid as error:
        built = build.channel_page(who.workspace_id, ref, span=asked.span({}), now=g.now)
        form: dict[str, Any] = {"note_values": values, "note_errors": dict.fromkeys(error.fields, explained(error))}
        return page("analytics/channel.html", status=422, page=built, **form)
    return redirect_or_hx(f"/channels/{public_id}")


@blueprint.post("/<key>/remove")
@policy(Act.MANAGE_CHANNELS)
def remove(public_id: str, key: str) -> Any:
    ref, who = mine(public_id), current_user
    notes.remove(who.workspace_id, ref.id, key, user_id=who.user_id, now=g.now)
    return redirect_or_hx(f"/channels/{public_id}")
