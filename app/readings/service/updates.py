"""What a bot is told by Telegram, turned into posts, readings, rights and owned channels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.accounts.models import User
from app.accounts.service import people
from app.channels.models import BotRights, Channel, Chat
from app.channels.service import connect, members, rights
from app.channels.service.connect import ChatFacts
from app.core import db, i18n
from app.core.errors import AppError
from app.core.policy import Limits
from app.core.tenancy import unscoped
from app.notices import service as notices
from app.readings.service import versions
from app.readings.service.facts import PostFacts
from app.readings.service.ingest import record_reactions, record_readings, record_subscribers
from app.readings.service.onboard import connect_owned
from app.readings.service.posts import edited_at_of, post_id_of, record_posts
from app.readings.service.sources import BOT_UPDATES, ensure_source

ADMINISTRATOR = "administrator"
EDITED, STANDING = "edited_channel_post", "my_chat_member"


@dataclass(frozen=True, slots=True)
class BotStanding:
    """What a bot may do in a chat after somebody changed it, and who did."""

    bot_id: int
    update_id: int
    chat: ChatFacts
    was: str
    status: str
    rights: Mapping[str, bool]
    changed_by: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class AskedTelegram:
    """What Telegram answered when a bot became administrator: the changing person's status there, and its members."""

    member_status: str
    member_count: int | None


def known_chat(telegram_chat_id: int) -> Chat | None:
    """The chat, if a workspace keeps it or a bot of ours was told of its rights there."""
    chat: Chat | None = Chat.get_or_none(Chat.telegram_chat_id == telegram_chat_id)
    if chat is None:
        return None
    with unscoped("Telegram's facts are collected once for every workspace"):
        is_kept = Channel.select().where(Channel.chat == chat.id, Channel.deleted_at.is_null()).exists()
    return chat if is_kept or BotRights.select().where(BotRights.chat == chat.id).exists() else None


def note_post(telegram_chat_id: int, facts: PostFacts, *, bot_id: int, update_id: int, now: datetime) -> bool:
    """Keep a new or edited message, and what it said before. Updates hold no views, so none here.

    False when the chat is not ours to collect, or when a later edit of the message is kept already: then what it said
    takes its place among the versions.
    """
    chat = known_chat(telegram_chat_id)
    if chat is None:
        return False
    with db.write():
        told = versions.Telling(ensure_source(BOT_UPDATES, now=now), now, update_id)
        post_id = post_id_of(chat.id, facts.message_id)
        before = versions.standing(post_id) if post_id is not None else None
        is_old = is_older_edit(chat, facts, bot_id=bot_id, update_id=update_id)
        if not is_old:
            post_id = record_posts(chat.id, [facts])[facts.key]
        if post_id is not None:
            versions.note_told(post_id, before, facts, told)
    return not is_old


def is_older_edit(chat: Chat, facts: PostFacts, *, bot_id: int, update_id: int) -> bool:
    """Whether an edit is kept that Telegram dated later, or numbered later in the same second."""
    kept = edited_at_of(chat.id, facts.message_id)
    if kept is None:
        return False
    if facts.edited_at is None or facts.edited_at != kept:
        return facts.edited_at is None or facts.edited_at < kept
    overtook = _applied_after(EDITED, chat.telegram_chat_id or 0, bot_id=bot_id, update_id=update_id)
    second = int(kept.timestamp())
    return any((body["message_id"], body.get("edit_date")) == (facts.message_id, second) for body in overtook)


def _applied_after(kind: str, telegram_chat_id: int, *, bot_id: int, update_id: int) -> list[dict[str, Any]]:
    """The chat's updates of one kind that are numbered after this one and yet were applied before it.

    Telegram numbers a bot's updates upwards, but begins anew at random after a quiet week: compare dates first.
    """
    sql = (
        "SELECT payload FROM inbox WHERE bot_id = ? AND update_id > ? AND chat_key = ? AND kind = ?"
        " AND processed_at IS NOT NULL"
    )
    return [json.loads(text)[kind] for (text,) in db.rows(sql, bot_id, update_id, telegram_chat_id, kind)]


def note_reactions(
    telegram_chat_id: int, message_id: int, counts: Mapping[str, int], *, observed_at: datetime, now: datetime
) -> bool:
    """Keep a message's reactions. False for a message we do not know: the update does not say when it was posted."""
    chat = known_chat(telegram_chat_id)
    post_id = post_id_of(chat.id, message_id) if chat else None
    if chat is None or post_id is None:
        return False
    with db.write():
        source_id = ensure_source(BOT_UPDATES, now=now)
        exact = {emoji: (count, 0) for emoji, count in counts.items()}
        record_reactions(post_id, source_id=source_id, counts=exact, observed_at=observed_at)
        at_ms = db.to_ms(observed_at.replace(microsecond=0))
        record_readings(chat.id, [(post_id, at_ms, source_id, None, sum(counts.values()), 0)], now=now)
    return True


