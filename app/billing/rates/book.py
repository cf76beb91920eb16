"""Which rate holds on a day, and what an amount is worth by it in another currency. No clock, no database.

The bank sets no rate for weekends and holidays: the last one holds on, for at most HOLDS_DAYS (the longest holidays of
Uzbekistan with the weekends beside them are shorter), and only over days of which the bank was asked and said that it set
none. A day that nobody asked about has no rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from app.billing.rates.base import HOME, Told
from app.core.money import MINOR_DIGITS

HOLDS_DAYS = 7
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no rate of a currency: nobody was asked about `day`, or the last rate is too long ago."""

    currency: str
    day: date


class Book:
    """The rates that were told; of one currency and day the later of two holds."""

    def __init__(self, told: Iterable[Told]) -> None:
        self._told = {(one.currency, one.day): one for one in told}

    def held(self, currency: str, day: date) -> Told | Missing:
        """The rate that holds on a day, of the day on which it was set."""
        for back in range(HOLDS_DAYS + 1):
            asked = day - back * _DAY
            one = self._told.get((currency, asked))
            if one is None:
                return Missing(currency, asked)
            if one.uzs_micro is not None:
                return one
        return Missing(currency, day)

    def convert(self, minor: int, currency: str, into: str, day: date) -> int | Missing:
        """An amount in minor units of another currency, by the rates of a day, rounded half up."""
        if currency == into or not minor:
            return minor
        one, other = self._price(currency, day), self._price(into, day)
        if isinstance(one, Missing):
            return one
        if isinstance(other, Missing):
            return other
        return _rounded(minor * one / other)

    def _price(self, currency: str, day: date) -> Fraction | Missing:
        """What a minor unit of a currency costs, in sums."""
        of_unit = Fraction(1, 10 ** MINOR_DIGITS.get(currency, 0))
        if currency == HOME:
            return of_unit
        found = self.held(currency, day)
        if isinstance(found, Missing) or found.uzs_micro is None:
            return Missing(currency, found.day)
        return of_unit * Fraction(found.uzs_micro, 1_000_000 * found.nominal)


def _rounded(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
