"""Forwards and comments, albums as one post, what posts said before an edit, and who told of a deletion."""

from peewee import AutoField, BigIntegerField, CharField, CompositeKey, IntegerField, Model, TextField

from app.core.db import UtcTimestamp

_NEW = {
    "reading": {"forwards": BigIntegerField(null=True), "comments": BigIntegerField(null=True)},
    "post_stat": {
        "forwards": BigIntegerField(null=True),
        "comments": BigIntegerField(null=True),
        "engagement_step": IntegerField(default=0),
        "engagement_source_id": IntegerField(null=True),
        "engagement_at": UtcTimestamp(null=True),
    },
    "post": {"deleted_source_id": IntegerField(null=True), "missing_since": UtcTimestamp(null=True)},
}


def up(migrator, db):
    migrator.migrate(
        *(migrator.add_column(table, name, field) for table, fields in _NEW.items() for name, field in fields.items())
    )

    class AlbumItem(Model):
        chat_id = IntegerField()
        message_id = BigIntegerField()
        post_id = IntegerField(index=True)
        edited_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "album_item"
            primary_key = CompositeKey("chat_id", "message_id")

    class PostVersion(Model):
        id = AutoField()
        post_id = IntegerField(index=True)
        message_id = BigIntegerField(null=True)
        seen_at = UtcTimestamp()
        edited_at = UtcTimestamp(null=True)
        number = BigIntegerField(default=0)
        text_hash = CharField(max_length=64, null=True)
        text_length = IntegerField(null=True)
        media = CharField(max_length=16)
        source_id = IntegerField(null=True)
        text = TextField(null=True)

        class Meta:
            database = db
            table_name = "post_version"

    db.create_tables([AlbumItem, PostVersion])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("post_version"), migrator.drop_table("album_item"))
    migrator.migrate(*(migrator.drop_column(table, name) for table, fields in _NEW.items() for name in fields))