def note_member(
    telegram_chat_id: int,
    *,
    bot_id: int,
    update_id: int,
    member_hash: str,
    was: str,
    now_is: str,
    invite_link: str | None,
    at: datetime,
    via_request: bool | None = None,
) -> str | None:
    """Keep a join or a leave; returns "join", "leave", or None when it was neither or the chat is not ours."""
    chat = known_chat(telegram_chat_id)
    if chat is None:
        return None
    return members.note_change(
        chat,
        bot_id=bot_id,
        update_id=update_id,
        member_hash=member_hash,
        was=was,
        now_is=now_is,
        invite_link=invite_link,
        at=at,
        via_request=via_request,
    )


def note_member_count(chat_id: int, value: int, *, now: datetime) -> None:
    """Keep the subscriber count that Telegram told a bot: exact."""
    with db.write():
        source_id = ensure_source(BOT_UPDATES, now=now)
        record_subscribers(chat_id, source_id=source_id, value=value, step=0, observed_at=now)


def note_standing(
    standing: BotStanding,
    asked: AskedTelegram | None,
    *,
    limits: Limits,
    is_simulated: bool,
    pages_per_minute: int,
    now: datetime,
) -> None:
    """Keep a bot's rights in a chat; when it was just made administrator, connect the chat for who did that.

    `asked` is None when the bot is no administrator, or nobody needed asking. A change that a later one overtook on
    the way does nothing.
    """
    with db.write():
        if is_overtaken(standing):
            return
        if standing.status != ADMINISTRATOR and known_chat(standing.chat.telegram_chat_id) is None:
            return
        chat = connect.ensure_chat(standing.chat, now=now)
        is_new = standing.was != ADMINISTRATOR or rights.check(standing.bot_id, chat.id) is None
        rights.note(
            chat,
            bot_id=standing.bot_id,
            status=standing.status,
            rights=standing.rights,
            granted_by=standing.changed_by if standing.status == ADMINISTRATOR else None,
            said_at=standing.changed_at,
            now=now,
        )
        if asked is None:
            return
        if asked.member_count is not None:
            note_member_count(chat.id, asked.member_count, now=now)
        mine = people.managed_workspace(standing.changed_by)
        if mine and is_new:
            _connect(chat, standing, asked, mine, limits, is_simulated, pages_per_minute, now)


def is_overtaken(standing: BotStanding) -> bool:
    """Whether a later change of this bot's standing was applied already, even if it left no trace in a chat not ours."""
    chat_id = standing.chat.telegram_chat_id
    known = db.row("SELECT id FROM chat WHERE telegram_chat_id = ?", chat_id)
    if known and rights.is_outdated(standing.bot_id, known[0], standing.changed_at):
        return True
    overtook = _applied_after(STANDING, chat_id, bot_id=standing.bot_id, update_id=standing.update_id)
    return any(body["date"] >= standing.changed_at.timestamp() for body in overtook)


def _connect(
    chat: Chat,
    standing: BotStanding,
    asked: AskedTelegram,
    mine: tuple[User, int],
    limits: Limits,
    is_simulated: bool,
    pages_per_minute: int,
    now: datetime,
) -> None:
    """Claim the chat for the person's workspace and tell them how that went."""
    person, workspace_id = mine
    try:
        with db.database.atomic():  # a savepoint: what was refused leaves nothing behind, the rights stay
            connect_owned(
                chat,
                workspace_id=workspace_id,
                actor=f"user:{person.public_id}",
                member_status=asked.member_status,
                bot_id=standing.bot_id,
                limits=limits,
                is_simulated=is_simulated,
                pages_per_minute=pages_per_minute,
                now=now,
            )
        template, params = "channel_connected", {"title": chat.title}
    except AppError as refusal:
        reason = i18n.say(person.language, refusal.sentence, **refusal.params)
        template, params = "channel_refused", {"title": chat.title, "reason": reason}
    notices.queue(
        template,
        user=person,
        bot_id=standing.bot_id,
        params=params,
        dedupe_key=f"connect:{standing.bot_id}:{standing.update_id}",
        is_urgent=True,
        now=now,
    )
