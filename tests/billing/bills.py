"""What periods cost in the pure machine: prices, a coupon's terms, and what is left of a bill as recurring revenue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.billing import periods
from app.billing.service import taxes

By = Literal["payer", "card", "nobody"]
_SUMS, _DOLLARS = {"month": 12_500_000, "year": 125_000_000}, {"month": 999, "year": 9_990}
PRICES = {"payme": _SUMS, "click": _SUMS, "stripe": _DOLLARS, "stars": {"days30": 700}}
_TAX_BP = {"payme": 1_200, "click": 1_200}  # of what is sold in Uzbekistan; prices include it


@dataclass(frozen=True, slots=True)
class Coupon:
    """A percentage off for a number of periods; None: for all."""

    percent: int
    periods: int | None


@dataclass(frozen=True, slots=True)
class Bill:
    """What a period cost, and who moved the money: `payer` by a page, `card` by our charge, `nobody` where it was free."""

    at: datetime
    period: int
    price: int
    discount: int
    by: By

    @property
    def amount(self) -> int:
        return self.price - self.discount


def worth(gateway: str, interval: str, amount: int) -> int:
    """What a period at this amount brings a month, without tax."""
    return periods.monthly_minor(amount - taxes.within(amount, _TAX_BP.get(gateway, 0)), interval)
