from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.readings.collectors.base import Count
from app.readings.collectors.preview_page import parse_count


@pytest.mark.parametrize(
    ("text", "value", "step"),
    [
        ("0", 0, 0),
        ("842", 842, 0),
        ("999", 999, 0),
        ("5.0K", 5_000, 100),
        ("2.9K", 2_900, 100),
        ("4.85K", 4_850, 10),
        ("79.8K", 79_800, 100),
        ("768K", 768_000, 1_000),
        ("1.12M", 1_120_000, 10_000),
        ("10.7M", 10_700_000, 100_000),
        ("4,85K", 4_850, 10),
        (" 4.85K views", 4_850, 10),
        ("842 просмотра", 842, 0),
        ("12 marta ko‘rilgan", 12, 0),
        ("5 Mitglieder", 5, 0),
        ("10\u00a0698\u202f233 подписчика", 10_698_233, 0),
    ],
)
def test_both_formats_are_read_with_their_step(text: str, value: int, step: int) -> None:
    assert parse_count(text) == Count(value, step)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "views",
        "K",
        "1.5",
        "1.2.3K",
        "4.85KM",
        "5Kviews",
        "842views",
        "-5",
        "4.85 тыс.",
        "768 К",
        "3 млн",
        "5B",
    ],
)
def test_what_may_mean_something_else_is_no_number(text: str) -> None:
    assert parse_count(text) is None


@given(st.integers(0, 10**9 - 1), st.sampled_from([2022, 2026]), st.sampled_from(["", " views", " просмотров"]))
def test_a_printed_count_is_read_back_within_one_step(exact: int, year: int, suffix: str) -> None:
    count = parse_count(_print(exact, year) + suffix)
    assert count is not None
    if exact < 1_000:
        assert count == Count(exact, 0)
    else:
        assert count.precision == "rounded"
        assert 0 <= exact - count.value < count.step


@given(st.text(max_size=12))
def test_any_text_is_a_count_or_none(text: str) -> None:
    count = parse_count(text)
    assert count is None or (count.value >= 0 and any(letter.isdecimal() for letter in text))


def _print(exact: int, year: int) -> str:
    """Print as t.me did: one decimal kept in 2022; three digits, trailing zeros dropped, in 2026."""
    if exact < 1_000:
        return str(exact)
    unit, letter = (1_000, "K") if exact < 1_000_000 else (1_000_000, "M")
    decimals = 1 if year == 2022 else max(0, 3 - len(str(exact // unit)))
    tenths = Fraction(exact, unit) * 10**decimals // 1
    number = str(tenths // 10**decimals) + (f".{tenths % 10**decimals:0{decimals}d}" if decimals else "")
    return (number.rstrip("0").rstrip(".") if year == 2026 and decimals else number) + letter
