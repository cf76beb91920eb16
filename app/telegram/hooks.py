"""What Telegram delivers: check the secret, read the update, store it once. Without Flask, so that web can be quick."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from peewee import OperationalError

from app.core import i18n, inbox, telemetry
from app.core.errors import Invalid
from app.telegram import service
from app.telegram.service import Bots

_together = inbox.Together()


Answer = Callable[[int, dict[str, Any], datetime], dict[str, Any] | None]


def take(bots: Bots, bot_id: int, given: str, body: bytes, *, answer: Answer | None = None, now: datetime) -> bytes:
    """Store an update, durable on return; the bot process applies it. Returns the body of our reply, b"" mostly.

    What Telegram waits for (a question before a payment) is decided by `answer`, and the method that it returns goes
    back as the reply (core.telegram.org/bots/api, "Making requests when getting updates").

    Raises Unauthenticated (a wrong secret or an unknown bot; nothing is stored) and Invalid (not an update).
    """
    service.require_webhook_secret(bots, bot_id if _is_id(bot_id) else -1, given)
    try:
        update = json.loads(body)
    except ValueError:
        update = None
    if not isinstance(update, dict) or not _is_id(update.get("update_id")):
        raise Invalid("This is not an update.")
    asked = update.get("pre_checkout_query") if answer is not None else None
    try:
        _together.store(bot_id, update, now=now)
        told = answer(bot_id, update, now) if answer is not None and asked else None
    except OperationalError:
        if not asked:
            raise
        told = _busy(asked)
    return json.dumps(told).encode() if told else b""


def _busy(query: dict[str, Any]) -> dict[str, Any]:
    """The database did not answer, and Telegram will not wait: nothing is paid, and the payer may press again."""
    telemetry.log().error("a question before a payment met a database that does not answer")
    language = i18n.spoken((query.get("from") or {}).get("language_code"))
    told = {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": query.get("id"), "ok": False}
    return told | {"error_message": i18n.say(language, _TRY_AGAIN)}


_TRY_AGAIN = i18n.N_("We are very busy at this moment. Nothing was paid: please try again in a minute.")


def _is_id(number: object) -> bool:
    return isinstance(number, int) and 0 <= number < 2**63
