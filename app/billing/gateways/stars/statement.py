"""Telegram's own list of transactions in Stars against what we booked (core.telegram.org/bots/api, getStarTransactions).

Three kinds of difference. What Telegram has and we lack (a message that was lost) heals itself: it is taken like the
message, and so is a refund. What we have and Telegram lacks a day later, and an amount that differs, are for somebody to
look at.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.billing.gateways.stars.link import Stars
from app.billing.gateways.stars.models import StarPayment
from app.billing.gateways.stars.till import Paid, Till
from app.core import db
from app.telegram.port import StarTransaction

_LATE = timedelta(days=1)


def compare(till: Till, stated: Iterable[StarTransaction], *, now: datetime) -> int:
    """Hold transactions, in their order, against the payments; returns how many healed. Twice is harmless."""
    return sum(_compare_one(till, one, now=now) for one in stated)


def _compare_one(till: Till, one: StarTransaction, *, now: datetime) -> bool:
    is_healed = False
    with db.write():
        known: StarPayment | None = StarPayment.get_or_none(StarPayment.charge_id == one.charge_id)
        if one.is_refund:
            is_healed = known is not None and _is_refund_news(till, known, now=now)
        elif known is None:
            is_healed = till.take(_paid(one), now=now)
        elif known.amount != one.stars:
            detail = f"{one.stars} stated, {known.amount} booked"
            till.orders.doubt(Stars.key, "amount", one.charge_id, detail, now=now)
        db.execute(
            "UPDATE star_payment SET stated_at = ? WHERE charge_id = ? AND stated_at IS NULL",
            *(db.stamp(now), one.charge_id),
        )
    return is_healed


def name_unstated(till: Till, *, now: datetime) -> None:
    """After the whole list was read: doubt what we booked and Telegram has not named a day later."""
    with db.write():
        for charge_id, amount in db.rows(
            "SELECT charge_id, amount FROM star_payment WHERE stated_at IS NULL AND received_at < ?",
            db.stamp(now - _LATE),
        ):
            till.orders.doubt(Stars.key, "unstated", charge_id, f"{amount} booked, nothing stated", now=now)


def _is_refund_news(till: Till, known: StarPayment, *, now: datetime) -> bool:
    found = db.row("SELECT state FROM payment WHERE id = ?", known.payment_id)
    if found != ("succeeded",):
        return False
    till.refunded(known.charge_id, now=now)
    return True


def _paid(one: StarTransaction) -> Paid:
    """As the lost message said it: the first of its order began the subscription, any later one renewed it."""
    public_id = one.payload.partition(".")[0]
    found = db.row(
        "SELECT 1 FROM star_payment p JOIN checkout_order o ON o.id = p.first_order_id WHERE o.public_id = ?", public_id
    )
    until = one.at + timedelta(seconds=one.period_s) if one.period_s else None
    return Paid(one.charge_id, one.telegram_user_id, one.payload, "XTR", one.stars, True, found is None, until)
