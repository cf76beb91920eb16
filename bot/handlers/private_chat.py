"""What people write to the bot."""

from __future__ import annotations

from functools import partial

from aiogram.types import User

from app.accounts.service import people
from app.core import db
from app.notices import service as notices
from bot.dispatcher import Effect, Incoming, nothing

_ANSWERS = {"/start": "welcome", "/dashboard": "dashboard", "/add_channel": "add_channel"}


def message(incoming: Incoming) -> Effect:
    """A command makes the person known and is answered; everything else is acknowledged."""
    said = incoming.update.message
    if said is None or said.from_user is None or said.chat.type != "private":
        return nothing
    words = (said.text or "").split(maxsplit=1)
    template = _ANSWERS.get(words[0].partition("@")[0]) if words else None
    return partial(_answer, incoming, said.from_user, template) if template else nothing


def _answer(incoming: Incoming, sender: User, template: str) -> None:
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
            template,
            user=person,
            bot_id=stored.bot_id,
            params={"name": person.name},
            dedupe_key=f"{template}:{stored.bot_id}:{stored.update_id}",
            is_urgent=True,
            now=now,
        )
