"""Payments and what they bring about. `settle` is the only writer of "paid": whoever hears of money first calls it.

Lock order: order, then workspace (its subscription), then the invoice counter. A payment is won by compare-and-set, so
that a return page, a callback and a reconciliation that all bring the same news deliver once.
"""

from __future__ import annotations

from datetime import datetime

from app.accounts.service import people
from app.billing import states
from app.billing.gateways.base import OPEN, PAID, TAKEN_BACK, Line, Order
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder, Invoice, Payment, Refund
from app.billing.service import invoices, ledger, orders, payers, revenue, subscriptions
from app.core import db
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.policy import Act, may
from app.core.tenancy import unscoped

PENDING, SUCCEEDED, DROPPED, GIVEN_BACK = "pending", "succeeded", "cancelled", "refunded"
REFUND_DUE = "refund_due"
_BEGUN = ("pending", "unknown", "cancelled")  # a payment that we gave up is still ours to take when the money came
_TITLE = "AnalyticBot {plan}, {interval}"


class DomainOrders:
    """Implements gateways.base.Orders over the tables. Every method belongs inside the caller's transaction."""

    def held(self, public_id: str) -> Order | None:
        found = db.row("SELECT id FROM checkout_order WHERE public_id = ?", public_id) if _is_id(public_id) else None
        return self.held_by_id(found[0]) if found else None

    def held_by_id(self, order_id: int) -> Order:
        db.serialise("checkout_order", order_id)
        found = db.row(
            "SELECT id, public_id, gateway, currency, amount_minor, state, expires_at FROM checkout_order WHERE id = ?",
            order_id,
        )
        assert found is not None, "orders are never deleted"
        number, public_id, gateway, currency, amount_minor, state, expires_at = found
        return Order(number, public_id, gateway, currency, amount_minor, state, db.moment(expires_at))

    def begin(self, order: Order, ref: str, *, now: datetime) -> int:
        return begin(order.id, ref, now=now)

    def settle(self, payment_id: int, *, now: datetime) -> None:
        settle(payment_id, now=now)

    def drop(self, payment_id: int, reason: str, *, now: datetime) -> None:
        drop(payment_id, reason, now=now)

    def give_back(self, payment_id: int, reason: str, *, now: datetime) -> None:
        give_back(payment_id, reason, now=now)

    def take_back(self, payment_id: int, reason: str, *, now: datetime) -> None:
        take_back(payment_id, reason, now=now)

    def doubt(self, gateway: str, kind: str, reference: str, detail: str, *, now: datetime) -> None:
        db.execute(
            "INSERT INTO difference (gateway, kind, reference, detail, found_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (gateway, kind, reference) DO NOTHING",
            *(gateway, kind, reference[:128], detail, db.stamp(now)),
        )

    def may_pay(self, order: Order, telegram_user_id: int) -> bool:
        role = people.role_of_telegram(telegram_user_id, _workspace_of(order.id))
        return role is not None and may(role, Act.PAY)

    def can_deliver(self, order: Order) -> bool:
        return orders.can_begin(_locked(order.id))

    def again(self, order: Order, *, now: datetime) -> Order:
        return self.held_by_id(orders.open_again(_locked(order.id), now=now).id)

    def renewal_changed(self, order: Order, state: str, *, now: datetime) -> None:
        known = _locked(order.id)
        sub = subscriptions.held(known.workspace)
        if sub is not None and sub.id == known.subscription:
            subscriptions.follow_renewals(sub, state, now=now)

    def refund_sent(self, refund_id: int, *, now: datetime) -> None:
        refund_sent(refund_id, now=now)

    def lines(self, order: Order) -> list[Line]:
        rows = db.rows(
            "SELECT l.plan, l.interval, l.amount_minor, i.tax_rate_bp FROM invoice_line l JOIN invoice i ON i.id ="
            " l.invoice_id JOIN checkout_order o ON o.invoice_id = i.id WHERE o.id = ? ORDER BY l.id",
            order.id,
        )
        return [Line(_TITLE.format(plan=plan, interval=interval), amount, bp) for plan, interval, amount, bp in rows]


def _is_id(public_id: str) -> bool:
    return len(public_id) == 22 and public_id.isascii() and "\0" not in public_id


