"""Figures made of figures, and the period they speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from app.analytics import periods, queries
from app.analytics.pages import Figure, Period, PeriodChoice


def none(unit: str) -> Figure:
    """No source speaks of it."""
    return Figure(None, unit)


def summed(figures: Sequence[Figure], unit: str) -> Figure:
    """The sum of known figures with the provenance of all of them."""
    known = [f for f in figures if f.value is not None]
    if not known:
        return none(unit)
    return Figure(
        value=sum(f.value for f in known if f.value is not None),
        unit=unit,
        step=sum(f.step for f in known),
        sources=tuple(sorted({s for f in known for s in f.sources})),
        observed_at=max((f.observed_at for f in known if f.observed_at), default=None),
        readings=sum(f.readings for f in known),
    )


def period_of(cards: Iterable[queries.FeedCard], *, days: int, timezone: str, url: str, now: datetime) -> Period:
    """Whole days that end at the last reading of the feeds, with links to the other lengths."""
    last = max((c.last_at for c in cards if c.last_at), default=None)
    end = periods.local_day(min(last, now) if last else now, timezone)
    choices = tuple(
        PeriodChoice(n, f"{n} d" if n < 365 else "1 y", f"{url}?days={n}", n == days) for n in periods.CHOICES
    )
    return Period(
        start=periods.days_ending(end, days)[0],
        end=end,
        days=days,
        timezone=timezone,
        last_reading_at=last,
        is_stale=periods.is_stale(last, now),
        choices=choices,
    )
