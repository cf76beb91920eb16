"""What people write to the bot."""

from __future__ import annotations

from functools import partial

from aiogram.types import User

from app.accounts.service import people
from app.core import db
from app.notices import service as notices
from bot.dispatcher import Effect, Incoming, nothing


def message(incoming: Incoming) -> Effect:
    """/start makes the person known and greets them; everything else is acknowledged."""
    said = incoming.update.message
    if said is None or said.from_user is None or said.chat.type != "private":
        return nothing
    words = (said.text or "").split(maxsplit=1)
    return partial(_welcome, incoming, said.from_user) if words and words[0] == "/start" else nothing


def _welcome(incoming: Incoming, sender: User) -> None:
    stored, now = incoming.stored, incoming.now
    with db.write():
        person = people.ensure_person(
            sender.id,
            name=sender.full_name or "Telegram user",
            language=sender.language_code or "en",
            timezone=incoming.runtime.settings.default_timezone,
            now=now,
        )
        notices.queue(
            "welcome",
            user=person,
            bot_id=stored.bot_id,
            params={"name": person.name},
            dedupe_key=f"welcome:{stored.bot_id}:{stored.update_id}",
            is_urgent=True,
            now=now,
        )
