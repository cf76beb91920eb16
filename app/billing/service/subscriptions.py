"""Subscriptions: what each event does to the row. The row decides everything; its workflow only looks when it is time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.billing import periods, states, timeline
from app.billing.models import BillingAccount, Subscription
from app.billing.money_models import CheckoutOrder
from app.billing.service import coupons, limits, revenue, terms
from app.core import db, ids, outbox
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_

TOPIC, DESK_TOPIC = "billing.subscription", "billing.desk"
RAISED, LOWERED, NEXT_CHOSEN, CHARGE_FAILED = "raised", "lowered", "next_chosen", "charge_failed"
SHORTENED = "shortened"
_ASKING = (timeline.INVITE, RAISED, LOWERED, NEXT_CHOSEN, SHORTENED)
_CHARGING = N_("Your card is being charged for the next period. Cancel when that is done: it is the last one then.")
_PUNCTUAL = timedelta(hours=1)  # a lapse seen later than this is our outage


def live(workspace_id: int) -> Subscription | None:
    """The workspace's subscription that has not ended; also one whose first payment is still awaited."""
    return db.one(Subscription, "workspace_id = ? AND ended_at IS NULL", workspace_id)


def held(workspace_id: int) -> Subscription | None:
    """The same, locked with its workspace until the running transaction ends."""
    db.serialise("workspace", workspace_id)
    return live(workspace_id)


def ensure(workspace_id: int, account: BillingAccount, order: CheckoutOrder, *, now: datetime) -> Subscription:
    """The live subscription, or a new one that waits for its first payment, inside the running transaction."""
    known = held(workspace_id)
    if known is not None:
        return known
    made: Subscription = Subscription.create(
        public_id=ids.public_id(),
        workspace=workspace_id,
        account=account.id,
        plan=order.plan,
        interval=order.interval,
        gateway=order.gateway,
        currency=order.currency,
        price_minor=order.price_minor,
        timezone=account.timezone,
        state=states.INCOMPLETE,
        created_by=order.created_by,
        created_at=now,
    )
    _note(made, "opened", None, now=now)
    return made


def pay(sub: Subscription, order: CheckoutOrder, *, now: datetime) -> tuple[int, datetime, datetime]:
    """A period was paid for: the first, the next, or the one that was owed. Returns its index and bounds.

    The anchor is the moment of the first payment and moves only with another interval. Raises Conflict (`other_plan`)
    when the workspace has another plan by now.
    """
    is_first = sub.state == states.INCOMPLETE
    if not is_first and not terms.may_follow(sub, order.plan, order.interval, order.currency):
        raise Conflict(N_("This workspace has another plan by now."), code="other_plan")
    before, sub.state, plan_before = sub.state, states.after(sub.state, states.PAID), sub.plan
    if is_first:
        sub.anchor_at, sub.anchor_index, sub.period_index = now, 0, 0
    else:
        sub.period_index = _next_index(sub, order.interval, now=now)
    sub.plan, sub.interval, sub.currency = order.plan, order.interval, order.currency
    if sub.gateway != order.gateway:
        sub.gateway, sub.method_id = order.gateway, None
    coupons.take(order)
    _cost(sub, order)
    sub.next_plan = sub.next_interval = None
    sub.period_start, sub.period_end = bounds_of(sub, sub.period_index)
    sub.past_due_at, sub.dunning_step, sub.is_ending = None, 0, False
    if sub.plan == plan_before or sub.period_start <= now:
        _begin_plan(sub, now=now)
    else:
        sub.switch_at = sub.period_start
    keep(sub, "paid", before, now=now, order=order.public_id, period=sub.period_index)
    return sub.period_index, sub.period_start, sub.period_end


def _begin_plan(sub: Subscription, *, now: datetime) -> None:
    """The workspace is on the subscription's plan from now on, unless that waits for its own period."""
    if sub.switch_at is not None and sub.switch_at > now:
        return
    sub.switch_at = None
    limits.put_on_plan(sub.workspace, sub.plan, now=now)


