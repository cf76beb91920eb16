"""The credit of a payer: money that a gateway took and cannot give back, which pays for orders instead.

It is what refunds became (`kept`) less what payments by `credit` took: the postings of those on the ledger's
`customer_credit`, and no others. Money that a gateway still is to give back stands there too, and is nobody's to spend.
Lock order: order, then workspace, then billing account, then the invoice counter.
"""

from __future__ import annotations

from datetime import datetime

from app.audit import service as audit
from app.billing.gateways.base import OPEN, PAID, TAKEN_BACK
from app.billing.money_models import CheckoutOrder, Payment
from app.billing.service import ledger, orders, payers, settling, subscriptions
from app.core import db
from app.core.errors import Conflict
from app.core.i18n import N_

_KEPT = (
    "SELECT r.currency, r.amount_minor AS minor FROM refund r JOIN payment p ON p.id = r.payment_id"
    " JOIN invoice i ON i.id = p.invoice_id WHERE r.state = 'kept' AND i.account_id = ?"
)
_SPENT = (
    "SELECT p.currency, -p.amount_minor AS minor FROM payment p JOIN invoice i ON i.id = p.invoice_id"
    " WHERE p.gateway = 'credit' AND p.state IN ('succeeded', 'refunded') AND i.account_id = ?"
)


def of_account(account_id: int) -> dict[str, int]:
    """{currency: minor units} of a billing account's credit; below nothing where it spent what the gateway gave back."""
    rows = db.rows(
        f"SELECT currency, SUM(minor) FROM ({_KEPT} UNION ALL {_SPENT}) moves GROUP BY currency",
        *(account_id, account_id),
    )
    return {str(currency): int(minor) for currency, minor in rows if minor}


def of_workspace(workspace_id: int) -> dict[str, int]:
    """The same of whoever pays for a workspace; only what can be spent."""
    found = db.row("SELECT account_id FROM workspace_payer WHERE workspace_id = ?", workspace_id)
    return {key: minor for key, minor in of_account(found[0]).items() if minor > 0} if found else {}


def pay(workspace_id: int, public_id: str, *, user_id: int | None, now: datetime) -> None:
    """Pay an open order whole by the payer's credit, without a gateway; twice is once.

    Raises NotFound, Conflict (`not_now`, `charging`: another way to pay has begun, `no_credit`: it does not cover it).
    """
    with db.write():
        order = settling.locked(orders.order_of(workspace_id, public_id).id)
        if order.state == PAID and is_spent_on(order.id):
            return
        if order.state != OPEN or order.expires_at <= now or not order.amount_minor:
            raise Conflict(N_("This order cannot be paid any more."), code="not_now")
        account = payers.payer_of(workspace_id, now=now)  # with its lock no charge of a card begins meanwhile
        if _is_begun(order, now=now):
            raise Conflict(N_("A payment is under way already. Wait until that has an outcome."), code="charging")
        if not _is_covered(order, account.id):
            raise Conflict(N_("Your credit does not cover this order."), code="no_credit")
        _spend(order, now=now)
        subject = f"order:{order.public_id}"
        audit.record("credit.spent", actor=f"user:{user_id}", subject=subject, workspace_id=workspace_id, now=now)


def is_spent_on(order_id: int) -> bool:
    """Whether an order was paid by credit."""
    sql = "SELECT 1 FROM payment WHERE order_id = ? AND gateway = 'credit' AND state = 'succeeded'"
    return db.row(sql, order_id) is not None


def pay_due(asked: CheckoutOrder, *, now: datetime) -> bool:
    """Pay the order of a period that is due by the payer's credit, before a card is asked or it is late; False where that
    does not cover it, or another way has begun. Inside the running transaction, which holds the workspace.

    An order that somebody decides about at this moment is left to them: they may wait for the workspace.
    """
    if not asked.amount_minor or not db.is_free("checkout_order", asked.id):
        return False
    order = settling.locked(asked.id)
    if order.state != OPEN or _is_begun(order, now=now) or not _is_covered(order, _account_of(order.invoice)):
        return False
    try:
        with db.database.atomic():
            _spend(order, now=now)
    except Conflict:
        return False
    return True


def _spend(order: CheckoutOrder, *, now: datetime) -> None:
    payment = settling.attempt(order, gateway=settling.CREDIT, state=settling.PENDING, now=now)
    settling.settle(payment.id, now=now)


def _is_begun(order: CheckoutOrder, *, now: datetime) -> bool:
    """Never both: neither a payment of this order, nor a card that is charged for the subscription, may be under way."""
    sub = subscriptions.live(order.workspace)
    return orders.is_being_paid(order.id, now=now) or (sub is not None and subscriptions.is_charging(sub))


def _is_covered(order: CheckoutOrder, account_id: int) -> bool:
    """Whether the account's credit, held from now on, pays an order whole: it may pay for other workspaces too."""
    db.serialise("billing_account", account_id)
    return of_account(account_id).get(order.currency, 0) >= order.amount_minor


def _account_of(invoice_id: int) -> int:
    found = db.row("SELECT account_id FROM invoice WHERE id = ?", invoice_id)
    assert found is not None, "an order has its invoice"
    return int(found[0])


def take_out(payment: Payment, *, has_happened: bool, source: str = "", now: datetime) -> None:
    """A gateway gives back after all what was kept as credit, or lost it to a dispute: the credit falls by it. Inside the
    running transaction, the order locked. Where it was spent already, Conflict (`used_up`) is raised; once the money has
    gone, somebody has to look. `source`: the account that gains by it, by itself what the gateway holds.
    """
    kept = db.rows("SELECT id, amount_minor FROM refund WHERE payment_id = ? AND state = 'kept'", payment.id)
    if not kept:
        return
    payers.payer_of(payment.workspace, now=now)
    account_id = _account_of(payment.invoice)
    db.serialise("billing_account", account_id)
    left = of_account(account_id).get(payment.currency, 0) - sum(amount for _, amount in kept)
    if left < 0 and not has_happened:
        raise Conflict(N_("What was paid for was used up."), code="used_up")
    for number, amount in kept:
        db.execute("UPDATE refund SET state = 'done' WHERE id = ? AND state = 'kept'", number)
        sides = {ledger.CREDIT: amount, source or ledger.clearing(payment.gateway): -amount}
        ledger.book("refund", f"kept:{number}", payment.currency, sides, now=now)
    db.execute("UPDATE checkout_order SET state = ? WHERE id = ? AND state = 'kept'", TAKEN_BACK, payment.order)
    if left < 0:
        detail = f"given back by {payment.gateway}, and {-left} {payment.currency} of it were spent as credit before"
        settling.doubt(payment.gateway, "credit_spent", f"payment:{payment.id}", detail, now=now)
