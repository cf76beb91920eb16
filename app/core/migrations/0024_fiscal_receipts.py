"""Fiscal receipts that we hand in ourselves: asked, tried again, and where they can be seen."""

from peewee import AutoField, BigIntegerField, CharField, IntegerField, Model, TextField

from app.core.db import UtcTimestamp


def up(migrator, db):
    class FiscalReceipt(Model):
        id = AutoField()
        payment_id = BigIntegerField(unique=True)
        gateway = CharField(max_length=16)
        asked_at = UtcTimestamp()
        tries = IntegerField(default=0)
        retry_at = UtcTimestamp(null=True)
        error = CharField(max_length=200, null=True)
        qr_url = TextField(null=True)
        done_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            legacy_table_names = False

    db.create_tables([FiscalReceipt])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("fiscal_receipt"))
