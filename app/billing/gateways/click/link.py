"""The link to Click's page (docs.click.uz "click-button", read 2026-11); amounts there are soums with two digits."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from app.billing.gateways.base import WEB, Order
from app.core import money
from app.core.settings import Settings


class Click:
    """Click, for prices in soums."""

    key, title, currency, surface = "click", "Click", "UZS", WEB
    intervals: tuple[str, ...] = ("month", "year")
    order_lifetime = timedelta(hours=23)
    renews_itself = False
    keeps_cards = is_asked_first = False

    def __init__(self, settings: Settings) -> None:
        self._service_id, self._merchant_id = settings.click_service_id, settings.click_merchant_id
        self._base = settings.click_pay_url

    @classmethod
    def from_settings(cls, settings: Settings) -> Click | None:
        """None while CLICK_SERVICE_ID, CLICK_MERCHANT_ID or CLICK_SECRET_KEY is missing."""
        is_whole = settings.click_service_id and settings.click_merchant_id
        return cls(settings) if is_whole and settings.click_secret_key.get_secret_value() else None

    def pay_url(self, order: Order, *, language: str, return_url: str) -> str:
        """Click's page for one order; it has no languages of its own to choose."""
        fields = {
            "service_id": self._service_id,
            "merchant_id": self._merchant_id,
            "amount": money.plain(order.amount_minor, order.currency),
            "transaction_param": order.public_id,
            "return_url": return_url,
        }
        return f"{self._base}?{urlencode(fields)}"
