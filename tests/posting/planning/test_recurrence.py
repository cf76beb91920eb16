"""Days and moments of recurring posts: anchored to the calendar, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.posting.planning import recurrence
from app.posting.planning.local_time import clock_time, moment
from app.posting.planning.recurrence import Rule

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tashkent", "Asia/Kathmandu", "UTC")
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
RULES = st.one_of(
    st.builds(lambda every: Rule("daily", every), st.integers(1, 52)),
    st.builds(
        lambda every, days: Rule("weekly", every, tuple(sorted(days))),
        *(st.integers(1, 52), st.sets(st.integers(0, 6), min_size=1)),
    ),
    st.builds(lambda every, day: Rule("monthly", every, day=day), st.integers(1, 52), st.integers(1, 31)),
)


def _local(day: date, text: str, zone: str) -> str:
    return moment(day, clock_time(text), zone).astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M %z")


@pytest.mark.parametrize(
    ("zone", "day", "typed", "shown"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "02:30", "03-29 03:00 +0200"),
        ("Europe/Berlin", date(2026, 3, 29), "03:00", "03-29 03:00 +0200"),
        ("Europe/Berlin", date(2026, 10, 25), "02:30", "10-25 02:30 +0200"),
        ("America/New_York", date(2026, 3, 8), "02:15", "03-08 03:00 -0400"),
        ("America/New_York", date(2026, 11, 1), "01:30", "11-01 01:30 -0400"),
        ("Australia/Lord_Howe", date(2026, 10, 4), "02:10", "10-04 02:30 +1100"),
        ("Australia/Lord_Howe", date(2026, 4, 5), "01:45", "04-05 01:45 +1100"),
        ("Pacific/Apia", date(2011, 12, 30), "09:00", "12-31 00:00 +1400"),
    ],
)
def test_a_time_that_the_clocks_skip_is_the_end_of_the_gap_and_one_that_comes_twice_is_its_first(
    zone: str, day: date, typed: str, shown: str
) -> None:
    assert _local(day, typed, zone) == shown


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_over_a_year_the_wall_clock_shows_the_same_time_save_in_the_gap(zone: str) -> None:
    days = list(islice(recurrence.days(Rule("daily"), date(2026, 1, 1), since=date(2026, 1, 1)), 365))
    moments = [moment(day, time(2, 15), zone) for day in days]
    odd = [at for at in moments if at.astimezone(ZoneInfo(zone)).time() != time(2, 15)]
    assert len(odd) == 1 and moments == sorted(set(moments))


def test_counting_from_the_last_time_would_drift_over_the_switch() -> None:
    """The harm that the anchor prevents: last + 24 hours shows another time after the clocks changed."""
    first = moment(date(2026, 3, 28), time(9), "Europe/Berlin")
    assert (first + timedelta(hours=24)).astimezone(ZoneInfo("Europe/Berlin")).time() == time(10)
    assert moment(date(2026, 3, 29), time(9), "Europe/Berlin").astimezone(ZoneInfo("Europe/Berlin")).time() == time(9)


@given(DAYS, st.times().map(lambda t: t.replace(second=0, microsecond=0)), st.sampled_from(ZONES))
def test_a_moment_shows_the_time_or_there_is_no_such_time(day: date, at: time, zone: str) -> None:
    found = moment(day, at, zone)
    local = found.astimezone(ZoneInfo(zone))
    assert found.tzinfo is UTC
    if local.replace(tzinfo=None) == datetime.combine(day, at):
        return
    just_before = (found - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert just_before < datetime.combine(day, at) < local.replace(tzinfo=None)


@given(RULES, DAYS)
def test_days_only_grow_and_begin_no_earlier_than_they_should(rule: Rule, starts_on: date) -> None:
    days = [recurrence.day_of(rule, starts_on, number) for number in range(12)]
    assert days == sorted(set(days)) and days[0] >= starts_on
    if rule.kind == "weekly":
        assert {day.weekday() for day in days} <= set(rule.weekdays)


@given(RULES, DAYS, st.integers(0, 300), st.integers(-5, 5))
def test_a_day_is_found_again_without_walking_from_the_first(
    rule: Rule, starts_on: date, number: int, more: int
) -> None:
    if rule.kind == "monthly" and number * rule.every > 12_000:
        return
    day = recurrence.day_of(rule, starts_on, number)
    assert recurrence.number_from(rule, starts_on, day) == number
    since = day + timedelta(days=more)
    found = next(recurrence.days(rule, starts_on, since=since))
    assert found >= since
    before = recurrence.number_from(rule, starts_on, since) - 1
    assert before < 0 or recurrence.day_of(rule, starts_on, before) < since


@given(DAYS, st.integers(1, 31))
def test_a_month_that_is_shorter_takes_its_last_day_and_the_next_one_the_right_one_again(
    starts_on: date, day: int
) -> None:
    days = list(islice(recurrence.days(Rule("monthly", day=day), starts_on, since=starts_on), 14))
    for one in days:
        is_last = (one + timedelta(days=1)).day == 1
        assert one.day == day or (one.day < day and is_last)
    months = [one.year * 12 + one.month for one in days]
    assert months == list(range(months[0], months[0] + 14))


def test_examples_of_each_kind() -> None:
    def first(rule: Rule, starts_on: date, count: int) -> list[str]:
        return [day.isoformat()[5:] for day in islice(recurrence.days(rule, starts_on, since=starts_on), count)]

    assert first(Rule("weekly", 2, (0, 3)), date(2026, 11, 25), 4) == ["11-26", "12-07", "12-10", "12-21"]
    assert first(Rule("monthly", day=31), date(2026, 1, 31), 4) == ["01-31", "02-28", "03-31", "04-30"]
    assert first(Rule("daily", 3), date(2026, 2, 27), 2) == ["02-27", "03-02"]
    rule = Rule("daily")
    assert len(list(recurrence.days(rule, date(2026, 1, 1), since=date(2026, 1, 3), count=5))) == 3
    assert len(list(recurrence.days(rule, date(2026, 1, 1), since=date(2026, 1, 3), ends_on=date(2026, 1, 4)))) == 2


@pytest.mark.parametrize(
    ("doc", "field"),
    [
        ({"kind": "hourly"}, "kind"),
        ({"kind": "daily", "every": 0}, "every"),
        ({"kind": "weekly", "weekdays": []}, "weekdays"),
        ({"kind": "weekly", "weekdays": [7]}, "weekdays"),
        ({"kind": "monthly", "day": 32}, "day"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_its_field(doc: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as told:
        recurrence.rule_of(doc)
    assert set(told.value.fields) == {field}


@given(RULES)
def test_a_rule_survives_the_database(rule: Rule) -> None:
    assert recurrence.rule_of(rule.to_doc()) == rule
