"""Value-added tax: prices include it, the rate is dated data and frozen on each invoice."""

from __future__ import annotations

from datetime import datetime

from app.core import db

_COUNTRY_OF = {"UZS": "UZ"}  # who pays in another currency, or in Stars, buys from abroad: no tax of ours


def rate_bp(currency: str, *, now: datetime) -> int:
    """The rate in basis points for what is sold in a currency now; 0 where we owe none."""
    country = _COUNTRY_OF.get(currency)
    found = db.row(
        "SELECT rate_bp FROM tax_rate WHERE country = ? AND valid_from <= ? ORDER BY valid_from DESC LIMIT 1",
        *(country or "", db.stamp(now)),
    )
    return int(found[0]) if found else 0


def within(total_minor: int, bp: int) -> int:
    """The tax that a total includes, rounded half up to the minor unit."""
    whole = 10_000 + bp
    return (2 * total_minor * bp + whole) // (2 * whole)
