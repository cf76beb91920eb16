"""Charging saved cards, crash-safe: record, ask, look up, and only then ask again (facts/payments.md 5.2).

A payment is recorded before the gateway hears of it. Who asks has first moved the row from `created` to `unknown` by
compare-and-set, so only one asks; whoever finds it `unknown` looks up. It is asked again, under the same key, only when
the gateway knows of no such charge and has had time to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.billing.gateways import base
from app.billing.gateways.base import Charge, Charger, Outcome
from app.billing.method_models import PaymentMethod
from app.billing.money_models import CheckoutOrder, Payment
from app.billing.service import cards, orders, settling, subscriptions
from app.billing.service.cards import Vault
from app.core import crashpoint, db
from app.core.errors import Conflict
from app.core.i18n import N_

CREATED, UNKNOWN, DECLINED = "created", "unknown", "declined"
_OPEN = (CREATED, UNKNOWN)
_ENDINGS = (base.DECLINED, base.DEAD, base.NEEDS_PAYER)
_FIRST_LOOK, _LONGEST_LOOK = timedelta(seconds=1), timedelta(hours=1)
_STUCK = timedelta(hours=24)
_MOST_ASKED, _ASKED_AGAIN = 500, timedelta(hours=6)  # by a statement
_MOST_LEFT = 20  # at once, of ended subscriptions


@dataclass(frozen=True, slots=True)
class Collector:
    """What charging needs: the gateways that can, by key, and where their tokens are kept."""

    chargers: Mapping[str, Charger]
    vault: Vault


def record(order: CheckoutOrder, card: PaymentMethod, *, now: datetime) -> Payment:
    """A further attempt to get an order paid by a card, written down before anybody is asked. In the transaction.

    Another attempt that has no outcome yet is returned instead: there is one at a time.
    """
    running = open_payment(order)
    if running is not None:
        return running
    return settling.attempt(order, card_id=card.id, state=CREATED, now=now)


def charge_now(workspace_id: int, public_id: str, *, user_id: int | None, now: datetime) -> None:
    """The payer wants an open order paid by the newest saved card of its gateway; pressing twice is one charge.

    Raises NotFound, Conflict (`no_card`, `not_now`, `charging`: for another order).
    """
    with db.write():
        order = settling.locked(orders.order_of(workspace_id, public_id).id)
        card = cards.newest(workspace_id, order.gateway)
        if card is None:
            raise Conflict(N_("There is no saved card to charge."), code="no_card")
        if order.state != base.OPEN or order.expires_at <= now:
            raise Conflict(N_("This order cannot be paid any more."), code="not_now")
        if open_payment(order) is not None:
            return
        sub = subscriptions.held(workspace_id)
        assert sub is not None, "an order is for a subscription"
        if subscriptions.is_charging(sub):
            raise Conflict(N_("Your card is being charged already. Wait until that has an outcome."), code="charging")
        payment = record(order, card, now=now)
        subscriptions.keep(sub, "charge_asked", sub.state, now=now, payment=payment.id, user=user_id)


def open_payment(order: CheckoutOrder) -> Payment | None:
    """The charge of an order that has no outcome yet."""
    found: Payment | None = Payment.get_or_none(
        Payment.workspace == order.workspace, Payment.order == order.id, Payment.state.in_(_OPEN)
    )
    return found


def collect(payment_id: int, collector: Collector, *, now: datetime) -> None:
    """Go on with a charge by one step: ask for the money, or look up what became of it. Twice is harmless."""
    crashpoint.reach("charge.recorded")
    payment = settling.by_id(payment_id)
    charger = collector.chargers.get(payment.gateway)
    if payment.state not in _OPEN:
        return
    if charger is None:
        with db.write():
            _look_later(payment_id, now=now)
        return
    if _amount_changed(payment, now=now) or _is_pointless(payment, now=now):
        _look_up_only(payment, charger, collector.vault, now=now)
        return
    asked = _asked(payment, collector.vault, now=now)
    if take_turn(payment_id, CREATED, None, now=now):
        crashpoint.reach("charge.asking")
        outcome = charger.charge(asked, lambda ref: _keep_ref(payment_id, ref))
    else:
        outcome = charger.look_up(asked)
        crashpoint.reach("charge.looked")
        if outcome.kind == base.ABSENT:
            outcome = _ask_again(payment, asked, charger, now=now)
    crashpoint.reach("charge.asked")
    conclude(payment_id, outcome, now=now)
    crashpoint.reach("charge.settled")


def _look_up_only(payment: Payment, charger: Charger, vault: Vault, *, now: datetime) -> None:
    """Of what nobody wants any more the gateway may have the money all the same: it goes back, and nothing more is asked."""
    if payment.state != UNKNOWN:
        return
    asked = _asked(payment, vault, now=now)
    outcome = charger.look_up(asked)
    if outcome.kind == base.ABSENT:
        is_believed = now - asked.asked_at >= charger.settles_after
        outcome = Outcome(base.DECLINED, reason="not needed any more") if is_believed else Outcome(base.UNKNOWN)
    if outcome.kind == base.SUCCEEDED and settling.order_of(payment).amount_minor != payment.amount_minor:
        with db.write():
            _name(payment.id, outcome.ref)
            settling.give_back(payment.id, "the amount changed", now=now)
        return
    conclude(payment.id, outcome, now=now)


def go_on_left(gateway: str, collector: Collector, *, now: datetime) -> tuple[int, datetime | None]:
    """Charges without an outcome whose subscription has ended: no workflow looks after them any more, so a desk does.

    They are looked up and never asked for again. Returns how many were looked at, and when to look again.
    """
    done, left = 0, _left(gateway)
    for number, at in left[:_MOST_LEFT]:
        if at <= now:
            collect(number, collector, now=now)
            done += 1
    moments = [at for _, at in _left(gateway)]
    return done, max(min(moments), now) if moments else None


def _left(gateway: str) -> list[tuple[int, datetime]]:
    rows = db.rows(
        "SELECT p.id, COALESCE(p.look_at, p.created_at) AS at FROM payment p JOIN checkout_order o ON o.id = p.order_id"
        " JOIN subscription s ON s.id = o.subscription_id WHERE p.gateway = ? AND p.method_id IS NOT NULL"
        " AND p.state IN (?, ?) AND s.ended_at IS NOT NULL ORDER BY at, p.id",
        *(gateway, *_OPEN),
    )
    return [(int(number), db.moment(at)) for number, at in rows]


def _has_ended(order: CheckoutOrder) -> bool:
    """Whether the subscription that an order is for has ended: then no money is asked for any more."""
    sql = "SELECT 1 FROM subscription WHERE id = ? AND ended_at IS NOT NULL"
    return db.row(sql, order.subscription) is not None


def _ask_again(payment: Payment, asked: Charge, charger: Charger, *, now: datetime) -> Outcome:
    if now - asked.asked_at < charger.settles_after:
        return Outcome(base.UNKNOWN)
    if asked.order.state != base.OPEN:
        return Outcome(base.DECLINED, reason="the order is closed")
    if take_turn(payment.id, UNKNOWN, asked.asked_at, now=now):
        return charger.charge(asked, lambda ref: _keep_ref(payment.id, ref))
    return Outcome(base.UNKNOWN)


def _is_pointless(payment: Payment, *, now: datetime) -> bool:
    """Nobody wants it any more: the subscription has ended, or, before the gateway was asked for the first time, the order
    was paid or closed, or the card is not to be charged. What was not asked for yet is over."""
    order = settling.order_of(payment)
    is_over = _has_ended(order)
    if payment.state == CREATED:
        is_over = is_over or order.state != base.OPEN or _card(payment).state != cards.ACTIVE
        if is_over:
            with db.write():
                settling.end_unpaid(payment.id, (CREATED,), "not needed any more", now=now)
    return is_over


def take_turn(payment_id: int, state: str, asked_at: datetime | None, *, now: datetime) -> bool:
    """Whether it is this caller's to ask the gateway: compare-and-set on the row as the caller knows it."""
    known = "asked_at IS NULL" if asked_at is None else "asked_at = ?"
    with db.write():
        return bool(
            db.execute(
                f"UPDATE payment SET state = ?, asked_at = ?, looks = 0 WHERE id = ? AND state = ? AND {known}",
                *(UNKNOWN, db.stamp(now), payment_id, state),
                *(() if asked_at is None else (db.stamp(asked_at),)),
            )
        )


