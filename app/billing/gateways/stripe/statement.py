"""Stripe's own list of money (balance transactions) against what we booked. Three kinds of difference.

What Stripe has and we lack heals itself: the object is read and taken like its event. What we have and Stripe lacks a day
later, and an amount that differs, are for somebody to look at (docs.stripe.com/api/balance_transactions, read 2026-11).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import stripe

from app.billing.gateways.base import Orders
from app.billing.gateways.stripe.api import Doc, StripeApi, moment_s
from app.billing.gateways.stripe.link import Stripe
from app.billing.gateways.stripe.news import News, NotYet
from app.core import db

EVERY = timedelta(hours=1)
_BACK = timedelta(days=3)
_LATE = timedelta(days=1)
_CURSOR = "stripe-statement"


def next_at() -> datetime:
    """When the list is to be read again."""
    found = db.row("SELECT value FROM cursor WHERE name = ?", _CURSOR)
    return datetime.fromtimestamp(found[0], UTC) + EVERY if found else datetime.fromtimestamp(0, UTC)


def compare(orders: Orders, news: News, api: StripeApi, *, now: datetime) -> int:
    """Once an hour: hold the last three days of Stripe's list against our payments. Returns how many healed."""
    if next_at() > now:
        return 0
    try:
        stated = list(
            api.pages("/v1/balance_transactions", created={"gte": moment_s(now - _BACK)}, expand=["data.source"])
        )
        healed = sum(_compare_one(orders, news, one, now=now) for one in stated)
    except stripe.StripeError:
        return 0  # the next turn reads it
    _name_unstated(orders, {_intent_of(one) for one in stated if one["type"] == "charge"}, now=now)
    with db.write():
        db.execute(
            "INSERT INTO cursor (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            *(_CURSOR, moment_s(now)),
        )
    return healed


def _compare_one(orders: Orders, news: News, one: Doc, *, now: datetime) -> bool:
    intent = _intent_of(one)
    if one["type"] == "payout":
        orders.paid_out(Stripe.key, one["id"], one["currency"].upper(), -int(one["amount"]), now=now)
    if one["type"] not in ("charge", "refund", "refund_failure") or not intent:
        return False
    found = db.row("SELECT state, amount_minor FROM payment WHERE gateway = ? AND gateway_ref = ?", Stripe.key, intent)
    if one["type"] == "refund_failure":
        if found is not None:
            news.follow("refund.failed", str(one["source"]["id"]), now=now)
        return False
    if one["type"] == "refund":
        is_followed = found is not None and (found[0] == "succeeded" or _is_kept(intent))
        return is_followed and _refund_healed(news, one, now=now)
    if found is None or found[0] not in ("succeeded", "refunded"):
        try:
            news.intent(intent, now)
        except NotYet:
            with db.write():
                orders.doubt(
                    Stripe.key, "foreign", intent, f"{one['amount']} for an order that we do not know", now=now
                )
        return (
            db.row(
                "SELECT 1 FROM payment WHERE gateway = ? AND gateway_ref = ? AND state = 'succeeded'",
                Stripe.key,
                intent,
            )
            is not None
        )
    if one["fee"]:
        orders.fee(Stripe.key, one["id"], one["currency"].upper(), int(one["fee"]), now=now)
    taken = one["source"].get(
        "amount", one["amount"]
    )  # `one` itself is in the account's currency, which may be another
    if found[1] != taken:
        with db.write():
            orders.doubt(Stripe.key, "amount", intent, f"{taken} stated, {found[1]} booked", now=now)
    return False


def _is_kept(intent: str) -> bool:
    """Whether the payer keeps money of a payment as credit, which falls when it goes back after all."""
    sql = (
        "SELECT 1 FROM refund r JOIN payment p ON p.id = r.payment_id WHERE p.gateway = ? AND p.gateway_ref = ?"
        " AND r.state = 'kept'"
    )
    return db.row(sql, Stripe.key, intent) is not None


def _refund_healed(news: News, one: Doc, *, now: datetime) -> bool:
    before = _refunded(_intent_of(one))
    news.follow("refund.updated", str(one["source"]["id"]), now=now)
    return _refunded(_intent_of(one)) != before


def _refunded(intent: str) -> int:
    found = db.row(
        "SELECT COALESCE(SUM(r.amount_minor), 0) FROM refund r JOIN payment p ON p.id = r.payment_id"
        " WHERE p.gateway = ? AND p.gateway_ref = ? AND r.state <> 'kept'",
        *(Stripe.key, intent),
    )
    return int(found[0]) if found else 0


def _name_unstated(orders: Orders, stated: set[str], *, now: datetime) -> None:
    with db.write():
        for ref, amount in db.rows(
            "SELECT gateway_ref, amount_minor FROM payment WHERE gateway = ? AND state = 'succeeded'"
            " AND settled_at BETWEEN ? AND ?",
            *(Stripe.key, db.stamp(now - _BACK + _LATE), db.stamp(now - _LATE)),
        ):
            if ref not in stated:
                orders.doubt(Stripe.key, "unstated", str(ref), f"{amount} booked, nothing stated", now=now)


def _intent_of(one: Doc) -> str:
    source = one.get("source")
    return str((source.get("payment_intent") if isinstance(source, dict) else "") or "")
