"""The queue of messages to people."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, TextField

from app.accounts.models import User
from app.core.db import JsonText, Personal, Table, UtcTimestamp

_KEPT = "90 days"


class Notice(Table):
    """A message to one person's chat, rendered when it is sent."""

    personal = {
        "chat_id": Personal("identifier", "where to send it", _KEPT),
        "params": Personal("content", "fill the template", _KEPT),
        "language": Personal("preference", "speak the person's language", _KEPT),
    }
    impersonal = frozenset({"template", "dedupe_key", "state", "error"})
    id = AutoField()
    user: Any = ForeignKeyField(User, lazy_load=False, null=True)
    bot_id = BigIntegerField()
    chat_id = BigIntegerField()
    template = CharField(max_length=64)
    params = JsonText()
    language = CharField(max_length=8)
    dedupe_key = CharField(max_length=160, null=True, unique=True)
    state = CharField(max_length=12, default="queued")
    created_at = UtcTimestamp()
    not_before = UtcTimestamp()
    attempts = IntegerField(default=0)
    sent_at = UtcTimestamp(null=True)
    error = TextField(null=True)

    class Meta:
        indexes = ((("state", "not_before"), False),)
