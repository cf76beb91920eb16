"""Stripe's API as we use it, over its own library; answers are plain dictionaries (docs.stripe.com/api, 2026-10-28.endive)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import stripe

from app.billing.gateways.base import DEAD, DECLINED, NEEDS_PAYER, PENDING, SUCCEEDED, UNKNOWN, Outcome

Doc = dict[str, Any]
_TIMEOUT_S = 20
# What no later try with the same card can change (docs.stripe.com/declines/codes, read 2026-11).
_HARD = frozenset(
    {"lost_card", "stolen_card", "pickup_card", "restricted_card", "expired_card", "invalid_account", "fraudulent"}
    | {"incorrect_number", "invalid_number", "card_not_supported", "revocation_of_all_authorizations"}
    | {"revocation_of_authorization", "stop_payment_order", "transaction_not_allowed", "resource_missing"}
)
_IN_PERSON = frozenset({"authentication_required", "requires_action"})


class StripeApi:
    """One account of Stripe's. The library repeats nothing by itself: a repetition is ours to decide, under our key."""

    def __init__(self, secret_key: str, url: str) -> None:
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": url},
            max_network_retries=0,
            http_client=stripe.HTTPXClient(timeout=_TIMEOUT_S, allow_sync_methods=True),
        )

    def ask(self, method: str, path: str, key: str = "", **params: Any) -> Doc:
        """One request. Raises stripe.StripeError."""
        options: Any = {"idempotency_key": key} if key else {}
        answer = self._client.raw_request(method, path, **params, **options)
        return dict(self._client.deserialize(answer, api_mode="V1").to_dict())

    def pages(self, path: str, **params: Any) -> Iterator[Doc]:
        """All objects of a list, the newest first, page by page."""
        after: Doc = {}
        while True:
            page = self.ask("get", path, limit=100, **params, **after)
            yield from page["data"]
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}


def outcome_of(intent: Doc) -> Outcome:
    """What a PaymentIntent says of its charge (docs.stripe.com/payments/paymentintents/lifecycle)."""
    status, ref = intent["status"], str(intent["id"])
    if status == "succeeded":
        return Outcome(SUCCEEDED, ref)
    if status == "processing":
        return Outcome(PENDING, ref)
    if status == "canceled":
        return Outcome(DECLINED, ref, "canceled")
    if status == "requires_action":
        return Outcome(NEEDS_PAYER, ref, status)
    error = intent.get("last_payment_error")
    if not error:
        return Outcome(UNKNOWN, ref)
    return _refused(error, ref)


def outcome_of_error(error: stripe.StripeError) -> Outcome:
    """What a failed request says of its charge: only a card's error and a refused request are an answer."""
    told: Doc = (error.json_body or {}).get("error", {}) if isinstance(error.json_body, dict) else {}
    ref = str((told.get("payment_intent") or {}).get("id", ""))
    if isinstance(error, stripe.CardError):
        return _refused(told, ref)
    if isinstance(error, stripe.InvalidRequestError) and error.http_status in (400, 404):
        is_gone = error.http_status == 404 or told.get("code") == "resource_missing"  # card or payer
        return Outcome(DEAD if is_gone else DECLINED, ref, str(told.get("code") or "refused"))
    return Outcome(UNKNOWN, ref)


def _refused(error: Doc, ref: str) -> Outcome:
    code = str(error.get("decline_code") or error.get("code") or "declined")
    if code in _IN_PERSON or error.get("code") in _IN_PERSON:
        return Outcome(NEEDS_PAYER, ref, "authentication_required")
    return Outcome(DEAD if code in _HARD else DECLINED, ref, code)


def moment_s(at: datetime) -> int:
    """Seconds since 1970, as Stripe counts."""
    return int(at.timestamp())