def begun_since(gateway: str, vault: Vault, since: datetime, *, now: datetime) -> list[Charge]:
    """The payments at a gateway that began since a moment, the newest first, by card and by link; of those by link that
    succeeded only the last hours', which were not asked about before."""
    rows = db.rows(
        "SELECT id FROM payment WHERE gateway = ? AND created_at >= ? AND (method_id IS NOT NULL OR settled_at IS NULL"
        " OR state = 'cancelled' OR settled_at >= ?) ORDER BY id DESC LIMIT ?",
        *(gateway, db.stamp(since), db.stamp(now - _ASKED_AGAIN), _MOST_ASKED),
    )
    return [_asked(settling.by_id(number), vault, now=now) for (number,) in rows]


def _amount_changed(payment: Payment, *, now: datetime) -> bool:
    """What was ordered costs something else than this payment by now: nobody is charged, and somebody has to look."""
    order = settling.order_of(payment)
    if (order.amount_minor, order.currency) == (payment.amount_minor, payment.currency):
        return False
    with db.write():
        detail = f"{payment.amount_minor} recorded, {order.amount_minor} {order.currency} ordered"
        settling.doubt(payment.gateway, "amount", f"payment:{payment.id}", detail, now=now)
        if payment.state == CREATED:
            _end(payment.id, Outcome(base.DECLINED, reason="the amount changed"), now=now)
    return True


