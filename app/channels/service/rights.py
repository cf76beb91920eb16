"""What our bot may do in a channel, and what it means when that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.accounts.service import people
from app.audit import service as audit
from app.channels.models import BotRights, Channel, Chat
from app.channels.service import presence
from app.channels.service.connect import ACTIVE, BOT_REMOVED, RIGHTS_MISSING
from app.core import db, i18n
from app.core.i18n import N_
from app.core.tenancy import unscoped
from app.notices import service as notices

# Right (name in the Bot API's ChatMemberAdministrator) -> (label, why we ask for it).
WANTED: dict[str, tuple[str, str]] = {
    "can_post_messages": (N_("Post messages"), N_("publish your scheduled posts")),
    "can_edit_messages": (N_("Edit messages"), N_("correct posts after publishing")),
    "can_delete_messages": (N_("Delete messages"), N_("take ad posts down on time")),
    "can_invite_users": (N_("Add subscribers"), N_("make invite links that tell campaigns apart")),
}


@dataclass(frozen=True, slots=True)
class Check:
    """The checklist of rights: (label, is granted, why) and when Telegram last said so."""

    items: tuple[tuple[str, bool, str], ...]
    is_admin: bool
    checked_at: datetime


def note(
    chat: Chat,
    *,
    bot_id: int,
    status: str,
    rights: Mapping[str, bool],
    granted_by: int | None,
    said_at: datetime,
    now: datetime,
) -> bool:
    """Keep what Telegram said of our bot in a channel; tell the owners when something was lost or came back.

    `said_at` is Telegram's own time. False, and nothing done, when something said later is known already.
    """
    with db.write():
        if is_outdated(bot_id, chat.id, said_at):
            return False
        granted = {key: bool(rights.get(key)) for key in WANTED}
        db.execute(
            "INSERT INTO bot_rights (bot_id, chat_id, status, rights, granted_by, checked_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (bot_id, chat_id) DO UPDATE SET status = excluded.status, rights = excluded.rights,"
            " granted_by = COALESCE(excluded.granted_by, bot_rights.granted_by), checked_at = excluded.checked_at",
            *(bot_id, chat.id, status, db.canonical_json(granted), granted_by, db.stamp(said_at)),
        )
        presence.note(bot_id, chat.id, is_admin=status == "administrator", at=said_at)
        _apply(chat, bot_id, _state(status, granted), granted, now=now)
    return True


def is_outdated(bot_id: int, chat_id: int, said_at: datetime) -> bool:
    """Whether Telegram has said something later of this bot there: updates may come late and in any order."""
    found = db.row("SELECT checked_at FROM bot_rights WHERE bot_id = ? AND chat_id = ?", bot_id, chat_id)
    return found is not None and db.moment(found[0]) > said_at


def _state(status: str, granted: Mapping[str, bool]) -> str:
    if status != "administrator":
        return BOT_REMOVED
    return ACTIVE if all(granted.values()) else RIGHTS_MISSING


def _apply(chat: Chat, bot_id: int, state: str, granted: Mapping[str, bool], *, now: datetime) -> None:
    with unscoped("Telegram's facts reach every workspace that uses the bot there"):
        channels = list(
            Channel.select().where(
                Channel.chat == chat.id, Channel.bot_id == bot_id, Channel.deleted_at.is_null(), Channel.state != state
            )
        )
    for channel in channels:
        was, channel.state = channel.state, state
        channel.save()
        audit.record(
            "channel.rights_changed",
            actor="telegram",
            subject=f"channel:{channel.public_id}",
            workspace_id=channel.workspace,
            before={"state": was},
            after={"state": state, "rights": dict(granted)},
            now=now,
        )
        _tell(channel, chat, bot_id, state, granted, now=now)


def _tell(channel: Channel, chat: Chat, bot_id: int, state: str, granted: Mapping[str, bool], *, now: datetime) -> None:
    template = {ACTIVE: "rights_back", BOT_REMOVED: "bot_removed", RIGHTS_MISSING: "rights_lost"}[state]
    lost = [label for key, (label, _) in WANTED.items() if not granted.get(key)]
    for person in people.people_to_tell(channel.workspace):
        notices.queue(
            template,
            user=person,
            bot_id=bot_id,
            params={
                "title": chat.title,
                "rights": ", ".join(i18n.say(person.language, label).lower() for label in lost),
            },
            is_urgent=True,
            now=now,
        )


def state_now(bot_id: int, chat_id: int) -> str:
    """The state a channel of this bot is in by the rights last told."""
    found = BotRights.get_or_none(BotRights.bot_id == bot_id, BotRights.chat == chat_id)
    return _state(found.status, found.rights) if found else BOT_REMOVED


def check(bot_id: int, chat_id: int) -> Check | None:
    """The checklist of a channel, or None when Telegram never told us of this bot there."""
    found = BotRights.get_or_none(BotRights.bot_id == bot_id, BotRights.chat == chat_id)
    if found is None:
        return None
    is_admin = found.status == "administrator"
    items = tuple((label, is_admin and bool(found.rights.get(key)), why) for key, (label, why) in WANTED.items())
    return Check(items, is_admin, found.checked_at)
