"""Charts as SVG text, drawn on the server: first paint needs no script, print and mail show the same picture.

The outer SVG has no view box: it is as wide as its container, its height is in pixels, horizontal
places are percentages. So text keeps its size on a phone. Labels of the y axis hang to the left of
the drawing: the style sheet's padding makes their room. Lines, which cannot use percentages, live
in a nested SVG that stretches, with strokes that do not. Styling is by class only (strict CSP).
Points carry data-label and data-tip; static/js/app.js makes the crosshair and the tooltip of them.
A missing value is a gap, never a zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.core import formats
from app.core.chart_marks import Mark, drawn, drawn_at, noted
from app.core.chart_series import Point as Point
from app.core.chart_series import Series as Series
from app.core.chart_series import age_lines as age_lines
from app.core.chart_series import channel_lines as channel_lines
from app.core.chart_series import day_series as day_series
from app.core.chart_series import hour_series as hour_series
from app.core.chart_series import lines_table as lines_table
from app.core.formats import escape
from app.core.interval_chart import interval_chart

_WIDTH = 1000  # inner width of the stretched layer
_TOP, _BOTTOM = 10, 26  # room above the highest tick and for the labels of the x axis
AGE_TICKS_S = (900, 3600, 21_600, 86_400, 259_200, 604_800, 2_592_000)
_HEAT_SHADES = 6
# Takes the pointer for the whole picture; its empty title keeps the browser's own tooltip away.
_HIT = '<rect class="hit" width="100%" height="100%"><title></title></rect>'
_Tick = Callable[[float, float], str]  # value, distance to the next tick


@dataclass(frozen=True)
class CurveAt:
    """One reading of a growing number at an age in seconds."""

    age_s: float
    value: float
    label: str
    tip: str = ""
    is_falling: bool = False


@dataclass(frozen=True)
class BandAt:
    """Where half of comparable values lie at an age in seconds, and the one in their middle."""

    age_s: float
    low: float
    middle: float
    high: float


def has_values(series: Series | Sequence[Series]) -> bool:
    """Whether there is anything to draw."""
    return any(point.value is not None for one in _many(series) for point in one.points)


def nice_ticks(low: float, high: float, count: int = 4) -> tuple[float, ...]:
    """Round tick values (1, 2, 2.5 or 5 times a power of ten) that enclose low..high."""
    if high <= low:
        pad = abs(low) * 0.05 or 1.0
        low, high = low - (pad if low else 0), high + pad
    raw = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(i * step, 10) for i in range(first, last + 1))


def line_chart(
    series: Series | Sequence[Series], *, id: str, title: str, desc: str = "", height: int = 220,
    zero: bool = False, tick: _Tick = formats.tick, marks: Sequence[Mark] = (),
) -> Markup:  # fmt: skip
    """Lines over equal steps; the first series is filled. The axis need not start at zero unless `zero`."""
    many = _many(series)
    scale = _Scale.around([v for one in many for v in _values(one)], height, zero)
    body = [_grid(scale, tick), _x_labels([p.label for p in many[0].points])]
    for one in many:
        body.append(_gaps(one.points, scale))
        body.append(_stretched(_line_paths(one, scale, filled=one is many[0]), height))
    body.append(drawn(marks, len(many[0].points), top=_TOP, floor=scale.floor))
    body += [_dots(one, scale) for one in many]
    return _svg(id, title, desc, height, "line", body)


def bar_chart(
    series: Series | Sequence[Series],
    *,
    id: str,
    title: str,
    desc: str = "",
    height: int = 220,
    tick: _Tick = formats.tick,
    marks: Sequence[Mark] = (),
) -> Markup:
    """Bars from zero; several series stand side by side."""
    many = _many(series)
    scale = _Scale.around([v for one in many for v in _values(one)], height, True)
    labels = [p.label for p in many[0].points]
    slot = 100 / max(1, len(labels))
    width = slot * 0.72 / len(many)
    body = [_grid(scale, tick), _x_labels(labels, centred=True)]
    for k, one in enumerate(many):
        for i, point in enumerate(one.points):
            x = slot * i + slot * 0.14 + width * k
            body.append(_bar(point, scale, x, width, one.tone))
    body.append(drawn(marks, len(labels), top=_TOP, floor=scale.floor, is_centred=True))
    return _svg(id, title, desc, height, "bars", body)


def sparkline(values: Sequence[float | None], *, title: str = "", tone: int = 1) -> Markup:
    """A word-sized line without axes; hidden from assistive technology unless it has a title."""
    known = [v for v in values if v is not None]
    role = f'role="img" aria-label="{escape(title)}"' if title else 'aria-hidden="true"'
    width = max(1, len(values) - 1)
    path = _spark_path(values, min(known), max(known)) if known else f"M0 50H{width}"
    css = f"ln t{tone}" if known else "none"
    box = f'viewBox="0 0 {width} 100" preserveAspectRatio="none"'
    return Markup(f'<svg class="spark" {box} {role}><path class="{css}" d="{path}"/></svg>')


def _spark_path(values: Sequence[float | None], low: float, high: float) -> str:
    """Whole coordinates, one unit a value: a network page draws fifty of these."""
    scale, steps, pen = 84 / ((high - low) or 1), [], "M"
    for x, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        is_lonely = pen == "M" and (x + 1 >= len(values) or values[x + 1] is None)
        steps.append(f"{pen}{x} {int(92 - scale * (value - low))}" + ("h.4" if is_lonely else ""))
        pen = "L"
    return "".join(steps)


def heat_map(
    rows: Sequence[Sequence[float | None]], *, id: str, title: str, row_labels: Sequence[str], desc: str = "",
    text: Callable[[float], str] = formats.number, no_reading: str = "no reading",
) -> Markup:  # fmt: skip
    """Seven days by 24 hours; the darker, the more. An hour without readings is hollow."""
    high = max((v for row in rows for v in row if v is not None), default=0)
    left, cell, line = 9.0, 91 / 24, 27
    body = []
    for d, row in enumerate(rows):
        name = escape(row_labels[d])
        body.append(f'<text class="tick" x="0" y="{d * line + 17}">{name}</text>')
        for hour, value in enumerate(row):
            shade = "qx" if value is None else f"q{_shade(value, high)}"
            tip = no_reading if value is None else text(value)
            at = f'x="{_n(left + hour * cell)}%" y="{d * line}" width="{_n(cell * 0.92)}%" height="{line - 2}" rx="3"'
            body.append(f'<rect class="pt {shade}" {at} data-label="{name} {hour:02}:00" data-tip="{escape(tip)}"/>')
    below = len(rows) * line + 14
    for hour in range(0, 24, 6):
        body.append(f'<text class="tick" x="{_n(left + hour * cell)}%" y="{below}">{hour:02}:00</text>')
    return _svg(id, title, desc, below + 6, "heat", body)


def curve_chart(
    readings: Sequence[CurveAt], *, id: str, title: str, desc: str = "", height: int = 260,
    tick: _Tick = formats.tick, age_text: Callable[[int], str] = formats.duration, marks: Sequence[Mark] = (),
    band: Sequence[BandAt] = (),
) -> Markup:  # fmt: skip
    """Growth by age on a logarithmic age axis; the line is the running maximum, each dot a reading as it was read.

    The places of `marks` are ages in seconds. Of the `band` what lies within the axis is drawn.
    """
    last = max((r.age_s for r in readings), default=86_400)
    ticks = [t for t in AGE_TICKS_S if t <= last * 1.05] or [AGE_TICKS_S[0]]
    begin = math.log(min([*(max(r.age_s, 60.0) for r in readings), 600.0]))
    span = (math.log(max(last, ticks[-1], 1200.0)) - begin) or 1.0

    def place(age: float) -> float:
        return 2 + 96 * (math.log(max(age, 60.0)) - begin) / span

    band = [b for b in band if math.log(max(b.age_s, 60.0)) <= begin + span * 1.02]
    scale = _Scale.around([*(r.value for r in readings), *(b.high for b in band)], height, True)
    body = [_grid(scale, tick)]
    if len(band) > 1:
        body.append(_stretched(_band(band, place, scale), height))
    for i, age in enumerate(ticks):
        anchor = "end" if place(age) > 92 else "middle"
        body.append(_x_text(place(age), age_text(age), height, anchor, is_alternate=bool((len(ticks) - 1 - i) % 2)))
    highest, line = 0.0, []
    for r in readings:
        highest = max(highest, r.value)
        line.append((place(r.age_s) * _WIDTH / 100, scale.y(highest)))
    if line:
        body.append(_stretched(_area(line, scale, 1) + f'<path class="ln t1" d="{_path(line)}"/>', height))
    body.append(drawn_at(marks, place, last, top=_TOP, floor=scale.floor))
    for r in readings:
        css = "pt dot t4 falling" if r.is_falling else "pt dot t1"
        body.append(_circle(place(r.age_s), scale.y(r.value), css, r.label, r.tip or formats.number(r.value)))
    return _svg(id, title, desc, height, "curve", body)


def _band(band: Sequence[BandAt], place: Callable[[float], float], scale: _Scale) -> str:
    def edge(values: Iterable[float]) -> list[tuple[float, float]]:
        return [(place(b.age_s) * _WIDTH / 100, scale.y(value)) for b, value in zip(band, values, strict=True)]

    low, high = edge(b.low for b in band), edge(b.high for b in band)
    outline = f"{_path(high)}L{_path(low[::-1])[1:]}Z"
    middle = _path(edge(b.middle for b in band))
    return f'<path class="usual-band" d="{outline}"/><path class="usual-middle" d="{middle}"/>'


def usual_band(rows: Iterable[Any]) -> list[BandAt]:
    """The band of rows that hold figures `low`, `middle` and `high` by `age_s`."""
    return [BandAt(row.age_s, row.low.value, row.middle.value, row.high.value) for row in rows]


def globals_(locale: Callable[[], str]) -> dict[str, Callable[..., object]]:
    """What the templates may call, by name; axes and tips speak the request's language."""

    def tick(value: float, step: float) -> str:
        return formats.tick(value, step, locale())

    def speaking(draw: Callable[..., Markup], **more: Callable[..., str]) -> Callable[..., Markup]:
        return lambda *data, **options: draw(*data, **{**more, **options})

    return {
        "usual_band": usual_band,
        "line_chart": speaking(line_chart, tick=tick),
        "bar_chart": speaking(bar_chart, tick=tick),
        "heat_map": speaking(heat_map, text=lambda value: formats.number(value, locale())),
        "curve_chart": speaking(curve_chart, tick=tick, age_text=lambda seconds: formats.duration(seconds, locale())),
        "sparkline": sparkline,
        "interval_chart": interval_chart,
        "hour_series": lambda hours, **options: hour_series(hours, locale=locale(), **options),
        "channel_lines": lambda *data, **options: channel_lines(*data, locale=locale(), **options),
        "age_lines": lambda *data, **options: age_lines(*data, locale=locale(), **options),
        "lines_table": lines_table,
        "noted": noted,
        "day_series": lambda *data, **options: day_series(*data, locale=locale(), **options),
        "has_values": has_values,
        "CurveAt": CurveAt,
        "weekdays": lambda: formats.weekdays(locale()),
    }


