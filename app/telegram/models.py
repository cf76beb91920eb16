"""Bots and their shared sending budget."""

from __future__ import annotations

from peewee import BigIntegerField, CharField, CompositeKey, FloatField, TextField

from app.core.db import Table, UtcTimestamp


class Bot(Table):
    """The service's bot (no workspace) or a workspace's own. The token is sealed to this row."""

    impersonal = frozenset({"username", "token_sealed", "webhook_secret_sealed", "updates"})
    bot_id = BigIntegerField(primary_key=True)
    workspace_id = BigIntegerField(null=True, index=True)
    username = CharField(max_length=64)
    token_sealed = TextField()
    webhook_secret_sealed = TextField()
    updates = CharField(max_length=8)
    created_at = UtcTimestamp()
    deleted_at = UtcTimestamp(null=True)


class SendBudget(Table):
    """What a bot may still send now; `scope` is `all`, or `chat:<id>`. Every sender reads and writes this row."""

    impersonal = frozenset({"lane", "scope"})
    bot_id = BigIntegerField()
    lane = CharField(max_length=8)
    scope = CharField(max_length=32)
    tokens = FloatField()
    refilled_at = UtcTimestamp()
    not_before = UtcTimestamp(null=True)

    class Meta:
        primary_key = CompositeKey("bot_id", "lane", "scope")
