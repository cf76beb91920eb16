"""Saved ways to pay that our engine charges, what Stripe is asked and tells, disputes."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, Model, TextField

from app.core.db import UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class BillingAccount(Table):
        id = AutoField()

    class PaymentMethod(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        account = ForeignKeyField(BillingAccount)
        gateway = CharField(max_length=16)
        token = TextField()
        token_hash = CharField(max_length=64)
        payer_ref = CharField(max_length=64, default="")
        label = CharField(max_length=64)
        state = CharField(max_length=8)
        reason = CharField(max_length=64, null=True)
        created_at = UtcTimestamp()
        ended_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("gateway", "token_hash"), True), (("workspace", "state"), False))

    class Dispute(Table):
        id = AutoField()
        payment_id = BigIntegerField(index=True)
        gateway = CharField(max_length=16)
        gateway_ref = CharField(max_length=128)
        amount_minor = BigIntegerField()
        state = CharField(max_length=8)
        opened_at = UtcTimestamp()
        closed_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("gateway", "gateway_ref"), True),)

    class StripeCustomer(Table):
        account_id = IntegerField(primary_key=True)
        customer = CharField(max_length=64)
        made_at = UtcTimestamp()

    class StripeSession(Table):
        id = AutoField()
        order_id = IntegerField(null=True, unique=True)
        workspace_id = IntegerField(index=True)
        session = CharField(max_length=128, null=True, unique=True)
        url = TextField(null=True)
        error = CharField(max_length=200, null=True)
        retry_at = UtcTimestamp(null=True)
        made_at = UtcTimestamp(null=True)
        asked_at = UtcTimestamp()
        done_at = UtcTimestamp(null=True)

    class StripeEvent(Table):
        id = AutoField()
        event = CharField(max_length=128, unique=True)
        kind = CharField(max_length=64)
        about = CharField(max_length=128)
        received_at = UtcTimestamp(index=True)
        tries = IntegerField(default=0)
        retry_at = UtcTimestamp(null=True)
        error = CharField(max_length=200, null=True)
        handled_at = UtcTimestamp(null=True)

    db.create_tables([PaymentMethod, Dispute, StripeCustomer, StripeSession, StripeEvent])
    migrator.migrate(
        migrator.add_column("subscription", "method_id", IntegerField(null=True)),
        migrator.add_column("payment", "method_id", IntegerField(null=True)),
        migrator.add_column("payment", "asked_at", UtcTimestamp(null=True)),
        migrator.add_column("payment", "look_at", UtcTimestamp(null=True)),
        migrator.add_column("payment", "looks", IntegerField(default=0)),
    )


def down(migrator, db):
    migrator.migrate(migrator.drop_column("subscription", "method_id"))
    for column in ("method_id", "asked_at", "look_at", "looks"):
        migrator.migrate(migrator.drop_column("payment", column))
    for table in ("stripe_event", "stripe_session", "stripe_customer", "dispute", "payment_method"):
        migrator.migrate(migrator.drop_table(table))
