"""What billing does by the clock beside its workflows."""

from __future__ import annotations

from datetime import timedelta

from app.billing.service import orders, recognising
from app.core import clock, telemetry
from app.core.retention import Rule

KEPT = (
    Rule("pre_checkout", "id", "at", timedelta(days=90)),
    Rule("stripe_event", "id", "handled_at", timedelta(days=90)),
)


def recognise_revenue() -> None:
    """Book what was earned on the days that have passed."""
    count = recognising.recognise(now=clock.utcnow())
    if count:
        telemetry.log().info("revenue recognised", invoices=count)


def expire_orders() -> None:
    """Close the orders that nobody paid in time."""
    closed = orders.expire(now=clock.utcnow())
    if closed:
        telemetry.log().info("orders expired", count=closed)
