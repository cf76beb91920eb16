from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.core import formats

NOW = datetime(2025, 4, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "locale", "text"),
    [
        (None, "en", "—"),
        (0, "en", "0"),
        (3.25, "en", "3.3"),
        (999, "en", "999"),
        (1000, "en", "1K"),
        (12_431, "en", "12.4K"),
        (999_999, "en", "1M"),
        (1_234_567, "en", "1.23M"),
        (-12_431, "en", "−12.4K"),
        (5_000_000_000, "en", "5B"),
        (12_431, "ru", "12,4\xa0тыс."),
        (12_431, "uz", "12,4\xa0ming"),
    ],
)
def test_compact_keeps_three_digits_and_speaks_the_language(value: int | None, locale: str, text: str) -> None:
    assert formats.compact(value, locale) == text


def test_a_figure_is_written_out_only_where_that_is_honest() -> None:
    assert formats.figure(9_876) == "9,876"
    assert formats.figure(419_863) == "420K"
    assert formats.figure(419_863, full=True) == "419,863"
    assert formats.figure(3.25, "percent") == "3.3%"
    assert formats.figure(0.0246, "percent") == "0.02%" and formats.figure(0, "percent") == "0%"
    assert formats.figure(None) == "—"


def test_axis_labels_tell_neighbours_apart() -> None:
    assert [formats.tick(v, 25_000) for v in (2_375_000, 2_400_000)] == ["2.375M", "2.4M"]
    assert [formats.tick(v, 200) for v in (0, 999_800, 1_000_000)] == ["0", "999.8K", "1M"]
    assert [formats.tick(v, 0.5) for v in (-0.5, 0.5)] == ["−0.5", "0.5"]


def test_precision_names_exact_rounded_and_mixed() -> None:
    assert formats.precision(0, ("bot_updates", "preview_page")) == "exact"
    assert formats.precision(100, ("preview_page",)) == "rounded"
    assert formats.precision(100, ("bot_updates", "preview_page")) == "mixed"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "1 minute ago"), (5, "1 minute ago"), (3600, "1 hour ago"), (7300, "2 hours ago"), (400_000, "5 days ago")],
)
def test_ages_are_never_in_the_future(seconds: int, text: str) -> None:
    assert formats.ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_durations_keep_the_unit_people_plan_in() -> None:
    assert [formats.duration(s) for s in (20, 900, 21_600, 2_592_000)] == ["1 min", "15 min", "6 hr", "30 days"]
    assert formats.duration(259_200, "uz") == "3 kun"


def test_moments_are_shown_in_the_zone_of_the_channel() -> None:
    late = datetime(2025, 3, 31, 22, 30, tzinfo=UTC)
    assert formats.dt(late, tz="Asia/Tashkent") == "1 Apr 2025, 03:30"
    assert formats.day(late, tz="Asia/Tashkent") == "1 Apr 2025"
    assert formats.day(date(2025, 3, 31), short=True) == "31 Mar"
    assert formats.dt(None) == formats.day(None) == "—"


def test_signs_weekdays_and_bound_filters() -> None:
    assert formats.signed("120", 120) == "+120" and formats.signed("−3", -3) == "−3" and formats.signed("0", 0) == "0"
    assert formats.weekdays("en")[0] == "Mon" and len(formats.weekdays("uz")) == 7
    bound = formats.filters(lambda: "ru", lambda: "UTC", lambda: NOW)
    assert bound["number"](12_431) == "12\xa0431"
    assert bound["percent"](3.25) == "3,3%"
    assert bound["age_s"](NOW - timedelta(minutes=2)) == 120
    assert bound["dt"](NOW, "Asia/Tashkent").endswith("14:00")
    assert bound["day"](NOW, short=True) == "1 апр."
