"""Idempotency keys: the replies that are given again to who asks the same under the same key."""

from peewee import AutoField, BigIntegerField, BlobField, CharField, IntegerField, Model

from app.core.db import JsonText, UtcTimestamp


def up(migrator, db):
    class IdempotencyKey(Model):
        id = AutoField()
        workspace = BigIntegerField(column_name="workspace_id")
        user_id = BigIntegerField()
        endpoint = CharField(max_length=64)
        key_hash = CharField(max_length=64)
        fingerprint = CharField(max_length=64)
        claimed_at = UtcTimestamp()
        status = IntegerField(null=True)
        headers = JsonText(null=True)
        body = BlobField(null=True)

        class Meta:
            database = db
            legacy_table_names = False
            indexes = ((("workspace", "user_id", "endpoint", "key_hash"), True),)

    db.create_tables([IdempotencyKey])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("idempotency_key"))
