"""The days on which a post comes again. Each is computed from the first day, never from the one before it."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, get_args

from app.core.errors import Invalid
from app.core.i18n import N_

Kind = Literal["daily", "weekly", "monthly"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_EVERY, MOST_TIMES = 52, 1_000


@dataclass(frozen=True, slots=True)
class Rule:
    """Every so many days, weeks (on `weekdays`, 0 is Monday) or months (on day `day`; the last one where it is shorter)."""

    kind: Kind
    every: int = 1
    weekdays: tuple[int, ...] = ()
    day: int = 1

    def to_doc(self) -> dict[str, Any]:
        """As JSON for the database."""
        doc: dict[str, Any] = {"kind": self.kind, "every": self.every}
        if self.kind == "weekly":
            doc["weekdays"] = list(self.weekdays)
        return doc | ({"day": self.day} if self.kind == "monthly" else {})


def rule_of(doc: Mapping[str, Any]) -> Rule:
    """The rule of a document of `to_doc`, or of a form. Raises Invalid by the fields `kind`, `every`, `weekdays`, `day`."""
    kind, every, day = doc.get("kind"), doc.get("every", 1), doc.get("day", 1)
    weekdays = tuple(sorted(set(doc.get("weekdays", ()))))
    if kind not in KINDS:
        raise _wrong("kind", N_("Choose how often the post comes."))
    if not isinstance(every, int) or not 1 <= every <= MOST_EVERY:
        raise _wrong("every", N_("It can come every 1 to 52 days, weeks or months."))
    if kind == "weekly" and (not weekdays or not all(weekday in range(7) for weekday in weekdays)):
        raise _wrong("weekdays", N_("Choose at least one weekday."))
    if kind == "monthly" and (not isinstance(day, int) or not 1 <= day <= 31):
        raise _wrong("day", N_("Choose a day of the month from 1 to 31."))
    return Rule(kind, every, weekdays if kind == "weekly" else (), day if kind == "monthly" else 1)


def _wrong(field: str, sentence: str) -> Invalid:
    return Invalid(sentence, fields={field: sentence})


def day_of(rule: Rule, starts_on: date, number: int) -> date:
    """The day of occurrence `number`, from 0; the first is `starts_on` or the next day that fits."""
    if rule.kind == "daily":
        return starts_on + timedelta(days=rule.every * number)
    if rule.kind == "weekly":
        left_out = sum(weekday < starts_on.weekday() for weekday in rule.weekdays)
        weeks, place = divmod(number + left_out, len(rule.weekdays))
        monday = starts_on - timedelta(days=starts_on.weekday())
        return monday + timedelta(weeks=weeks * rule.every, days=rule.weekdays[place])
    first = 0 if _in_month(rule, starts_on, 0) >= starts_on else 1
    return _in_month(rule, starts_on, (first + number) * rule.every)


def _in_month(rule: Rule, starts_on: date, months: int) -> date:
    years, month = divmod(starts_on.month - 1 + months, 12)
    year = starts_on.year + years
    return date(year, month + 1, min(rule.day, calendar.monthrange(year, month + 1)[1]))


def number_from(rule: Rule, starts_on: date, day: date) -> int:
    """The number of the first occurrence on or after a day: found by halving, since days only grow."""
    low, high = 0, 1
    while day_of(rule, starts_on, high) < day:
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        if day_of(rule, starts_on, middle) < day:
            low = middle + 1
        else:
            high = middle
    return low


def days(
    rule: Rule, starts_on: date, *, since: date, ends_on: date | None = None, count: int | None = None
) -> Iterator[date]:
    """The days from `since` on, until the end of the series; without an end they never stop."""
    number = number_from(rule, starts_on, since)
    while count is None or number < count:
        day = day_of(rule, starts_on, number)
        if ends_on is not None and day > ends_on:
            return
        yield day
        number += 1
