"""Payments and what they bring about. `settle` is the only writer of "paid": whoever hears of money first calls it.

Lock order: order, then workspace (its subscription), then the invoice counter. A payment is won by compare-and-set, so
that a return page, a callback and a reconciliation that all bring the same news deliver once.
"""

from __future__ import annotations

from datetime import datetime

from app.billing.gateways.base import KEPT, OPEN, PAID
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder, Invoice, Payment, Refund
from app.billing.service import (
    alarms,
    cards,
    coupons,
    invitations,
    invoices,
    ledger,
    orders,
    payers,
    revenue,
    subscriptions,
    terms,
)
from app.core import crashpoint, db, outbox
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_

PENDING, SUCCEEDED, DECLINED, DROPPED, GIVEN_BACK = "pending", "succeeded", "declined", "cancelled", "refunded"
REFUND_DUE = "refund_due"
# a payment that we gave up, or heard a no of, is still ours to take when the money came
_BEGUN = ("created", "pending", "unknown", "declined", "cancelled")
UNDELIVERED = "undelivered"
CREDIT = "credit"  # in the place of a gateway: paid by the payer's credit; never offered, and without a desk
_WANTS_RECEIPTS = frozenset({"click"})  # their fiscal receipts are handed in by our desk
_TWO_WAYS = frozenset({"click"})  # calls us also for a charge that we asked for, under a number that we learn last


def begin(order_id: int, ref: str, *, now: datetime) -> int:
    """A payment of an order began at its gateway, under the gateway's number. Returns our number of it.

    A charge of ours that the gateway was asked for and has not answered is this one: it has two ways to tell us.
    """
    with db.write():
        order = locked(order_id)
        known = payment_of(order.gateway, ref)
        if known is not None:
            return known
        asked = _asked_for(order)
        if asked is not None:
            db.execute("UPDATE payment SET gateway_ref = ? WHERE id = ? AND gateway_ref IS NULL", ref, asked)
            return asked
        return int(attempt(order, ref=ref, state=PENDING, now=now).id)


def _asked_for(order: CheckoutOrder) -> int | None:
    if order.gateway not in _TWO_WAYS:
        return None
    found = db.row("SELECT id FROM payment WHERE order_id = ? AND state = 'unknown'", order.id)
    return int(found[0]) if found else None


def attempt(
    order: CheckoutOrder,
    *,
    state: str,
    gateway: str | None = None,
    ref: str | None = None,
    card_id: int | None = None,
    now: datetime,
) -> Payment:
    """A further attempt to get an order paid, by its own gateway or another `gateway`, inside the running transaction."""
    last = db.row("SELECT COALESCE(MAX(attempt_no), 0) FROM payment WHERE invoice_id = ?", order.invoice)
    assert last is not None
    made: Payment = Payment.create(
        workspace=order.workspace,
        invoice=order.invoice,
        order=order.id,
        attempt_no=last[0] + 1,
        gateway=gateway or order.gateway,
        gateway_ref=ref,
        method_id=card_id,
        currency=order.currency,
        amount_minor=order.amount_minor,
        state=state,
        created_at=now,
    )
    return made


def payment_of(gateway: str, ref: str) -> int | None:
    """Our number of a payment that a gateway names."""
    found = db.row("SELECT id FROM payment WHERE gateway = ? AND gateway_ref = ?", gateway, ref)
    return int(found[0]) if found else None


def end_unpaid(payment_id: int, states_before: tuple[str, ...], reason: str, *, now: datetime) -> bool:
    """A charge was declined: compare-and-set, so that a no which comes late changes nothing."""
    return bool(
        db.execute(
            f"UPDATE payment SET state = ?, reason = ?, settled_at = ?, look_at = NULL WHERE id = ?"
            f" AND state IN ({db.marks(states_before)})",
            *(DECLINED, reason[:200], db.stamp(now), payment_id, *states_before),
        )
    )


