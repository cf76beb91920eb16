"""Stripe's hosted page for an order (docs.stripe.com/payments/checkout, read 2026-11). Our desk asks for it, the page shows it."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.billing.gateways.base import WEB, Order
from app.billing.gateways.stripe.models import StripeSession
from app.core import db
from app.core.settings import Settings


class Stripe:
    """Cards by Stripe, for prices in dollars; the same for those in euro, where there are any.

    Fees and payouts are booked in the currency of Stripe's balance: who sells in euro wants a balance in euro there, or
    what was taken in euro stays on `clearing:stripe` and what is paid out in dollars is short by it.
    """

    key, title, surface = "stripe", "Stripe", WEB
    currencies: tuple[str, ...] = ("USD", "EUR")
    intervals: tuple[str, ...] = ("month", "year")
    order_lifetime = timedelta(hours=23)
    renews_itself = False
    keeps_cards = is_asked_first = True

    def __init__(self, currency: str = currencies[0]) -> None:
        self.currency = currency

    @classmethod
    def from_settings(cls, settings: Settings) -> Stripe | None:
        """None while STRIPE_SECRET_KEY or STRIPE_WEBHOOK_SECRET is missing."""
        is_whole = settings.stripe_secret_key.get_secret_value() and settings.stripe_webhook_secret.get_secret_value()
        return cls() if is_whole else None

    def in_currency(self, currency: str) -> Stripe:
        """The same way to pay, for prices in another of its currencies."""
        return Stripe(currency)

    def pay_url(self, order: Order, *, language: str, return_url: str) -> str:
        """The page's address; "" until the desk has asked Stripe for it, which takes a second."""
        found: StripeSession | None = StripeSession.get_or_none(StripeSession.order_id == order.id)
        return str(found.url or "") if found else ""


_OFFERED = timedelta(hours=20)


def ask_to_save(workspace_id: int, *, now: datetime) -> None:
    """A card is to be saved for a workspace: our desk asks Stripe for the page. One page at a time."""
    with db.write():
        db.serialise("workspace", workspace_id)
        if _saving(workspace_id, now=now) is None:
            StripeSession.create(workspace_id=workspace_id, asked_at=now)


def saving_url(workspace_id: int, *, now: datetime) -> str | None:
    """The page on which a card is saved: "" while Stripe has not made it, None when nobody asked for one."""
    found = _saving(workspace_id, now=now)
    return None if found is None else str(found.url or "")


def _saving(workspace_id: int, *, now: datetime) -> StripeSession | None:
    found: StripeSession | None = StripeSession.get_or_none(
        StripeSession.workspace_id == workspace_id,
        StripeSession.order_id.is_null(),
        StripeSession.done_at.is_null(),
        StripeSession.asked_at > now - _OFFERED,
    )
    return found
