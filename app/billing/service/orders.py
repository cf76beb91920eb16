"""Orders: an invoice that somebody is asked to pay by a gateway, with everything that it says frozen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.billing import states
from app.billing.gateways.base import EXPIRED, OPEN, Gateway, Line, Order
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder, Invoice, Payment
from app.billing.service import coupons, invitations, invoices, payers, prices, subscriptions, terms
from app.billing.service.prices import Price
from app.core import db, ids, outbox
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.core.tenancy import unscoped

DESK_TOPIC = subscriptions.DESK_TOPIC
_TITLE = "AnalyticBot {plan}, {interval}"
FIRST, NEXT, RAISE = "first", "next", "raise"
_LINES = {FIRST: "plan", NEXT: "plan", RAISE: "difference"}
_AT_ONCE = 200
_WITH_DESK = frozenset({"stripe"})  # gateways that make a page for each order, when our desk asks them to
_SILENT = timedelta(days=1)
_RUNS = "(p.state IN ('created', 'unknown') OR (p.state = 'pending' AND p.created_at > ?))"
_FRESH = timedelta(hours=1)


def open_order(
    workspace_id: int,
    plan: str,
    interval: str,
    gateway: Gateway,
    *,
    user_id: int | None,
    coupon: str = "",
    expires_at: datetime | None = None,
    now: datetime,
) -> CheckoutOrder:
    """Ask for a plan's price by a gateway: an order and its draft invoice, good until `expires_at` or, without it, for
    as long as the gateway's checkout is.

    For a workspace that has the same plan it pays for the next period; a larger plan for the same interval costs the
    difference for the rest of the period. A coupon makes the first period cheaper, and the next ones as long as it
    says. Raises Invalid (fields `plan`, `interval`, `coupon`), Conflict (`other_plan`) for what can only begin with the
    next period.
    """
    if interval not in gateway.intervals:
        raise Invalid(N_("This plan is not sold for this time."), fields={"interval": "not sold"})
    with db.write():
        known = subscriptions.held(workspace_id)
        price = terms.price_for(known, plan, interval, gateway.currency, now=now)
        asked = asking(known, price, gateway, now=now)
        order = CheckoutOrder(
            workspace=workspace_id,
            gateway=gateway.key,
            kind=asked.kind,
            price_minor=price.amount_minor,
            created_by=user_id,
            expires_at=expires_at or now + gateway.order_lifetime,
        )
        if coupon:
            _redeem(order, known, coupon, price, gateway, now=now)
        else:
            order.discount_minor, order.redemption_id = asked.discount_minor, asked.redemption_id
        return _open(order, known, asked.owed, now=now)


def _redeem(
    order: CheckoutOrder, known: Subscription | None, code: str, price: Price, gateway: Gateway, *, now: datetime
) -> None:
    """A coupon for the first payment. Raises Invalid (field `coupon`)."""
    if gateway.renews_itself:
        raise coupons.refused(N_("A coupon cannot be used there."))
    if known is not None and not terms.is_unpaid(known):
        raise coupons.refused(N_("A coupon is for the first payment of a plan."))
    by = order.created_by
    invitations.require_guest(code, order.workspace, user_id=by)
    account = payers.payer_of(order.workspace, now=now)
    order.redemption_id = coupons.reserve(order.workspace, account, code, price, user_id=by, now=now).id
    order.discount_minor = coupons.reduction(order.redemption_id, price)


def open_again(order: CheckoutOrder, *, now: datetime) -> CheckoutOrder:
    """The order of a further period on the terms of an older one, whose gateway renewed it by its own clock.

    The older one itself where the workspace has another plan by now: nothing can be delivered for the money then.
    """
    price = Price(order.plan, order.interval, order.currency, order.price_minor)
    with db.write():
        known = subscriptions.held(order.workspace)
        is_first = known is None or known.state == states.INCOMPLETE
        if known is not None and not is_first and not _follows(known, price):
            return order
        made = CheckoutOrder(
            workspace=order.workspace,
            gateway=order.gateway,
            kind=FIRST if is_first else NEXT,
            price_minor=price.amount_minor,
            expires_at=now + _SILENT,
        )
        return _open(made, known, price, now=now)


def can_begin(order: CheckoutOrder) -> bool:
    """Whether a period could begin for an order of a gateway that renews by itself: not beside one that runs already."""
    known = subscriptions.held(order.workspace)
    price = Price(order.plan, order.interval, order.currency, order.price_minor)
    if known is None or known.state == states.INCOMPLETE:
        return True
    return bool(known.state == states.PAST_DUE) and _follows(known, price)


def _follows(known: Subscription, price: Price) -> bool:
    return terms.may_follow(known, price.plan, price.interval, price.currency)


def _open(order: CheckoutOrder, known: Subscription | None, owed: Price, *, now: datetime) -> CheckoutOrder:
    """Write an order with its draft invoice, and the subscription that it is for. Inside the running transaction."""
    account = payers.payer_of(order.workspace, now=now)
    order.public_id, order.state, order.created_at = ids.public_id(), OPEN, now
    less = _less(order)
    order.invoice = invoices.draft(
        order.workspace, account, owed, kind=_LINES[order.kind], discount_minor=less, now=now
    ).id
    if order.kind == RAISE and known is not None:  # the difference is asked for until then
        db.execute("UPDATE invoice SET period_end = ? WHERE id = ?", db.stamp(known.period_end), order.invoice)
    order.plan, order.interval, order.currency = owed.plan, owed.interval, owed.currency
    order.amount_minor = owed.amount_minor - less
    sub = known or subscriptions.ensure(order.workspace, account, order, now=now)
    order.subscription = sub.id
    order.save()
    if order.gateway in _WITH_DESK and order.amount_minor:
        outbox.put(DESK_TOPIC, order.gateway, now=now)
    return order


def open_once(
    workspace_id: int,
    plan: str,
    interval: str,
    gateway: Gateway,
    *,
    user_id: int | None,
    coupon: str = "",
    now: datetime,
) -> CheckoutOrder:
    """As `open_order`; who presses twice gets the order of before, as long as it says the same and nobody pays it."""
    with db.write():
        payers.payer_of(workspace_id, now=now)  # its lock: two presses at once wait for each other
        for known in [] if coupon else _open_orders(workspace_id, plan, interval, gateway.key, now=now):
            sub = subscriptions.live(workspace_id)
            price = terms.price_for(sub, plan, interval, gateway.currency, now=now)
            asked = asking(sub, price, gateway, now=now)
            wanted = price.currency, price.amount_minor, asked.amount_minor, asked.redemption_id
            if (known.currency, known.price_minor, known.amount_minor, known.redemption_id) == wanted:
                return known
        return open_order(workspace_id, plan, interval, gateway, user_id=user_id, coupon=coupon, now=now)


def _less(order: CheckoutOrder) -> int:
    """What a coupon takes off an order; a difference is of prices with it already."""
    return 0 if order.kind == RAISE else int(order.discount_minor)


def _open_orders(workspace_id: int, plan: str, interval: str, gateway: str, *, now: datetime) -> list[CheckoutOrder]:
    """Those that are good for another hour and of which no payment was begun, the newest first."""
    begun = Payment.select(Payment.order).where(Payment.workspace == workspace_id)
    return list(
        CheckoutOrder.select()
        .where(
            CheckoutOrder.workspace == workspace_id,
            CheckoutOrder.state == OPEN,
            CheckoutOrder.plan == plan,
            CheckoutOrder.interval == interval,
            CheckoutOrder.gateway == gateway,
            CheckoutOrder.expires_at > now + _FRESH,
            CheckoutOrder.id.not_in(begun),
        )
        .order_by(CheckoutOrder.id.desc())
    )


@dataclass(frozen=True, slots=True)
class Asking:
    """What an order for a price would be to a subscription, and ask for: `owed` less `discount_minor` by a redemption.

    A difference is of prices with their reductions already.
    """

    kind: str
    owed: Price
    discount_minor: int
    redemption_id: int | None

    @property
    def amount_minor(self) -> int:
        return self.owed.amount_minor - (0 if self.kind == RAISE else self.discount_minor)


def asking(known: Subscription | None, price: Price, gateway: Gateway, *, now: datetime) -> Asking:
    """What an order without a code would ask for now. What was redeemed before makes it cheaper: the next period while it
    lasts, or the rest of the present one; not where the gateway renews by itself, at the price that it began with.

    Raises Conflict for what can only begin later.
    """
    kind, owed = _asked(known, price, gateway, now=now)
    held = None
    if known is not None and kind != FIRST and not gateway.renews_itself:
        held = known.redemption_id if kind == RAISE else coupons.holding(known, price)
    less = coupons.reduction(held, price)
    return Asking(kind, owed, less, held if less else None)


def _asked(known: Subscription | None, price: Price, gateway: Gateway, *, now: datetime) -> tuple[str, Price]:
    """What an order for a price is to this subscription, and what it costs."""
    if known is None or known.state == states.INCOMPLETE:
        return FIRST, price
    if known.state == states.PAUSED:
        raise Conflict(N_("The plan is paused. Resume it first."), code="paused")
    if gateway.renews_itself and known.state == states.TRIALING:
        raise Conflict(N_("Telegram can renew a plan once its trial is over."), code="trial_runs")
    if gateway.renews_itself and known.state != states.PAST_DUE:
        raise Conflict(N_("The plan renews by itself: there is nothing to pay."), code="renews_itself")
    if terms.may_follow(known, price.plan, price.interval, price.currency):
        return NEXT, price
    if is_raise(known, price):
        return RAISE, replace(price, amount_minor=difference(known, price, now=now))
    raise Conflict(N_("This plan can begin when the present period is over."), code="other_plan")


def is_raise(sub: Subscription, price: Price) -> bool:
    """Whether a price is of a larger plan that can begin at once: for the same interval, while nothing is late or waits."""
    is_same_kind = (price.interval, price.currency) == (sub.interval, sub.currency)
    is_larger = prices.position_of(price.plan) > prices.position_of(sub.plan) and price.amount_minor > sub.price_minor
    return sub.state == states.ACTIVE and sub.switch_at is None and is_same_kind and bool(is_larger)


def difference(sub: Subscription, price: Price, *, now: datetime) -> int:
    """What a larger plan costs for the rest of what is paid for: by the millisecond, rounded down, at least one minor unit.

    Periods that were paid ahead count as the last of them did.

    A coupon that made the period cheaper makes the larger plan cheaper too: nobody is credited more than was paid. Where
    it leaves nothing to pay for either, the difference is nothing.
    """
    whole = db.to_ms(sub.period_end) - db.to_ms(sub.period_start)
    left = db.to_ms(sub.period_end) - db.to_ms(now)
    more = price.amount_minor - coupons.reduction(sub.redemption_id, price) - (sub.price_minor - sub.discount_minor)
    return max(more * left // whole, 1) if more > 0 else 0


def choose_next(workspace_id: int, plan: str, interval: str, *, user_id: int | None, now: datetime) -> None:
    """As `subscriptions.choose_next`; open orders for a plan that does not follow any more are closed."""
    with db.write():
        sub = subscriptions.choose_next(workspace_id, plan, interval, user_id=user_id, now=now)
        close_unfit(sub, now=now)


def order_of(workspace_id: int, public_id: str) -> CheckoutOrder:
    """An order of the workspace. Raises NotFound."""
    found: CheckoutOrder | None = CheckoutOrder.get_or_none(
        CheckoutOrder.workspace == workspace_id, CheckoutOrder.public_id == public_id
    )
    if found is None:
        raise NotFound(N_("There is no such order."))
    return found


def any_order(public_id: str) -> CheckoutOrder:
    """An order of any workspace, for operators. Raises NotFound."""
    with unscoped("an operator asks for an order by its number"):
        found: CheckoutOrder | None = CheckoutOrder.get_or_none(CheckoutOrder.public_id == public_id)
    if found is None:
        raise NotFound(N_("There is no such order."))
    return found


def expire(*, now: datetime) -> int:
    """Close orders whose time is over and of which no payment runs; a first subscription without any other ends too.

    A payment that its gateway began and has not spoken of for a day runs no more; of an unknown one nobody knows.
    """
    due = db.rows(
        "SELECT o.id, o.workspace_id FROM checkout_order o WHERE o.state = ? AND o.expires_at <= ? AND NOT EXISTS"
        f" (SELECT 1 FROM payment p WHERE p.order_id = o.id AND {_RUNS}) ORDER BY o.id LIMIT ?",
        *(OPEN, db.stamp(now), db.stamp(now - _SILENT), _AT_ONCE),
    )
    return sum(_expire_one(order_id, workspace_id, now=now) for order_id, workspace_id in due)


def is_being_paid(order_id: int, *, now: datetime) -> bool:
    """Whether a payment of an order runs: it may still bring its money."""
    sql = f"SELECT 1 FROM payment p WHERE p.order_id = ? AND {_RUNS}"
    return db.row(sql, order_id, db.stamp(now - _SILENT)) is not None


def _expire_one(order_id: int, workspace_id: int, *, now: datetime) -> int:
    with db.write():
        db.serialise("checkout_order", order_id)
        moved = db.execute(
            "UPDATE checkout_order SET state = ? WHERE id = ? AND state = ? AND NOT EXISTS (SELECT 1 FROM payment p"
            f" WHERE p.order_id = checkout_order.id AND {_RUNS})",
            *(EXPIRED, order_id, OPEN, db.stamp(now - _SILENT)),
        )
        if moved:
            db.execute(
                "UPDATE payment SET state = 'cancelled', reason = 'silent', settled_at = ? WHERE order_id = ?"
                " AND state = 'pending'",
                *(db.stamp(now), order_id),
            )
            order: CheckoutOrder = CheckoutOrder.get(
                CheckoutOrder.workspace == workspace_id, CheckoutOrder.id == order_id
            )
            invoices.void(Invoice.get(Invoice.workspace == workspace_id, Invoice.id == order.invoice), now=now)
            coupons.release(order)
            _end_unpaid(workspace_id, now=now)
    return moved


def close_unfit(sub: Subscription, *, now: datetime) -> None:
    """Close what nobody should pay any more: open orders for a plan that cannot follow, with a coupon, or beside a pause.

    An order of which a payment runs stays, and so does one that somebody decides about at this moment: who settles holds
    the order and waits for the workspace, which we hold.
    """
    for order_id, plan, interval, currency, kind, redemption in db.rows(
        "SELECT id, plan, interval, currency, kind, redemption_id FROM checkout_order WHERE workspace_id = ? AND state = ?",
        *(sub.workspace, OPEN),
    ):
        if (
            sub.state == states.PAUSED
            or kind == RAISE
            or redemption is not None
            or not terms.may_follow(sub, plan, interval, currency)
        ) and db.is_free("checkout_order", order_id):
            _expire_one(order_id, sub.workspace, now=now)


def _end_unpaid(workspace_id: int, *, now: datetime) -> None:
    sub = subscriptions.held(workspace_id)
    if sub is None or sub.state != states.INCOMPLETE:
        return
    if db.row("SELECT 1 FROM checkout_order WHERE subscription_id = ? AND state = ?", sub.id, OPEN) is None:
        subscriptions.end(sub, states.ORDERS_EXPIRED, now=now)


def is_as_invoiced(order: CheckoutOrder) -> bool:
    """Whether an order still asks for what its invoice says: another sum is never charged."""
    invoice: Invoice = Invoice.get(Invoice.workspace == order.workspace, Invoice.id == order.invoice)
    return bool(order.amount_minor == invoice.total_minor)


def pay_url(order: CheckoutOrder, gateway: Gateway, *, language: str, base_url: str) -> str:
    """Where the payer goes for an order that is open; "" where the gateway has to be asked first."""
    return gateway.pay_url(facts_of(order), language=language, return_url=f"{base_url}/orders/{order.public_id}")


def lines_of(order_id: int) -> list[Line]:
    """What the fiscal receipt of an order lists: what each plan costs less its discount; the amounts sum to the order's."""
    rows = db.rows(
        "SELECT l.plan, l.interval, SUM(l.amount_minor), i.tax_rate_bp FROM invoice_line l JOIN invoice i ON i.id ="
        " l.invoice_id JOIN checkout_order o ON o.invoice_id = i.id WHERE o.id = ?"
        " GROUP BY l.plan, l.interval, i.tax_rate_bp ORDER BY MIN(l.id)",
        order_id,
    )
    return [Line(_TITLE.format(plan=plan, interval=interval), int(amount), bp) for plan, interval, amount, bp in rows]


def facts_of(order: CheckoutOrder) -> Order:
    """An order as gateways know it."""
    return Order(
        order.id, order.public_id, order.gateway, order.currency, order.amount_minor, order.state, order.expires_at
    )
