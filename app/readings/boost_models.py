"""Boosts of channels, as Telegram told a bot that is administrator there."""

from __future__ import annotations

from typing import Any

from peewee import CharField, CompositeKey, ForeignKeyField

from app.channels.models import Chat
from app.core.db import Table, UtcTimestamp
from app.readings.models import Source


class ChatBoost(Table):
    """A boost of a chat, a fact of Telegram; of the person who gave it nothing is kept.

    `kind`: premium, gift_code or giveaway. `added_at` and `expires_at` None: only its removal was told so far.
    """

    impersonal = frozenset({"boost_id", "kind"})
    chat: Any = ForeignKeyField(Chat, lazy_load=False)
    boost_id = CharField(max_length=64)
    source: Any = ForeignKeyField(Source, lazy_load=False)
    kind = CharField(max_length=16)
    added_at = UtcTimestamp(null=True)
    expires_at = UtcTimestamp(null=True)
    removed_at = UtcTimestamp(null=True)

    class Meta:
        primary_key = CompositeKey("chat", "boost_id")