def begin(order_id: int, ref: str, *, now: datetime) -> int:
    """A payment of an order began at its gateway, under the gateway's number. Returns our number of it."""
    with db.write():
        order = _locked(order_id)
        last = db.row("SELECT COALESCE(MAX(attempt_no), 0) FROM payment WHERE invoice_id = ?", order.invoice)
        assert last is not None
        made: Payment = Payment.create(
            workspace=order.workspace,
            invoice=order.invoice,
            order=order.id,
            attempt_no=last[0] + 1,
            gateway=order.gateway,
            gateway_ref=ref,
            currency=order.currency,
            amount_minor=order.amount_minor,
            state=PENDING,
            created_at=now,
        )
    return int(made.id)


def drop(payment_id: int, reason: str, *, now: datetime) -> None:
    """The payment was called off before any money moved. One that has an outcome keeps it."""
    with db.write():
        db.execute(
            "UPDATE payment SET state = ?, reason = ?, settled_at = ? WHERE id = ? AND state IN ('pending', 'unknown')",
            *(DROPPED, reason[:200], db.stamp(now), payment_id),
        )


def settle(payment_id: int, *, now: datetime) -> bool:
    """The money of a payment is ours: book it, pay the invoice, deliver the period. False when that was done already.

    What cannot be delivered (the invoice is paid already, or the workspace has another plan by now) is the payer's: it
    stands as credit, and a refund is due.
    """
    with db.write():
        payment = _payment(payment_id)
        order = _locked(payment.order)
        if not _win(payment_id, now=now):
            return False
        invoice = _invoice(order)
        if order.state == PAID or invoice.state == invoices.PAID:
            _owe_back(payment, "the invoice was paid already", now=now)
            return True
        try:
            with db.database.atomic():
                sub = _deliver(payment, order, invoice, now=now)
        except Conflict as conflict:
            _owe_back(payment, conflict.message, now=now)
            _close(order, REFUND_DUE, deliveries=0, now=now)
            return True
        _close(order, PAID, deliveries=order.deliveries + 1, now=now)
        revenue.move(sub, revenue.worth(sub, now=now), f"payment:{payment_id}", now=now)
        orders.close_unfit(sub, now=now)
    return True


def give_back(payment_id: int, reason: str, *, now: datetime) -> None:
    """The money is ours, but nothing may be delivered for it: it stands as the payer's credit, and a refund is due."""
    with db.write():
        payment = _payment(payment_id)
        order = _locked(payment.order)
        if not _win(payment_id, now=now):
            return
        _owe_back(payment, reason, now=now)
        if order.state == OPEN:
            _close(order, REFUND_DUE, deliveries=order.deliveries, now=now)


def _win(payment_id: int, *, now: datetime) -> bool:
    """Whether this call is the one that brings the news: compare-and-set on the state."""
    return bool(
        db.execute(
            f"UPDATE payment SET state = ?, settled_at = ?, reason = NULL WHERE id = ? AND state IN ({db.marks(_BEGUN)})",
            *(SUCCEEDED, db.stamp(now), payment_id, *_BEGUN),
        )
    )


def _deliver(payment: Payment, order: CheckoutOrder, invoice: Invoice, *, now: datetime) -> Subscription:
    """The period begins, the invoice gets its number and is paid."""
    account = payers.payer_of(order.workspace, now=now)
    sub = subscriptions.ensure(order.workspace, account, order, now=now)
    invoice.subscription = sub.id
    if order.kind == orders.RAISE:
        subscriptions.raise_plan(sub, order, order.price_minor, now=now)
        invoice.period_start, invoice.period_end = now, sub.period_end
    else:
        invoice.period_index, invoice.period_start, invoice.period_end = subscriptions.pay(sub, order, now=now)
    order.subscription = sub.id
    invoices.finalise(invoice, now=now)
    invoices.mark_paid(invoice, now=now)
    sides = {ledger.clearing(payment.gateway): payment.amount_minor, ledger.RECEIVABLE: -payment.amount_minor}
    ledger.book("payment", f"payment:{payment.id}", payment.currency, sides, now=now)
    return sub


def _owe_back(payment: Payment, reason: str, *, now: datetime) -> None:
    """Money without an invoice: the payer's credit, to be sent back."""
    sides = {ledger.clearing(payment.gateway): payment.amount_minor, ledger.CREDIT: -payment.amount_minor}
    ledger.book("payment", f"payment:{payment.id}", payment.currency, sides, now=now)
    _refund(payment, "undelivered", "due", reason, now=now)


def _close(order: CheckoutOrder, state: str, *, deliveries: int, now: datetime) -> None:
    order.state, order.paid_at, order.deliveries = state, now, deliveries
    order.save()