def _asked(payment: Payment, vault: Vault, *, now: datetime) -> Charge:
    card = _card(payment) if payment.method_id is not None else None
    return Charge(
        payment_id=payment.id,
        key=f"inv:{_invoice_id(payment)}:att:{payment.attempt_no}",
        order=orders.facts_of(settling.order_of(payment)),
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        token=vault.token(card) if card is not None and card.token else "",
        payer_ref=card.payer_ref if card is not None else "",
        ref=payment.gateway_ref or "",
        asked_at=payment.asked_at or now,
        lines=tuple(orders.lines_of(payment.order)),
    )


def _keep_ref(payment_id: int, ref: str) -> str:
    """Keep the gateway's number of a charge; the first one stays. Returns the one that holds."""
    with db.write():
        db.execute("UPDATE payment SET gateway_ref = ? WHERE id = ? AND gateway_ref IS NULL", ref, payment_id)
    crashpoint.reach("charge.kept")
    found = db.row("SELECT gateway_ref FROM payment WHERE id = ?", payment_id)
    assert found is not None
    return str(found[0])


def conclude(payment_id: int, outcome: Outcome, *, now: datetime) -> None:
    """Book what became of a charge, whoever says so: the activity, a webhook, a statement."""
    with db.write():
        if outcome.ref:
            _name(payment_id, outcome.ref)
        if outcome.kind == base.SUCCEEDED:
            settling.settle(payment_id, now=now)
            if outcome.reason:  # the money is ours, but something about it is not as it should be
                settling.doubt(
                    settling.by_id(payment_id).gateway, "twice", f"payment:{payment_id}", outcome.reason, now=now
                )
        elif outcome.kind in _ENDINGS:
            _end(payment_id, outcome, now=now)
        else:
            _look_later(payment_id, now=now)


def _name(payment_id: int, ref: str) -> None:
    db.execute(
        "UPDATE payment SET gateway_ref = ? WHERE id = ? AND gateway_ref IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM payment o WHERE o.gateway = payment.gateway AND o.gateway_ref = ?)",
        *(ref, payment_id, ref),
    )


def _end(payment_id: int, outcome: Outcome, *, now: datetime) -> None:
    """The gateway said no: this attempt is over, and whether there is another the subscription's row decides."""
    if not settling.end_unpaid(payment_id, _OPEN, outcome.reason or outcome.kind, now=now):
        return
    payment = settling.by_id(payment_id)
    if outcome.kind != base.DECLINED and payment.method_id is not None:
        card = _card(payment)
        if outcome.kind == base.DEAD:
            cards.end(card, cards.DEAD, outcome.reason, now=now)
        else:
            _hand_to_payer(payment.workspace, card, outcome.reason, now=now)
    subscriptions.charge_failed(settling.order_of(payment), outcome.kind, outcome.reason, now=now)


def _hand_to_payer(workspace_id: int, card: PaymentMethod, reason: str, *, now: datetime) -> None:
    """The card is good, but its bank wants to see its holder: no charge by ourselves until it was used in person."""
    sub = subscriptions.held(workspace_id)
    if sub is not None and sub.method_id == card.id:
        sub.method_id = None
        subscriptions.keep(sub, cards.GONE, sub.state, now=now, reason=reason[:64])


def _look_later(payment_id: int, *, now: datetime) -> None:
    """Nobody knows yet: look again after a while, ever more seldom; after a day somebody has to."""
    payment = settling.by_id(payment_id)
    if payment.state not in _OPEN:
        return
    wait = min(_FIRST_LOOK * 2 ** min(payment.looks, 20), _LONGEST_LOOK)
    db.execute(
        "UPDATE payment SET look_at = ?, looks = looks + 1 WHERE id = ? AND state IN (?, ?)",
        *(db.stamp(now + wait), payment_id, *_OPEN),
    )
    if now - payment.created_at > _STUCK:
        detail = "a charge without an outcome for a day"
        settling.doubt(payment.gateway, "unknown", f"payment:{payment_id}", detail, now=now)
    subscriptions.plan_next(payment.workspace)


def _invoice_id(payment: Payment) -> str:
    """The invoice's public id: our row numbers might be another installation's too."""
    found = db.row("SELECT public_id FROM invoice WHERE id = ?", payment.invoice)
    assert found is not None
    return str(found[0])


def _card(payment: Payment) -> PaymentMethod:
    found: PaymentMethod = PaymentMethod.get(
        PaymentMethod.workspace == payment.workspace, PaymentMethod.id == payment.method_id
    )
    return found
