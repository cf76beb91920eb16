"""What time does to a subscription: asking for the next payment, past due, reminders, the end.

`advance` is all that the workflow calls. It reads the row, does what is due, and says what the row waits for; twice is
harmless, since each step moves the row to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.accounts.service import people
from app.billing import states, timeline
from app.billing.gateways.base import OPEN
from app.billing.gateways.registry import Gateways
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder
from app.billing.service import cards, collecting, credit, letters, orders, settling, subscriptions, terms
from app.billing.service.collecting import Collector
from app.core import db, formats, money, outbox, telemetry
from app.core.errors import AppError
from app.core.tenancy import unscoped
from app.notices import service as notices
from app.telegram import service as telegram

_MOST_STEPS = 12
_NEWS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Report:
    """How a subscription stands after a look: ids, words and moments, no name of anybody."""

    public_id: str
    workspace_id: int
    plan: str
    interval: str
    gateway: str
    state: str
    is_ending: bool
    period_index: int
    period_end: datetime | None
    dunning_step: int
    next_action: str | None
    next_action_at: datetime | None
    is_over: bool
    done: tuple[str, ...]
    charge: str
    next_charge_at: datetime | None
    last_charge: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What reaching people and asking for money needs: the ways to pay and our address."""

    gateways: Gateways
    base_url: str


def advance(subscription_id: int, desk: Desk, *, now: datetime) -> Report | None:
    """Do all that is due of one subscription; None when there is no such row."""
    done: list[str] = []
    while len(done) < _MOST_STEPS:
        with db.write():
            sub = _held(subscription_id)
            if sub is None:
                return None
            if sub.next_action in (None, timeline.COLLECT) or sub.next_action_at > now:
                return _report(sub, tuple(done))
            done.append(sub.next_action)
            _ACTIONS[sub.next_action](sub, desk, now)
    raise RuntimeError(f"subscription {subscription_id} does not come to rest: {done}")


def open_subscriptions() -> list[int]:
    """Those that have not ended: each has a workflow, whatever Temporal has forgotten."""
    return [int(row[0]) for row in db.rows("SELECT id FROM subscription WHERE ended_at IS NULL ORDER BY id")]


def _held(subscription_id: int) -> Subscription | None:
    found = db.row("SELECT workspace_id FROM subscription WHERE id = ?", subscription_id)
    if found is None:
        return None
    db.serialise("workspace", found[0])
    with unscoped("a workflow knows its subscription, not the workspace"):
        sub: Subscription = Subscription.get_by_id(subscription_id)
    return sub


def _invite(sub: Subscription, desk: Desk, now: datetime) -> None:
    """Ask the payer for the next period, three days before this one ends; or say that a trial's card will be charged."""
    if sub.method_id is not None:
        subscriptions.keep(sub, timeline.INVITE, sub.state, now=now)
        _tell(sub, "trial_ends", None, desk, now=now)
        return
    order = _order_for_next(sub, desk, now=now)
    if order is not None and settling.settle_free(order.id, now=now):
        return
    subscriptions.keep(sub, timeline.INVITE, sub.state, now=now, order=order.public_id if order else None)
    _tell(sub, "renewal_due", order, desk, now=now)


def _order_for_next(sub: Subscription, desk: Desk, *, now: datetime) -> CheckoutOrder | None:
    """An order that can be paid until the grace is over; None where the way to pay or the price is gone."""
    try:
        gateway = desk.gateways.get(sub.gateway, sub.currency)
        until = max(sub.period_end, now) + timeline.grace_of(is_trial=terms.is_unpaid(sub))
        plan, interval = terms.following(sub)
        return orders.open_order(sub.workspace, plan, interval, gateway, user_id=None, expires_at=until, now=now)
    except AppError as error:
        telemetry.log().warning("no order for a renewal", subscription=sub.public_id, error=error.message)
        return None


def _lapse(sub: Subscription, desk: Desk, now: datetime) -> None:
    """Nobody has paid for the next period: the payer's credit does, or it is late."""
    if not _is_paid_by_credit(sub, now):
        subscriptions.lapse(sub, now=now)


def _is_paid_by_credit(sub: Subscription, now: datetime) -> bool:
    """By any of the orders for it: the newest may be one at whose gateway somebody has begun."""
    return any(credit.pay_due(order, now=now) for order in _open_orders(sub))


def _remind(sub: Subscription, desk: Desk, now: datetime) -> None:
    """Say once that the payment is late; steps whose time passed meanwhile are not made up for."""
    if _is_paid_by_credit(sub, now):
        return
    _step(sub, now)
    subscriptions.keep(sub, timeline.REMIND, sub.state, now=now, step=sub.dunning_step)
    _tell(sub, _overdue(sub), _open_order(sub), desk, now=now)


