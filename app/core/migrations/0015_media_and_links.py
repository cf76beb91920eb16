"""Files that posts carry with their copies at Telegram, and tracked links with their clicks."""

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from app.core.db import UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class Channel(Table):
        id = AutoField()

    class MediaFile(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        kind = CharField(max_length=9)
        name = CharField(max_length=120)
        mime = CharField(max_length=32)
        size = IntegerField()
        sha256 = CharField(max_length=64)
        width = IntegerField(null=True)
        height = IntegerField(null=True)
        created_by = BigIntegerField()
        created_at = UtcTimestamp()
        deleted_at = UtcTimestamp(null=True)

    MediaFile.add_index(
        MediaFile.index(
            *(MediaFile.workspace, MediaFile.sha256),
            unique=True,
            where=SQL("deleted_at IS NULL"),
            name="one_live_media_file",
        )
    )

    class MediaCopy(Table):
        media = ForeignKeyField(MediaFile, index=False)
        bot_id = BigIntegerField()
        workspace = ForeignKeyField(Workspace)
        state = CharField(max_length=8)
        file_id = CharField(max_length=255, null=True)
        file_unique_id = CharField(max_length=64, null=True)
        storage_chat_id = BigIntegerField(null=True)
        message_id = BigIntegerField(null=True)
        error = CharField(max_length=300, null=True)
        attempts = IntegerField(default=0)
        not_before = UtcTimestamp(null=True)
        wanted_at = UtcTimestamp()

        class Meta:
            primary_key = CompositeKey("media", "bot_id")
            indexes = ((("state", "not_before"), False),)

    class TrackedLink(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        key = CharField(max_length=10, unique=True)
        url = TextField()
        fingerprint = CharField(max_length=64)
        post_id = BigIntegerField(null=True)
        channel = ForeignKeyField(Channel, null=True)
        created_at = UtcTimestamp()

        class Meta:
            indexes = ((("workspace", "fingerprint"), True), (("workspace", "post_id"), False))

    class LinkHour(Table):
        link = ForeignKeyField(TrackedLink, index=False)
        workspace = ForeignKeyField(Workspace)
        hour = UtcTimestamp()
        clicks = IntegerField()

        class Meta:
            primary_key = CompositeKey("link", "hour")

    db.create_tables([MediaFile, MediaCopy, TrackedLink, LinkHour])
    migrator.migrate(migrator.add_column("bot", "storage_chat_id", BigIntegerField(null=True)))


def down(migrator, db):
    migrator.migrate(
        migrator.drop_column("bot", "storage_chat_id"),
        *(migrator.drop_table(t) for t in ("link_hour", "tracked_link", "media_copy", "media_file")),
    )
