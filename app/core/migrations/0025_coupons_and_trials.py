"""Coupons and who redeemed them; what an order and a period cost less; orders that cost nothing."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, Model, PostgresqlDatabase

from app.core.db import UtcTimestamp

_TAKEN, _FREE = "CHECK (amount_minor > 0)", "CHECK (amount_minor >= 0)"


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class BillingAccount(Table):
        id = AutoField()

    class Coupon(Table):
        id = AutoField()
        code = CharField(max_length=32, unique=True)
        percent = IntegerField(null=True)
        amount_minor = BigIntegerField(null=True)
        currency = CharField(max_length=3, null=True)
        plan = CharField(max_length=16, null=True)
        periods = IntegerField(null=True)
        most_redemptions = IntegerField(null=True)
        valid_until = UtcTimestamp(null=True)
        created_at = UtcTimestamp()
        revoked_at = UtcTimestamp(null=True)

    class CouponRedemption(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        account = ForeignKeyField(BillingAccount)
        coupon = ForeignKeyField(Coupon)
        state = CharField(max_length=8)
        periods_left = IntegerField(null=True)
        at = UtcTimestamp()

        class Meta:
            indexes = ((("coupon", "account"), True),)

    db.create_tables([Coupon, CouponRedemption])
    migrator.migrate(
        migrator.add_column("checkout_order", "discount_minor", BigIntegerField(default=0)),
        migrator.add_column("checkout_order", "redemption_id", IntegerField(null=True)),
        migrator.add_column("subscription", "discount_minor", BigIntegerField(default=0)),
        migrator.add_column("subscription", "redemption_id", IntegerField(null=True)),
    )
    _change_check(db, _TAKEN, _FREE)


def down(migrator, db):
    _change_check(db, _FREE, _TAKEN)
    for table in ("checkout_order", "subscription"):
        for column in ("discount_minor", "redemption_id"):
            migrator.migrate(migrator.drop_column(table, column))
    for table in ("coupon_redemption", "coupon"):
        migrator.migrate(migrator.drop_table(table))


def _change_check(db, before, after):
    """SQLite keeps a table's definition as text and has no statement that changes a check of it."""
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql("ALTER TABLE checkout_order DROP CONSTRAINT checkout_order_amount_minor_check")
        db.execute_sql(f"ALTER TABLE checkout_order ADD CONSTRAINT checkout_order_amount_minor_check {after}")
        return
    db.execute_sql("PRAGMA writable_schema = ON")
    db.execute_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'checkout_order'",
        (before, after),
    )
    db.execute_sql("PRAGMA writable_schema = RESET")
