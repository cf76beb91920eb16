"""What people note down about days."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, DateField, ForeignKeyField

from app.accounts.models import Workspace
from app.channels.models import Channel
from app.core.db import UtcTimestamp
from app.core.tenancy import TenantTable


class Annotation(TenantTable):
    """A note on a day of the page's zone: of one channel, or of the whole network where `channel` is None."""

    impersonal = frozenset({"public_id", "kind", "text"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False, null=True)
    day = DateField()
    kind = CharField(max_length=8)
    text = CharField(max_length=120)
    created_by = BigIntegerField()
    created_at = UtcTimestamp()
