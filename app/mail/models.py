"""The queue of letters."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, IntegerField, TextField

from app.core.db import Personal, UtcTimestamp
from app.core.tenancy import TenantTable

_KEPT = "90 days after it was sent, blank as soon as its payer is erased"


class Letter(TenantTable):
    """One letter to one address, written in full when it is queued. `key` says what it is about: never two with the same.

    `retry_at` is when it is tried next; while a sender has it, when another may take it over. `state`: queued, sent,
    failed (with the reason in `error`) or dropped.
    """

    personal = {
        "address": Personal("contact", "where to send it", _KEPT),
        "subject": Personal("content", "say what it is about", _KEPT),
        "body": Personal("content", "tell of payments", _KEPT),
        "language": Personal("preference", "speak the person's language", _KEPT),
        "error": Personal("contact", "say why it was not taken; servers repeat the address", _KEPT),
    }
    impersonal = frozenset({"key", "state"})
    id = AutoField()
    key = CharField(max_length=128, unique=True)
    workspace: Any = BigIntegerField(column_name="workspace_id", index=True)
    address = CharField(max_length=254)
    subject = CharField(max_length=250)
    body = TextField()
    language = CharField(max_length=8, default="")
    state = CharField(max_length=8, default="queued")
    tries = IntegerField(default=0)
    retry_at = UtcTimestamp()
    error = TextField(null=True)
    created_at = UtcTimestamp()
    sent_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("state", "retry_at"), False),)
