"""Watermarks and the channels that they are for; files that were made of others."""

from peewee import AutoField, CharField, CompositeKey, ForeignKeyField, IntegerField, Model, TextField

from app.core import db as core
from app.core.db import UtcTimestamp

_A_MONTH = {"free": 5, "pro": 50, "business": 200, "network": None}
_LIVE, _ORIGINALS = "deleted_at IS NULL", "deleted_at IS NULL AND origin_id IS NULL"


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

    class MediaFile(Table):
        id = AutoField()

    class Watermark(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        name = CharField(max_length=60)
        kind = CharField(max_length=4)
        text = TextField(default="")
        logo = ForeignKeyField(MediaFile, null=True)
        position = CharField(max_length=12)
        width = IntegerField()
        margin = IntegerField()
        opacity = IntegerField()
        seconds = IntegerField(default=0)
        created_by = ForeignKeyField(User)
        created_at = UtcTimestamp()
        updated_at = UtcTimestamp()
        deleted_at = UtcTimestamp(null=True)

    class ChannelMark(Table):
        channel = ForeignKeyField(Channel, primary_key=True)
        workspace = ForeignKeyField(Workspace)
        watermark = ForeignKeyField(Watermark)

    class PostTarget(Table):
        id = AutoField()

    class MediaJob(Table):
        id = AutoField()

    class TargetWork(Table):
        workspace = ForeignKeyField(Workspace)
        target = ForeignKeyField(PostTarget, index=False)
        job = ForeignKeyField(MediaJob)

        class Meta:
            primary_key = CompositeKey("target", "job")

    db.create_tables([Watermark, ChannelMark, TargetWork])
    for (plan,) in core.rows("SELECT key FROM plan"):
        core.execute(
            "INSERT INTO plan_limit (plan_id, key, amount, reset) VALUES (?, ?, ?, ?)",
            *(plan, "watermarks", _A_MONTH.get(plan, _A_MONTH["free"]), "period"),
        )
    migrator.migrate(
        migrator.add_column("media_file", "origin_id", ForeignKeyField(MediaFile, field=MediaFile.id, null=True))
    )
    _one_live(db, _ORIGINALS)


def down(migrator, db):
    core.execute("DELETE FROM plan_limit WHERE key = ?", "watermarks")
    db.execute_sql("DELETE FROM media_copy WHERE media_id IN (SELECT id FROM media_file WHERE origin_id IS NOT NULL)")
    db.execute_sql("DELETE FROM media_file WHERE origin_id IS NOT NULL")
    _one_live(db, _LIVE)
    migrator.migrate(
        migrator.drop_table("target_work"),
        migrator.drop_table("channel_mark"),
        migrator.drop_table("watermark"),
        migrator.drop_index("media_file", "media_file_origin_id"),
        migrator.drop_column("media_file", "origin_id"),
    )


def _one_live(db, where):
    db.execute_sql("DROP INDEX one_live_media_file")
    db.execute_sql(f"CREATE UNIQUE INDEX one_live_media_file ON media_file (workspace_id, sha256) WHERE {where}")