def take_back(payment_id: int, reason: str, *, now: datetime) -> None:
    """The gateway gives the money of a settled payment back: credit note, ledger, and the access ends.

    Raises Conflict (`used_up`) when the whole period that it paid for is over.
    """
    with db.write():
        payment = _payment(payment_id)
        order = _locked(payment.order)
        invoice = _invoice(order)
        if invoice.period_end is not None and invoice.period_end <= now:
            raise Conflict(N_("What was paid for was used up."), code="used_up")
        moved = db.execute(
            "UPDATE payment SET state = ?, reason = ? WHERE id = ? AND state = ?",
            *(GIVEN_BACK, reason[:200], payment_id, SUCCEEDED),
        )
        if not moved:
            return
        if order.state == PAID and invoice.state == invoices.PAID:
            _take_invoice_back(payment, order, invoice, reason, now=now)
        else:
            sides = {ledger.CREDIT: payment.amount_minor, ledger.clearing(payment.gateway): -payment.amount_minor}
            ledger.book("refund", f"payment:{payment.id}", payment.currency, sides, now=now)
        if not _end_refund("payment_id", payment_id, now=now):
            _refund(payment, "gateway", "done", reason, now=now)


def refund_sent(refund_id: int, *, now: datetime) -> None:
    """Money that was owed back has gone: the credit is used up. Once done it does nothing more."""
    with db.write():
        found = db.row("SELECT payment_id FROM refund WHERE id = ?", refund_id)
        if found is None or not _end_refund("id", refund_id, now=now):
            return
        payment = _payment(found[0])
        if db.execute("UPDATE payment SET state = ? WHERE id = ? AND state = ?", *(GIVEN_BACK, payment.id, SUCCEEDED)):
            sides = {ledger.CREDIT: payment.amount_minor, ledger.clearing(payment.gateway): -payment.amount_minor}
            ledger.book("refund", f"payment:{payment.id}", payment.currency, sides, now=now)


def _end_refund(column: str, value: int, *, now: datetime) -> bool:
    """Whether a refund was due until now: compare-and-set, so that it is booked once."""
    return bool(
        db.execute(
            f"UPDATE refund SET state = 'done', done_at = ? WHERE {column} = ? AND state = 'due'",
            *(db.stamp(now), value),
        )
    )


def _take_invoice_back(payment: Payment, order: CheckoutOrder, invoice: Invoice, reason: str, *, now: datetime) -> None:
    invoices.credit(invoice, reason, now=now)
    net = invoice.total_minor - invoice.tax_minor
    sides = {
        ledger.DEFERRED: net,
        ledger.TAX: invoice.tax_minor,
        ledger.clearing(payment.gateway): -payment.amount_minor,
    }
    ledger.book("refund", f"payment:{payment.id}", payment.currency, sides, now=now)
    order.state = TAKEN_BACK
    order.save()
    sub = subscriptions.held(order.workspace)
    if sub is None or sub.id != invoice.subscription or sub.state not in states.TAKEN_FROM:
        return
    if order.kind == orders.RAISE:
        subscriptions.lower_back(sub, now=now)
        revenue.move(sub, revenue.worth(sub, now=now), f"refund:{payment.id}", now=now)
    else:
        subscriptions.end(sub, states.TAKEN_BACK, now=now, order=order.public_id)


def _refund(payment: Payment, key: str, state: str, reason: str, *, now: datetime) -> None:
    Refund.create(
        workspace=payment.workspace,
        payment=payment.id,
        refund_key=key,
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        state=state,
        reason=reason[:200],
        created_at=now,
        done_at=now if state == "done" else None,
    )


def _payment(payment_id: int) -> Payment:
    with unscoped("a gateway knows payments, not workspaces"):
        found: Payment = Payment.get(Payment.id == payment_id)
    return found


def _workspace_of(order_id: int) -> int:
    found = db.row("SELECT workspace_id FROM checkout_order WHERE id = ?", order_id)
    assert found is not None, "orders are never deleted"
    return int(found[0])


def _locked(order_id: int) -> CheckoutOrder:
    """The order as it stands once nobody else decides about it."""
    db.serialise("checkout_order", order_id)
    with unscoped("a gateway knows orders, not workspaces"):
        found: CheckoutOrder = CheckoutOrder.get(CheckoutOrder.id == order_id)
    return found


def _invoice(order: CheckoutOrder) -> Invoice:
    found: Invoice = Invoice.get(Invoice.workspace == order.workspace, Invoice.id == order.invoice)
    return found
