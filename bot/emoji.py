"""Custom emoji at Telegram: sets are read, what a bot may do is tried, and people hand single ones in by a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from aiogram.types import Message

from app.boot import Runtime
from app.core import clock, db, i18n, telemetry
from app.core.errors import Invalid, Upstream
from app.core.i18n import N_
from app.core.policy import Act
from app.posting.emoji import palette, pictures, queries, reading, trials
from app.telegram import budget
from app.telegram import service as telegram
from app.telegram.port import CustomEmojiFacts
from bot import keyboards, places
from bot.loop import Loop
from bot.places import Answer, Place
from bot.publishing import Asker, may_act, require

_MOST_OFFERED = 12
_IN_A_ROW = 4
_MOST_SETS = 3
_TOKEN_IS_OVER = "Unauthorized"  # so Telegram answers by a token that its owner revoked
_NO_MORE = N_("Telegram does not have these custom emoji any more, so they cannot be put at hand. Choose others.")
_NOT_YOURS = N_("Those who manage the channels of “%(name)s” put custom emoji at hand.")


class EmojiReader(Loop):
    """Works off the sets that are asked for, their pictures, and the trials that are due."""

    def turn(self) -> int:
        """Do what is asked now; returns how often Telegram answered."""
        now = clock.utcnow()
        asked = sum(map(self._read, reading.due(now))) + sum(map(self._try, trials.due(now)))
        for wanted in pictures.due(now):  # a few between two rests: posts have the better part of the bot's budget
            self._fetch(wanted)
        return asked

    def _read(self, wish: reading.Wish) -> bool:
        bot, now = telegram.bot_by_id(wish.bot_id), clock.utcnow()
        if bot is None:
            reading.bot_is_gone(wish, Upstream("the bot is gone", permanent=True), now=now)
            return False
        if wait_s := budget.take_call(wish.bot_id, now=now):
            reading.put_off(wish, wait_s, now=now)
            return False
        try:
            found = self._runtime.bots.telegram(bot).emoji_set(wish.name)
        except Upstream as error:
            if error.retry_after_s:
                budget.obey_retry_after(wish.bot_id, error.retry_after_s, now=now)
            is_gone = error.permanent and _TOKEN_IS_OVER in error.message
            (reading.bot_is_gone if is_gone else reading.failed)(wish, error, now=clock.utcnow())
            return False
        reading.keep(wish, found, now=clock.utcnow())
        return True

    def _try(self, trial: trials.Trial) -> bool:
        bot, now = telegram.bot_by_id(trial.bot_id), clock.utcnow()
        if bot is None:
            return False
        wait_s = budget.take_call(trial.bot_id, now=now) or budget.reserve_send(trial.bot_id, trial.chat_id, now=now)
        if wait_s or not self._is_there(trial):
            if wait_s:
                trials.put_off(trial, wait_s, now=now)
            return False
        outcome = trials.make(trial, self._runtime.bots.telegram(bot), now=clock.utcnow())
        telemetry.log().info("custom emoji tried", bot_id=trial.bot_id, outcome=outcome)
        return outcome != trials.FAILED

    def _is_there(self, trial: trials.Trial) -> bool:
        """Whether Telegram has the emoji: what it has no more is dropped everywhere, and tells nothing of a bot."""
        bot, now = telegram.bot_by_id(trial.bot_id), clock.utcnow()
        assert bot is not None
        try:
            facts = self._runtime.bots.telegram(bot).custom_emoji([trial.emoji_id])
        except Upstream as error:
            trials.failed(trial, error, now=now)
            return False
        if not facts:
            trials.without_its_emoji(trial, now=now)
            return False
        with db.write():
            reading.note(facts, now=now)
        return True

    def _fetch(self, wanted: pictures.Wanted) -> None:
        bot, now = telegram.bot_by_id(wanted.bot_id), clock.utcnow()
        if bot is not None and not budget.take_call(wanted.bot_id, now=now):
            pictures.fetch(wanted, self._runtime.bots.telegram(bot), now=now)


def ids_in(message: Message) -> list[str]:
    """The custom emoji of a message, each once, in their order."""
    entities = [*(message.entities or ()), *(message.caption_entities or ())]
    found = [one.custom_emoji_id for one in entities if one.type == "custom_emoji" and one.custom_emoji_id]
    return list(dict.fromkeys(found))[: palette.MOST_AT_ONCE]


def facts_of(runtime: Runtime, bot_id: int, emoji_ids: Sequence[str]) -> tuple[CustomEmojiFacts, ...] | None:
    """What Telegram says of them, () when it knows none; None where it does not tell now: nobody waits for it."""
    bot = telegram.bot_by_id(bot_id)
    if bot is None or budget.take_call(bot_id, now=clock.utcnow()):
        return None
    try:
        return runtime.bots.telegram(bot).custom_emoji(emoji_ids)
    except Upstream as error:
        telemetry.log().info("custom emoji of a message were not read", error=error.message)
        return None


def offer(facts: Sequence[CustomEmojiFacts] | None) -> Callable[[Asker, object], Answer]:
    """What answers a message that holds custom emoji: a button for each that is not at hand yet."""

    def answer(asker: Asker, _said: object) -> Answer:
        place = places.place_of(asker.person)
        if place is None:
            return places.ask(asker.person)
        if not may_act(asker, place.workspace.id, Act.MANAGE_CHANNELS):
            return place.answer(i18n.say(asker.language, _NOT_YOURS, name=place.workspace.name))
        return _offered(asker, place, facts)

    return answer


def _offered(asker: Asker, place: Place, facts: Sequence[CustomEmojiFacts] | None) -> Answer:
    here = place.workspace.id
    if facts is None:
        return place.answer(
            i18n.say(asker.language, "Telegram does not tell what these are now. Send them once more in a moment.")
        )
    if not facts:
        return place.answer(i18n.say(asker.language, _NO_MORE))
    reading.note(facts, now=asker.now)
    for name in list(dict.fromkeys(one.set_name for one in facts if one.set_name))[:_MOST_SETS]:
        with suppress(Invalid):  # the list of sets is full: these single ones can be taken all the same
            palette.ask_for(here, name, now=asker.now)
    mine = {one.emoji_id for one in queries.palette_of(here)}
    new = [one for one in facts if one.emoji_id not in mine]
    link = f"{asker.base_url}/emoji"
    if not new:
        return place.answer(i18n.say(asker.language, "You have all of these at hand already: %(link)s", link=link))
    text = i18n.say(
        asker.language, "Which of these do you want at hand for your posts?\nTheir sets: %(link)s", link=link
    )
    answer = place.answer(f"{text}\n{room_line(here, asker)}")
    return Answer(answer.text, {**answer.buttons, **keyboards.rows_of(_rows(new[:_MOST_OFFERED]))})


def _rows(new: Sequence[CustomEmojiFacts]) -> Iterable[list[tuple[str, str]]]:
    buttons = [(f"emoji:{one.emoji_id}", one.plain) for one in new]
    return (buttons[at : at + _IN_A_ROW] for at in range(0, len(buttons), _IN_A_ROW))


def room_line(workspace_id: int, asker: Asker) -> str:
    """How many new ones the month still has."""
    left = queries.room_of(workspace_id, now=asker.now).left
    if left is None:
        return i18n.say(asker.language, "Your plan has no limit of them.")
    return i18n.say_many(
        asker.language, "%(num)s new one is left this month.", "%(num)s new ones are left this month.", left
    )


def take(asker: Asker, emoji_id: str) -> Answer:
    """Put a custom emoji at hand. Raises LimitReached, NotFound, Forbidden."""
    place = places.place_of(asker.person)
    if place is None:
        return places.ask(asker.person)
    here = place.workspace.id
    require(asker, here, Act.MANAGE_CHANNELS)
    palette.add(here, [emoji_id], user_id=asker.person.id, now=asker.now)
    (plain,) = db.row("SELECT plain FROM custom_emoji WHERE emoji_id = ?", emoji_id) or ("",)
    text = i18n.say(asker.language, "%(emoji)s is at hand in the composer now.", emoji=plain)
    return place.answer(f"{text}\n{room_line(here, asker)}")
