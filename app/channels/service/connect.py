"""Connecting a channel: owned (Telegram proves it) or watched (anybody may look at a public one)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from peewee import Expression, IntegrityError, fn

from app.accounts.models import Workspace
from app.audit import service as audit
from app.channels.models import Channel, Chat
from app.core import db, ids
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.policy import Limits

OWNED, WATCHED = "owned", "watched"
ACTIVE, BOT_REMOVED, RIGHTS_MISSING = "active", "bot_removed", "rights_missing"
_MAY_CLAIM = frozenset({"creator", "administrator"})
_USERNAME = re.compile(r"^(?:https?://t\.me/(?:s/)?|@)?([A-Za-z][A-Za-z0-9_]{3,31})/?$")


@dataclass(frozen=True, slots=True)
class ChatFacts:
    """A channel as Telegram names it."""

    telegram_chat_id: int
    title: str
    username: str | None


def named(username: str) -> Expression:
    """Telegram keeps a name's case and compares without it."""
    return fn.LOWER(Chat.username) == username.lower()


def ensure_chat(facts: ChatFacts, *, now: datetime) -> Chat:
    """The row of a Telegram channel, with its present title and name."""
    with db.write():
        chat = Chat.get_or_none(Chat.telegram_chat_id == facts.telegram_chat_id)
        if chat is None and facts.username:
            chat = Chat.get_or_none(named(facts.username), Chat.telegram_chat_id.is_null(), Chat.private_to.is_null())
        if chat is None:
            chat = Chat(created_at=now)
        chat.telegram_chat_id, chat.title = facts.telegram_chat_id, facts.title
        chat.username = facts.username
        chat.save()
    return chat


def ensure_named_chat(username: str, *, private_to: int | None = None, now: datetime) -> Chat:
    """The row of a channel known by name only: watched before its id was read, or from recorded data."""
    with db.write():
        mine = Chat.private_to.is_null() if private_to is None else (Chat.private_to == private_to)
        chat = Chat.get_or_none(named(username), mine)
        if chat is None:
            chat = Chat.create(username=username, title=username, private_to=private_to, created_at=now)
    return chat


def claim(
    chat: Chat,
    *,
    workspace_id: int,
    actor: str,
    member_status: str,
    bot_id: int,
    feed_id: int,
    is_simulated: bool = False,
    limits: Limits,
    now: datetime,
) -> Channel:
    """Make a workspace the owner of a channel. A watched channel becomes owned; calling twice changes nothing.

    `member_status` is what Telegram said of the claiming person there. Raises Forbidden when they do not run the
    channel, Conflict when another workspace owns it, LimitReached when the plan is full.
    """
    if member_status not in _MAY_CLAIM:
        raise Forbidden("Only an owner or administrator of a channel can connect it.", code="not_an_admin")
    with db.write():
        db.serialise("workspace", workspace_id)
        owner = db.row(
            "SELECT workspace_id FROM channel WHERE chat_id = ? AND relation = 'owned' AND deleted_at IS NULL", chat.id
        )
        if owner and int(owner[0]) != workspace_id:
            raise Conflict("Another workspace owns this channel. You can watch it instead.", code="owned_elsewhere")
        channel = Channel.get_or_none(
            Channel.workspace == workspace_id, Channel.chat == chat.id, Channel.deleted_at.is_null()
        )
        if channel is None or channel.relation != OWNED:
            limits.require(workspace_id, "channels", used=_count(workspace_id, OWNED), now=now)
        if channel is None:
            channel = _add(chat, workspace_id, OWNED, bot_id, feed_id, is_simulated=is_simulated, now=now)
            _audit("channel.connected", channel, actor, now=now)
        channel.relation, channel.bot_id, channel.state = OWNED, bot_id, ACTIVE
        channel.save()
    return channel


def watch(
    chat: Chat,
    *,
    workspace_id: int,
    actor: str,
    feed_id: int,
    is_simulated: bool = False,
    limits: Limits,
    now: datetime,
) -> Channel:
    """Put a public channel of somebody on the workspace's watch-list; twice changes nothing. Raises LimitReached."""
    with db.write():
        db.serialise("workspace", workspace_id)
        channel = Channel.get_or_none(
            Channel.workspace == workspace_id, Channel.chat == chat.id, Channel.deleted_at.is_null()
        )
        if channel is not None:
            return channel
        limits.require(workspace_id, "watched_channels", used=_count(workspace_id, WATCHED), now=now)
        channel = _add(chat, workspace_id, WATCHED, None, feed_id, is_simulated=is_simulated, now=now)
        _audit("channel.watched", channel, actor, now=now)
    return channel


def _add(
    chat: Chat,
    workspace_id: int,
    relation: str,
    bot_id: int | None,
    feed_id: int,
    *,
    is_simulated: bool,
    now: datetime,
) -> Channel:
    zone = Workspace.get_by_id(workspace_id).timezone
    try:
        return Channel.create(
            public_id=ids.public_id(),
            workspace=workspace_id,
            chat=chat.id,
            feed=feed_id,
            bot_id=bot_id,
            relation=relation,
            state=ACTIVE,
            timezone=zone,
            is_simulated=is_simulated,
            connected_at=now,
        )
    except IntegrityError as error:
        raise Conflict("This channel was connected a moment ago.", code="connected_meanwhile") from error


def _count(workspace_id: int, relation: str) -> int:
    return int(
        Channel.select()
        .where(Channel.workspace == workspace_id, Channel.relation == relation, Channel.deleted_at.is_null())
        .count()
    )


def see_through(channel: Channel, feed_id: int, *, workspace_id: int) -> None:
    """Let a workspace read its channel through another feed (after it brought a private source)."""
    with db.write():
        Channel.update(feed=feed_id).where(Channel.workspace == workspace_id, Channel.id == channel.id).execute()


def disconnect(workspace_id: int, public_id: str, *, actor: str, now: datetime) -> None:
    """Take a channel out of the workspace; its collected facts stay. Raises NotFound."""
    with db.write():
        channel = Channel.get_or_none(
            Channel.workspace == workspace_id, Channel.public_id == public_id, Channel.deleted_at.is_null()
        )
        if channel is None:
            raise NotFound("There is no such channel.")
        channel.deleted_at = now
        channel.save()
        _audit("channel.disconnected", channel, actor, now=now)


def _audit(action: str, channel: Channel, actor: str, *, now: datetime) -> None:
    audit.record(
        action,
        actor=actor,
        subject=f"channel:{channel.public_id}",
        workspace_id=channel.workspace,
        after={"relation": channel.relation, "chat": channel.chat},
        now=now,
    )


def parse_username(text: str) -> str:
    """The name in `@name`, `name` or a t.me link. Raises Invalid with the field `username`."""
    found = _USERNAME.match(text.strip())
    if not found:
        message = "Write the channel's public name, like @durov or https://t.me/durov."
        raise Invalid(message, fields={"username": message})
    return found.group(1)
