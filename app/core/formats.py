"""Numbers, ages and dates as people read them. Pure: the same input gives the same text.

Rounding goes half up, away from what a reader would call cheating: a number is never
shown with more digits than its source had.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Protocol, cast

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta, get_timezone
from babel.numbers import NumberPattern, format_decimal, parse_pattern
from babel.units import format_unit
from markupsafe import Markup

from app.core import money

Number = int | float
NO_VALUE = "—"
MINUS = "−"
_FULL_DIGITS_BELOW = 10_000
_WHOLE = frozenset({"views", "subscribers", "posts", "reactions"})  # an average of them is read without fractions
_SMALL_PERCENT = 0.1  # below, one digit more: a few clicks of many views are not none
_POINTS = {"en": "pp", "ru": "п. п.", "uz": "f. p."}  # percentage points
_TABBED = ' tabindex="0"'


@lru_cache(maxsize=8192)
def number(value: Number | None, locale: str = "en", digits: int = 0) -> str:
    """12431 -> '12,431'; None -> a dash."""
    if value is None:
        return NO_VALUE
    text: str = format_decimal(
        _rounded(value, digits), format="#,##0" + ("." + "#" * digits if digits else ""), locale=locale
    )
    return text.replace("-", MINUS)


@lru_cache(maxsize=8192)
def compact(value: Number | None, locale: str = "en") -> str:
    """12431 -> '12.4K' with three significant digits and the locale's own short units."""
    if value is None:
        return NO_VALUE
    size = abs(Decimal(str(value)))
    minus = MINUS if value < 0 else ""
    if size < 1000:
        return number(value, locale, 0 if size == size.to_integral_value() or size >= 100 else 1)
    power = min((size.adjusted() // 3) * 3, 12)
    shown = _three_digits(size / (Decimal(10) ** power))
    if shown >= 1000 and power < 12:
        power, shown = power + 3, shown / 1000
    digits = max(0, -cast(int, shown.normalize().as_tuple().exponent))
    text = _short_pattern(locale, power).replace("0", number(shown, locale, digits), 1)
    return minus + text


@lru_cache(maxsize=2048)
def tick(value: Number, step: Number, locale: str = "en") -> str:
    """An axis label with every digit that tells it from its neighbours `step` away: 2375000 by 25000 -> '2.375M'."""
    size, power = abs(Decimal(str(value))), min(max(0, Decimal(str(value)).adjusted() // 3 * 3), 12)
    if power == 0 or not value:
        return number(value, locale, 2)
    digits = max(0, power - Decimal(str(step)).normalize().adjusted() + 1)
    text = _short_pattern(locale, power).replace("0", number(float(size.scaleb(-power)), locale, digits), 1)
    return (MINUS if value < 0 else "") + text


def _three_digits(size: Decimal) -> Decimal:
    places = max(0, 2 - size.adjusted())
    return size.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


@lru_cache(maxsize=256)
def _short_pattern(locale: str, power: int) -> str:
    """The locale's short form of 10**power around one '0', e.g. '0K' or '0\\xa0тыс.'."""
    forms = Locale.parse(locale).compact_decimal_formats["short"]["other"]
    found: NumberPattern | str = forms[str(10**power)]
    pattern = found if isinstance(found, NumberPattern) else parse_pattern(found)
    return pattern.pattern.replace("00", "0").replace("00", "0").replace("'", "")


def _rounded(value: Number, digits: int) -> Decimal:
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


@lru_cache(maxsize=4096)
def percent(value: Number | None, locale: str = "en", digits: int = 1) -> str:
    """A value that already is in percent: 3.25 -> '3.3%'."""
    return NO_VALUE if value is None else f"{number(value, locale, digits)}%"


def signed(text: str, value: Number | None) -> str:
    """The text of a change with its sign written out: growth reads '+120'."""
    return f"+{text}" if value is not None and value > 0 else text


def figure(value: Number | None, unit: str = "views", locale: str = "en", *, full: bool = False) -> str:
    """The visible text of a figure; `full` writes all digits below a million instead of '12.4K'."""
    if unit == "percent":
        return percent(value, locale, 2 if value and abs(value) < _SMALL_PERCENT else 1)
    if unit.startswith("money:") and value is not None:
        return money.text(value, unit.removeprefix("money:"), locale)
    if unit == "points":
        return f"{number(value, locale, 1)}\xa0{_POINTS.get(locale.partition('_')[0], _POINTS['en'])}"
    if value is not None and (abs(value) < _FULL_DIGITS_BELOW or (full and abs(value) < 1_000_000)):
        return number(value, locale, 0 if isinstance(value, int) or unit in _WHOLE else 1)
    return compact(value, locale)


def precision(step: int, sources: tuple[str, ...] = ()) -> str:
    """'exact', 'rounded', or 'mixed' where rounded numbers from one source meet another source."""
    if step <= 0:
        return "exact"
    return "mixed" if len(sources) > 1 else "rounded"


class Figure(Protocol):
    """A number with its provenance; the views' dataclass fits."""

    @property
    def value(self) -> Number | None: ...
    @property
    def unit(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def sources(self) -> tuple[str, ...]: ...
    @property
    def observed_at(self) -> datetime | None: ...
    @property
    def readings(self) -> int: ...


def escape(value: object) -> str:
    """Text as HTML, markup as it is: as a plain string, since a page is put together of a thousand of them."""
    return str(value) if isinstance(value, Markup) else html.escape(str(value))


def figure_html(
    fig: Figure, now: datetime, locale: str = "en", *, full: bool = False, tab: bool = False, css: str = ""
) -> Markup:
    """`<data class="fig">`: a number with all that is known of it. In one piece: a page shows hundreds.

    `css` names what a change looks like; it is then written with its sign.
    """
    seen, value = fig.observed_at, fig.value
    age = f' data-observed-at="{seen.isoformat()}" data-age-s="{age_s(seen, now)}"' if seen is not None else ""
    source = _sources(fig.sources)
    exactness = "estimate" if getattr(fig, "is_estimate", False) else precision(fig.step, fig.sources)
    text = figure(value, fig.unit, locale, full=full and not fig.step)
    return Markup(
        f'<data class="fig {css}" value="{value}" data-unit="{fig.unit}" data-source="{source}"'
        f' data-precision="{exactness}" data-step="{fig.step}" data-readings="{fig.readings}"{age}'
        f"{_TABBED if tab else ''}>{escape(signed(text, value) if css else text)}</data>"
    )


def figure_or_none(
    fig: Figure | None,
    now: datetime,
    locale: str,
    no_source: str,
    *,
    missing: tuple[str, str] | None = None,
    full: bool = False,
    tab: bool = False,
    css: str = "",
) -> Markup:
    """A figure, or that it has no source; `missing`: (what to say, why) where there is a better reason than that."""
    if fig is not None and fig.value is not None:
        return figure_html(fig, now, locale, full=full, tab=tab, css=css)
    text, why = missing or (no_source, "")
    because = f' data-why="{escape(why)}"' if why else ""
    none = f'<data class="fig fig-none" value="" data-source="none" data-precision="none"{because}>'
    return Markup(f"{none}{escape(text)}</data>")


def delta_html(fig: Figure | None, now: datetime, locale: str = "en") -> Markup:
    """A change with its sign; nothing when none is known."""
    if fig is None or fig.value is None:
        return Markup("")
    way = "up" if fig.value > 0 else "fall" if fig.value < 0 else "flat"
    return figure_html(fig, now, locale, css=f"delta {way}")


def table_rows(rows: Iterable[Sequence[object]]) -> Markup:
    """The rows of a table of numbers: a head each, then cells. In one piece: a page shows hundreds."""
    return Markup("".join(_table_row(*row) for row in rows))


def _table_row(head: object, *cells: object) -> str:
    return (
        f'<tr><th scope="row">{escape(head)}</th>{"".join(f"""<td class="num">{escape(c)}</td>""" for c in cells)}</tr>'
    )


@lru_cache(maxsize=64)
def _sources(keys: tuple[str, ...]) -> str:
    return escape(",".join(keys))


def age_s(at: datetime | None, now: datetime) -> int | None:
    """Whole seconds since `at`, never negative (clocks differ by a little)."""
    return None if at is None else max(0, int((now - at).total_seconds()))


def ago(at: datetime | None, now: datetime, locale: str = "en") -> str:
    """'2 hours ago'; seconds are not worth reading and become a minute."""
    seconds = age_s(at, now)
    return NO_VALUE if seconds is None else _ago(max(60, seconds), locale)


@lru_cache(maxsize=4096)
def _ago(seconds: int, locale: str) -> str:
    return format_timedelta(timedelta(seconds=-_coarse(seconds)), add_direction=True, threshold=1, locale=locale)


def until(at: datetime | None, now: datetime, locale: str = "en") -> str:
    """'in 2 hours', or how long ago it was; seconds become a minute."""
    if at is None:
        return NO_VALUE
    seconds = int((at - now).total_seconds())
    if seconds < 0:
        return _ago(max(60, -seconds), locale)
    unit = 60 if seconds < 7200 else 3600
    return _until(max(60, (seconds + unit // 2) // unit * unit), locale)


@lru_cache(maxsize=4096)
def _until(seconds: int, locale: str) -> str:
    return format_timedelta(timedelta(seconds=seconds), add_direction=True, threshold=1, locale=locale)


@lru_cache(maxsize=1024)
def duration(seconds: int, locale: str = "en") -> str:
    """An age on an axis: '15 min', '6 hr', '30 days'."""
    for unit, size in (("day", 86_400), ("hour", 3600)):
        if seconds >= size:
            return str(format_unit(seconds // size, unit, length="short", locale=locale))
    return str(format_unit(max(1, seconds // 60), "minute", length="short", locale=locale))


def _coarse(seconds: int) -> int:
    """Cut what the shown unit drops anyway, so that the caches stay small."""
    return seconds - seconds % (60 if seconds < 7200 else 3600)


def dt(at: datetime | None, locale: str = "en", tz: str | tzinfo = "UTC") -> str:
    """'31 Mar 2025, 14:05' in the given zone."""
    if at is None:
        return NO_VALUE
    zone = get_timezone(tz) if isinstance(tz, str) else tz
    return format_datetime(at.astimezone(zone), "d MMM y, HH:mm", locale=locale)


@lru_cache(maxsize=4096)
def _day(day_: date, pattern: str, locale: str) -> str:
    return format_date(day_, pattern, locale=locale)


def day(at: date | datetime | None, locale: str = "en", tz: str | tzinfo = "UTC", *, short: bool = False) -> str:
    """'31 Mar 2025', or '31 Mar' when `short`; a moment is first brought to the zone."""
    if at is None:
        return NO_VALUE
    if isinstance(at, datetime):
        at = at.astimezone(get_timezone(tz) if isinstance(tz, str) else tz).date()
    return _day(at, "d MMM" if short else "d MMM y", locale)


def weekdays(locale: str = "en") -> tuple[str, ...]:
    """Monday to Sunday, abbreviated."""
    names: Mapping[int, str] = Locale.parse(locale).days["stand-alone"]["abbreviated"]
    return tuple(names[i] for i in range(7))


def filters(
    locale: Callable[[], str], tz: Callable[[], str | tzinfo], now: Callable[[], datetime]
) -> dict[str, Callable[..., Any]]:
    """The Jinja filters of the templates, bound to the request's language, zone and clock."""
    return {
        "compact": lambda value: compact(value, locale()),
        "number": lambda value, digits=0: number(value, locale(), digits),
        "price": lambda minor, currency: money.price(minor, currency, locale()),
        "percent": lambda value, digits=1: percent(value, locale(), digits),
        "table_rows": table_rows,
        "precision": precision,
        "ago": lambda at: ago(at, now(), locale()),
        "until": lambda at: until(at, now(), locale()),
        "age_s": lambda at: age_s(at, now()),
        "duration": lambda seconds: duration(seconds, locale()),
        "dt": lambda at, zone=None: dt(at, locale(), zone or tz()),
        "day": lambda at, short=False, zone=None: day(at, locale(), zone or tz(), short=short),
    }


def globals_(
    locale: Callable[[], str], now: Callable[[], datetime], text: Callable[[str], str]
) -> dict[str, Callable[..., Markup]]:
    """How templates show a number with its source; `text` translates."""
    return {
        "figure": lambda fig, **how: figure_or_none(fig, now(), locale(), text("no source"), **how),
        "delta": lambda fig: delta_html(fig, now(), locale()),
    }