def _overdue(sub: Subscription) -> str:
    return "trial_overdue" if terms.is_unpaid(sub) else "renewal_overdue"


def _step(sub: Subscription, now: datetime) -> None:
    sub.dunning_step += 1
    is_trial = terms.is_unpaid(sub)
    while True:
        at = timeline.dunning_at(sub.past_due_at, sub.dunning_step, sub.timezone, is_trial=is_trial)
        if at is None or at > now:
            return
        sub.dunning_step += 1


def _charge(sub: Subscription, desk: Desk, now: datetime) -> None:
    """Record a charge of the saved card for the period that is due; it is made outside of this transaction."""
    if sub.state == states.PAST_DUE:
        _step(sub, now)
    order = _owed_order(sub) or _order_for_next(sub, desk, now=now)
    card = cards.card_of(sub)
    if order is not None and (settling.settle_free(order.id, now=now) or credit.pay_due(order, now=now)):
        return
    if order is None or card is None:
        if sub.state in (states.ACTIVE, states.TRIALING):
            subscriptions.lapse(sub, now=now)
        else:
            subscriptions.keep(sub, timeline.REMIND, sub.state, now=now, step=sub.dunning_step)
            _tell(sub, _overdue(sub), order, desk, now=now)
        return
    payment = collecting.record(order, card, now=now)
    outbox.put(orders.DESK_TOPIC, order.gateway, now=now)  # its statement will tell of this charge
    subscriptions.keep(
        sub, timeline.CHARGE, sub.state, now=now, order=order.public_id, payment=payment.id, step=sub.dunning_step
    )


def _owed_order(sub: Subscription) -> CheckoutOrder | None:
    """The order of the period that is late, which the next attempt is to pay too: one invoice, however many tries.

    At the end of a trial, the one that a coupon made cheaper.
    """
    if sub.state != states.PAST_DUE and not terms.is_unpaid(sub):
        return None
    has_coupon = CheckoutOrder.redemption_id.is_null(False)
    plan, interval = terms.following(sub)
    found: CheckoutOrder | None = (
        CheckoutOrder.select()
        .where(
            *(CheckoutOrder.workspace == sub.workspace, CheckoutOrder.subscription == sub.id),
            *(CheckoutOrder.state == OPEN, CheckoutOrder.kind == orders.NEXT, CheckoutOrder.gateway == sub.gateway),
            *(CheckoutOrder.plan == plan, CheckoutOrder.interval == interval),
            *(() if sub.state == states.PAST_DUE else (has_coupon, CheckoutOrder.expires_at > sub.period_end)),
        )
        .order_by(CheckoutOrder.id.desc())
        .first()
    )
    return found if found is not None and orders.is_as_invoiced(found) else None


def collect(subscription_id: int, desk: Desk, collector: Collector, *, now: datetime) -> None:
    """Go on with the charge of a subscription that is under way, by one step, and tell its payer of a no.

    It is the one that the row waits for: the oldest without an outcome, or the last, whose outcome somebody else told.
    """
    found = db.row(
        "SELECT p.id FROM payment p JOIN checkout_order o ON o.id = p.order_id WHERE o.subscription_id = ?"
        " AND p.method_id IS NOT NULL ORDER BY CASE WHEN p.state IN ('created', 'unknown') THEN 0 ELSE 1 END,"
        " CASE WHEN p.state IN ('created', 'unknown') THEN p.id ELSE -p.id END LIMIT 1",
        subscription_id,
    )
    if found is None:
        return
    collecting.collect(found[0], collector, now=now)
    with db.write():
        sub = _held(subscription_id)
        payment = settling.by_id(found[0])
        if sub is None:
            return
        if payment.state == settling.DECLINED and now - payment.settled_at < _NEWS:
            template = "charge_declined" if sub.method_id is not None else "charge_needs_you"
            _tell(sub, template, settling.order_of(payment), desk, key=f"payment{payment.id}", now=now)
        subscriptions.plan_next(sub.workspace)


def _expire(sub: Subscription, desk: Desk, now: datetime) -> None:
    """Fourteen days without a payment."""
    if _is_paid_by_credit(sub, now):
        return
    subscriptions.end(sub, states.GRACE_OVER, now=now)
    _tell(sub, "subscription_ended", None, desk, now=now)


def _end(sub: Subscription, desk: Desk, now: datetime) -> None:
    """The period is over and its payer wanted no other."""
    subscriptions.end(sub, states.PERIOD_OVER, now=now)
    _tell(sub, "subscription_ended", None, desk, now=now)