def doubt(gateway: str, kind: str, reference: str, detail: str, *, now: datetime) -> None:
    """Something does not fit: somebody has to look, and those who run the service are told. Once for each reference."""
    is_new = db.execute(
        "INSERT INTO difference (gateway, kind, reference, detail, found_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (gateway, kind, reference) DO NOTHING",
        *(gateway, kind, reference[:128], detail, db.stamp(now)),
    )
    if is_new:
        alarms.books_differ(gateway, now=now)


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
    stands as credit, and a refund is due. Credit that cannot be spent stays where it is: Conflict is raised.
    """
    with db.write():
        payment = by_id(payment_id)
        order = locked(payment.order)
        if not _win(payment_id, now=now):
            return False
        crashpoint.reach("charge.won")
        invoice = invoice_of(order)
        if order.state == PAID or invoice.state == invoices.PAID:
            _owe_back(payment, "the invoice was paid already", now=now)
            return True
        try:
            with db.database.atomic():
                sub = _deliver(order, invoice, card_id=payment.method_id, now=now)
                _book(payment, now=now)
        except Conflict as conflict:
            if payment.gateway == CREDIT:
                raise
            _owe_back(payment, conflict.message, now=now)
            _close(order, REFUND_DUE, deliveries=0, now=now)
            return True
        _close(order, PAID, deliveries=order.deliveries + 1, now=now)
        invitations.thank(order)
        revenue.move(sub, revenue.worth(sub, now=now), f"payment:{payment_id}", now=now)
        orders.close_unfit(sub, now=now)
        if payment.gateway in _WANTS_RECEIPTS:
            outbox.put(orders.DESK_TOPIC, payment.gateway, now=now)
    return True


def settle_free(order_id: int, *, now: datetime) -> bool:
    """An order that costs nothing is delivered without asking a gateway. False for any other, or when that was done.

    Any other is not locked: who waits for it may wait for our workspace.
    """
    with db.write():
        if db.row("SELECT 1 FROM checkout_order WHERE id = ? AND amount_minor = 0", order_id) is None:
            return False
        order = locked(order_id)
        if order.state != OPEN or order.amount_minor:
            return False
        sub = _deliver(order, invoice_of(order), now=now)
        _close(order, PAID, deliveries=order.deliveries + 1, now=now)
        revenue.move(sub, revenue.worth(sub, now=now), f"order:{order_id}", now=now)
        orders.close_unfit(sub, now=now)
    return True


def give_back(payment_id: int, reason: str, *, now: datetime) -> None:
    """The money is ours, but nothing may be delivered for it: it stands as the payer's credit, and a refund is due."""
    with db.write():
        payment = by_id(payment_id)
        order = locked(payment.order)
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


def _deliver(order: CheckoutOrder, invoice: Invoice, *, card_id: int | None = None, now: datetime) -> Subscription:
    """The period begins, the invoice gets its number and is paid; a saved card pays for the next ones."""
    account = payers.payer_of(order.workspace, now=now)
    sub = subscriptions.ensure(order.workspace, account, order, now=now)
    if order.state != OPEN:
        _require_sold(order, sub, now=now)
    invoice.subscription = sub.id
    if order.kind == orders.RAISE:
        subscriptions.raise_plan(sub, order, invoice.period_end, now=now)
        invoice.period_start, invoice.period_end = now, sub.period_end
    else:
        invoice.period_index, invoice.period_start, invoice.period_end = subscriptions.pay(sub, order, now=now)
    if sub.method_id is None:
        subscriptions.pay_by(sub, card_id or cards.newest_id(order.workspace, sub.gateway))
    order.subscription = sub.id
    invoices.finalise_paid(invoice, account, now=now)
    return sub


def _require_sold(order: CheckoutOrder, sub: Subscription, *, now: datetime) -> None:
    """Money that came when the order's time was over buys what is still sold. Raises Conflict (`not_sold`)."""
    try:
        terms.price_for(sub, order.plan, order.interval, order.currency, now=now)
    except Invalid as gone:
        raise Conflict(N_("This plan is not sold any more."), code="not_sold") from gone


def _book(payment: Payment, *, now: datetime) -> None:
    sides = {ledger.clearing(payment.gateway): payment.amount_minor, ledger.RECEIVABLE: -payment.amount_minor}
    ledger.book("payment", f"payment:{payment.id}", payment.currency, sides, now=now)