def switch(sub: Subscription, *, now: datetime) -> None:
    """The period of a plan that was paid for ahead begins."""
    _begin_plan(sub, now=now)
    keep(sub, timeline.SWITCH, sub.state, now=now, plan=sub.plan)


def _cost(sub: Subscription, order: CheckoutOrder) -> None:
    sub.price_minor, sub.discount_minor = order.price_minor, order.discount_minor
    sub.redemption_id = order.redemption_id


def bounds_of(sub: Subscription, index: int) -> tuple[datetime, datetime]:
    """[start, end) of a period."""
    return periods.bounds(sub.anchor_at, sub.timezone, sub.interval, index - sub.anchor_index)


def _next_index(sub: Subscription, interval: str, *, now: datetime) -> int:
    """The period after this one; one that is over already (we were away for long) is nobody's to pay: the present one.

    Another interval begins a new anchor at the end of the present period.
    """
    number: int = sub.period_index + 1
    if interval != sub.interval:
        sub.anchor_at, sub.anchor_index, sub.interval = sub.period_end, number, interval
    if bounds_of(sub, number)[1] > now:
        return number
    return int(sub.anchor_index) + periods.index_at(sub.anchor_at, sub.timezone, sub.interval, now)


def raise_plan(sub: Subscription, order: CheckoutOrder, invoice_end: datetime | None, *, now: datetime) -> None:
    """A larger plan from now on, for the rest of what is paid for; the next period costs its whole price.

    Raises Conflict (`other_plan`) unless it is active and paid for until `invoice_end`, as when the difference was asked for.
    """
    is_same_kind = (sub.interval, sub.currency) == (order.interval, order.currency)
    is_of_then = invoice_end == sub.period_end and sub.switch_at is None
    if sub.state != states.ACTIVE or not (is_same_kind and is_of_then) or sub.plan == order.plan:
        raise Conflict(N_("This workspace has another plan by now."), code="other_plan")
    before, sub.plan = sub.plan, order.plan
    _cost(sub, order)
    sub.next_plan = sub.next_interval = None
    limits.put_on_plan(sub.workspace, sub.plan, now=now)
    keep(sub, RAISED, sub.state, now=now, order=order.public_id, from_plan=before)


def lapse(sub: Subscription, *, now: datetime) -> None:
    """The period is over and nobody has paid for the next. A lapse seen late is our outage: the grace begins now."""
    before, sub.state = sub.state, states.after(sub.state, states.LAPSED)
    sub.past_due_at = sub.period_end if timedelta() <= now - sub.period_end < _PUNCTUAL else now
    sub.dunning_step = 0
    keep(sub, states.LAPSED, before, now=now)


def follow_renewals(sub: Subscription, state: str, *, now: datetime) -> None:
    """At a gateway that renews by itself the payer stopped it (`canceled`), goes on (`active`) or could not pay (`failed`)."""
    if state == "canceled" and not sub.is_ending and (sub.state, states.CANCEL_AT_END) in states.TRANSITIONS:
        _change(sub.workspace, states.CANCEL_AT_END, is_ending=True, user_id=None, now=now)
    elif state == "active" and sub.is_ending:
        undo_cancel(sub.workspace, user_id=None, now=now)
    elif state == "failed" and sub.state == states.ACTIVE:
        lapse(sub, now=now)


def lower_back(sub: Subscription, *, now: datetime) -> None:
    """What was paid last was given back: again the plan that was paid for before, on its terms."""
    _as_paid(sub)
    if sub.state != states.PAUSED:
        _begin_plan(sub, now=now)
    keep(sub, LOWERED, sub.state, now=now)