@dataclass(frozen=True)
class _Scale:
    ticks: tuple[float, ...]
    height: int

    @classmethod
    def around(cls, values: Sequence[float], height: int, zero: bool) -> _Scale:
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        return cls(nice_ticks(min(0.0, low) if zero else low, max(0.0, high) if zero else high), height)

    @property
    def floor(self) -> int:
        return self.height - _BOTTOM

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.floor - (self.floor - _TOP) * (value - low) / (high - low)


def _many(series: Series | Sequence[Series]) -> list[Series]:
    return [series] if isinstance(series, Series) else list(series)


def _values(series: Series) -> list[float]:
    return [p.value for p in series.points if p.value is not None]


def _n(value: float) -> str:
    """A coordinate with at most two decimals and no trailing zeros: short and the same everywhere."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _spread(count: int, width: float) -> list[float]:
    return [width / 2] if count == 1 else [width * i / (count - 1) for i in range(count)]


def _runs(places: Iterable[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    """Unbroken stretches of known places."""
    run: list[tuple[float, float]] = []
    for place in places:
        if place is None:
            if run:
                yield run
            run = []
        else:
            run.append(place)
    if run:
        yield run


def _path(run: Sequence[tuple[float, float]]) -> str:
    """A polyline; a lonely point becomes a short dash so that it is seen."""
    if len(run) == 1:
        x, y = run[0]
        return f"M{_n(x - 2)} {_n(y)}H{_n(x + 2)}"
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in run)


def _area(run: Sequence[tuple[float, float]], scale: _Scale, tone: int) -> str:
    return f'<path class="ar t{tone}" d="{_path(run)}V{scale.floor}H{_n(run[0][0])}Z"/>' if len(run) > 1 else ""


def _line_paths(series: Series, scale: _Scale, *, filled: bool) -> str:
    xs = _spread(len(series.points), _WIDTH)
    runs = list(
        _runs(None if p.value is None else (x, scale.y(p.value)) for x, p in zip(xs, series.points, strict=True))
    )
    areas = "".join(_area(run, scale, series.tone) for run in runs) if filled else ""
    return areas + f'<path class="ln t{series.tone}" d="{"".join(_path(run) for run in runs)}"/>'


def _stretched(content: str, height: int) -> str:
    box = f'viewBox="0 0 {_WIDTH} {height}" width="100%" height="{height}" preserveAspectRatio="none"'
    return f"<svg {box}>{content}</svg>"


def _gaps(points: Sequence[Point], scale: _Scale) -> str:
    """A pale band over each inner or outer stretch without readings."""
    xs, out, start = _spread(len(points), 100), [], None
    for i, known in enumerate([*(p.value is not None for p in points), True]):
        if not known and start is None:
            start = i
        elif known and start is not None:
            left, right = xs[max(0, start - 1)], xs[min(i, len(xs) - 1)]
            size = f'width="{_n(right - left)}%" height="{scale.floor - _TOP}"'
            out.append(f'<rect class="gap" x="{_n(left)}%" y="{_TOP}" {size}/>')
            start = None
    return "".join(out)


def _grid(scale: _Scale, tick: _Tick) -> str:
    lines = []
    step = scale.ticks[1] - scale.ticks[0]
    for i, at in enumerate(scale.ticks):
        y = _n(scale.y(at))
        lines.append(f'<line class="{"base" if i == 0 else "grid"}" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
        lines.append(
            f'<text class="tick" x="-8" y="{_n(scale.y(at) + 4)}" text-anchor="end">{escape(tick(at, step))}</text>'
        )
    top, floor = _TOP, scale.floor
    return "".join(lines) + f'<line class="cross" x1="0" x2="0" y1="{top}" y2="{floor}"/>'


def _x_labels(labels: Sequence[str], *, centred: bool = False) -> str:
    """Up to seven labels under the axis; every other one carries `alt` and hides on a phone."""
    count = len(labels)
    if not count:
        return ""
    every = max(1, math.ceil((count - 1) / 6))
    shown = list(range(count - 1, -1, -every))[::-1]
    out = []
    for k, i in enumerate(shown):
        x = 100 * (i + 0.5) / count if centred else _spread(count, 100)[i]
        anchor = "end" if x > 95 else "start" if x < 5 else "middle"
        x = 100 if anchor == "end" else 0 if anchor == "start" else x
        out.append(_x_text(x, labels[i], None, anchor, is_alternate=bool((len(shown) - 1 - k) % 2)))
    return "".join(out)


def _x_text(x: float, label: str, height: int | None, anchor: str, *, is_alternate: bool) -> str:
    y = "100%" if height is None else str(height)
    css = "tick alt" if is_alternate else "tick"
    return f'<text class="{css}" x="{_n(x)}%" y="{y}" dy="-8" text-anchor="{anchor}">{escape(label)}</text>'


def _circle(x: float, y: float, css: str, label: str, tip: str) -> str:
    data = f'data-label="{escape(label)}" data-tip="{escape(tip)}"'
    return f'<circle class="{css}" cx="{_n(x)}%" cy="{_n(y)}" r="4" {data}/>'


def _dots(series: Series, scale: _Scale) -> str:
    """One hidden dot per known point: the tooltip's data and, when chosen, the mark on the line."""
    xs = _spread(len(series.points), 100)
    named = f"{series.name}: " if series.name else ""
    return "".join(
        _circle(x, scale.y(p.value), f"pt t{series.tone}", p.label, named + (p.tip or formats.number(p.value)))
        for x, p in zip(xs, series.points, strict=True)
        if p.value is not None
    )