def _switch(sub: Subscription, desk: Desk, now: datetime) -> None:
    subscriptions.switch(sub, now=now)


_ACTIONS = {
    timeline.INVITE: _invite,
    timeline.LAPSE: _lapse,
    timeline.REMIND: _remind,
    timeline.EXPIRE: _expire,
    timeline.END: _end,
    timeline.CHARGE: _charge,
    timeline.SWITCH: _switch,
}


def _open_order(sub: Subscription) -> CheckoutOrder | None:
    """The newest order by which the period that is due can be paid."""
    return next(iter(_open_orders(sub)), None)


def _open_orders(sub: Subscription) -> list[CheckoutOrder]:
    plan, interval = terms.following(sub)
    found = (
        CheckoutOrder.select()
        .where(
            *(CheckoutOrder.workspace == sub.workspace, CheckoutOrder.subscription == sub.id),
            *(CheckoutOrder.state == OPEN, CheckoutOrder.plan == plan, CheckoutOrder.interval == interval),
        )
        .order_by(CheckoutOrder.id.desc())
    )
    return list(found)


def _tell(
    sub: Subscription, template: str, order: CheckoutOrder | None, desk: Desk, *, key: str = "", now: datetime
) -> None:
    """A message to those who run the workspace and a letter to its payer, with the way to pay."""
    link = f"{desk.base_url}/orders/{order.public_id}" if order else f"{desk.base_url}/billing"
    minor = order.amount_minor if order else terms.next_minor(sub, now=now)
    payer_link = f"{desk.base_url}/billing/payer"
    letters.write(sub, template, minor=minor, link=link, payer_link=payer_link, key=key, now=now)
    bot = telegram.service_bot()
    if bot is None:
        return
    for person in people.people_to_tell(sub.workspace):
        amount = money.price(minor, sub.currency, person.language)
        day = formats.day(sub.period_end, person.language, person.timezone)
        notices.queue(
            template,
            user=person,
            bot_id=bot.bot_id,
            params={"plan": sub.plan.capitalize(), "amount": amount, "day": day, "link": link},
            dedupe_key=f"{template}:{sub.id}:{sub.period_index}:{sub.dunning_step}{key}:{person.id}",
            now=now,
        )


def _report(sub: Subscription, done: tuple[str, ...]) -> Report:
    return Report(
        public_id=sub.public_id,
        workspace_id=sub.workspace,
        plan=sub.plan,
        interval=sub.interval,
        gateway=sub.gateway,
        state=sub.state,
        is_ending=bool(sub.is_ending),
        period_index=sub.period_index,
        period_end=sub.period_end,
        dunning_step=sub.dunning_step,
        next_action=sub.next_action,
        next_action_at=sub.next_action_at,
        is_over=sub.ended_at is not None,
        done=done,
        charge=_charge_of(sub) if sub.next_action == timeline.COLLECT else "",
        next_charge_at=_next_charge_at(sub),
        last_charge=_last_charge(sub),
    )


def _next_charge_at(sub: Subscription) -> datetime | None:
    """When money is to be taken next, by us or by the payer; None when none is."""
    at: datetime | None = None
    if sub.next_action in (timeline.CHARGE, timeline.COLLECT):
        at = sub.next_action_at
    elif sub.state in (states.ACTIVE, states.TRIALING) and not sub.is_ending:
        at = sub.period_end
    return at


def _last_charge(sub: Subscription) -> str:
    """What became of the last charge, for the reader of its workflow: numbers and words, no name."""
    found = db.row(
        "SELECT p.id, p.attempt_no, p.gateway, p.state, p.reason FROM payment p JOIN checkout_order o ON o.id = p.order_id"
        " WHERE o.subscription_id = ? ORDER BY p.id DESC LIMIT 1",
        sub.id,
    )
    if found is None:
        return ""
    number, attempt, gateway, state, reason = found
    return f"payment {number} (attempt {attempt}) at {gateway}: {state}" + (f", {reason}" if reason else "")


def _charge_of(sub: Subscription) -> str:
    """The charge that is under way, for the reader of its workflow: numbers and words, no name."""
    found = db.row(
        "SELECT p.id, p.attempt_no, p.gateway, p.state FROM payment p JOIN checkout_order o ON o.id = p.order_id"
        " WHERE o.subscription_id = ? AND p.method_id IS NOT NULL ORDER BY p.id DESC LIMIT 1",
        sub.id,
    )
    assert found is not None, "something is to be collected"
    number, attempt, gateway, state = found
    what = "ask for" if state == collecting.CREATED else "look up"
    return f"{what} payment {number} (attempt {attempt}) at {gateway}"
