"""Posts by the bot: /schedule, /myposts, /cancel, /protect and the buttons under its messages. What they do stands in bot/*.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from aiogram.types import Message

from app.accounts.models import User
from app.core import db, i18n
from app.core.errors import AppError
from app.posting.content import utf16
from app.posting.content.telegram import Entity
from bot import decisions, emoji, protect, publishing, scheduling
from bot.dispatcher import Incoming
from bot.places import Answer
from bot.publishing import Asker, Said

Made = tuple[str, dict[str, str]]
COMMANDS: dict[str, Callable[[Asker, Said], Answer]] = {
    "schedule": scheduling.schedule,
    "myposts": publishing.my_posts,
    "cancel": publishing.ask_to_cancel,
    "protect": protect.show,
}
BUTTONS: dict[str, Callable[[Asker, str], Answer]] = {
    "into": scheduling.put_into,
    "surely": scheduling.put_into_anyway,
    "cancel": publishing.cancel,
    "now": publishing.publish_now,
    "approve": decisions.approve,
    "return": decisions.ask_to_return,
    "back": decisions.give_back,
    "there": decisions.it_is_there,
    "again": decisions.send_again,
    "resume": decisions.resume,
    "protect": protect.switch,
    "emoji": emoji.take,
}


def to_command(incoming: Incoming, message: Message, name: str) -> Callable[[User], Made]:
    """What answers a command, inside the transaction of the update."""
    return partial(_made, incoming, partial(_call, COMMANDS[name], said_of(message)))


def to_press(incoming: Incoming, name: str, argument: str) -> Callable[[User], Made]:
    """What answers a pressed button."""
    return partial(_made, incoming, partial(_call, BUTTONS[name], argument))


def to_emoji(incoming: Incoming, emoji_ids: list[str]) -> Callable[[User], Made]:
    """What answers a message that holds custom emoji. Telegram is asked of them first, outside the transaction."""
    facts = emoji.facts_of(incoming.runtime, incoming.stored.bot_id, emoji_ids)
    return partial(_made, incoming, partial(_call, emoji.offer(facts), None))


def _call(verb: Callable[[Asker, Any], Answer], given: object, asker: Asker) -> Answer:
    return verb(asker, given)


def _made(incoming: Incoming, verb: Callable[[Asker], Answer], person: User) -> Made:
    """The answer; a refusal is answered in words and leaves nothing behind."""
    asker = Asker(person, incoming.runtime.settings.base_url, incoming.now)
    try:
        with db.database.atomic():
            answer = verb(asker)
    except AppError as refusal:
        answer = Answer(i18n.say(str(person.language), refusal.sentence, **refusal.params), {})
    return "answer", {"text": answer.text, **answer.buttons}


def said_of(message: Message) -> Said:
    """What stands behind the command, with its looks, and the message that it answers."""
    text = message.text or ""
    behind = text.partition(" ")[2] if " " in text.split("\n")[0] else text.partition("\n")[2]
    cut = utf16.length(text) - utf16.length(behind)
    replied = message.reply_to_message
    return Said(
        behind,
        _entities(message, cut),
        reply=(replied.text or "", _entities(replied, 0)) if replied else None,
        has_files=bool(replied and not replied.text),
    )


def _entities(message: Message, cut: int) -> tuple[Entity, ...]:
    """Telegram's entities, moved `cut` UTF-16 units towards the beginning."""
    given = [entity.model_dump(exclude_none=True) for entity in message.entities or ()]
    return publishing.moved((Entity.from_api(one) for one in given), cut)
