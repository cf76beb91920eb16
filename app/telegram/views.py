"""Where Telegram delivers updates. What it usually sends is answered before Flask: app/shortcuts.py."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, g, request

from app.core.policy import Act, policy
from app.telegram import hooks

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")


@blueprint.post("/telegram/<int:bot_id>")
@policy(Act.HOOK)
def telegram(bot_id: int) -> Response:
    """A wrong secret or an unknown bot: 401, nothing stored."""
    given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
    runtime = current_app.extensions["runtime"]
    told = hooks.take(runtime.bots, bot_id, given, request.get_data(), answer=runtime.answer_update, now=g.now)
    return Response(told, mimetype="application/json" if told else "text/html")
