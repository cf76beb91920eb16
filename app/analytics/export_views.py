"""Handing in an export of Telegram Desktop: web takes the file, the jobs process reads it, the page tells how far it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, current_app, g, redirect, request, url_for
from flask_login import current_user

from app.analytics.sharing.views import channel_page, channel_ref
from app.core.errors import AppError
from app.core.htmx import explained, page
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.core.uploads import sent_file
from app.readings.service.desktop import uploads

blueprint = Blueprint("exports", __name__)
_TEMPLATE = "sharing/share.html"


@blueprint.post("/channels/<public_id>/export")
@policy(Act.MANAGE_CHANNELS, most_bytes=uploads.MOST_BYTES)
@limiter.limit("10 per minute; 60 per hour")
def hand_in(public_id: str) -> Any:
    """Take the file; the answer shows the row that waits for the jobs process."""
    channel = channel_ref(public_id)
    try:
        uploads.take(
            sent_file("file"),
            workspace_id=current_user.workspace_id,
            channel=channel,
            data_dir=current_app.extensions["runtime"].settings.data_dir,
            user_id=current_user.user_id,
            now=g.now,
        )
    except AppError as error:
        return page(
            _TEMPLATE, status=error.status, page=replace(channel_page(public_id), export_error=explained(error))
        )
    if request.headers.get("HX-Request") == "true":
        return page(_TEMPLATE, page=channel_page(public_id))
    return redirect(url_for("sharing.channel", public_id=public_id), 303)
