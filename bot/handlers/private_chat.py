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
from bot import answers, emoji, money, places
from bot.dispatcher import Effect, Incoming, nothing
from bot.handlers import publishing, stars

_TEMPLATES = {"start": "welcome", "dashboard": "dashboard", "add_channel": "add_channel"}
_NUMBERS: dict[str, Callable[..., places.Answer]] = {
    "stats": answers.stats,
    "views": answers.views,
    places.COMMAND: answers.workspace,
    "myplan": money.plan,
    "paysupport": money.support,
}
COMMANDS = {
    "stats": i18n.N_("Your numbers of the last 30 days"),
    "views": i18n.N_("Views of the last posts"),
    "dashboard": i18n.N_("A link that opens everything in the browser"),
    "add_channel": i18n.N_("Connect a channel"),
    "schedule": i18n.N_("Schedule a post: /schedule 18:30 and its text"),
    "myposts": i18n.N_("What goes out next"),
    "cancel": i18n.N_("Call a scheduled post off"),
    "protect": i18n.N_("Which channels' posts can be forwarded and saved"),
    "myplan": i18n.N_("Your plan and how much of it is used"),
    "paysupport": i18n.N_("Help with a payment"),
}
Make = Callable[[User], tuple[str, dict[str, str]]]
_MOST_ANSWERS, _WINDOW = 20, timedelta(minutes=1)


def message(incoming: Incoming) -> Effect:
    """A command makes the person known and is answered; everything else, and all that own bots hear, is acknowledged."""
    said, payment = incoming.update.message, stars.of_message(incoming)
    if payment is not None:
        return payment
    if said is None or said.from_user is None or said.chat.type != "private" or _is_own_bot(incoming):
        return nothing
    words = (said.text or "").split(maxsplit=1)
    command = words[0].partition("@")[0] if words else ""
    name = command.removeprefix("/")
    if command.startswith("/") and name in publishing.COMMANDS:
        return partial(_answer, incoming, said.from_user, name, publishing.to_command(incoming, said, name))
    if not command.startswith("/") and (emoji_ids := emoji.ids_in(said)):
        return partial(_answer, incoming, said.from_user, "emoji", publishing.to_emoji(incoming, emoji_ids))
    if not command.startswith("/") or not _is_known(name):
        return nothing
    return partial(_answer, incoming, said.from_user, name, partial(_content, name, "", incoming.now))


def callback_query(incoming: Incoming) -> Effect:
    """A button is a command; one that we do not know any more says that it is old."""
    pressed = incoming.update.callback_query
    if pressed is None or _is_own_bot(incoming):
        return nothing
    command, _, argument = (pressed.data or "").partition(":")
    language = i18n.spoken(pressed.from_user.language_code)
    is_decision = command in publishing.BUTTONS
    old = "" if is_decision or _is_known(command) else i18n.say(language, "This button is old.")
    _end_waiting(incoming, pressed.id, old)
    if old:
        return nothing
    make: Make = partial(_content, command, argument, incoming.now)
    if is_decision:
        make = publishing.to_press(incoming, command, argument)
    return partial(_answer, incoming, pressed.from_user, command, make)


def _is_own_bot(incoming: Incoming) -> bool:
    return telegram.is_own(incoming.stored.bot_id)


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


def _answer(incoming: Incoming, sender: Sender, command: str, make: Make) -> None:
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
        template, params = make(person)
        notices.queue(
            template,
            user=person,
            bot_id=stored.bot_id,
            params=params,
            dedupe_key=f"{command}:{stored.bot_id}:{stored.update_id}",
            is_urgent=True,
            now=now,
        )


def _content(command: str, argument: str, now: datetime, person: User) -> tuple[str, dict[str, str]]:
    if command in _TEMPLATES and people.home(person.id) is not None:
        return _TEMPLATES[command], {"name": str(person.name)}
    answer = _NUMBERS.get(command, answers.stats)(person, argument, now=now)  # of no workspace: how to begin
    return "answer", {"text": answer.text, **answer.buttons}
