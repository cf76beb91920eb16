"""What Stripe's events are about, read at Stripe and told to the orders. Events come late, twice and in any order.

So an event is only a hint: the object is fetched as it is now, and each thing is booked once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from app.billing.gateways.base import SUCCEEDED, Order, Orders, SavedCard
from app.billing.gateways.stripe.api import Doc, StripeApi, outcome_of
from app.billing.gateways.stripe.link import Stripe
from app.billing.gateways.stripe.models import StripeSession
from app.core import db

_CLOSED = {"won": "won", "warning_closed": "won", "lost": "lost"}


class NotYet(Exception):
    """An event is of something of ours that is not in the database yet: its transaction may still run."""


class News:
    """Follows what happened at Stripe. Raises stripe.StripeError when Stripe cannot be asked, and NotYet: to be tried again."""

    def __init__(self, orders: Orders, api: StripeApi) -> None:
        self._orders, self._api = orders, api
        self._readers: tuple[tuple[str, Callable[[str, datetime], None]], ...] = (
            ("checkout.session.", self._session),
            ("payment_intent.", self.intent),
            ("charge.dispute.", self._dispute),
            ("charge.", self._charge),
            ("refund.", self._refund),
            ("payment_method.detached", self._detached),
        )

    def follow(self, kind: str, about: str, *, now: datetime) -> None:
        """Look at what an event is about; of what we do not use nothing is done."""
        for prefix, read in self._readers:
            if kind.startswith(prefix):
                read(about, now)
                return

    def intent(self, number: str, now: datetime) -> None:
        """A PaymentIntent: of a charge that we asked for, or of the page on which an order is paid."""
        intent = self._api.ask("get", f"/v1/payment_intents/{number}")
        card = self._card_of(intent) if intent["status"] == "succeeded" and intent.get("setup_future_usage") else None
        with db.write():
            self.take(intent, card, now=now)

    def take(self, intent: Doc, card: SavedCard | None, *, now: datetime) -> None:
        """Book what a PaymentIntent says, inside the running transaction."""
        named = intent["metadata"].get("payment", "")
        public_id = intent["metadata"].get("order", "")
        if not public_id:
            return  # of something else that this account of Stripe's sells
        order = self._orders.held(public_id)
        if order is None:
            raise NotYet(public_id)
        outcome = outcome_of(intent)
        if outcome.kind == SUCCEEDED and not self._fits(intent, order, now=now):
            return
        if named:
            self._orders.conclude(int(named), outcome, now=now)
        elif outcome.kind == SUCCEEDED:
            self._orders.settle(self._orders.begin(order, intent["id"], now=now), now=now)
            self._keep(order, card, now=now)

    def _fits(self, intent: Doc, order: Order, *, now: datetime) -> bool:
        """Money in another currency, or another sum, pays nothing of ours: somebody has to look."""
        told = int(intent["amount_received"]), str(intent["currency"]).upper()
        if told == (order.amount_minor, order.currency) and order.gateway == Stripe.key:
            return True
        detail = f"{told[0]} {told[1]} received, {order.amount_minor} {order.currency} ordered"
        self._orders.doubt(Stripe.key, "amount", intent["id"], detail, now=now)
        return False

    def _keep(self, order: Order, card: SavedCard | None, *, now: datetime) -> None:
        row: StripeSession | None = StripeSession.get_or_none(StripeSession.order_id == order.id)
        if row is None:
            return
        db.execute("UPDATE stripe_session SET done_at = ? WHERE id = ?", db.stamp(now), row.id)
        if card is not None:
            self._orders.save_card(row.workspace_id, card, now=now)

    def _session(self, number: str, now: datetime) -> None:
        """A page was used, or its time is over."""
        session = self._api.ask("get", f"/v1/checkout/sessions/{number}", expand=["setup_intent"])
        if session["status"] == "expired":
            with db.write():
                db.execute(
                    "UPDATE stripe_session SET url = NULL, session = NULL WHERE session = ? AND done_at IS NULL", number
                )
        elif session["status"] == "complete" and session["mode"] == "payment":
            self.intent(_id_of(session["payment_intent"]), now)
        elif session["status"] == "complete":
            self._saved(number, session["setup_intent"], now=now)

    def _saved(self, number: str, setup: Doc, *, now: datetime) -> None:
        """A card was saved on a page that was made for it."""
        if setup["status"] != "succeeded":
            return
        card = self._card_of(setup)
        with db.write():
            row: StripeSession | None = StripeSession.get_or_none(StripeSession.session == number)
            if row is not None and card is not None and row.done_at is None:
                row.done_at = now
                row.save()
                self._orders.save_card(row.workspace_id, card, now=now)

    def _card_of(self, intent: Doc) -> SavedCard | None:
        token, customer = _id_of(intent.get("payment_method")), _id_of(intent.get("customer"))
        if not token or not customer:
            return None
        told = self._api.ask("get", f"/v1/payment_methods/{token}").get("card") or {}
        brand = str(told.get("brand", "")).capitalize() or "Card"
        until = f", {told['exp_month']:02d}/{told['exp_year'] % 100:02d}" if told.get("exp_month") else ""
        return SavedCard(Stripe.key, token, customer, f"{brand} •••• {told.get('last4', '????')}{until}")

    def _charge(self, number: str, now: datetime) -> None:
        """Something of a charge went back, also by somebody's hand in Stripe's dashboard."""
        charge = self._api.ask("get", f"/v1/charges/{number}")
        intent = _id_of(charge.get("payment_intent"))
        payment_id = self._payment_of(intent, now=now) if charge["amount_refunded"] else None
        if payment_id is not None:
            with db.write():
                self._orders.returned(payment_id, int(charge["amount_refunded"]), "refunded at Stripe", now=now)

    def _payment_of(self, intent: str, *, now: datetime) -> int | None:
        """Our number of a payment; one whose own event is still to come is booked first, or what went back would be lost."""
        known = self._orders.payment_of(Stripe.key, intent)
        if known is None and intent:
            self.intent(intent, now)
            known = self._orders.payment_of(Stripe.key, intent)
        return known

    def _refund(self, number: str, now: datetime) -> None:
        refund = self._api.ask("get", f"/v1/refunds/{number}")
        if refund["status"] == "failed":
            self._refund_failed(refund, now=now)
        else:
            self._charge(_id_of(refund["charge"]), now)

    def _refund_failed(self, refund: Doc, *, now: datetime) -> None:
        """Stripe takes such a sum out of the charge's `amount_refunded` again (docs.stripe.com/refunds, read 2026-11)."""
        payment_id = self._payment_of(_id_of(refund["payment_intent"]), now=now)
        if payment_id is not None:
            why = str(refund.get("failure_reason") or "unknown")
            with db.write():
                self._orders.refund_failed(payment_id, refund["id"], int(refund["amount"]), why, now=now)

    def _dispute(self, number: str, now: datetime) -> None:
        dispute = self._api.ask("get", f"/v1/disputes/{number}")
        payment_id = self._payment_of(_id_of(dispute["payment_intent"]), now=now)
        if payment_id is not None:
            with db.write():
                state = _CLOSED.get(dispute["status"], "open")
                self._orders.disputed(payment_id, number, int(dispute["amount"]), state, now=now)

    def _detached(self, number: str, now: datetime) -> None:
        with db.write():
            self._orders.card_died(Stripe.key, number, "detached", now=now)


def _id_of(value: object) -> str:
    """An object's id, whether Stripe expanded it or not."""
    return str(value["id"]) if isinstance(value, dict) else str(value or "")
