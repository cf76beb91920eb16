"""Invoices: drafted with an order, numbered without gaps when they are finalised, never changed after that."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from app.billing.models import BillingAccount
from app.billing.money_models import CreditNote, Invoice, InvoiceLine
from app.billing.service import ledger, recognising, taxes
from app.billing.service.prices import Price
from app.core import db, ids

DRAFT, PAID, VOID = "draft", "paid", "void"
DISCOUNT = "discount"
_NOTES = "C"


def draft(
    workspace_id: int, account: BillingAccount, price: Price, *, kind: str, discount_minor: int = 0, now: datetime
) -> Invoice:
    """An invoice for one period of a plan (`plan`), or for what a larger one costs more for the rest of it (`difference`).

    `discount_minor` stands as a line of its own. The tax of today is frozen on it. Inside the running transaction.
    """
    bp = taxes.rate_bp(price.currency, now=now)
    total = price.amount_minor - discount_minor
    tax = taxes.within(total, bp)
    made: Invoice = Invoice.create(
        public_id=ids.public_id(),
        workspace=workspace_id,
        account=account.id,
        state=DRAFT,
        currency=price.currency,
        total_minor=total,
        tax_minor=tax,
        tax_rate_bp=bp,
        created_at=now,
    )
    full_tax = taxes.within(price.amount_minor, bp)
    _line(made, price, kind, price.amount_minor, full_tax)
    if discount_minor:
        _line(made, price, DISCOUNT, -discount_minor, tax - full_tax)
    return made


def _line(invoice: Invoice, price: Price, kind: str, amount_minor: int, tax_minor: int) -> None:
    InvoiceLine.create(
        workspace=invoice.workspace,
        invoice=invoice.id,
        kind=kind,
        plan=price.plan,
        interval=price.interval,
        amount_minor=amount_minor,
        tax_minor=tax_minor,
    )


def finalise_paid(invoice: Invoice, account: BillingAccount, *, now: datetime) -> None:
    """Give it its number, freeze the buyer, book what is owed; it is paid with that. The counter is held until the
    transaction ends."""
    year = now.astimezone(ZoneInfo(account.timezone)).year
    invoice.buyer = {"name": account.name, "email": account.email, "tax_id": account.tax_id}
    invoice.series, invoice.number = str(year), next_number(str(year))
    invoice.state, invoice.finalised_at, invoice.paid_at = PAID, now, now
    invoice.voided_at = None  # paid late, it is owed after all
    invoice.save()
    net = invoice.total_minor - invoice.tax_minor
    sides = {ledger.RECEIVABLE: invoice.total_minor, ledger.DEFERRED: -net, ledger.TAX: -invoice.tax_minor}
    ledger.book("invoice", f"invoice:{invoice.id}", invoice.currency, sides, now=now)
    recognising.begin(invoice)


def next_number(series: str) -> int:
    """The next number of a series. What is rolled back takes its number back with it: no gap, nothing twice."""
    ((number,),) = db.rows(
        "INSERT INTO invoice_counter (series, last) VALUES (?, 1)"
        " ON CONFLICT (series) DO UPDATE SET last = invoice_counter.last + 1 RETURNING last",
        series,
    )
    return int(number)


def void(invoice: Invoice, *, now: datetime) -> None:
    """A draft that will never be owed; one with a number is taken back by a credit note instead."""
    if invoice.state != DRAFT:
        raise ValueError(f"invoice {invoice.id} is {invoice.state}")
    invoice.state, invoice.voided_at = VOID, now
    invoice.save()


def credit(
    invoice: Invoice, reason: str, *, amount_minor: int | None = None, tax_minor: int = 0, now: datetime
) -> CreditNote:
    """Take an invoice back, or only `amount_minor` of it, under a number of the credit notes' own series."""
    is_whole = amount_minor is None
    account: BillingAccount = BillingAccount.get_by_id(invoice.account)
    series = f"{_NOTES}{now.astimezone(ZoneInfo(account.timezone)).year}"
    note: CreditNote = CreditNote.create(
        public_id=ids.public_id(),
        workspace=invoice.workspace,
        invoice=invoice.id,
        series=series,
        number=next_number(series),
        currency=invoice.currency,
        total_minor=invoice.total_minor if is_whole else amount_minor,
        tax_minor=invoice.tax_minor if is_whole else tax_minor,
        reason=reason[:200],
        created_at=now,
    )
    return note


def number_of(series: str | None, number: int | None) -> str:
    """As people read it: `2026-000017`, `C2026-000003`; "" for a draft."""
    return f"{series}-{number:06d}" if series and number else ""
