"""Money as whole minor units of a currency: read from what people type, shown as their language writes it (CLDR)."""

from __future__ import annotations

import re
from copy import copy
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel import Locale
from babel.numbers import format_currency, format_decimal

from app.core.errors import Invalid

# Digits after the point. Telegram Stars (XTR) are whole; CLDR does not know them.
MINOR_DIGITS = {"UZS": 2, "USD": 2, "EUR": 2, "XTR": 0}
_SIGNS = {"XTR": "★"}
MOST_MINOR = 10**14
# Groups of three have one separator throughout, and none of them follows a leading zero.
_GROUPED = r"(?P<grouped>[1-9]\d{0,2}(?P<separator>[ ,.'’])\d{3}(?:(?P=separator)\d{3})*)"
_LETTERS = re.compile(r"^(-?[A-Z]{3})(?=\d)")
_AMOUNT = re.compile(rf"(?:{_GROUPED}|(?P<whole>\d+))(?:(?P<point>[.,])(?P<part>\d+))?", re.ASCII)


def parse(text: str, currency: str) -> int:
    """What somebody typed ("1 250 000", "12.50", "12,5") in minor units. Raises Invalid with `spend` or `currency`.

    Refused is what can be read in two ways: 1.250 is a thousand to some people and a little more than one to others.
    """
    if currency not in MINOR_DIGITS:
        raise Invalid("Choose one of the currencies in the list.", fields={"currency": "unknown"})
    found = _AMOUNT.fullmatch(re.sub(r"[\s\u00a0\u202f]+", " ", text.strip()))
    digits = MINOR_DIGITS[currency]
    if not found or (found["point"] and found["point"] == found["separator"]):
        raise Invalid("Write an amount like 1250 or 12.50.", fields={"spend": "no amount"})
    whole, part = re.sub(r"\D", "", found["grouped"] or found["whole"]), found["part"] or ""
    if len(part) > digits:
        raise Invalid(
            "%(currency)s has fewer digits after the point.", currency=currency, fields={"spend": "too many digits"}
        )
    if digits and re.fullmatch(r"\d+[.,]\d{3}", found.string):
        raise Invalid("This can be read in two ways. Write 1250 or 1.25.", fields={"spend": "ambiguous"})
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
        return _apart(str(format_currency(value, currency, locale=locale, currency_digits=False)))
    return f"{format_decimal(value, format='#,##0.##', locale=locale)}\xa0{_SIGNS.get(currency, currency)}"


@lru_cache(maxsize=512)
def price(minor: int, currency: str, locale: str = "en") -> str:
    """12500000 of UZS -> 'UZS 125,000': as `text`, without digits after the point where they are all zero."""
    digits = MINOR_DIGITS[currency]
    if not digits or minor % 10**digits:
        shown = text(minor, currency, locale)
    else:
        pattern = copy(Locale.parse(locale).currency_formats["standard"])
        pattern.frac_prec = (0, 0)
        shown = str(pattern.apply(minor // 10**digits, locale, currency=currency, currency_digits=False))
    return _apart(shown)


def _apart(shown: str) -> str:
    """ "UZS125" -> "UZS 125": letters that stand for a sign do not stick to the digits."""
    return _LETTERS.sub("\\1\u00a0", shown)


def plain(minor: int, currency: str) -> str:
    """125050 of USD -> '1250.50', as a form's field holds it and `parse` reads it."""
    digits = MINOR_DIGITS[currency]
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"
