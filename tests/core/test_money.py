"""Money: what is kept is what was meant, or it is refused with a sentence that says why."""

from __future__ import annotations

from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from app.core import money
from app.core.errors import Invalid

CURRENCIES = st.sampled_from(sorted(money.MINOR_DIGITS))
MINOR = st.integers(0, money.MOST_MINOR)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1250", "USD", 125_000),
        ("1 250,50", "USD", 125_050),
        ("1,250.50", "USD", 125_050),
        ("1.250.000,5", "UZS", 125_000_050),
        ("1'250'000", "EUR", 125_000_000),
        ("0,05", "EUR", 5),
        ("1,250", "XTR", 1_250),
    ],
)
def test_what_people_write(text: str, currency: str, minor: int) -> None:
    assert money.parse(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "said"),
    [
        ("0.500", "USD", "fewer digits"),
        ("0,125", "USD", "fewer digits"),
        ("1,234.567", "USD", "fewer digits"),
        ("1.5", "XTR", "fewer digits"),
        ("12.125", "USD", "two ways"),
        ("1,250", "EUR", "two ways"),
        ("1,234.567,89", "USD", "an amount like"),
        ("1.234.56", "USD", "an amount like"),
        ("0 500", "USD", "an amount like"),
        ("1 250.000 000", "UZS", "an amount like"),
        ("-5", "USD", "an amount like"),
        ("", "USD", "an amount like"),
    ],
)
def test_what_is_impossible_or_can_be_read_in_two_ways_is_refused(text: str, currency: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refusal:
        money.parse(text, currency)
    assert set(refusal.value.fields) == {"spend"}


@given(MINOR, CURRENCIES, st.sampled_from(["en", "ru", "uz"]))
def test_what_is_shown_is_read_again(minor: int, currency: str, locale: str) -> None:
    digits = money.MINOR_DIGITS[currency]
    assert money.parse(money.plain(minor, currency), currency) == minor
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    written = format_decimal(Decimal(minor).scaleb(-digits), format=pattern, locale=locale)
    assert money.parse(written, currency) == minor


@given(
    st.integers(0, 10**10),
    st.integers(0, 4),
    CURRENCIES,
    st.sampled_from(["", " ", "\xa0", ",", ".", "'"]),
    st.sampled_from([",", "."]),
)
def test_no_accepted_amount_is_another_than_was_meant(
    meant: int, decimals: int, currency: str, group: str, point: str
) -> None:
    """An amount with so many decimals, written in any of the world's ways, is kept as it is or not at all.

    Of a whole currency (Telegram Stars) nobody writes thousandths, so 1,250 of it is no puzzle.
    """
    if group == point or (decimals > 2 and not money.MINOR_DIGITS[currency]):
        return
    whole, part = divmod(meant, 10**decimals)
    written = f"{whole:,}".replace(",", group) + (f"{point}{part:0{decimals}}" if decimals else "")
    try:
        kept = money.parse(written, currency)
    except Invalid:
        return
    assert kept == Decimal(meant).scaleb(money.MINOR_DIGITS[currency] - decimals), written


def test_letters_that_stand_for_a_sign_do_not_stick_to_the_digits() -> None:
    shown = [money.price(7_500_000, "UZS"), money.price(-7_500_000, "UZS"), money.text(-7_500_050, "UZS")]
    assert shown == ["UZS\xa075,000", "-UZS\xa075,000", "-UZS\xa075,000.50"]
    assert money.price(-7_500_000, "UZS", "ru") == "-75\xa0000\xa0UZS"
