"""An owner's connected account: its session, the channels it reads, history imports and Telegram's own statistics."""

from __future__ import annotations

from typing import Any

from peewee import SQL, AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

from app.accounts.models import User, Workspace
from app.core.db import JsonText, Personal, UtcTimestamp
from app.core.tenancy import TenantTable

_WHILE = "until the account is disconnected"


class OwnerSession(TenantTable):
    """One sign-in of one person's account, read only. A workspace has one that is alive (not revoked, not failed).

    `session_sealed`, `handshake_sealed` (phone, code's token, QR address) and `answer_sealed` (code or password on its
    way to Telegram) are sealed to this row; they are erased as soon as they are not needed.
    """

    personal = {
        "telegram_user_id": Personal("identifier", "say whose account is connected", _WHILE),
        "session_sealed": Personal("secret", "read the person's channels in the person's name", _WHILE),
        "handshake_sealed": Personal("secret", "sign in: phone number and login token", "minutes, until signed in"),
        "answer_sealed": Personal("secret", "sign in: code or password", "seconds, until Telegram has it"),
    }
    impersonal = frozenset({"public_id", "state", "last_error"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    user: Any = ForeignKeyField(User, lazy_load=False)
    telegram_user_id = BigIntegerField(null=True)
    state = CharField(max_length=16)
    session_sealed = TextField(null=True)
    handshake_sealed = TextField(null=True)
    handshake_until = UtcTimestamp(null=True)
    answer_sealed = TextField(null=True)
    not_before = UtcTimestamp(null=True)
    last_error = CharField(max_length=64, null=True)
    channels_at = UtcTimestamp(null=True)
    created_at = UtcTimestamp()
    connected_at = UtcTimestamp(null=True)
    revoked_at = UtcTimestamp(null=True)


OwnerSession.add_index(
    OwnerSession.index(
        OwnerSession.workspace, unique=True, where=SQL("revoked_at IS NULL"), name="one_live_owner_session"
    )
)


class OwnerChannel(TenantTable):
    """A channel of the workspace that the connected account runs, and when it is read next.

    `access_hash` is Telegram's key to the channel for this account alone. `has_stats` None: not asked yet.
    """

    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    session: Any = ForeignKeyField(OwnerSession, lazy_load=False)
    chat_id = IntegerField()
    channel_id = BigIntegerField()
    access_hash = BigIntegerField()
    next_look_at = UtcTimestamp(index=True)
    looked_at = UtcTimestamp(null=True)
    has_stats = BooleanField(null=True)
    stats_due_at = UtcTimestamp()

    class Meta:
        indexes = ((("session", "chat_id"), True),)


class HistoryImport(TenantTable):
    """Reading a channel's whole history. `next_before` is the cursor: it moves in the transaction of the posts' readings.

    `done` messages of about `total` (Telegram's own count); `posts` and `readings` of them were stored.
    """

    impersonal = frozenset({"public_id", "state", "last_error"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    chat_id = IntegerField()
    state = CharField(max_length=16)
    next_before = BigIntegerField(null=True)
    done = IntegerField(default=0)
    posts = IntegerField(default=0)
    readings = IntegerField(default=0)
    total = IntegerField(null=True)
    last_error = CharField(max_length=64, null=True)
    started_at = UtcTimestamp()
    updated_at = UtcTimestamp()
    finished_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("workspace", "chat_id"), True),)


class NativeStat(TenantTable):
    """One of Telegram's own graphs of a channel, as of `fetched_at`: {"is_time", "x", "series": [[name, values], …]}.

    Private to the workspace whose account read it. `error` is Telegram's word where it has no graph.
    """

    impersonal = frozenset({"kind", "graph", "error"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    chat_id = IntegerField()
    source_id = IntegerField()
    kind = CharField(max_length=32)
    since = UtcTimestamp()
    until = UtcTimestamp()
    fetched_at = UtcTimestamp()
    graph = JsonText(null=True)
    error = CharField(max_length=160, null=True)

    class Meta:
        indexes = ((("workspace", "chat_id", "kind"), True),)


TABLES = (OwnerSession, OwnerChannel, HistoryImport, NativeStat)
