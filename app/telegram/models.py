"""Bots and their shared sending budget."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, CharField, CompositeKey, TextField

from app.core.db import Table, UtcTimestamp


class Bot(Table):
    """The service's bot (no workspace) or a workspace's own. The token is sealed to this row.

    `storage_chat_id`: where it keeps copies of files, to send them again by their id (app/media).
    `trouble`: why Telegram does not let us hear it, in Telegram's words.
    """

    impersonal = frozenset({"username", "token_sealed", "webhook_secret_sealed", "updates", "trouble"})
    bot_id = BigIntegerField(primary_key=True)
    workspace_id = BigIntegerField(null=True, index=True)
    username = CharField(max_length=64)
    token_sealed = TextField()
    webhook_secret_sealed = TextField()
    updates = CharField(max_length=8)
    storage_chat_id = BigIntegerField(null=True)
    trouble = CharField(max_length=300, null=True)
    created_at = UtcTimestamp()
    deleted_at = UtcTimestamp(null=True)


class OwnBotWish(Table):
    """A token that a workspace handed in, until the bot process has asked Telegram whose it is.

    wanted -> done | refused; the token is forgotten with the answer.
    """

    impersonal = frozenset({"public_id", "token_sealed", "state", "reason"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace_id = BigIntegerField(index=True)
    bot_id = BigIntegerField()
    token_sealed = TextField(null=True)
    state = CharField(max_length=8)
    reason = CharField(max_length=300, null=True)
    asked_by = BigIntegerField()
    asked_at = UtcTimestamp()
    not_before = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("state", "id"), False),)


class SendBudget(Table):
    """What a bot may still send now, by scope: see app/telegram/budget.py. Every sender reads and writes these rows."""

    impersonal = frozenset({"scope", "recent"})
    bot_id = BigIntegerField()
    scope = CharField(max_length=32)
    paid_until_ms = BigIntegerField(default=0)
    recent = TextField(null=True)
    not_before = UtcTimestamp(null=True)

    class Meta:
        primary_key = CompositeKey("bot_id", "scope")
