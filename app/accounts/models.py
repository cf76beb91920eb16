"""People, workspaces (the tenant) and the ways in."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField

from app.core.db import JsonText, Personal, Table, UtcTimestamp
from app.core.tenancy import TenantTable

_ACCOUNT = "as long as the account exists"


class User(Table):
    """A person who signs in."""

    personal = {
        "telegram_user_id": Personal("identifier", "recognise the person in Telegram", _ACCOUNT),
        "name": Personal("identity", "show who did what", _ACCOUNT),
        "language": Personal("preference", "speak the person's language", _ACCOUNT),
        "timezone": Personal("preference", "quiet hours and dates", _ACCOUNT),
    }
    impersonal = frozenset({"public_id"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    telegram_user_id = BigIntegerField(null=True, unique=True)
    name = CharField(max_length=128)
    language = CharField(max_length=8, default="en")
    timezone = CharField(max_length=64, default="Asia/Tashkent")
    is_superadmin = BooleanField(default=False)
    created_at = UtcTimestamp()
    deleted_at = UtcTimestamp(null=True)


class Workspace(Table):
    """The tenant: who pays for and shares a set of channels."""

    impersonal = frozenset({"public_id", "name", "timezone"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    name = CharField(max_length=128)
    timezone = CharField(max_length=64)
    created_at = UtcTimestamp()
    deleted_at = UtcTimestamp(null=True)


class Membership(TenantTable):
    """Who may do what in a workspace: owner, admin, editor, analyst or client."""

    impersonal = frozenset({"role"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    user: Any = ForeignKeyField(User, lazy_load=False)
    role = CharField(max_length=16)
    created_at = UtcTimestamp()
    chosen_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("workspace", "user"), True),)


class Session(Table):
    """A signed-in browser or Mini App. The token is kept as its hash only."""

    personal = {
        "ip": Personal("network", "let the person recognise own sessions", "with the session, 30 days"),
        "user_agent": Personal("network", "let the person recognise own sessions", "with the session, 30 days"),
    }
    impersonal = frozenset({"token_hash", "kind"})
    id = AutoField()
    token_hash = CharField(max_length=64, unique=True)
    user: Any = ForeignKeyField(User, lazy_load=False)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    kind = CharField(max_length=16)
    ip = CharField(max_length=64, default="")
    user_agent = CharField(max_length=200, default="")
    created_at = UtcTimestamp()
    expires_at = UtcTimestamp(index=True)
    revoked_at = UtcTimestamp(null=True)


class LoginTicket(Table):
    """A one-time way in: a link that the bot sent (`link`), or the demo's (`demo`), which is good on loopback only."""

    impersonal = frozenset({"token_hash", "purpose"})
    token_hash = CharField(max_length=64, primary_key=True)
    user: Any = ForeignKeyField(User, lazy_load=False)
    purpose = CharField(max_length=16)
    created_at = UtcTimestamp()
    expires_at = UtcTimestamp()
    used_at = UtcTimestamp(null=True)


class SpentState(Table):
    """A login through an issuer that came back once: its state, as a hash, cannot come back again."""

    impersonal = frozenset({"state_hash"})
    state_hash = CharField(max_length=64, primary_key=True)
    expires_at = UtcTimestamp(index=True)


class Launch(Table):
    """A Mini App launch that already minted a session: the same data from another device is refused."""

    impersonal = frozenset({"launch_hash", "device_hash"})
    launch_hash = CharField(max_length=64, primary_key=True)
    device_hash = CharField(max_length=64)
    session: Any = ForeignKeyField(Session, lazy_load=False, on_delete="CASCADE")
    expires_at = UtcTimestamp(index=True)


class ApiKey(TenantTable):
    """A program's way in. The secret is shown once and kept as its hash."""

    impersonal = frozenset({"public_id", "name", "prefix", "secret_hash", "scopes"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    public_id = CharField(max_length=22, unique=True)
    name = CharField(max_length=64)
    prefix = CharField(max_length=16)
    secret_hash = CharField(max_length=64, unique=True)
    scopes = JsonText()
    created_by: Any = ForeignKeyField(User, lazy_load=False)
    created_at = UtcTimestamp()
    expires_at = UtcTimestamp(null=True)
    last_used_at = UtcTimestamp(null=True)
    revoked_at = UtcTimestamp(null=True)
