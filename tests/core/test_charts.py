from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from xml.etree import ElementTree

from app.core import charts
from app.core.charts import CurveAt, Point, Series


@dataclass(frozen=True)
class Day:
    day: date
    value: int | None
    step: int = 0


def series(*values: float | None) -> Series:
    return Series("", tuple(Point(f"d{i}", v, "" if v is None else str(v)) for i, v in enumerate(values)))


def test_a_missing_day_is_a_gap_and_never_a_zero() -> None:
    svg = charts.line_chart(series(5, 6, None, None, 8, 9), id="g", title="Growth")
    line = re.findall(r'class="ln t1" d="([^"]+)"', svg)[0]
    assert line.count("M") == 2
    assert svg.count('<circle class="pt') == 4
    assert svg.count('class="gap"') == 1


def test_gaps_at_both_ends_are_shown() -> None:
    svg = charts.line_chart(series(None, 5, 6, None), id="g", title="Growth")
    assert svg.count('class="gap"') == 2


def test_a_missing_bar_is_hollow_and_says_so() -> None:
    svg = charts.bar_chart(
        Series("", (Point("a", 0), Point("b", None, "no reading"), Point("c", 4))), id="b", title="B"
    )
    assert svg.count('class="pt bar') == 2
    assert 'class="pt gap"' in svg and 'data-tip="no reading"' in svg


def test_bars_start_at_zero_and_lines_need_not() -> None:
    assert ">0</text>" in charts.bar_chart(series(1000, 1010), id="b", title="B")
    assert ">0</text>" not in charts.line_chart(series(1000, 1010), id="l", title="L")
    assert ">0</text>" in charts.line_chart(series(1000, 1010), id="l", title="L", zero=True)


def test_ticks_are_round_and_enclose_the_data() -> None:
    assert charts.nice_ticks(0, 97) == (0, 25, 50, 75, 100)
    assert charts.nice_ticks(12, 13) == (12, 12.25, 12.5, 12.75, 13)
    flat = charts.nice_ticks(7, 7)
    assert flat[0] < 7 < flat[-1]
    assert charts.nice_ticks(0, 0)[0] == 0


def test_every_chart_is_well_formed_named_and_without_style() -> None:
    heat = tuple(tuple(None if h == 3 else d * h for h in range(24)) for d in range(7))
    drawn = [
        charts.line_chart([series(1, 2), series(2, None)], id="a", title="<b>", desc="two & more"),
        charts.bar_chart(series(-3, 4), id="b", title="B"),
        charts.heat_map(heat, id="c", title="C", row_labels=tuple("MTWTFSS")),
        charts.curve_chart([CurveAt(900, 5, "15 min"), CurveAt(3600, 4, "1 h", is_falling=True)], id="d", title="D"),
        charts.curve_chart([], id="e", title="E"),
        charts.line_chart(series(None), id="f", title="F"),
    ]
    for svg in drawn:
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img" and root.find("title") is not None
        assert " style=" not in svg and "nan" not in svg
    assert "&lt;b&gt;" in drawn[0] and 'aria-describedby="a-d"' in drawn[0]


def test_the_heat_map_has_a_cell_an_hour_and_hollow_ones_for_no_reading() -> None:
    rows = tuple(tuple(None if h == 3 else h for h in range(24)) for _ in range(7))
    svg = charts.heat_map(rows, id="h", title="H", row_labels=tuple("MTWTFSS"))
    assert svg.count('class="pt q') == 168
    assert svg.count('class="pt qx"') == 7
    assert svg.count('class="pt q0"') == 7 and svg.count('class="pt q6"') >= 7


def test_a_falling_reading_is_marked_and_the_line_does_not_fall() -> None:
    svg = charts.curve_chart(
        [CurveAt(900, 100, "a"), CurveAt(3600, 500, "b"), CurveAt(7200, 400, "c", is_falling=True)], id="c", title="C"
    )
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", re.findall(r'class="ln t1" d="([^"]+)"', svg)[0])]
    assert heights == sorted(heights, reverse=True) and heights[-1] == heights[-2]
    assert svg.count("falling") == 1


def test_sparklines_break_at_gaps_and_survive_nothing_at_all() -> None:
    assert charts.sparkline((1, 2, None, 3, 4)).count("M") == 2
    assert 'class="none"' in charts.sparkline((None, None))
    assert 'class="none"' in charts.sparkline(())
    assert 'aria-hidden="true"' in charts.sparkline((1, 2)) and 'role="img"' in charts.sparkline((1, 2), title="Views")


def test_days_become_points_with_all_digits_and_their_rounding() -> None:
    days = [Day(date(2025, 3, 1), 12_400, 100), Day(date(2025, 3, 2), None), Day(date(2025, 3, 3), 7)]
    made = charts.day_series("", days)
    assert [p.tip for p in made.points] == ["12,400 ±100", "no reading", "7"]
    assert made.points[0].label == "1 Mar"
    assert charts.has_values(made) and not charts.has_values(charts.day_series("", days[1:2]))


def test_labels_from_people_are_escaped() -> None:
    svg = charts.bar_chart(Series('"><script>', (Point('"><script>', 1, "<i>"),)), id="x", title="</title><script>")
    assert "<script>" not in svg and "<i>" not in svg


def test_the_same_data_gives_the_same_bytes() -> None:
    def draw() -> str:
        return charts.line_chart(series(0.1, 0.2, 0.3), id="a", title="A")

    assert draw() == draw()


def test_globals_draw_in_the_language_of_the_request() -> None:
    bound = charts.globals_(lambda: "ru")
    assert "тыс." in str(bound["bar_chart"](series(40_000), id="a", title="A"))
    assert "мин" in str(bound["curve_chart"]([CurveAt(900, 1, "x")], id="a", title="A"))
