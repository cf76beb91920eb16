"""A mark of changed campaigns and links, and files of Telegram Desktop that wait to be read."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, Model

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

    class CampaignsVersion(Table):
        workspace = ForeignKeyField(Workspace, primary_key=True)
        version = IntegerField()

    class DesktopImport(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel)
        state = CharField(max_length=8, index=True)
        digest = CharField(max_length=64)
        size = BigIntegerField()
        observed_at = UtcTimestamp()
        total = IntegerField(null=True)
        done = IntegerField(default=0)
        posts = IntegerField(default=0)
        readings = IntegerField(default=0)
        attempts = IntegerField(default=0)
        error = CharField(max_length=32, null=True)
        error_at = IntegerField(null=True)
        created_by = BigIntegerField()
        created_at = UtcTimestamp()
        updated_at = UtcTimestamp()
        finished_at = UtcTimestamp(null=True)

    db.create_tables([CampaignsVersion, DesktopImport])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("desktop_import"), migrator.drop_table("campaigns_version"))
