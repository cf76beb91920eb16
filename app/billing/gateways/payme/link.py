"""The link to Payme's checkout: base64 of `m=…;ac.order_id=…;a=…` (developer.help.paycom.uz, read 2026-11)."""

from __future__ import annotations

import base64
from datetime import timedelta
from urllib.parse import quote

from app.billing.gateways.base import WEB, Order
from app.core.settings import Settings

_LANGUAGES = frozenset({"ru", "uz", "en"})


class Payme:
    """Payme, for prices in soums."""

    key, title, currency, surface = "payme", "Payme", "UZS", WEB
    intervals: tuple[str, ...] = ("month", "year")
    order_lifetime = timedelta(hours=12)
    renews_itself = False
    keeps_cards = is_asked_first = False

    def __init__(self, settings: Settings) -> None:
        self._merchant_id, self._base = settings.payme_merchant_id, settings.payme_checkout_url

    @classmethod
    def from_settings(cls, settings: Settings) -> Payme | None:
        """None while PAYME_MERCHANT_ID or PAYME_KEY is missing."""
        return cls(settings) if settings.payme_merchant_id and settings.payme_key.get_secret_value() else None

    def pay_url(self, order: Order, *, language: str, return_url: str) -> str:
        """The checkout of one order. A `;` or `=` in the return address would end the field: it goes percent-encoded."""
        fields = {
            "m": self._merchant_id,
            "ac.order_id": order.public_id,
            "a": str(order.amount_minor),
            "l": language if language in _LANGUAGES else "ru",
            "c": quote(return_url, safe=":/?&"),
        }
        packed = ";".join(f"{name}={value}" for name, value in fields.items())
        return f"{self._base}/{base64.b64encode(packed.encode()).decode()}"
