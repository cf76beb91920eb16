"""What plans cost now, and from now on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.audit import service as audit
from app.core import db, money
from app.core.errors import Invalid
from app.core.i18n import N_

CURRENCIES = tuple(money.MINOR_DIGITS)
_STARS, _MOST_STARS = "XTR", 10_000  # a subscription in Stars: facts/payments.md 1.5


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a plan for an interval, tax included, in minor units."""

    plan: str
    interval: str
    currency: str
    amount_minor: int


def price_list(currency: str, *, now: datetime) -> list[Price]:
    """What is sold in a currency, from the smallest plan; the newest price that holds."""
    rows = db.rows(
        "SELECT r.plan_id, r.interval, r.currency, r.amount_minor FROM plan_price r JOIN plan p ON p.key = r.plan_id"
        " WHERE p.is_sold AND r.currency = ? AND r.valid_from <= ? AND NOT EXISTS (SELECT 1 FROM plan_price n"
        " WHERE n.plan_id = r.plan_id AND n.interval = r.interval AND n.currency = r.currency"
        " AND n.valid_from > r.valid_from AND n.valid_from <= ?) ORDER BY p.position, r.amount_minor",
        *(currency, db.stamp(now), db.stamp(now)),
    )
    return [Price(*row) for row in rows]


def price_of(plan: str, interval: str, currency: str, *, now: datetime) -> Price:
    """The price of a plan. Raises Invalid (fields `plan`, `interval`) for what is not sold so."""
    offered = [price for price in price_list(currency, now=now) if price.plan == plan]
    if not offered:
        raise Invalid(N_("This plan is not for sale in this currency."), fields={"plan": "not sold"})
    for price in offered:
        if price.interval == interval:
            return price
    raise Invalid(N_("This plan is not sold for this time."), fields={"interval": "not sold"})


def position_of(plan: str) -> int:
    """Where a plan stands among the others, from the smallest on."""
    found = db.row("SELECT position FROM plan WHERE key = ?", plan)
    assert found is not None, f"{plan} is no plan"
    return int(found[0])


def intervals_of(currency: str) -> tuple[str, ...]:
    """For how long a plan is sold at once: Telegram renews Stars each 30 days and not otherwise."""
    return ("days30",) if currency == _STARS else ("month", "year")


def set_price(price: Price, *, actor: str, now: datetime) -> None:
    """A plan costs this from now on, for who comes; who has it keeps a lower price. Recorded.

    Nothing is sold in a currency before its first price. Raises Invalid (fields `plan`, `currency`, `interval`, `amount`).
    """
    wrong = _wrong(price)
    if wrong:
        raise Invalid(N_("No price was set."), fields=wrong)
    with db.write():
        before = [one for one in price_list(price.currency, now=now) if (one.plan, one.interval) == _what(price)]
        db.execute(
            "INSERT INTO plan_price (plan_id, currency, interval, amount_minor, valid_from) VALUES (?, ?, ?, ?, ?)",
            *(price.plan, price.currency, price.interval, price.amount_minor, db.stamp(now)),
        )
        was = {"amount_minor": before[0].amount_minor} if before else None
        subject = f"price:{price.plan}:{price.interval}:{price.currency}"
        audit.record(
            "price.set", actor=actor, subject=subject, before=was, after={"amount_minor": price.amount_minor}, now=now
        )


def _what(price: Price) -> tuple[str, str]:
    return price.plan, price.interval


def _wrong(price: Price) -> dict[str, str]:
    """What of a price cannot be, by field."""
    if db.row("SELECT 1 FROM plan WHERE key = ? AND is_sold", price.plan) is None:
        return {"plan": N_("Choose a plan that is sold.")}
    if price.currency not in CURRENCIES:
        return {"currency": N_("Choose one of the currencies in the list.")}
    if price.interval not in intervals_of(price.currency):
        return {"interval": N_("In this currency a plan is sold for another time.")}
    if not 0 < price.amount_minor <= (_MOST_STARS if price.currency == _STARS else money.MOST_MINOR):
        return {"amount": N_("A price is more than nothing, and in Stars at most 10,000.")}
    return {}
