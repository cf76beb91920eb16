"""Our bot's own place in a channel: made administrator, rights changed, removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from functools import partial
from typing import TypeVar

from aiogram.types import ChatMemberUpdated

from app.accounts.service import people
from app.channels.service.connect import ChatFacts
from app.channels.service.rights import WANTED
from app.core.errors import Upstream
from app.readings.service import updates
from app.readings.service.updates import ADMINISTRATOR, AskedTelegram, BotStanding
from app.telegram import service as telegram
from bot.dispatcher import Effect, Incoming, nothing

Answer = TypeVar("Answer")


def my_chat_member(incoming: Incoming) -> Effect:
    change = incoming.update.my_chat_member
    if change is None or change.chat.type != "channel":
        return nothing
    standing = _standing(incoming, change)
    settings = incoming.runtime.settings
    return partial(
        updates.note_standing,
        standing,
        _ask(incoming, standing) if standing.status == ADMINISTRATOR and _is_for(standing) else None,
        limits=incoming.runtime.limits,
        is_simulated=bool(settings.simulator_url),
        pages_per_minute=settings.preview_pages_per_minute,
        now=incoming.now,
    )


def _is_for(standing: BotStanding) -> bool:
    """Whether the bot connects channels for this person: an own bot does so for its own workspace only."""
    bot = telegram.bot_by_id(standing.bot_id)
    if bot is None or bot.workspace_id is None:
        return True
    mine = people.managed_workspace(standing.changed_by)
    return mine is not None and mine[1] == bot.workspace_id


def _standing(incoming: Incoming, change: ChatMemberUpdated) -> BotStanding:
    member, chat = change.new_chat_member, change.chat
    return BotStanding(
        bot_id=incoming.stored.bot_id,
        update_id=incoming.stored.update_id,
        chat=ChatFacts(chat.id, chat.title or chat.username or str(chat.id), chat.username),
        was=str(change.old_chat_member.status),
        status=str(member.status),
        rights={right: bool(getattr(member, right, False)) for right in WANTED},
        changed_by=change.from_user.id,
        changed_at=change.date.astimezone(UTC),
    )


def _ask(incoming: Incoming, standing: BotStanding) -> AskedTelegram | None:
    """Ask who the person is there. A bot that is gone meanwhile is refused, and then nobody's claim holds."""
    bot = telegram.bot_by_id(standing.bot_id)
    if bot is None:
        return None
    line, chat_id = incoming.runtime.bots.telegram(bot), standing.chat.telegram_chat_id
    return AskedTelegram(
        member_status=_unless_refused(lambda: line.member_status(chat_id, standing.changed_by)) or "",
        member_count=_unless_refused(lambda: line.member_count(chat_id)),
    )


def _unless_refused(ask: Callable[[], Answer]) -> Answer | None:
    try:
        return ask()
    except Upstream as error:
        if error.permanent:
            return None
        raise
