"""Logins through an issuer that came back once, and read-only links."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField, Model

from app.core.db import UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class User(Table):
        id = AutoField()

    class Channel(Table):
        id = AutoField()

    class SpentState(Table):
        state_hash = CharField(max_length=64, primary_key=True)
        expires_at = UtcTimestamp(index=True)

    class ShareLink(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        token_hash = CharField(max_length=64, unique=True)
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel, null=True)
        created_by = ForeignKeyField(User)
        created_at = UtcTimestamp()
        expires_at = UtcTimestamp(index=True)
        password_hash = CharField(max_length=128, null=True)
        revoked_at = UtcTimestamp(null=True)
        last_used_at = UtcTimestamp(null=True)
        uses = IntegerField(default=0)

    db.create_tables([SpentState, ShareLink])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("share_link"), migrator.drop_table("spent_state"))