def _owe_back(payment: Payment, reason: str, *, now: datetime) -> None:
    """Money without an invoice: the payer's credit, to be sent back."""
    sides = {ledger.clearing(payment.gateway): payment.amount_minor, ledger.CREDIT: -payment.amount_minor}
    ledger.book("payment", f"payment:{payment.id}", payment.currency, sides, now=now)
    owe(payment, UNDELIVERED, payment.amount_minor, reason, now=now)


def _close(order: CheckoutOrder, state: str, *, deliveries: int, now: datetime) -> None:
    order.state, order.paid_at, order.deliveries = state, now, deliveries
    order.save()
    if state == REFUND_DUE:
        coupons.release(order)


def given(payment_id: int) -> int:
    """What has gone back of a payment, or is on its way, in minor units."""
    found = db.row("SELECT COALESCE(SUM(amount_minor), 0) FROM refund WHERE payment_id = ?", payment_id)
    return int(found[0]) if found else 0


def refund_sent(refund_id: int, *, now: datetime) -> None:
    """Money that was owed back has gone: the credit is used up. Once done it does nothing more."""
    with db.write():
        found = db.row("SELECT payment_id FROM refund WHERE id = ?", refund_id)
        if found is None or not end_refund("id", refund_id, now=now):
            return
        payment = by_id(found[0])
        if db.execute("UPDATE payment SET state = ? WHERE id = ? AND state = ?", *(GIVEN_BACK, payment.id, SUCCEEDED)):
            sides = {ledger.CREDIT: payment.amount_minor, ledger.clearing(payment.gateway): -payment.amount_minor}
            ledger.book("refund", f"payment:{payment.id}", payment.currency, sides, now=now)


def end_refund(column: str, value: int, *, now: datetime) -> bool:
    """Whether a refund was due until now: compare-and-set, so that it is booked once."""
    return bool(
        db.execute(
            f"UPDATE refund SET state = 'done', done_at = ? WHERE {column} = ? AND state IN ('due', 'asked')",
            *(db.stamp(now), value),
        )
    )


def owe(payment: Payment, key: str, amount_minor: int, reason: str, *, now: datetime) -> int:
    """A refund that is to be sent, by the desk of its gateway. Returns its number."""
    number = _refund(payment, key, "due", amount_minor, reason, now=now)
    outbox.put(orders.DESK_TOPIC, payment.gateway, now=now)
    return number


def note_refund(payment: Payment, key: str, amount_minor: int, reason: str, *, now: datetime) -> int:
    """A refund that the gateway has made. Returns its number."""
    return _refund(payment, key, "done", amount_minor, reason, now=now)


def note_kept(payment: Payment, key: str, amount_minor: int, reason: str, *, now: datetime) -> int:
    """A refund that is the payer's credit from now on. Returns its number."""
    return _refund(payment, key, KEPT, amount_minor, reason, now=now)


def _refund(payment: Payment, key: str, state: str, amount_minor: int, reason: str, *, now: datetime) -> int:
    made: Refund = Refund.create(
        workspace=payment.workspace,
        payment=payment.id,
        refund_key=key,
        currency=payment.currency,
        amount_minor=amount_minor,
        state=state,
        reason=reason[:200],
        created_at=now,
        done_at=None if state == "due" else now,
    )
    return int(made.id)


def by_id(payment_id: int) -> Payment:
    """A payment by our number of it."""
    found = db.one(Payment, "id = ?", payment_id)  # a gateway knows payments, not workspaces
    assert found is not None, "payments are never deleted"
    return found


def order_of(payment: Payment) -> CheckoutOrder:
    """The order that a payment is for, as it stands now."""
    return _order(payment.order)


def locked(order_id: int) -> CheckoutOrder:
    """The order as it stands once nobody else decides about it."""
    db.serialise("checkout_order", order_id)
    return _order(order_id)


def _order(order_id: int) -> CheckoutOrder:
    found = db.one(CheckoutOrder, "id = ?", order_id)  # a gateway knows orders, not workspaces
    assert found is not None, "orders are never deleted"
    return found


def invoice_of(order: CheckoutOrder) -> Invoice:
    """The invoice that an order asks to pay."""
    found = db.one(Invoice, "id = ? AND workspace_id = ?", order.invoice, order.workspace)
    assert found is not None, "an order has its invoice"
    return found