def _bar(point: Point, scale: _Scale, x: float, width: float, tone: int) -> str:
    data = f'data-label="{escape(point.label)}" data-tip="{escape(point.tip)}"'
    if point.value is None:
        at = f'x="{_n(x)}%" y="{_TOP}" width="{_n(width)}%" height="{scale.floor - _TOP}"'
        return f'<rect class="pt gap" {at} {data}/>'
    zero, y = scale.y(0), scale.y(point.value)
    top, size = min(zero, y), max(abs(zero - y), 1.0 if point.value else 0.0)
    at = f'x="{_n(x)}%" y="{_n(top)}" width="{_n(width)}%" height="{_n(size)}"'
    return f'<rect class="pt bar t{tone}" {at} rx="2" {data}/>'


def _shade(value: float, high: float) -> int:
    return 0 if value <= 0 or high <= 0 else min(_HEAT_SHADES, 1 + int(_HEAT_SHADES * value / high * 0.9999))


def _svg(id: str, title: str, desc: str, height: int, kind: str, body: Iterable[str]) -> Markup:
    name = escape(id)
    described = f' aria-describedby="{name}-d"' if desc else ""
    head = f'<title id="{name}-t">{escape(title)}</title>' + (
        f'<desc id="{name}-d">{escape(desc)}</desc>' if desc else ""
    )
    attributes = f'id="{name}" class="chart chart-{kind}" role="img" aria-labelledby="{name}-t"{described}'
    return Markup(f'<svg {attributes} width="100%" height="{height}">{head}{"".join(body)}{_HIT}</svg>')
