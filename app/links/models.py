"""Tracked links and their hourly counters. Nothing is kept of whoever clicked: no address, no browser, no person."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, CompositeKey, ForeignKeyField, IntegerField, TextField

from app.accounts.models import Workspace
from app.channels.models import Channel
from app.core.db import UtcTimestamp
from app.core.tenancy import TenantTable


class TrackedLink(TenantTable):
    """/r/<key> leads to `url`. `post_id` is the authored post that carries it, in `channel` where it has one there;
    `message_id` is the message of that channel, once it is out.

    `fingerprint` stands for post, channel and address together, so that the same three are one link.
    """

    impersonal = frozenset({"key", "url", "fingerprint"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    key = CharField(max_length=10, unique=True)
    url = TextField()
    fingerprint = CharField(max_length=64)
    post_id = BigIntegerField(null=True)
    channel: Any = ForeignKeyField(Channel, lazy_load=False, null=True)
    message_id = BigIntegerField(null=True)
    created_at = UtcTimestamp()

    class Meta:
        indexes = (
            (("workspace", "fingerprint"), True),
            (("workspace", "post_id"), False),
            (("channel", "message_id"), False),
        )


class LinkHour(TenantTable):
    """Clicks on a link in the hour that begins at `hour`."""

    link: Any = ForeignKeyField(TrackedLink, lazy_load=False, index=False)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    hour = UtcTimestamp()
    clicks = IntegerField()

    class Meta:
        primary_key = CompositeKey("link", "hour")


TABLES = (TrackedLink, LinkHour)