def _as_paid(sub: Subscription) -> None:
    """Plan and price are those of the last order that was paid and not given back, if there is one."""
    found = db.row(
        "SELECT plan, interval, price_minor, discount_minor, redemption_id FROM checkout_order WHERE subscription_id = ?"
        " AND state = 'paid' ORDER BY paid_at DESC, id DESC LIMIT 1",
        sub.id,
    )
    if found is not None:
        sub.plan, sub.interval, sub.price_minor, sub.discount_minor, sub.redemption_id = found


def shorten(sub: Subscription, unused: timedelta, *, now: datetime) -> None:
    """A period among those that are paid for was given back: what is left ends so much earlier, the next ones follow there."""
    sub.period_start, sub.period_end = sub.period_start - unused, sub.period_end - unused
    sub.anchor_at, sub.anchor_index = sub.period_end, sub.period_index + 1
    _as_paid(sub)
    if sub.switch_at is not None:
        sub.switch_at -= unused
        if sub.switch_at >= sub.period_end:  # it was the plan that waited
            sub.switch_at = None
    if sub.state != states.PAUSED:
        _begin_plan(sub, now=now)
    keep(sub, SHORTENED, sub.state, now=now, seconds=int(unused.total_seconds()))


def choose_next(workspace_id: int, plan: str, interval: str, *, user_id: int | None, now: datetime) -> Subscription:
    """Another plan or interval from the next period on; the present one takes the choice back. Raises NotFound, Conflict."""
    with db.write():
        sub = held(workspace_id)
        if sub is None or sub.state not in (states.ACTIVE, states.PAST_DUE):
            raise NotFound(N_("There is no subscription."))
        if terms.is_renewed_there(sub):
            raise Conflict(
                N_("Cancel first: another plan can begin when the present one has ended."), code="renews_itself"
            )
        if sub.switch_at is not None:
            raise Conflict(N_("Another plan is paid for already: choose when it has begun."), code="waits")
        is_present = (plan, interval) == (sub.plan, sub.interval)
        sub.next_plan, sub.next_interval = (None, None) if is_present else (plan, interval)
        keep(sub, NEXT_CHOSEN, sub.state, now=now, plan=plan, interval=interval, user=user_id)
    return sub


def end(sub: Subscription, event: str, *, now: datetime, **detail: Any) -> None:
    """It ends now, by an event that the table of states allows; the workspace is on the free plan again."""
    before, sub.state = sub.state, states.after(sub.state, event)
    sub.ended_at = now
    if is_charging(sub):  # its workflow ends with it: the desk looks up what became of the charge
        outbox.put(DESK_TOPIC, sub.gateway, now=now)
    if before != states.INCOMPLETE:
        limits.put_on_plan(sub.workspace, "free", now=now)
        revenue.move(sub, 0, f"end:{sub.id}", now=now)
    keep(sub, event, before, now=now, **detail)


def cancel(workspace_id: int, *, user_id: int | None, now: datetime) -> Subscription:
    """No further period; what is paid for stays until its end.

    Raises NotFound, Conflict (`charging`: the card is being charged for the next period, which is then paid for).
    """
    with db.write():
        sub = held(workspace_id)
        if sub is not None and sub.next_action == timeline.COLLECT:
            raise Conflict(_CHARGING, code="charging")
        return _change(workspace_id, states.CANCEL_AT_END, is_ending=True, user_id=user_id, now=now)


def undo_cancel(workspace_id: int, *, user_id: int | None, now: datetime) -> Subscription:
    """Go on after all, as long as the period runs. Raises NotFound, Conflict."""
    return _change(workspace_id, states.UNDO_CANCEL, is_ending=False, user_id=user_id, now=now)


def _change(workspace_id: int, event: str, *, is_ending: bool, user_id: int | None, now: datetime) -> Subscription:
    with db.write():
        sub = held(workspace_id)
        if sub is None or sub.state == states.INCOMPLETE:
            raise NotFound(N_("There is no subscription."))
        before, sub.state = sub.state, states.after(sub.state, event)
        if sub.is_ending != is_ending:
            sub.is_ending = is_ending
            keep(sub, event, before, now=now, user=user_id)
    return sub


