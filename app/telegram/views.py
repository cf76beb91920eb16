"""Where Telegram delivers updates: check the secret, store once, answer at once."""

from __future__ import annotations

from flask import Blueprint, current_app, g, request

from app.core import inbox
from app.core.errors import Invalid, Unauthenticated
from app.core.policy import Act, policy
from app.telegram import service

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")


@blueprint.post("/telegram/<int:bot_id>")
@policy(Act.HOOK)
def telegram(bot_id: int) -> tuple[str, int]:
    """A wrong secret or an unknown bot: 401, nothing stored. The bot process applies what is stored."""
    bot = service.bot_by_id(bot_id) if _is_id(bot_id) else None
    given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
    if bot is None or not service.is_webhook_secret(current_app.extensions["runtime"].bots, bot, given):
        raise Unauthenticated("This is not Telegram.", code="bad_secret")
    update = request.get_json(silent=True)
    if not isinstance(update, dict) or not _is_id(update.get("update_id")):
        raise Invalid("This is not an update.")
    inbox.store(bot_id, [update], now=g.now)
    return "", 200


def _is_id(number: object) -> bool:
    return isinstance(number, int) and 0 <= number < 2**63
