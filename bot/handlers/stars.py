"""Payments in Stars: what was paid, what was given back, and renewals that were stopped or failed."""

from __future__ import annotations

from functools import partial

from app.billing.gateways.stars import updates
from app.telegram import service as telegram
from bot.dispatcher import Effect, Incoming, nothing


def of_message(incoming: Incoming) -> Effect | None:
    """The effect of a message about a payment; None for any other message."""
    said = incoming.stored.payload.get("message", {})
    if telegram.is_own(incoming.stored.bot_id):
        return None
    till, now = incoming.runtime.till, incoming.now
    if "successful_payment" in said:
        paid = updates.paid_of(int(said["from"]["id"]), said["successful_payment"])
        return partial(till.take, paid, now=now)
    if "refunded_payment" in said:
        return partial(till.refunded, str(said["refunded_payment"]["telegram_payment_charge_id"]), now=now)
    return None


def subscription(incoming: Incoming) -> Effect:
    """The payer stopped or continued the renewals in Telegram, or one could not be paid."""
    changed = incoming.stored.payload["subscription"]
    if telegram.is_own(incoming.stored.bot_id):
        return nothing
    payload, state = str(changed.get("invoice_payload", "")), str(changed.get("state", ""))
    return partial(incoming.runtime.till.changed, payload, state, now=incoming.now)


def pre_checkout(incoming: Incoming) -> Effect:
    """Answered when it came: web answers a webhook, the intake what it polled."""
    return nothing
