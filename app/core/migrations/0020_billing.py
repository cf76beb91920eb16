"""Billing: payers, plans and prices, subscriptions, orders, invoices, payments, ledger; what Payme and Click know."""

from datetime import UTC, datetime

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from app.core.db import JsonText, UtcTimestamp

_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_PLANS = (
    ("free", 1, 30, 3, {}),
    ("pro", 3, 200, 20, {"USD": 999, "UZS": 12_500_000, "XTR": 700}),
    ("business", 10, 2_000, 50, {"USD": 2_999, "UZS": 37_500_000, "XTR": 2_100}),
    ("network", 50, 10_000, 200, {"USD": 7_900, "UZS": 99_000_000, "XTR": 5_500}),
)


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class User(Table):
        id = AutoField()

    class BillingAccount(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        name = CharField(max_length=128)
        email = CharField(max_length=200, default="")
        tax_id = CharField(max_length=32, default="")
        timezone = CharField(max_length=64)
        created_at = UtcTimestamp()

    class WorkspacePayer(Table):
        workspace = ForeignKeyField(Workspace, primary_key=True)
        account = ForeignKeyField(BillingAccount)

    class Plan(Table):
        key = CharField(max_length=16, primary_key=True)
        position = IntegerField()
        is_sold = BooleanField()

    class PlanLimit(Table):
        id = AutoField()
        plan = ForeignKeyField(Plan)
        key = CharField(max_length=24)
        amount = BigIntegerField(null=True)
        reset = CharField(max_length=8)

        class Meta:
            indexes = ((("plan", "key"), True),)

    class PlanPrice(Table):
        id = AutoField()
        plan = ForeignKeyField(Plan)
        currency = CharField(max_length=3)
        interval = CharField(max_length=8)
        amount_minor = BigIntegerField()
        valid_from = UtcTimestamp()

        class Meta:
            indexes = ((("plan", "currency", "interval", "valid_from"), True),)

    class Subscription(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        account = ForeignKeyField(BillingAccount)
        plan = CharField(max_length=16)
        interval = CharField(max_length=8)
        gateway = CharField(max_length=16)
        currency = CharField(max_length=3)
        price_minor = BigIntegerField()
        timezone = CharField(max_length=64)
        state = CharField(max_length=20)
        anchor_at = UtcTimestamp(null=True)
        anchor_index = IntegerField(default=0)
        period_index = IntegerField(default=0)
        period_start = UtcTimestamp(null=True)
        period_end = UtcTimestamp(null=True)
        is_ending = BooleanField(default=False)
        next_plan = CharField(max_length=16, null=True)
        next_interval = CharField(max_length=8, null=True)
        past_due_at = UtcTimestamp(null=True)
        paused_at = UtcTimestamp(null=True)
        dunning_step = IntegerField(default=0)
        next_action = CharField(max_length=16, null=True)
        next_action_at = UtcTimestamp(null=True)
        created_by = ForeignKeyField(User, null=True)
        created_at = UtcTimestamp()
        ended_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("workspace", "state"), False), (("next_action_at",), False))

    class SubscriptionEvent(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        subscription = ForeignKeyField(Subscription)
        event = CharField(max_length=24)
        before = CharField(max_length=20, null=True)
        after = CharField(max_length=20)
        detail = JsonText(null=True)
        at = UtcTimestamp()

    class UsageCounter(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        key = CharField(max_length=24)
        period_start = UtcTimestamp()
        used = BigIntegerField(default=0)

        class Meta:
            indexes = ((("workspace", "key", "period_start"), True),)

    class LimitOverride(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        key = CharField(max_length=24)
        amount = BigIntegerField(null=True)
        reason = TextField()
        granted_by = ForeignKeyField(User, null=True)
        granted_at = UtcTimestamp()
        until = UtcTimestamp(null=True)
        revoked_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("workspace", "key"), False),)

    class TaxRate(Table):
        id = AutoField()
        country = CharField(max_length=2)
        rate_bp = IntegerField()
        valid_from = UtcTimestamp()

        class Meta:
            indexes = ((("country", "valid_from"), True),)

    class Invoice(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        account = ForeignKeyField(BillingAccount)
        subscription = ForeignKeyField(Subscription, null=True)
        period_index = IntegerField(null=True)
        period_start = UtcTimestamp(null=True)
        period_end = UtcTimestamp(null=True)
        state = CharField(max_length=12)
        series = CharField(max_length=8, null=True)
        number = IntegerField(null=True)
        currency = CharField(max_length=3)
        total_minor = BigIntegerField()
        tax_minor = BigIntegerField()
        tax_rate_bp = IntegerField()
        buyer = JsonText(null=True)
        created_at = UtcTimestamp()
        finalised_at = UtcTimestamp(null=True)
        paid_at = UtcTimestamp(null=True)
        voided_at = UtcTimestamp(null=True)

        class Meta:
            indexes = (
                (("series", "number"), True),
                (("subscription", "period_index"), True),
                (("workspace", "created_at"), False),
            )
            constraints = (SQL("CHECK (total_minor >= 0 AND tax_minor >= 0 AND tax_minor <= total_minor)"),)

    class InvoiceLine(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        invoice = ForeignKeyField(Invoice)
        kind = CharField(max_length=12)
        plan = CharField(max_length=16)
        interval = CharField(max_length=8)
        amount_minor = BigIntegerField()
        tax_minor = BigIntegerField()

    class InvoiceCounter(Table):
        series = CharField(max_length=8, primary_key=True)
        last = IntegerField()

    class CheckoutOrder(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        invoice = ForeignKeyField(Invoice)
        subscription = ForeignKeyField(Subscription, null=True)
        kind = CharField(max_length=12)
        gateway = CharField(max_length=16)
        plan = CharField(max_length=16)
        interval = CharField(max_length=8)
        currency = CharField(max_length=3)
        amount_minor = BigIntegerField()
        price_minor = BigIntegerField()
        state = CharField(max_length=12)
        deliveries = IntegerField(default=0)
        created_by = ForeignKeyField(User, null=True)
        created_at = UtcTimestamp()
        expires_at = UtcTimestamp(index=True)
        paid_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("workspace", "created_at"), False),)
            constraints = (SQL("CHECK (amount_minor > 0)"),)

    class Payment(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        invoice = ForeignKeyField(Invoice)
        order = ForeignKeyField(CheckoutOrder, null=True)
        attempt_no = IntegerField()
        gateway = CharField(max_length=16)
        gateway_ref = CharField(max_length=128, null=True)
        currency = CharField(max_length=3)
        amount_minor = BigIntegerField()
        state = CharField(max_length=16)
        reason = CharField(max_length=200, null=True)
        created_at = UtcTimestamp()
        settled_at = UtcTimestamp(null=True)

        class Meta:
            indexes = (
                (("invoice", "attempt_no"), True),
                (("gateway", "gateway_ref"), True),
                (("state", "created_at"), False),
            )
            constraints = (SQL("CHECK (amount_minor > 0)"),)

    class Refund(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        payment = ForeignKeyField(Payment)
        refund_key = CharField(max_length=64)
        currency = CharField(max_length=3)
        amount_minor = BigIntegerField()
        state = CharField(max_length=12)
        reason = CharField(max_length=200)
        created_at = UtcTimestamp()
        done_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("payment", "refund_key"), True),)
            constraints = (SQL("CHECK (amount_minor > 0)"),)

    class CreditNote(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        invoice = ForeignKeyField(Invoice)
        series = CharField(max_length=8)
        number = IntegerField()
        currency = CharField(max_length=3)
        total_minor = BigIntegerField()
        tax_minor = BigIntegerField()
        reason = CharField(max_length=200)
        created_at = UtcTimestamp()

        class Meta:
            indexes = ((("series", "number"), True),)

    class LedgerEntry(Table):
        id = AutoField()
        kind = CharField(max_length=24)
        reference = CharField(max_length=64)
        currency = CharField(max_length=3)
        at = UtcTimestamp(index=True)

        class Meta:
            indexes = ((("kind", "reference"), True),)

    class LedgerPosting(Table):
        id = AutoField()
        entry = ForeignKeyField(LedgerEntry)
        ledger_account = CharField(max_length=32, index=True)
        amount_minor = BigIntegerField()

    class MrrMovement(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        account = ForeignKeyField(BillingAccount)
        subscription = ForeignKeyField(Subscription)
        kind = CharField(max_length=16)
        currency = CharField(max_length=3)
        delta_minor = BigIntegerField()
        reference = CharField(max_length=64, unique=True)
        effective_at = UtcTimestamp(index=True)

    class Difference(Table):
        id = AutoField()
        gateway = CharField(max_length=16)
        kind = CharField(max_length=24)
        reference = CharField(max_length=128)
        detail = TextField()
        found_at = UtcTimestamp()
        resolved_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("gateway", "kind", "reference"), True),)

    class PaymeTransaction(Table):
        id = AutoField()
        payme_id = CharField(max_length=64, unique=True)
        order_id = IntegerField()
        payment_id = IntegerField()
        amount_minor = BigIntegerField()
        time_ms = BigIntegerField(index=True)
        create_ms = BigIntegerField()
        perform_ms = BigIntegerField(default=0)
        cancel_ms = BigIntegerField(default=0)
        state = IntegerField()
        reason = BigIntegerField(null=True)
        fiscal = JsonText(null=True)
        cancel_fiscal = JsonText(null=True)

    class ClickPrepare(Table):
        id = AutoField()
        click_trans_id = BigIntegerField(index=True)
        paydoc_id = BigIntegerField(null=True)
        order_id = IntegerField()
        payment_id = IntegerField()
        amount_minor = BigIntegerField()
        state = CharField(max_length=12)
        error = BigIntegerField(null=True)
        created_at = UtcTimestamp()
        done_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("click_trans_id", "order_id"), False),)

    Subscription.add_index(
        Subscription.index(Subscription.workspace, unique=True, where=SQL("ended_at IS NULL"), name="one_subscription")
    )
    PaymeTransaction.add_index(
        PaymeTransaction.index(
            PaymeTransaction.order_id, unique=True, where=SQL("state IN (1, 2)"), name="one_payme_transaction"
        )
    )
    migrator.migrate(migrator.add_column("channel", "kept_at", UtcTimestamp(null=True)))
    db.create_tables([BillingAccount, WorkspacePayer, Plan, PlanLimit, PlanPrice, Subscription, SubscriptionEvent])
    db.create_tables([UsageCounter, LimitOverride, TaxRate, Invoice, InvoiceLine, InvoiceCounter, CheckoutOrder])
    db.create_tables([Payment, Refund, CreditNote, LedgerEntry, LedgerPosting, MrrMovement, Difference])
    db.create_tables([PaymeTransaction, ClickPrepare])
    TaxRate.create(country="UZ", rate_bp=1_200, valid_from=datetime(2023, 1, 1, tzinfo=UTC))
    for position, (key, channels, posts, watched, prices) in enumerate(_PLANS):
        Plan.create(key=key, position=position, is_sold=bool(prices))
        limits = (("channels", channels, "never"), ("watched_channels", watched, "never"), ("posts", posts, "period"))
        for name, amount, reset in limits:
            PlanLimit.create(plan=key, key=name, amount=amount, reset=reset)
        for currency, month in prices.items():
            is_stars = currency == "XTR"  # Stars sell plans of 30 days only
            first = "days30" if is_stars else "month"
            PlanPrice.create(plan=key, currency=currency, interval=first, amount_minor=month, valid_from=_SINCE)
            if not is_stars:
                PlanPrice.create(
                    plan=key, currency=currency, interval="year", amount_minor=10 * month, valid_from=_SINCE
                )


def down(migrator, db):
    migrator.migrate(migrator.drop_column("channel", "kept_at"))
    for table in (
        *("click_prepare", "payme_transaction", "difference", "mrr_movement", "ledger_posting", "ledger_entry"),
        *(
            "credit_note",
            "refund",
            "payment",
            "checkout_order",
            "invoice_counter",
            "invoice_line",
            "invoice",
            "tax_rate",
        ),
        *("limit_override", "usage_counter", "subscription_event", "subscription", "plan_price", "plan_limit", "plan"),
        *("workspace_payer", "billing_account"),
    ):
        migrator.migrate(migrator.drop_table(table))
