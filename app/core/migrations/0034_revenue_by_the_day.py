"""What of each paid invoice is still deferred; one open Prepare of Click for each of its numbers and orders."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, Model

from app.core import db as core
from app.core.db import UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class Invoice(Table):
        id = AutoField()

    class RevenueSchedule(Table):
        invoice = ForeignKeyField(Invoice, primary_key=True)
        workspace = ForeignKeyField(Workspace)
        currency = CharField(max_length=3)
        deferred_minor = BigIntegerField()
        recognised_at = UtcTimestamp(index=True)
        ends_at = UtcTimestamp()

    db.create_tables([RevenueSchedule])
    # what is paid for and not credited; the first run books the days that have passed
    core.execute(
        "INSERT INTO revenue_schedule (invoice_id, workspace_id, currency, deferred_minor, recognised_at, ends_at)"
        " SELECT i.id, i.workspace_id, i.currency, i.total_minor - i.tax_minor - COALESCE((SELECT SUM(n.total_minor -"
        " n.tax_minor) FROM credit_note n WHERE n.invoice_id = i.id), 0), i.period_start, i.period_end FROM invoice i"
        " WHERE i.state = 'paid' AND i.period_start IS NOT NULL AND i.period_end IS NOT NULL"
    )
    core.execute(
        "CREATE UNIQUE INDEX one_open_click_prepare ON click_prepare (click_trans_id, order_id) WHERE state = 'prepared'"
    )


def down(migrator, db):
    core.execute("DROP INDEX one_open_click_prepare")
    migrator.migrate(migrator.drop_table("revenue_schedule"))
