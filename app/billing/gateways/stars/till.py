"""What Telegram asks and tells about Stars: before a payment, after it, of its renewals and refunds.

A payload names the order that a Telegram subscription began with, under our signature; every renewal brings it again
(core.telegram.org/bots/api, SuccessfulPayment). A charge id is booked once, however often the message comes.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from app.billing.gateways.base import OPEN, Order, Orders
from app.billing.gateways.stars import duties
from app.billing.gateways.stars.link import Stars
from app.billing.gateways.stars.models import PreCheckout, StarPayment
from app.core import db
from app.core.crypto import keyed_hash
from app.core.i18n import N_

_MAC_LENGTH = 32
UNKNOWN = N_("This invoice is not ours any more. Open the plan page and choose again.")
OVER = N_("The time for this order is over. Open the plan page and choose again.")
DONE = N_("This order is paid already.")
NOT_YOURS = N_("Only the owner and the administrators of the workspace can pay for it.")
NOT_NOW = N_("The plan is active already and renews by itself.")


@dataclass(frozen=True, slots=True)
class Question:
    """A pre-checkout query; `amount` in whole Stars."""

    query_id: str
    telegram_user_id: int
    payload: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Paid:
    """A successful payment. `expires_at`: until when Telegram's subscription is paid."""

    charge_id: str
    telegram_user_id: int
    payload: str
    currency: str
    amount: int
    is_recurring: bool
    is_first_recurring: bool
    expires_at: datetime | None


class Till:
    """Decides over Telegram's words by the `orders`. Each method is one transaction.

    `secret_keys`: the one that signs payloads, then those of before: Telegram brings an old payload with each renewal.
    """

    def __init__(self, orders: Orders, *secret_keys: str) -> None:
        self.orders, self._secret_keys = orders, secret_keys

    def payload(self, public_id: str) -> str:
        """What an invoice link carries: the order under our signature, 55 bytes."""
        return f"{public_id}.{_mac(self._secret_keys[0], public_id)}"

    def _named(self, payload: str) -> Order | None:
        """The order of a payload with our signature, held."""
        public_id, _, mac = payload.partition(".")
        signed = [hmac.compare_digest(mac.encode(), _mac(key, public_id).encode()) for key in self._secret_keys]
        if not any(signed):
            return None
        order = self.orders.held(public_id)
        return order if order is not None and order.gateway == Stars.key else None

    def decide(self, asked: Question, *, now: datetime) -> str | None:
        """Whether a payment may go on: None for yes, else the sentence that says why not. A repetition is told the same."""
        with db.write():
            known = db.row("SELECT refusal FROM pre_checkout WHERE query_id = ?", asked.query_id)
            if known is not None:
                return str(known[0]) if known[0] else None
            refusal = self._refusal(asked, now=now)
            PreCheckout.create(
                query_id=asked.query_id[:64],
                telegram_user_id=asked.telegram_user_id,
                payload=asked.payload[:128],
                currency=asked.currency[:8],
                amount=asked.amount,
                refusal=refusal,
                at=now,
            )
        return refusal

    def _refusal(self, asked: Question, *, now: datetime) -> str | None:
        order = self._named(asked.payload)
        if order is None or (asked.currency, asked.amount) != (order.currency, order.amount_minor):
            return UNKNOWN
        if order.state != OPEN:
            return OVER if order.state == "expired" else DONE
        if order.expires_at <= now:
            return OVER
        if not self.orders.may_pay(order, asked.telegram_user_id):
            return NOT_YOURS
        return None if self.orders.can_deliver(order) else NOT_NOW

    def take(self, paid: Paid, *, now: datetime) -> bool:
        """Book a payment that Telegram took; False when its charge id was booked before.

        What fits no order of ours cannot be delivered: somebody has to look (`doubt`), and nothing is booked.
        """
        with db.write():
            order = self._named(paid.payload)
            if order is None or paid.currency != order.currency:
                self.orders.doubt(Stars.key, "foreign", paid.charge_id, f"{paid.amount} {paid.currency}", now=now)
                return False
            if StarPayment.get_or_none(StarPayment.charge_id == paid.charge_id) is not None:
                return False
            first, is_renewal = order, paid.is_recurring and not paid.is_first_recurring
            if is_renewal:
                order = self.orders.again(order, now=now)
            if paid.amount != order.amount_minor:
                self.orders.doubt(
                    Stars.key, "amount", paid.charge_id, f"{paid.amount} of {order.amount_minor}", now=now
                )
                return False
            payment_id = self.orders.begin(order, paid.charge_id, now=now)
            StarPayment.create(
                charge_id=paid.charge_id,
                telegram_user_id=paid.telegram_user_id,
                order_id=order.id,
                first_order_id=first.id,
                payment_id=payment_id,
                amount=paid.amount,
                is_first=not is_renewal,
                expires_at=paid.expires_at,
                received_at=now,
            )
            if is_renewal:
                db.execute("UPDATE star_payment SET is_dormant = ? WHERE first_order_id = ?", False, first.id)
            if is_renewal or self.orders.can_deliver(order):
                self.orders.settle(payment_id, now=now)
            else:
                self.orders.give_back(payment_id, "the plan is active already", now=now)
        return True

    def refunded(self, charge_id: str, *, now: datetime) -> None:
        """Telegram gave a payment back: on our word (then it is booked already), or by itself."""
        with db.write():
            known: StarPayment | None = StarPayment.get_or_none(StarPayment.charge_id == charge_id)
            if known is None:
                self.orders.doubt(Stars.key, "refund", charge_id, "a refund of a payment that we do not know", now=now)
                return
            self.orders.returned(known.payment_id, known.amount, "refunded by Telegram", now=now)

    def changed(self, payload: str, state: str, *, now: datetime) -> None:
        """The payer stopped the subscription in Telegram (`canceled`), took that back (`active`), or could not pay (`failed`)."""
        with db.write():
            order = self._named(payload)
            if order is None or not duties.is_running(order.id):
                return  # of one that was given back or replaced by a newer
            self.orders.renewal_changed(order, state, now=now)
            if state in ("canceled", "active"):
                self._mark(order, is_stopped=state == "canceled")

    def _mark(self, first: Order, *, is_stopped: bool) -> None:
        """Telegram renews it no more, or again, and knows so."""
        db.execute(
            "UPDATE star_payment SET is_stop_told = ?, is_dormant = ? WHERE first_order_id = ? AND is_first = ?",
            *(is_stopped, is_stopped, first.id, True),
        )


def _mac(secret_key: str, public_id: str) -> str:
    return keyed_hash(secret_key, "stars-payload", public_id)[:_MAC_LENGTH]
