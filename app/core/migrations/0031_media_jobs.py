"""Work on files, as rows."""

from peewee import AutoField, BooleanField, CharField, ForeignKeyField, IntegerField, Model

from app.core.db import JsonText, UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class MediaFile(Table):
        id = AutoField()

    class MediaJob(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        media = ForeignKeyField(MediaFile, index=False)
        kind = CharField(max_length=16)
        recipe = CharField(max_length=64)
        params = JsonText()
        state = CharField(max_length=10)
        progress = IntegerField(default=0)
        runs = IntegerField(default=0)
        lease = CharField(max_length=22, null=True)
        lease_until = UtcTimestamp(null=True)
        is_cancel_wanted = BooleanField(default=False)
        error = CharField(max_length=300, null=True)
        result = ForeignKeyField(MediaFile, null=True)
        asked_at = UtcTimestamp()
        started_at = UtcTimestamp(null=True)
        ended_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("media", "recipe"), True), (("state", "asked_at"), False))

    db.create_tables([MediaJob])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("media_job"))
