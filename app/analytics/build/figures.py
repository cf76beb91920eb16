"""Figures made of figures, and the period they speak of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl

from app.analytics import periods, queries
from app.analytics.pages import Figure, Period, PeriodChoice
from app.analytics.periods import Span


def none(unit: str) -> Figure:
    """No source speaks of it."""
    return Figure(None, unit)


def mean(total: int, count: int) -> float | None:
    """None of nothing. Unrounded: a rate of it is exact, and only its text is rounded."""
    return total / count if count else None


def since(figure: Figure, before: float | None) -> Figure:
    """The figure with its change from the same figure of the period before; without one where that is not known."""
    if figure.value is None or before is None:
        return figure
    unit = "points" if figure.unit == "percent" else figure.unit
    return replace(figure, delta=figure.says(figure.value - before, unit))


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


def period_of(
    cards: Mapping[int, queries.FeedCard],
    feeds: Iterable[int],
    *,
    span: Span,
    timezone: str,
    url: str,
    now: datetime,
) -> Period:
    """The days that a page of some feeds shows, by periods.asked_days, with links to the usual lengths.

    `cards` are all of the workspace; `feeds` only tell when the page's own were last read.
    """
    last = _newest(cards[feed] for feed in feeds if feed in cards)
    start, end = periods.asked_days(span, newest=_newest(cards.values()), timezone=timezone, now=now)
    days, own_end = (end - start).days + 1, periods.local_day(last, timezone) if last else end
    path, _, kept = url.partition("?")
    first = f"{url}&" if kept else f"{url}?"
    choices = tuple(PeriodChoice(n, f"{first}days={n}", span.end is None and n == span.days) for n in periods.CHOICES)
    return Period(
        start=start,
        end=end,
        days=days,
        timezone=timezone,
        last_reading_at=last,
        is_stale=periods.is_stale(last, now),
        url=path,
        query=span.until(periods.local_day(now, timezone)).query,
        kept=tuple(parse_qsl(kept)),
        choices=choices,
        own_days_url=f"{first}{Span(days, own_end).query}" if own_end < start else "",
    )


def _newest(cards: Iterable[queries.FeedCard]) -> datetime | None:
    return max((card.last_at for card in cards if card.last_at), default=None)
