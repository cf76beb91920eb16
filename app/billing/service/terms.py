"""The terms of a subscription: what the next period may be, and what it costs. Reads only."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from app.billing import states
from app.billing.models import Subscription
from app.billing.service import coupons, prices
from app.billing.service.prices import Price
from app.core.errors import Invalid

_RENEWED_THERE = frozenset({"stars"})  # gateways that renew by their own clock


def is_unpaid(sub: Subscription) -> bool:
    """Whether nothing was paid for yet: it waits for its first payment, or runs as a trial."""
    return bool(sub.state == states.INCOMPLETE or sub.period_index < 0)


def may_follow(sub: Subscription, plan: str, interval: str, currency: str) -> bool:
    """Whether the next period may be this one: as the present, as its payer chose for the time after it, or any after a
    trial."""
    if sub.period_index < 0:
        return True
    return currency == sub.currency and (plan, interval) in {(sub.plan, sub.interval), following(sub)}


def next_minor(sub: Subscription, *, now: datetime) -> int:
    """What the next period would be asked for now, as it is chosen, less what a coupon still takes off; minor units."""
    if is_renewed_there(sub):
        return int(sub.price_minor)
    try:
        price = price_for(sub, *following(sub), sub.currency, now=now)
    except Invalid:  # what was chosen is not sold any more
        price = Price(sub.plan, sub.interval, sub.currency, sub.price_minor)
    return price.amount_minor - coupons.reduction(coupons.holding(sub, price), price)


def kept_price(sub: Subscription | None, listed: Price) -> Price:
    """A price as this payer has it: who has the plan keeps its price when that of the list rises; a lower one is theirs too."""
    if sub is None or not _has(sub, listed.plan, listed.interval, listed.currency):
        return listed
    return replace(listed, amount_minor=min(listed.amount_minor, sub.price_minor))


def price_for(sub: Subscription | None, plan: str, interval: str, currency: str, *, now: datetime) -> Price:
    """What a plan costs this payer now. Who has it keeps it also when it is sold to nobody else any more.

    Raises Invalid (fields `plan`, `interval`) for what is not sold so.
    """
    try:
        return kept_price(sub, prices.price_of(plan, interval, currency, now=now))
    except Invalid:
        if sub is None or not _has(sub, plan, interval, currency):
            raise
        return Price(plan, interval, currency, sub.price_minor)


def _has(sub: Subscription, plan: str, interval: str, currency: str) -> bool:
    is_mine = (plan, interval, currency) == (sub.plan, sub.interval, sub.currency)
    return is_mine and bool(sub.state != states.INCOMPLETE)


def following(sub: Subscription) -> tuple[str, str]:
    """The plan and the interval of the next period."""
    return sub.next_plan or sub.plan, sub.next_interval or sub.interval


def is_renewed_there(sub: Subscription) -> bool:
    """Whether the gateway renews it by its own clock, on the terms that it began with."""
    return sub.gateway in _RENEWED_THERE
