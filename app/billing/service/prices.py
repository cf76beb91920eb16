"""What plans cost now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core import db
from app.core.errors import Invalid
from app.core.i18n import N_


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
