"""What people note down about days: an ad, a price, a ban."""

from peewee import AutoField, BigIntegerField, CharField, DateField, ForeignKeyField, Model

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

    class Annotation(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel, null=True)
        day = DateField()
        kind = CharField(max_length=8)
        text = CharField(max_length=120)
        created_by = BigIntegerField()
        created_at = UtcTimestamp()

    db.create_tables([Annotation])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("annotation"))
