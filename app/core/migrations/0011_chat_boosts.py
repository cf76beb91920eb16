"""Boosts of a chat as Telegram told a bot of ours; of the person who gave one nothing is kept."""

from peewee import AutoField, CharField, CompositeKey, ForeignKeyField, Model

from app.core.db import UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Chat(Table):
        id = AutoField()

    class Source(Table):
        id = AutoField()

    class ChatBoost(Table):
        chat = ForeignKeyField(Chat)
        boost_id = CharField(max_length=64)
        source = ForeignKeyField(Source)
        kind = CharField(max_length=16)
        added_at = UtcTimestamp(null=True)
        expires_at = UtcTimestamp(null=True)
        removed_at = UtcTimestamp(null=True)

        class Meta:
            primary_key = CompositeKey("chat", "boost_id")

    db.create_tables([ChatBoost])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("chat_boost"))
