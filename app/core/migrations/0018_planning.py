"""When channels post: their queue slots and quiet hours; recurring posts with their occurrences; hours in top."""

from peewee import AutoField, BooleanField, CharField, DateField, ForeignKeyField, IntegerField, Model, TextField

from app.core.db import JsonText, UtcTimestamp


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

    class AuthoredPost(Table):
        id = AutoField()

    class PostingSettings(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel, unique=True)
        slots = JsonText(default=list)
        blackout = JsonText(default=list)
        quiet_days = JsonText(default=list)
        min_gap_minutes = IntegerField(default=0)
        signature = TextField(default="")
        template = TextField(default="")
        is_protected = BooleanField(default=False)
        updated_at = UtcTimestamp()

    class PostSeries(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        post = ForeignKeyField(AuthoredPost)
        plan = JsonText()
        rule = JsonText()
        time = CharField(max_length=5)
        timezone = CharField(max_length=64)
        starts_on = DateField()
        ends_on = DateField(null=True)
        count = IntegerField(null=True)
        state = CharField(max_length=8)
        next_on = DateField(null=True)
        version = IntegerField(default=1)
        created_by = ForeignKeyField(User)
        created_at = UtcTimestamp()

        class Meta:
            indexes = ((("workspace", "state"), False), (("state", "next_on"), False))

    class SeriesOccurrence(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        series = ForeignKeyField(PostSeries)
        day = DateField()
        due_at = UtcTimestamp()
        post = ForeignKeyField(AuthoredPost, null=True)
        content_hash = CharField(max_length=64, null=True)
        state = CharField(max_length=8)
        reason = CharField(max_length=300, null=True)
        created_at = UtcTimestamp()

        class Meta:
            indexes = ((("series", "day"), True),)

    db.create_tables([PostingSettings, PostSeries, SeriesOccurrence])
    migrator.migrate(migrator.add_column("post_target", "top_minutes", IntegerField(null=True)))


def down(migrator, db):
    migrator.migrate(
        migrator.drop_column("post_target", "top_minutes"),
        *(migrator.drop_table(table) for table in ("series_occurrence", "post_series", "posting_settings")),
    )
