"""Owners' own Telegram accounts, the channels they read, history imports and Telegram's own statistics."""

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from app.core.db import JsonText, UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class User(Table):
        id = AutoField()

    class OwnerSession(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        user = ForeignKeyField(User)
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

    class OwnerChannel(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        session = ForeignKeyField(OwnerSession)
        chat_id = IntegerField()
        channel_id = BigIntegerField()
        access_hash = BigIntegerField()
        next_look_at = UtcTimestamp(index=True)
        looked_at = UtcTimestamp(null=True)
        has_stats = BooleanField(null=True)
        stats_due_at = UtcTimestamp()

        class Meta:
            indexes = ((("session", "chat_id"), True),)

    class HistoryImport(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
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

    class NativeStat(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
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

    db.create_tables([OwnerSession, OwnerChannel, HistoryImport, NativeStat])


def down(migrator, db):
    migrator.migrate(
        *(migrator.drop_table(name) for name in ("native_stat", "history_import", "owner_channel", "owner_session"))
    )
