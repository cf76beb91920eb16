"""What Telegram delivers: check the secret, read the update, store it once. Without Flask, so that web can be quick."""

from __future__ import annotations

import json
from datetime import datetime

from app.core import inbox
from app.core.errors import Invalid
from app.telegram import service
from app.telegram.service import Bots

_together = inbox.Together()


def take(bots: Bots, bot_id: int, given: str, body: bytes, *, now: datetime) -> None:
    """Store an update, durable on return; the bot process applies it.

    Raises Unauthenticated (a wrong secret or an unknown bot; nothing is stored) and Invalid (not an update).
    """
    service.require_webhook_secret(bots, bot_id if _is_id(bot_id) else -1, given)
    try:
        update = json.loads(body)
    except ValueError:
        update = None
    if not isinstance(update, dict) or not _is_id(update.get("update_id")):
        raise Invalid("This is not an update.")
    _together.store(bot_id, update, now=now)


def _is_id(number: object) -> bool:
    return isinstance(number, int) and 0 <= number < 2**63
