"""Chats as Telegram knows them (global) and channels as a workspace keeps them (tenant)."""

from __future__ import annotations

from typing import Any

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    DateField,
    ForeignKeyField,
    IntegerField,
)

from app.accounts.models import Workspace
from app.core.db import JsonText, Personal, Table, UtcTimestamp
from app.core.tenancy import TenantTable


class Chat(Table):
    """A channel as a fact of Telegram, collected once for everybody.

    Recorded data can name a channel without its Telegram id; such a chat belongs to one import.
    """

    impersonal = frozenset({"username", "title"})
    id = AutoField()
    telegram_chat_id = BigIntegerField(null=True, unique=True)
    private_to = BigIntegerField(null=True)
    username = CharField(max_length=64, null=True, index=True)
    title = CharField(max_length=255)
    has_preview = BooleanField(null=True)
    created_at = UtcTimestamp()

    class Meta:
        indexes = ((("private_to", "username"), True),)


class Feed(Table):
    """What one audience sees of a chat: everybody (no workspace), or one workspace with its private sources."""

    id = AutoField()
    chat: Any = ForeignKeyField(Chat, lazy_load=False)
    workspace_id = BigIntegerField(default=0)

    class Meta:
        indexes = ((("chat", "workspace_id"), True),)


class Channel(TenantTable):
    """A channel in a workspace: owned (proved by Telegram) or watched."""

    impersonal = frozenset({"public_id", "relation", "state", "timezone"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    chat: Any = ForeignKeyField(Chat, lazy_load=False)
    feed: Any = ForeignKeyField(Feed, lazy_load=False)
    bot_id = BigIntegerField(null=True)
    relation = CharField(max_length=8)
    state = CharField(max_length=16)
    timezone = CharField(max_length=64)
    is_simulated = BooleanField(default=False)
    connected_at = UtcTimestamp()
    kept_at = UtcTimestamp(null=True)  # chosen to stay writable when the plan has not room for all
    deleted_at = UtcTimestamp(null=True)


Channel.add_index(Channel.index(Channel.workspace, Channel.chat, unique=True, where=SQL("deleted_at IS NULL")))
Channel.add_index(
    Channel.index(Channel.chat, unique=True, where=SQL("relation = 'owned' AND deleted_at IS NULL"), name="one_owner")
)


class BotRights(Table):
    """What a bot may do in a chat now, as Telegram last said."""

    personal = {
        "granted_by": Personal(
            "identifier", "offer the channel to the person who added the bot", "while the bot is there"
        )
    }
    impersonal = frozenset({"status", "rights"})
    bot_id = BigIntegerField()
    chat: Any = ForeignKeyField(Chat, lazy_load=False)
    status = CharField(max_length=16)
    rights = JsonText()
    granted_by = BigIntegerField(null=True)
    checked_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("bot_id", "chat")


class MemberEvent(Table):
    """A join or a leave, to the second; the member is a keyed hash."""

    personal = {"member_hash": Personal("pseudonym", "how long do joiners stay", "13 months")}
    impersonal = frozenset({"kind", "invite_link"})
    id = AutoField()
    bot_id = BigIntegerField()
    update_id = BigIntegerField()
    chat: Any = ForeignKeyField(Chat, lazy_load=False)
    at = UtcTimestamp()
    kind = CharField(max_length=8)
    member_hash = CharField(max_length=64)
    invite_link = CharField(max_length=128, null=True)
    via_request = BooleanField(null=True)

    class Meta:
        indexes = ((("bot_id", "update_id"), True), (("chat", "at"), False), (("chat", "member_hash", "at"), False))


class BotPresence(Table):
    """From when until when a bot was administrator of a chat: only then does Telegram tell it of joins and leaves."""

    bot_id = BigIntegerField()
    chat: Any = ForeignKeyField(Chat, lazy_load=False)
    since = UtcTimestamp()
    until = UtcTimestamp(null=True)

    class Meta:
        primary_key = CompositeKey("bot_id", "chat", "since")


class SubscriberReconciliation(Table):
    """A UTC day on which the count read at its end is not the count at its start plus joins minus leaves."""

    impersonal = frozenset({"reason"})
    chat: Any = ForeignKeyField(Chat, lazy_load=False)
    day = DateField()
    start = BigIntegerField()
    start_step = IntegerField(default=0)
    start_at = UtcTimestamp()
    joins = IntegerField()
    leaves = IntegerField()
    counted = BigIntegerField()
    counted_step = IntegerField(default=0)
    counted_at = UtcTimestamp()
    gap = BigIntegerField()
    reason = CharField(max_length=16)

    class Meta:
        primary_key = CompositeKey("chat", "day")
