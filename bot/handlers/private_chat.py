"""What people write to the bot, and the buttons that they press."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from aiogram.types import User as Sender

from app.accounts.models import User
from app.accounts.service import people
from app.core import db, i18n, telemetry
from app.core.errors import Upstream
from app.notices import service as notices
from app.telegram import service as telegram
from bot import answers, places
from bot.dispatcher import Effect, Incoming, nothing

_TEMPLATES = {"start": "welcome", "dashboard": "dashboard", "add_channel": "add_channel"}
_NUMBERS: dict[str, Callable[..., places.Answer]] = {
    "stats": answers.stats,
    "views": answers.views,
    places.COMMAND: answers.workspace,
}
COMMANDS = {
    "stats": i18n.N_("Your numbers of the last 30 days"),
    "views": i18n.N_("Views of the last posts"),
    "dashboard": i18n.N_("A link that opens everything in the browser"),
    "add_channel": i18n.N_("Connect a channel"),
}
_MOST_ANSWERS, _WINDOW = 20, timedelta(minutes=1)


def message(incoming: Incoming) -> Effect:
    """A command makes the person known and is answered; everything else is acknowledged."""
    said = incoming.update.message
    if said is None or said.from_user is None or said.chat.type != "private":
        return nothing
    words = (said.text or "").split(maxsplit=1)
    command = words[0].partition("@")[0] if words else ""
    if not command.startswith("/") or not _is_known(command[1:]):
        return nothing
    return partial(_answer, incoming, said.from_user, command[1:], "")


def callback_query(incoming: Incoming) -> Effect:
    """A button is a command; one that we do not know any more says that it is old."""
    pressed = incoming.update.callback_query
    if pressed is None:
        return nothing
    command, _, argument = (pressed.data or "").partition(":")
    language = i18n.spoken(pressed.from_user.language_code)
    old = "" if _is_known(command) else i18n.say(language, "This button is old.")
    _end_waiting(incoming, pressed.id, old)
    return nothing if old else partial(_answer, incoming, pressed.from_user, command, argument)


def _is_known(command: str) -> bool:
    return command in _TEMPLATES or command in _NUMBERS


def _end_waiting(incoming: Incoming, callback_id: str, text: str) -> None:
    """Telegram forgets a press after some seconds, and then refuses the answer: nobody misses it."""
    bot = telegram.bot_by_id(incoming.stored.bot_id)
    try:
        if bot is not None:
            incoming.runtime.bots.telegram(bot).answer_callback(callback_id, text)
    except Upstream as error:
        telemetry.log().info("a pressed button was not answered", error=error.message)


def _answer(incoming: Incoming, sender: Sender, command: str, argument: str) -> None:
    stored, now = incoming.stored, incoming.now
    with db.write():
        person = people.ensure_person(
            sender.id,
            name=sender.full_name or "Telegram user",
            language=sender.language_code or "en",
            timezone=incoming.runtime.settings.default_timezone,
            now=now,
        )
        made = notices.answered_since(now - _WINDOW, chat_id=sender.id, bot_id=stored.bot_id)
        if made >= _MOST_ANSWERS:
            return  # a flood is acknowledged and not answered
        if command == "start":
            people.ensure_workspace(person, timezone=incoming.runtime.settings.default_timezone, now=now)
        template, params = _content(person, command, argument, now=now)
        notices.queue(
            template,
            user=person,
            bot_id=stored.bot_id,
            params=params,
            dedupe_key=f"{command}:{stored.bot_id}:{stored.update_id}",
            is_urgent=True,
            now=now,
        )


def _content(person: User, command: str, argument: str, *, now: datetime) -> tuple[str, dict[str, str]]:
    if command in _TEMPLATES and people.home(person.id) is not None:
        return _TEMPLATES[command], {"name": str(person.name)}
    answer = _NUMBERS.get(command, answers.stats)(person, argument, now=now)  # of no workspace: how to begin
    return "answer", {"text": answer.text, **answer.buttons}
