"""Archives of channels, and their rebuilding in another channel."""

from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, Model

from app.core.db import JsonText, UtcTimestamp

_TABLES = ("rebuild_post", "rebuild", "archived_file", "archived_post", "archive")


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class Channel(Table):
        id = AutoField()

    class AuthoredPost(Table):
        id = AutoField()

    class Archive(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel, unique=True)
        state = CharField(max_length=8)
        reason = CharField(max_length=16, null=True)
        seen_id = BigIntegerField(default=0)
        told_id = BigIntegerField(default=0)
        started_by = BigIntegerField()
        created_at = UtcTimestamp()
        looked_at = UtcTimestamp(null=True)
        rest_until = UtcTimestamp(null=True)

    class ArchivedPost(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        archive = ForeignKeyField(Archive, index=False)
        message_id = BigIntegerField()
        album_id = CharField(max_length=64, null=True)
        posted_at = UtcTimestamp()
        edited_at = UtcTimestamp(null=True)
        deleted_at = UtcTimestamp(null=True)
        source = CharField(max_length=8)
        content = JsonText()
        flaw = CharField(max_length=8, default="")
        state = CharField(max_length=8)
        files = IntegerField(default=0)
        missing = IntegerField(default=0)

        class Meta:
            indexes = (
                (("archive", "message_id"), True),
                (("archive", "album_id"), False),
                (("archive", "posted_at", "message_id"), False),
                (("archive", "state"), False),
            )

    class ArchivedFile(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace, index=False)
        archive = ForeignKeyField(Archive, index=False)
        post = ForeignKeyField(ArchivedPost, index=False)
        place = BigIntegerField()
        kind = CharField(max_length=12)
        name = CharField(max_length=120, default="")
        has_spoiler = BooleanField(default=False)
        bot_id = BigIntegerField(null=True)
        file_id = CharField(max_length=255, null=True)
        unique_id = CharField(max_length=64, null=True)
        size = BigIntegerField(null=True)
        state = CharField(max_length=8)
        file = CharField(max_length=22, null=True)
        attempts = IntegerField(default=0)
        not_before = UtcTimestamp(null=True)
        reason = CharField(max_length=300, null=True)

        class Meta:
            indexes = (
                (("post", "place"), True),
                (("archive", "state", "not_before"), False),
                (("workspace", "unique_id"), False),
                (("workspace", "file"), False),
            )

    class Rebuild(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace, index=False)
        archive = ForeignKeyField(Archive)
        channel = ForeignKeyField(Channel)
        state = CharField(max_length=8)
        reason = CharField(max_length=300, null=True)
        language = CharField(max_length=8)
        timezone = CharField(max_length=64)
        has_deleted = BooleanField(default=False)
        until_id = BigIntegerField()
        total = IntegerField()
        failures = IntegerField(default=0)
        stuck_times = IntegerField(default=0)
        asked_by = BigIntegerField()
        created_at = UtcTimestamp()
        ended_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("state", "id"), False), (("workspace", "created_at"), False))

    class RebuildPost(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace, index=False)
        rebuild = ForeignKeyField(Rebuild, index=False)
        archived = ForeignKeyField(ArchivedPost)
        post = ForeignKeyField(AuthoredPost, null=True)
        state = CharField(max_length=8)
        reason = CharField(max_length=300, null=True)
        handed_at = UtcTimestamp()
        ended_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("rebuild", "archived"), True), (("rebuild", "state"), False))

    db.create_tables([Archive, ArchivedPost, ArchivedFile, Rebuild, RebuildPost])


def down(migrator, db):
    for table in _TABLES:
        migrator.migrate(migrator.drop_table(table))
