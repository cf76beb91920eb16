"""What charts draw: named points in a row, made of days, hours and curves, with the words of their tips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from app.core import formats


@dataclass(frozen=True)
class Point:
    """One value over one label; `tip` is the raw text for the tooltip and the data table."""

    label: str
    value: float | None
    tip: str = ""


@dataclass(frozen=True)
class Series:
    """A named line or set of bars; `tone` 1-4 picks the colour class."""

    name: str
    points: tuple[Point, ...]
    tone: int = 1

    def rows(self) -> list[tuple[str, str]]:
        """What the table under the chart says, the newest first."""
        return [(point.label, point.tip) for point in reversed(self.points)]


class DayValue(Protocol):
    """What a day's point of a page looks like; `step` 0 is exact, otherwise the rounding."""

    @property
    def day(self) -> date: ...
    @property
    def value(self) -> int | None: ...
    @property
    def step(self) -> int: ...


def day_series(
    name: str, days: Iterable[DayValue], *, locale: str = "en", tone: int = 1, no_reading: str = "no reading"
) -> Series:
    """Days as a series with readable labels and all digits in the tips."""
    points = []
    for item in days:
        tip = no_reading if item.value is None else formats.number(item.value, locale)
        if item.value is not None and item.step > 0:
            tip += f" ±{formats.number(item.step, locale)}"
        points.append(Point(formats.day(item.day, locale, short=True), item.value, tip))
    return Series(name, tuple(points), tone)


def hour_series(
    hours: Sequence[int | None], *, locale: str = "en", tone: int = 2, no_reading: str = "no reading"
) -> Series:
    """24 numbers from midnight as a series."""
    tips = (no_reading if value is None else formats.number(value, locale) for value in hours)
    points = (Point(f"{hour:02}:00", value, tip) for (hour, value), tip in zip(enumerate(hours), tips, strict=True))
    return Series("", tuple(points), tone)


def channel_lines(
    period: Any,
    rows: Sequence[Any],
    many: Sequence[Sequence[Any]],
    *,
    locale: str = "en",
    unit: str = "",
    no_reading: str = "no reading",
) -> list[Series]:
    """One series a row (with a `title`) over the period's days; `many` holds numbers, percents or day points."""
    days = [period.start + timedelta(days=n) for n in range(period.days)]
    found = []
    for tone, (row, values) in enumerate(zip(rows, many, strict=True), 1):
        points = []
        for day, value in zip(days, values, strict=True):
            known = getattr(value, "value", value)
            tip = no_reading if known is None else formats.figure(known, unit or "views", locale, full=True)
            points.append(Point(formats.day(day, locale, short=True), known, tip))
        found.append(Series(str(row.title), tuple(points), tone))
    return found


def age_lines(curves: Sequence[Any], *, locale: str = "en", no_reading: str = "no reading") -> list[Series]:
    """One series a curve (with a `title` and percents `kept` by age in days from 0)."""
    return [
        Series(
            str(curve.title),
            tuple(
                Point(
                    formats.duration(86_400 * age, locale) if age else "0",
                    kept,
                    no_reading if kept is None else formats.percent(kept, locale),
                )
                for age, kept in enumerate(curve.kept)
            ),
            tone,
        )
        for tone, curve in enumerate(curves, 1)
    ]


def lines_table(lines: Sequence[Series]) -> list[tuple[str, ...]]:
    """What the table under several lines says, the newest day first."""
    days = zip(*(line.points for line in lines), strict=True)
    return [(points[0].label, *(point.tip for point in points)) for points in reversed(list(days))]
