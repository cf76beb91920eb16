"""Money as whole minor units of a currency: read from what people type, shown as their language writes it (CLDR)."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.numbers import format_currency, format_decimal

from app.core.errors import Invalid

# Digits after the point. Telegram Stars (XTR) are whole; CLDR does not know them.
MINOR_DIGITS = {"UZS": 2, "USD": 2, "EUR": 2, "XTR": 0}
MOST_MINOR = 10**14
# A separator before three digits groups: no currency here has three digits after the point.
_AMOUNT = re.compile(r"(\d{1,3}(?:[ ,.']\d{3})+|\d+)(?:[.,](\d{1,2}))?", re.ASCII)


def parse(text: str, currency: str) -> int:
    """What somebody typed ("1 250 000", "12.50", "12,5") in minor units. Raises Invalid with `spend` or `currency`."""
    if currency not in MINOR_DIGITS:
        raise Invalid("Choose one of the currencies in the list.", fields={"currency": "unknown"})
    found = _AMOUNT.fullmatch(re.sub(r"[\s\u00a0\u202f]+", " ", text.strip()))
    digits = MINOR_DIGITS[currency]
    if not found or len(found.group(2) or "") > digits:
        raise Invalid("Write an amount like 1250 or 12.50.", fields={"spend": "no amount"})
    whole, part = re.sub(r"\D", "", found.group(1)), found.group(2) or ""
    minor = int(whole + part.ljust(digits, "0"))
    if minor > MOST_MINOR:
        raise Invalid("This amount is too large.", fields={"spend": "too large"})
    return minor


@lru_cache(maxsize=4096)
def text(minor: float, currency: str, locale: str = "en") -> str:
    """125000 of USD -> '$1,250.00'. A part of a minor unit is rounded half up."""
    digits = MINOR_DIGITS[currency]
    value = (Decimal(str(minor)) / 10**digits).quantize(Decimal(1).scaleb(-2), ROUND_HALF_UP)
    if digits:
        return str(format_currency(value, currency, locale=locale, currency_digits=False))
    return f"{format_decimal(value, format='#,##0.##', locale=locale)}\xa0{currency}"


def plain(minor: int, currency: str) -> str:
    """125050 of USD -> '1250.50', as a form's field holds it and `parse` reads it."""
    digits = MINOR_DIGITS[currency]
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"
