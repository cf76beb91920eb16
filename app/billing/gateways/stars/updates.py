"""Telegram's updates about Stars, as the till reads them (core.telegram.org/bots/api, 10.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.billing.gateways.stars.till import Paid, Question, Till
from app.core import i18n

Doc = dict[str, Any]


def reply_to(till: Till, query: Doc, *, now: datetime) -> Doc:
    """The method that answers a pre-checkout query, as the body of a webhook's reply, in the payer's language."""
    person = query["from"]
    asked = Question(
        query_id=str(query["id"]),
        telegram_user_id=int(person["id"]),
        payload=str(query["invoice_payload"]),
        currency=str(query["currency"]),
        amount=int(query["total_amount"]),
    )
    refusal = till.decide(asked, now=now)
    told: Doc = {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": query["id"], "ok": refusal is None}
    if refusal is not None:
        told["error_message"] = i18n.say(i18n.spoken(person.get("language_code")), refusal)
    return told


def paid_of(telegram_user_id: int, payment: Doc) -> Paid:
    """A successful payment of a message."""
    until = payment.get("subscription_expiration_date")
    return Paid(
        charge_id=str(payment["telegram_payment_charge_id"]),
        telegram_user_id=telegram_user_id,
        payload=str(payment["invoice_payload"]),
        currency=str(payment["currency"]),
        amount=int(payment["total_amount"]),
        is_recurring=bool(payment.get("is_recurring")),
        is_first_recurring=bool(payment.get("is_first_recurring")),
        expires_at=datetime.fromtimestamp(until, UTC) if until else None,
    )
