"""Money that goes back whole: the credit note, the books, and as much of the access as it paid for.

Of several periods that are paid for only the one that was given back ends; what is over takes nothing with it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.billing import states
from app.billing.gateways.base import PAID, TAKEN_BACK
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder, Invoice, Payment
from app.billing.service import (
    credit,
    invitations,
    invoices,
    ledger,
    orders,
    recognising,
    revenue,
    settling,
    subscriptions,
)
from app.core import db
from app.core.errors import Conflict
from app.core.i18n import N_


def take_back(payment_id: int, reason: str, *, has_happened: bool = False, now: datetime) -> None:
    """The gateway gives the money of a settled payment back: credit note, ledger, and what it paid for ends.

    Raises Conflict (`used_up`) when the whole period that it paid for is over, unless the money has gone already.
    """
    with db.write():
        payment = settling.by_id(payment_id)
        order = settling.locked(payment.order)
        invoice = settling.invoice_of(order)
        if not has_happened and not _was_owed(payment_id) and _is_used_up(invoice, now=now):
            raise Conflict(N_("What was paid for was used up."), code="used_up")
        credit.take_out(payment, has_happened=has_happened, now=now)
        moved = db.execute(
            "UPDATE payment SET state = ?, reason = ? WHERE id = ? AND state = ?",
            *(settling.GIVEN_BACK, reason[:200], payment_id, settling.SUCCEEDED),
        )
        if not moved:
            return
        if order.state == PAID and not _was_owed(payment_id):
            _take_invoice_back(payment, order, invoice, reason, now=now)
        else:
            sides = {ledger.CREDIT: payment.amount_minor, ledger.clearing(payment.gateway): -payment.amount_minor}
            ledger.book("refund", f"payment:{payment.id}", payment.currency, sides, now=now)
        if not settling.end_refund("payment_id", payment_id, now=now):
            settling.note_refund(payment, "gateway", payment.amount_minor - settling.given(payment_id), reason, now=now)


def _is_used_up(invoice: Invoice, *, now: datetime) -> bool:
    """Whether the period is over; that of a subscription that runs may have been moved by a pause, and of what was never
    delivered nothing was used."""
    if invoice.state != invoices.PAID:
        return False
    sub = subscriptions.held(invoice.workspace)
    if sub is not None and sub.id == invoice.subscription and sub.state in states.TAKEN_FROM:
        return not _unused(sub, invoice, now=now)
    return bool(invoice.period_end is not None and invoice.period_end <= now)


def _was_owed(payment_id: int) -> bool:
    """Whether nothing was delivered for a payment: giving it back takes nothing from anybody (pretix #343)."""
    return (
        db.row("SELECT 1 FROM refund WHERE payment_id = ? AND refund_key = ?", payment_id, settling.UNDELIVERED)
        is not None
    )


def _take_invoice_back(payment: Payment, order: CheckoutOrder, invoice: Invoice, reason: str, *, now: datetime) -> None:
    """The invoice is taken back, less the parts that were before."""
    gone, gone_tax = _credited(invoice)
    total, tax = payment.amount_minor - gone, invoice.tax_minor - gone_tax
    invoices.credit(invoice, reason, amount_minor=total, tax_minor=tax, now=now)
    sides = recognising.give_back(invoice, total - tax) | {ledger.TAX: tax, ledger.clearing(payment.gateway): -total}
    ledger.book("refund", f"payment:{payment.id}", payment.currency, sides, now=now)
    order.state = TAKEN_BACK
    order.save()
    invitations.take_thanks_back(order)
    _end_access(payment, order, invoice, now=now)


def _credited(invoice: Invoice) -> tuple[int, int]:
    """(total, tax) that credit notes took back of an invoice already."""
    found = db.row(
        "SELECT COALESCE(SUM(total_minor), 0), COALESCE(SUM(tax_minor), 0) FROM credit_note WHERE invoice_id = ?",
        invoice.id,
    )
    assert found is not None
    return int(found[0]), int(found[1])


def lose_access(payment_id: int, *, now: datetime) -> None:
    """All money of a payment has gone: what it paid for ends."""
    with db.write():
        payment = settling.by_id(payment_id)
        order = settling.locked(payment.order)
        if order.state == PAID and not _was_owed(payment_id):
            order.state = TAKEN_BACK
            order.save()
            invitations.take_thanks_back(order)
            _end_access(payment, order, settling.invoice_of(order), now=now)


def _end_access(payment: Payment, order: CheckoutOrder, invoice: Invoice, *, now: datetime) -> None:
    """What is left of what the payment paid for ends: of several periods that are paid for only so much."""
    sub = subscriptions.held(order.workspace)
    if sub is None or sub.id != invoice.subscription or sub.state not in states.TAKEN_FROM:
        return
    unused = _unused(sub, invoice, now=now)
    if not unused:
        return
    if order.kind == orders.RAISE:
        subscriptions.lower_back(sub, now=now)
    elif sub.period_end - unused > (sub.paused_at or now):
        subscriptions.shorten(sub, unused, now=now)
    else:
        subscriptions.end(sub, states.TAKEN_BACK, now=now, order=order.public_id)
        return
    if sub.state != states.PAUSED:
        revenue.move(sub, revenue.worth(sub, now=now), f"refund:{payment.id}", now=now)


def _unused(sub: Subscription, invoice: Invoice, *, now: datetime) -> timedelta:
    """How much of an invoice's period is still to come; a pause has moved the last one."""
    begin, end = invoice.period_start, invoice.period_end
    if invoice.period_index is None:  # a larger plan, for the rest of what was paid for then
        return max(end - now, timedelta())
    if invoice.period_index == sub.period_index:
        begin, end = sub.period_start, sub.period_end
    return max(end - max(begin, sub.paused_at or now), timedelta())
