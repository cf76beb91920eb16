"""Which rate holds on a day: the bank's of that day, its last over days without one, and otherwise none at all."""

from __future__ import annotations

from datetime import date, timedelta

from app.billing.rates.base import Told
from app.billing.rates.book import HOLDS_DAYS, Book, Missing

DAY = timedelta(days=1)
FRIDAY = date(2026, 11, 27)
RATE = Told("USD", FRIDAY, 1, 12_021_220_000)


def none_on(*days: date) -> list[Told]:
    return [Told("USD", day) for day in days]


def test_a_rate_holds_on_its_day_and_over_days_for_which_the_bank_set_none() -> None:
    book = Book([RATE, *none_on(FRIDAY + DAY, FRIDAY + 2 * DAY)])
    assert [book.held("USD", FRIDAY + number * DAY) for number in range(3)] == [RATE] * 3


def test_a_day_of_which_nobody_asked_has_no_rate_though_there_is_one_of_the_day_before() -> None:
    book = Book([RATE, *none_on(FRIDAY + 2 * DAY)])
    assert book.held("USD", FRIDAY + DAY) == Missing("USD", FRIDAY + DAY)
    assert book.held("USD", FRIDAY + 2 * DAY) == Missing("USD", FRIDAY + DAY), "the hole is what is missing"


def test_a_rate_holds_for_seven_days_and_no_longer() -> None:
    book = Book([RATE, *none_on(*(FRIDAY + number * DAY for number in range(1, 20)))])
    assert book.held("USD", FRIDAY + HOLDS_DAYS * DAY) == RATE
    late = FRIDAY + (HOLDS_DAYS + 1) * DAY
    assert book.held("USD", late) == Missing("USD", late)


def test_of_two_rates_of_a_day_the_later_one_holds() -> None:
    corrected = Told("USD", FRIDAY, 1, 12_012_220_000)
    assert Book([RATE, corrected]).held("USD", FRIDAY) == corrected


def test_amounts_are_worth_what_the_rates_say_to_the_minor_unit() -> None:
    book = Book([RATE, Told("EUR", FRIDAY, 10, 139_512_300_000)])
    assert book.convert(999, "USD", "UZS", FRIDAY) == 12_009_199, "9.99 x 12,021.22 = 120,091.99 sums"
    assert book.convert(12_500_000, "UZS", "USD", FRIDAY) == 1_040, "125,000 / 12,021.22 = 10.398…"
    assert book.convert(1_000, "EUR", "USD", FRIDAY) == 1_161, "10 x 13,951.23 / 12,021.22 = 11.605…"
    assert book.convert(-999, "USD", "UZS", FRIDAY) == -12_009_199


def test_what_needs_no_rate_is_worth_itself_without_one() -> None:
    book = Book([])
    assert (book.convert(7, "UZS", "UZS", FRIDAY), book.convert(7, "EUR", "EUR", FRIDAY)) == (7, 7)
    assert book.convert(0, "EUR", "USD", FRIDAY) == 0
    assert book.convert(7, "EUR", "UZS", FRIDAY) == Missing("EUR", FRIDAY)
    assert book.convert(7, "XTR", "UZS", FRIDAY) == Missing("XTR", FRIDAY)
