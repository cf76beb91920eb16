"""Charging a card that Stripe keeps: an off-session PaymentIntent under our idempotency key.

Source: docs.stripe.com/payments/save-and-reuse, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import stripe

from app.billing.gateways.base import ABSENT, DECLINED, SUCCEEDED, UNKNOWN, Charge, Outcome, Stated
from app.billing.gateways.stripe.api import Doc, StripeApi, moment_s, outcome_of, outcome_of_error
from app.core.errors import Upstream

_BEFORE = timedelta(minutes=10)  # their clock and ours


class StripeCharger:
    """Implements gateways.base.Charger."""

    settles_after = timedelta(seconds=30)

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    def charge(self, asked: Charge, keep: Callable[[str], str]) -> Outcome:
        """One PaymentIntent, created and confirmed at once; the same key brings the same one again."""
        try:
            intent = self._api.ask(
                "post",
                "/v1/payment_intents",
                asked.key,
                amount=asked.amount_minor,
                currency=asked.currency.lower(),
                customer=asked.payer_ref,
                payment_method=asked.token,
                off_session=True,
                confirm=True,
                metadata={"payment": str(asked.payment_id), "order": asked.order.public_id},
            )
        except stripe.StripeError as error:
            return outcome_of_error(error)
        return outcome_of(intent)

    def look_up(self, asked: Charge) -> Outcome:
        """By its number, or among the payer's latest by our number of it."""
        try:
            if asked.ref:
                return outcome_of(self._api.ask("get", f"/v1/payment_intents/{asked.ref}"))
            return self._among_latest(asked)
        except stripe.StripeError:
            return Outcome(UNKNOWN, asked.ref)

    def _among_latest(self, asked: Charge) -> Outcome:
        since = moment_s(asked.asked_at - _BEFORE)
        for intent in self._api.pages("/v1/payment_intents", customer=asked.payer_ref):
            if intent["metadata"].get("payment") == str(asked.payment_id):
                return outcome_of(intent)
            if intent["created"] < since:
                break
        return Outcome(ABSENT)

    def may_refund(self, paid_at: datetime, *, now: datetime) -> bool:
        """Stripe sets no end."""
        return True

    def refund(self, ref: str, amount_minor: int, key: str) -> Outcome:
        """A refund of a PaymentIntent; one that was given back whole before is done."""
        try:
            made: Doc = self._api.ask("post", "/v1/refunds", key, payment_intent=ref, amount=amount_minor)
        except stripe.InvalidRequestError as error:
            is_done = error.code == "charge_already_refunded"
            return Outcome(SUCCEEDED if is_done else DECLINED, reason=str(error.code or "refused"))
        except stripe.StripeError:
            return Outcome(UNKNOWN)
        return Outcome(SUCCEEDED if made["status"] in ("succeeded", "pending") else DECLINED, str(made["id"]))

    def taken(self, since: datetime, until: datetime, orders: Sequence[Charge]) -> list[Stated] | None:
        """Stripe's own list of money is read whole, also for what was paid on its pages: see statement.py."""
        return None

    def forget(self, token: str) -> None:
        """Detach the card from its customer; one that is detached already stays so."""
        try:
            self._api.ask("post", f"/v1/payment_methods/{token}/detach")
        except stripe.InvalidRequestError:
            return
        except stripe.StripeError as error:
            raise Upstream(f"Stripe: {type(error).__name__}") from error
