"""The bounds of billing periods: each computed from the anchor, never from the end of the one before it.

A monthly anchor of the 31st gives 28 or 29 February and then 31 March again (docs.stripe.com/billing/subscriptions/
billing-cycle, read 2026-11); adding months to the last end would stay at 28 for ever.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Interval = Literal["month", "year", "days30"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)
_STARS_DAYS = timedelta(days=30)
_MONTHS = {"month": 1, "year": 12}


def start_of(anchor: datetime, zone: str, interval: str, index: int) -> datetime:
    """When period `index` begins, in UTC; period 0 begins at the anchor itself, at any zone's clock.

    `days30` is Telegram's own 2,592,000 seconds; months and years keep the anchor's wall clock in `zone`. A wall time
    that exists twice is its first; one that the clocks skip is read with the offset before the gap.
    """
    if index == 0:
        return anchor
    if interval == "days30":
        return anchor + index * _STARS_DAYS
    local = anchor.astimezone(ZoneInfo(zone))
    years, month = divmod(local.month - 1 + index * _MONTHS[interval], 12)
    year = local.year + years
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day, fold=0).astimezone(UTC)


def bounds(anchor: datetime, zone: str, interval: str, index: int) -> tuple[datetime, datetime]:
    """[start, end) of a period, in UTC: contiguous, since an end is the next one's start."""
    return start_of(anchor, zone, interval, index), start_of(anchor, zone, interval, index + 1)


def index_at(anchor: datetime, zone: str, interval: str, moment: datetime) -> int:
    """The index of the period that holds a moment; 0 before the anchor."""
    low, high = 0, 1
    while start_of(anchor, zone, interval, high) <= moment:
        low, high = high, high * 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if start_of(anchor, zone, interval, middle) <= moment else (low, middle)
    return low


def monthly_minor(price_minor: int, interval: str) -> int:
    """What a price is worth a month, rounded half up: a year by 12, 30 days by 360/365 of a twelfth of a year.

    Source: facts/payments.md 4 (ChartMogul's normalisation; Stars: price * 365 / 360).
    """
    if interval == "year":
        return (2 * price_minor + 12) // 24
    if interval == "days30":
        return (2 * price_minor * 365 + 360) // 720
    return price_minor
