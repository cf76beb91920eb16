"""Letters by mail."""

from peewee import AutoField, BigIntegerField, CharField, IntegerField, Model, TextField

from app.core.db import UtcTimestamp


def up(migrator, db):
    class Letter(Model):
        id = AutoField()
        key = CharField(max_length=128, unique=True)
        workspace = BigIntegerField(column_name="workspace_id", index=True)
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
            database = db
            legacy_table_names = False
            indexes = ((("state", "retry_at"), False),)

    db.create_tables([Letter])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("letter"))
