"""Telegram Stars: links to invoices, questions before payments, payments."""

from peewee import SQL, AutoField, BigIntegerField, BooleanField, CharField, IntegerField, Model, TextField

from app.core.db import UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class StarLink(Table):
        order_id = IntegerField(primary_key=True)
        url = CharField(max_length=256, null=True)
        error = CharField(max_length=200, null=True)
        retry_at = UtcTimestamp(null=True)
        made_at = UtcTimestamp(null=True)

    class PreCheckout(Table):
        id = AutoField()
        query_id = CharField(max_length=64, unique=True)
        telegram_user_id = BigIntegerField()
        payload = CharField(max_length=128)
        currency = CharField(max_length=8)
        amount = BigIntegerField()
        refusal = TextField(null=True)
        at = UtcTimestamp(index=True)

    class StarPayment(Table):
        id = AutoField()
        charge_id = CharField(max_length=128, unique=True)
        telegram_user_id = BigIntegerField()
        order_id = IntegerField(index=True)
        first_order_id = IntegerField(index=True)
        payment_id = IntegerField(unique=True)
        amount = BigIntegerField()
        is_first = BooleanField()
        is_stop_told = BooleanField(default=False)
        is_dormant = BooleanField(default=False)
        expires_at = UtcTimestamp(null=True)
        received_at = UtcTimestamp()
        stated_at = UtcTimestamp(null=True)

        class Meta:
            constraints = (SQL("CHECK (amount > 0)"),)

    db.create_tables([StarLink, PreCheckout, StarPayment])


def down(migrator, db):
    for table in ("star_payment", "pre_checkout", "star_link"):
        db.execute_sql(f"DROP TABLE {table}")
