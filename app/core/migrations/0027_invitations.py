"""Invitations: who comes by one pays less, and so does who invited them."""

from peewee import AutoField, BooleanField, ForeignKeyField, Model

from app.core.db import UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class Coupon(Table):
        id = AutoField()

    class CouponRedemption(Table):
        id = AutoField()

    class Invitation(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace, unique=True)
        coupon = ForeignKeyField(Coupon, unique=True)
        thanks = ForeignKeyField(CouponRedemption, unique=True)
        created_at = UtcTimestamp()

    db.create_tables([Invitation])
    migrator.migrate(migrator.add_column("coupon", "is_for_new", BooleanField(default=False)))


def down(migrator, db):
    migrator.migrate(migrator.drop_table("invitation"), migrator.drop_column("coupon", "is_for_new"))
