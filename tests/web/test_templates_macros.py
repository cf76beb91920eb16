"""The promises of the macros that every page stands on, rendered without the web application."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.core import charts, formats

TEMPLATES = Path(__file__).parents[2] / "templates"
NOW = datetime(2025, 4, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Fig:
    value: int | float | None
    unit: str = "views"
    step: int = 0
    sources: tuple[str, ...] = ("bot_updates",)
    observed_at: datetime | None = NOW - timedelta(hours=2)
    readings: int = 12
    delta: Fig | None = None


@dataclass(frozen=True)
class Day:
    day: date
    value: int | None
    step: int = 0


@pytest.fixture(scope="module")
def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"]
    )
    env.trim_blocks = env.lstrip_blocks = True
    env.install_gettext_callables(lambda s: s, lambda one, many, n: one if n == 1 else many, newstyle=True)  # type: ignore[attr-defined]
    env.filters.update(formats.filters(lambda: "en", lambda: "UTC", lambda: NOW))
    env.globals.update(charts.globals_(lambda: "en"))
    env.globals.update(formats.globals_(lambda: "en", lambda: NOW, lambda text: text))
    return env


@pytest.fixture(scope="module")
def figure(environment: Environment) -> Any:
    return environment.globals["figure"]


@pytest.fixture(scope="module")
def ui(environment: Environment) -> Any:
    module: ModuleType = environment.get_template("ui/index.html").module  # type: ignore[assignment]
    return module


def test_a_figure_carries_where_it_came_from(figure: Any) -> None:
    html = str(figure(Fig(12_431, step=100, sources=("preview_page",)), tab=True))
    for part in (
        'value="12431"', 'data-source="preview_page"', 'data-precision="rounded"', 'data-step="100"',
        'data-age-s="7200"', 'data-observed-at="2025-04-01T07:00:00+00:00"',
        'data-readings="12"', 'tabindex="0"', ">12.4K</data>",
    ):  # fmt: skip
        assert part in html


@pytest.mark.parametrize("fig", [None, Fig(None)])
def test_a_figure_without_a_source_shows_no_digit(ui: Any, figure: Any, fig: Fig | None) -> None:
    html = str(figure(fig))
    assert re.sub(r"<[^>]+>", "", html) == "no source"
    assert 'data-source="none"' in html and not re.search(r"\d", html)
    assert not re.search(r"\d", re.sub(r"<[^>]+>", "", str(ui.tile("Reach", fig))))


def test_zero_is_a_number_and_not_a_missing_one(figure: Any) -> None:
    assert ">0</data>" in str(figure(Fig(0)))


def test_only_exact_numbers_are_written_out(figure: Any) -> None:
    assert ">419,863</data>" in str(figure(Fig(419_863), full=True))
    assert ">420K</data>" in str(figure(Fig(419_863, step=1000), full=True))


def test_a_tile_tells_source_precision_and_age_in_words(ui: Any) -> None:
    words = " ".join(
        re.sub(r"<[^>]+>", "", str(ui.tile("Views", Fig(5, sources=("preview_page",), delta=Fig(3))))).split()
    )
    assert words == "Views 5 +3 public page · exact · 2 hours ago"


def test_a_chart_comes_with_its_table_and_its_file(ui: Any) -> None:
    html = str(ui.days_card("g", "Growth", [Day(date(2025, 3, 1), 10), Day(date(2025, 3, 2), None)], csv_url="/g.csv"))
    assert "<svg" in html and "<details" in html and 'href="/g.csv"' in html
    assert html.count('<th scope="row">') == 2 and "no reading" in html


def test_a_chart_without_readings_is_a_sentence(ui: Any) -> None:
    html = str(ui.days_card("g", "Growth", [Day(date(2025, 3, 2), None)]))
    assert "<svg" not in html and "No readings" in html


def test_titles_from_telegram_are_escaped(ui: Any) -> None:
    assert "<script>" not in str(ui.empty_state("<script>", "<script>", '"><script>'))


def test_every_target_of_htmx_is_an_id_of_some_template() -> None:
    sources = {path: path.read_text() for path in TEMPLATES.rglob("*.html")}
    ids = set(re.findall(r'\bid="([\w]+)"', "\n".join(sources.values())))
    targets = set(re.findall(r'hx-target="#([\w]+)"', "\n".join(sources.values())))
    macro_targets = set(
        re.findall(r"(?:sort_header|pagination|link_row)\(.*?'(\w+_(?:table|body))'", "\n".join(sources.values()))
    )
    assert targets | macro_targets <= ids


def test_every_template_compiles(environment: Environment) -> None:
    for path in sorted(TEMPLATES.rglob("*.html")):
        environment.get_template(path.relative_to(TEMPLATES).as_posix())