def standing(sub: Subscription, *, is_invited: bool) -> timeline.Standing:
    """The row as the timeline reads it."""
    return timeline.Standing(
        state=sub.state,
        timezone=sub.timezone,
        period_end=sub.period_end,
        is_ending=sub.is_ending,
        is_charged=sub.method_id is not None,
        is_renewed_there=terms.is_renewed_there(sub),
        is_invited=is_invited,
        collect_at=_collect_at(sub),
        past_due_at=sub.past_due_at,
        step=sub.dunning_step,
        is_trial=sub.period_index < 0,
        switch_at=sub.switch_at,
    )


def keep(sub: Subscription, event: str, before: str | None, *, now: datetime, **detail: Any) -> None:
    """Save the row with what it waits for next, note the event, and ask its workflow to look."""
    _note(sub, event, before, now=now, **detail)
    _plan(sub)
    outbox.put(TOPIC, str(sub.id), now=now)


def _plan(sub: Subscription) -> None:
    found = timeline.next_action(standing(sub, is_invited=_is_invited(sub)))
    sub.next_action, sub.next_action_at = found or (None, None)
    sub.save()


def plan_next(workspace_id: int) -> None:
    """Something beside the row moved (a charge is to be looked up again): what it waits for is told anew."""
    sub = held(workspace_id)
    if sub is not None:
        _plan(sub)


def charge_failed(order: CheckoutOrder, kind: str, reason: str, *, now: datetime) -> None:
    """A charge of a saved card came to nothing. What is over and not paid for is late from now on."""
    sub = held(order.workspace)
    if sub is None or sub.id != order.subscription:
        return
    keep(sub, CHARGE_FAILED, sub.state, now=now, order=order.id, kind=kind, reason=reason[:64])
    if sub.state in (states.ACTIVE, states.TRIALING) and sub.period_end is not None and sub.period_end <= now:
        lapse(sub, now=now)


def pay_by(sub: Subscription, method_id: int | None) -> None:
    """Which card pays for the next periods; None: a link is sent."""
    if sub.method_id != method_id:
        sub.method_id = method_id
        _plan(sub)


def is_charging(sub: Subscription) -> bool:
    """Whether a saved card is being charged for it, with an outcome that nobody knows yet."""
    return _collect_at(sub) is not None


def _collect_at(sub: Subscription) -> datetime | None:
    """When to go on with the charge that is under way."""
    found = db.row(
        "SELECT COALESCE(p.look_at, p.created_at) FROM payment p JOIN checkout_order o ON o.id = p.order_id"
        " WHERE o.subscription_id = ? AND p.method_id IS NOT NULL AND p.state IN ('created', 'unknown')"
        " ORDER BY p.id LIMIT 1",
        sub.id,
    )
    return db.moment(found[0]) if found else None


def _is_invited(sub: Subscription) -> bool:
    """Whether the payer was asked to pay for the period after the present one, as it is chosen now."""
    if sub.period_end is None:
        return False
    last = db.row(
        f"SELECT event FROM subscription_event WHERE subscription_id = ? AND event IN ({db.marks(_ASKING)}) AND at >= ?"
        " ORDER BY id DESC LIMIT 1",
        *(sub.id, *_ASKING, db.stamp(sub.period_end - timeline.INVITE_BEFORE)),
    )
    return last == (timeline.INVITE,)


def _note(sub: Subscription, event: str, before: str | None, *, now: datetime, **detail: Any) -> None:
    db.execute(
        "INSERT INTO subscription_event (workspace_id, subscription_id, event, before, after, detail, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(sub.workspace, sub.id, event, before, sub.state),
        *(db.canonical_json(detail) if detail else None, db.stamp(now)),
    )
