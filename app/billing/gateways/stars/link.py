"""Telegram Stars (core.telegram.org/bots/payments-stars, read 2026-11): whole Stars, periods of 30 days, renewed by Telegram."""

from __future__ import annotations

from datetime import timedelta

from app.billing.gateways.base import TELEGRAM, Order
from app.billing.gateways.stars.models import StarLink
from app.core.settings import Settings

SUBSCRIPTION_PERIOD_S = 2_592_000  # the only one that Telegram knows


class Stars:
    """Stars, offered inside Telegram only."""

    key, title, currency, surface = "stars", "Telegram Stars", "XTR", TELEGRAM
    intervals: tuple[str, ...] = ("days30",)
    order_lifetime = timedelta(hours=23)
    renews_itself = True
    keeps_cards, is_asked_first = False, True

    @classmethod
    def from_settings(cls, settings: Settings) -> Stars | None:
        """None without a bot."""
        return cls() if settings.bot_token else None

    def pay_url(self, order: Order, *, language: str, return_url: str) -> str:
        """The invoice's link; "" until the bot has asked Telegram for it, which takes a second."""
        found: StarLink | None = StarLink.get_or_none(StarLink.order_id == order.id)
        return str(found.url or "") if found else ""
