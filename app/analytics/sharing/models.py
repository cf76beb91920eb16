"""Links that show one channel or one network to whoever has them."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from app.accounts.models import User, Workspace
from app.channels.models import Channel
from app.core.db import UtcTimestamp
from app.core.tenancy import TenantTable


class ShareLink(TenantTable):
    """A link; no channel means the network's page. The token is kept as its hash only, the password by Argon2."""

    impersonal = frozenset({"public_id", "token_hash", "password_hash"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    token_hash = CharField(max_length=64, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False, null=True)
    created_by: Any = ForeignKeyField(User, lazy_load=False)
    created_at = UtcTimestamp()
    expires_at = UtcTimestamp(index=True)
    password_hash = CharField(max_length=128, null=True)
    revoked_at = UtcTimestamp(null=True)
    last_used_at = UtcTimestamp(null=True)
    uses = IntegerField(default=0)
