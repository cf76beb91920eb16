"""Keeps the rates of exchange of the last days."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.billing.rates import service
from app.billing.rates.base import RateSource
from app.core import leases, telemetry
from app.core.errors import Upstream

_BACK = timedelta(days=10)


def read_rates(source: RateSource | None, *, now: datetime) -> None:
    """Ask about the last ten days, those of which nothing is known; says in the log and in a gauge what is missing."""
    if source is None:
        return
    today = service.day_of(now)
    try:
        service.read_days(source, service.days_to_ask(today - _BACK, today, now=now), now=now)
    except Upstream as error:
        telemetry.log().warning("no rates of exchange", source=source.key, error=error.message)
    left = service.days_to_ask(today - _BACK, today, now=now)
    leases.set_gauge("exchange_rate_days_missing", len(left), now=now)
