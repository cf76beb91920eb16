"""Uploads in pieces; files with tags, a trash and words to be found by; how many megabytes a plan keeps."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, Model

from app.core import db as core
from app.core.db import UtcTimestamp

# product.md, "Plans", names media GB without numbers: chosen here, and the SuperAdmin can give a customer another limit
_MEGABYTES = {"free": 1_000, "pro": 10_000, "business": 50_000, "network": 200_000}


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class MediaFile(Table):
        id = AutoField()

    class MediaUpload(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        created_by = BigIntegerField()
        name = CharField(max_length=120)
        size = BigIntegerField()
        received = BigIntegerField(default=0)
        sha256 = CharField(max_length=64, null=True)
        state = CharField(max_length=9)
        error = CharField(max_length=300, null=True)
        media = ForeignKeyField(MediaFile, null=True)
        created_at = UtcTimestamp()
        expires_at = UtcTimestamp()

        class Meta:
            indexes = ((("state", "expires_at"), False), (("workspace", "state"), False))

    db.create_tables([MediaUpload])
    migrator.migrate(
        migrator.add_column("media_file", "tags", CharField(max_length=255, default="")),
        migrator.add_column("media_file", "found_by", CharField(max_length=400, default="")),
        migrator.add_column("media_file", "trashed_at", UtcTimestamp(null=True)),
        migrator.add_index("media_file", ("workspace_id", "id"), False),
        migrator.add_index("media_file", ("trashed_at",), False),
    )
    for row_id, name in core.rows("SELECT id, name FROM media_file"):
        core.execute("UPDATE media_file SET found_by = ? WHERE id = ?", name.casefold(), row_id)
    for (plan,) in core.rows("SELECT key FROM plan"):
        core.execute(
            "INSERT INTO plan_limit (plan_id, key, amount, reset) VALUES (?, ?, ?, ?)",
            *(plan, "media_mb", _MEGABYTES.get(plan, _MEGABYTES["free"]), "never"),
        )


def down(migrator, db):
    core.execute("DELETE FROM plan_limit WHERE key = ?", "media_mb")
    migrator.migrate(
        migrator.drop_index("media_file", "media_file_workspace_id_id"),
        migrator.drop_index("media_file", "media_file_trashed_at"),
        migrator.drop_column("media_file", "trashed_at"),
        migrator.drop_column("media_file", "found_by"),
        migrator.drop_column("media_file", "tags"),
        migrator.drop_table("media_upload"),
    )
