"""Asks the source of rates about days, and keeps what it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from app.billing.rates.base import FOREIGN, ZONE, RateSource, Told
from app.billing.rates.book import HOLDS_DAYS, Book
from app.billing.rates.models import ExchangeRate
from app.core import db
from app.core.errors import Invalid, Upstream
from app.core.i18n import N_

_DAY = timedelta(days=1)
_AGAIN = timedelta(hours=6)  # a day that is not over may still get its rate
_MOST_DAYS = 800


def day_of(moment: datetime) -> date:
    """The day of the bank's clock."""
    return moment.astimezone(ZONE).date()


def days_to_ask(since: date, until: date, *, now: datetime, again: bool = False) -> list[date]:
    """Days, until today, of which the source has not spoken for good: never, or of no rate while they were not over.

    `again`: all of them.
    """
    standing = {(one.currency, one.day): one for one in _rows(since, until)}
    return [
        day
        for day in _days(since, min(until, day_of(now)))
        if again or any(_is_open(standing.get((currency, day)), now=now) for currency in FOREIGN)
    ]


def _is_open(row: ExchangeRate | None, *, now: datetime) -> bool:
    if row is None:
        return True
    if row.uzs_micro is not None or row.fetched_at >= _end_of(row.day):
        return False
    return now - row.fetched_at >= _AGAIN or now >= _end_of(row.day)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + _DAY, time(), ZONE).astimezone(UTC)


def read_days(source: RateSource, days: Iterable[date], *, now: datetime) -> int:
    """Ask about each day and keep the answers, day by day; returns how many rows are new.

    Raises Upstream, at once while the source does not answer, and after the other days for an answer that is not
    understood: what else came is kept.
    """
    count, unclear = 0, None
    for day in days:
        try:
            count += _keep(source.key, source.on(day), now=now)
        except Upstream as error:
            if not error.permanent:
                raise
            unclear = error
    if unclear is not None:
        raise unclear
    return count


def _keep(source: str, told: Sequence[Told], *, now: datetime) -> int:
    with db.write():
        days = [one.day for one in told]
        standing = {(row.currency, row.day): row for row in _rows(min(days), max(days))} if days else {}
        new = [one for one in told if _is_news(standing.get((one.currency, one.day)), one)]
        for one in new:
            ExchangeRate.create(
                currency=one.currency,
                day=one.day,
                nominal=one.nominal,
                uzs_micro=one.uzs_micro,
                source=source,
                fetched_at=now,
            )
    return len(new)


def _is_news(row: ExchangeRate | None, told: Told) -> bool:
    """Whether it is not what stands; that there is no rate is said once more when the day is over."""
    if row is None or (row.nominal, row.uzs_micro) != (told.nominal, told.uzs_micro):
        return True
    return told.uzs_micro is None and row.fetched_at < _end_of(row.day)


def standing(since: date, until: date) -> list[ExchangeRate]:
    """What holds of each day and currency, by day. Raises Invalid (`to`) for days in the wrong order, or too many."""
    if not timedelta(0) <= until - since <= _MOST_DAYS * _DAY:
        raise Invalid(N_("Name at most 800 days, the first one first."), fields={"to": "days"})
    found = {(one.day, one.currency): one for one in _rows(since, until)}
    return [found[key] for key in sorted(found)]


def book_of(since: date, until: date) -> Book:
    """The rates that hold on the days from `since` to `until`."""
    return Book(
        Told(one.currency, one.day, one.nominal, one.uzs_micro) for one in _rows(since - HOLDS_DAYS * _DAY, until)
    )


def _rows(since: date, until: date) -> list[ExchangeRate]:
    """In the order in which they were told."""
    query = ExchangeRate.select().where(ExchangeRate.day.between(since, until)).order_by(ExchangeRate.id)
    return list(query)


def _days(since: date, until: date) -> list[date]:
    return [since + number * _DAY for number in range((until - since).days + 1)]
