"""Bounds of periods over years, zones and the ends of months."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.billing import periods

ZONES = ("Asia/Tashkent", "America/New_York", "Europe/Kyiv", "Asia/Almaty", "Pacific/Kiritimati", "Pacific/Pago_Pago")


def test_42_an_anchor_of_the_31st_has_neither_gap_nor_overlap_and_comes_back_to_the_31st() -> None:
    anchor = datetime(2027, 1, 31, 9, tzinfo=UTC)
    days = [periods.start_of(anchor, "UTC", "month", n).day for n in range(48)]
    lasts = [calendar.monthrange(2027 + n // 12, n % 12 + 1)[1] for n in range(48)]
    assert days == [min(31, last) for last in lasts]
    for n in range(48):
        _, end = periods.bounds(anchor, "UTC", "month", n)
        assert periods.index_at(anchor, "UTC", "month", end) == n + 1, "the end is the next one's"
        assert periods.index_at(anchor, "UTC", "month", end - timedelta(milliseconds=1)) == n


def test_43_a_year_from_a_leap_day() -> None:
    anchor = datetime(2028, 2, 29, 12, tzinfo=UTC)
    found = [periods.start_of(anchor, "UTC", "year", n).date().isoformat() for n in (1, 2, 3, 4)]
    assert found == ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 2, 3, 23])
def test_44_where_clocks_change_each_moment_is_in_exactly_one_period(zone: str, hour: int) -> None:
    anchor = datetime(2023, 10, 31, hour, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    starts = [periods.start_of(anchor, zone, "month", n) for n in range(60)]
    assert starts == sorted(set(starts))
    for n, start in enumerate(starts[:-1]):
        assert periods.index_at(anchor, zone, "month", start) == n
        assert periods.index_at(anchor, zone, "month", starts[n + 1] - timedelta(milliseconds=1)) == n
        assert timedelta(days=27) < starts[n + 1] - start < timedelta(days=32)


def test_thirty_days_of_stars_are_telegrams_seconds() -> None:
    anchor = datetime(2026, 3, 1, tzinfo=UTC)
    start, end = periods.bounds(anchor, "America/New_York", "days30", 7)
    assert (end - start).total_seconds() == 2_592_000 and start == anchor + timedelta(days=210)


def test_what_a_price_is_worth_a_month() -> None:
    assert periods.monthly_minor(9_990, "year") == 833, "832.5 is rounded up"
    assert periods.monthly_minor(999, "month") == 999
    assert periods.monthly_minor(700, "days30") == 710, "700 * 365 / 360 = 709.7"
