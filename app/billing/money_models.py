"""What is owed and what was paid: orders, invoices, payments, refunds, and the ledger that holds them together."""

from __future__ import annotations

from typing import Any

from peewee import SQL, AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, TextField

from app.accounts.models import User, Workspace
from app.billing.models import BillingAccount, Subscription
from app.core.db import JsonText, Personal, Table, UtcTimestamp
from app.core.tenancy import TenantTable

_BY_LAW = "as long as the tax law asks for, then blanked"


class TaxRate(Table):
    """The value-added tax of a country from a day on, in basis points. Prices include it."""

    impersonal = frozenset({"country"})
    id = AutoField()
    country = CharField(max_length=2)
    rate_bp = IntegerField()
    valid_from = UtcTimestamp()

    class Meta:
        indexes = ((("country", "valid_from"), True),)


class Invoice(TenantTable):
    """What one period costs. A number is given when it is finalised; from then on nothing of it changes but its state."""

    personal = {"buyer": Personal("identity", "name the payer as the tax law asks", _BY_LAW)}
    impersonal = frozenset({"public_id", "state", "series", "currency"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    account: Any = ForeignKeyField(BillingAccount, lazy_load=False)
    subscription: Any = ForeignKeyField(Subscription, lazy_load=False, null=True)
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


class InvoiceLine(TenantTable):
    """One line of an invoice: what, how much, tax included."""

    impersonal = frozenset({"kind", "plan", "interval"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    invoice: Any = ForeignKeyField(Invoice, lazy_load=False)
    kind = CharField(max_length=12)
    plan = CharField(max_length=16)
    interval = CharField(max_length=8)
    amount_minor = BigIntegerField()
    tax_minor = BigIntegerField()


class InvoiceCounter(Table):
    """The last number of a series, moved in the transaction that gives the next."""

    impersonal = frozenset({"series"})
    series = CharField(max_length=8, primary_key=True)
    last = IntegerField()


class CheckoutOrder(TenantTable):
    """An invoice that somebody was asked to pay by a gateway; its public id is what Payme and Click know.

    `price_minor` is what a whole period of the plan costs, `discount_minor` how much less it is by the coupon
    `redemption_id`, `amount_minor` what this order asks for.
    """

    impersonal = frozenset({"public_id", "gateway", "plan", "interval", "currency", "state", "kind"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    invoice: Any = ForeignKeyField(Invoice, lazy_load=False)
    subscription: Any = ForeignKeyField(Subscription, lazy_load=False, null=True)
    kind = CharField(max_length=12)
    gateway = CharField(max_length=16)
    plan = CharField(max_length=16)
    interval = CharField(max_length=8)
    currency = CharField(max_length=3)
    amount_minor = BigIntegerField()
    price_minor = BigIntegerField()
    discount_minor = BigIntegerField(default=0)
    redemption_id = IntegerField(null=True)
    state = CharField(max_length=12)
    deliveries = IntegerField(default=0)
    created_by: Any = ForeignKeyField(User, lazy_load=False, null=True)
    created_at = UtcTimestamp()
    expires_at = UtcTimestamp(index=True)
    paid_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("workspace", "created_at"), False),)
        constraints = (SQL("CHECK (amount_minor >= 0)"),)


class Payment(TenantTable):
    """One attempt to get an invoice paid. `unknown` is a state of its own: nothing is tried again before it is resolved.

    One that we make ourselves charges the saved card `method_id`: `asked_at` is when the gateway was last told to, and
    `look_at` when to look again what became of it.
    """

    impersonal = frozenset({"gateway", "gateway_ref", "currency", "state", "reason"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    invoice: Any = ForeignKeyField(Invoice, lazy_load=False)
    order: Any = ForeignKeyField(CheckoutOrder, lazy_load=False, null=True)
    attempt_no = IntegerField()
    gateway = CharField(max_length=16)
    gateway_ref = CharField(max_length=128, null=True)
    method_id = IntegerField(null=True)
    currency = CharField(max_length=3)
    amount_minor = BigIntegerField()
    state = CharField(max_length=16)
    reason = CharField(max_length=200, null=True)
    asked_at = UtcTimestamp(null=True)
    look_at = UtcTimestamp(null=True)
    looks = IntegerField(default=0)
    created_at = UtcTimestamp()
    settled_at = UtcTimestamp(null=True)

    class Meta:
        indexes = (
            (("invoice", "attempt_no"), True),
            (("gateway", "gateway_ref"), True),
            (("state", "created_at"), False),
        )
        constraints = (SQL("CHECK (amount_minor > 0)"),)


class Refund(TenantTable):
    """Money that goes back: asked of us by a gateway (`done` at once), or owed and to be sent (`due`)."""

    impersonal = frozenset({"refund_key", "state", "currency", "reason"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    payment: Any = ForeignKeyField(Payment, lazy_load=False)
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


class RevenueSchedule(TenantTable):
    """What of a paid invoice is not earned yet, and until when it was: the rest is earned by `ends_at`."""

    impersonal = frozenset({"currency"})
    invoice: Any = ForeignKeyField(Invoice, lazy_load=False, primary_key=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    currency = CharField(max_length=3)
    deferred_minor = BigIntegerField()
    recognised_at = UtcTimestamp(index=True)
    ends_at = UtcTimestamp()


class CreditNote(TenantTable):
    """Takes back an invoice, or a part of it, under a number of its own."""

    impersonal = frozenset({"public_id", "series", "currency", "reason"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    invoice: Any = ForeignKeyField(Invoice, lazy_load=False)
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
    """One booking. (kind, reference) is unique, so that nothing is booked twice."""

    impersonal = frozenset({"kind", "reference", "currency"})
    id = AutoField()
    kind = CharField(max_length=24)
    reference = CharField(max_length=64)
    currency = CharField(max_length=3)
    at = UtcTimestamp(index=True)

    class Meta:
        indexes = ((("kind", "reference"), True),)


class LedgerPosting(Table):
    """One side of a booking: debit positive, credit negative; the postings of an entry sum to nothing."""

    impersonal = frozenset({"ledger_account"})
    id = AutoField()
    entry: Any = ForeignKeyField(LedgerEntry, lazy_load=False)
    ledger_account = CharField(max_length=32, index=True)
    amount_minor = BigIntegerField()


class MrrMovement(TenantTable):
    """A change of a payer's monthly recurring revenue. Append-only: their sum is the revenue of today."""

    impersonal = frozenset({"kind", "currency", "reference"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    account: Any = ForeignKeyField(BillingAccount, lazy_load=False)
    subscription: Any = ForeignKeyField(Subscription, lazy_load=False)
    kind = CharField(max_length=16)
    currency = CharField(max_length=3)
    delta_minor = BigIntegerField()
    reference = CharField(max_length=64, unique=True)
    effective_at = UtcTimestamp(index=True)


class Difference(Table):
    """Where a gateway and the ledger do not agree, until somebody, or the next look, has settled it."""

    impersonal = frozenset({"gateway", "kind", "reference", "detail"})
    id = AutoField()
    gateway = CharField(max_length=16)
    kind = CharField(max_length=24)
    reference = CharField(max_length=128)
    detail = TextField()
    found_at = UtcTimestamp()
    resolved_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("gateway", "kind", "reference"), True),)


TABLES = (
    *(TaxRate, Invoice, InvoiceLine, InvoiceCounter, CheckoutOrder, Payment, Refund, CreditNote),
    *(LedgerEntry, LedgerPosting, MrrMovement, Difference, RevenueSchedule),
)
