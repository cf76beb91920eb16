"""Revenue of several currencies in one: it adds up whatever rates do, and a rate that is missing is a gap and no zero."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import DatabaseError

from app.billing import revenue_metrics
from app.billing.rates import service as rates
from app.billing.rates.base import FOREIGN, Told
from app.billing.rates.book import Book, Missing
from app.billing.revenue_metrics import CHURN, KINDS, NEW, ConvertedBridge, Days, Movement
from app.billing.service import orders, revenue, settling
from app.boot import Runtime, boot
from app.core import db, migrate
from app.schema import TABLES
from tests.billing import buying
from tests.conftest import NOW
from tests.core.test_migrations import _take_back
from tests.world import Owner, owner

DAY = timedelta(days=1)
FIRST = date(2026, 3, 1)
START, END = datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC)
DAYS = Days(START.date(), END.date(), datetime.date)
SPAN = [FIRST + number * DAY for number in range(40)]
INTO = ("UZS", "USD", "EUR")


class Set:
    """A source in which a test sets the rates, in whole sums; a day without any was not set."""

    key = "test"

    def __init__(self, **sums: int) -> None:
        self.sums = {name: dict.fromkeys(SPAN, price) for name, price in sums.items()}

    def on(self, day: date) -> list[Told]:
        return [Told(name, day, 1, prices[day] * 10**6) for name, prices in self.sums.items() if day in prices]

    @property
    def book(self) -> Book:
        return Book(told for day in SPAN for told in self.on(day))


def move(minor: int, day: int, kind: str = NEW) -> Movement:
    return Movement(1, kind, minor, datetime(2026, 3, day, 12, tzinfo=UTC))


def bridge(into: str, book: Book, **moves: Iterable[Movement]) -> ConvertedBridge:
    return revenue_metrics.converted(moves, START, END, into, book, DAYS)


def test_a_currency_that_rises_makes_an_effect_and_no_movement() -> None:
    bank = Set(USD=12_000, EUR=14_000)
    for day in SPAN:
        if day >= date(2026, 3, 15):
            bank.sums["USD"][day] = 12_600
    found = bridge("UZS", bank.book, USD=[move(1_000, 5), move(500, 16)], UZS=[move(100_000, 12)])
    assert (found.start_minor, found.moved_minor[NEW], found.end_minor) == (12_000_000, 6_400_000, 19_000_000)
    assert found.effect_minor == 600_000, (
        "ten dollars are worth 600 sums each more; the five of the 16th are as they were"
    )


def test_what_leaves_at_another_rate_than_it_came_leaves_the_difference_as_effect() -> None:
    bank = Set(USD=12_000)
    bank.sums["USD"] |= {day: 13_000 for day in SPAN if day >= date(2026, 3, 15)}
    found = bridge("UZS", bank.book, USD=[move(1_000, 5), move(-1_000, 16, CHURN)])
    assert (found.start_minor, found.moved_minor[CHURN], found.end_minor) == (12_000_000, -13_000_000, 0)
    assert found.effect_minor == 1_000_000


_moves = st.lists(
    st.builds(
        move, st.integers(-(10**8), 10**8).filter(bool), st.integers(1, 31), st.sampled_from(KINDS)
    ),
    max_size=8,
)  # fmt: skip
_sums = st.integers(9_000, 16_000)


@st.composite
def banks(draw: st.DrawFn) -> Set:
    """Rates that change each day."""
    bank = Set(USD=1, EUR=1)
    for prices in bank.sums.values():
        prices |= {day: draw(_sums) for day in SPAN}
    return bank


@given(banks(), st.fixed_dictionaries(dict.fromkeys(INTO, _moves)), st.sampled_from(INTO))
def test_start_movements_and_effect_are_the_end_whatever_rates_do(
    bank: Set, moves: dict[str, list[Movement]], into: str
) -> None:
    """And the effect is what it says: each balance times the change of its rate, worked out apart, but for roundings."""
    found = bridge(into, bank.book, **moves)
    assert found.start_minor is not None and found.end_minor is not None and found.effect_minor is not None
    moved = [minor for minor in found.moved_minor.values() if minor is not None]
    assert len(moved) == len(KINDS) and not found.missing
    assert found.start_minor + sum(moved) + found.effect_minor == found.end_minor

    def worth(currency: str, day: date) -> Fraction:
        price = {name: Fraction(prices[day]) for name, prices in bank.sums.items()} | {"UZS": Fraction(1)}
        return price[currency] / price[into]

    exact = sum(
        (
            one.delta_minor * (worth(currency, END.date()) - worth(currency, max(one.at.date(), START.date())))
            for currency, ones in moves.items()
            for one in ones
            if one.at <= END
        ),
        Fraction(0),
    )
    roundings = 2 * len(INTO) + sum(map(len, moves.values()))
    assert abs(found.effect_minor - exact) <= Fraction(roundings, 2)


@given(_moves, st.sampled_from(INTO))
def test_one_currency_in_itself_is_its_own_bridge_without_any_rate(moves: list[Movement], into: str) -> None:
    own, found = revenue_metrics.figures(moves, START, END).bridge, bridge(into, Book([]), **{into: moves})
    assert (found.start_minor, found.moved_minor, found.end_minor) == (own.start_minor, own.moved_minor, own.end_minor)
    assert found.effect_minor == 0 and found.missing == ()


@given(banks(), st.fixed_dictionaries(dict.fromkeys(INTO, _moves)), st.sampled_from(INTO))
def test_what_one_period_ends_with_the_next_begins_with(bank: Set, moves: dict[str, list[Movement]], into: str) -> None:
    later = datetime(2026, 3, 31, tzinfo=UTC)
    one = revenue_metrics.converted(moves, START, END, into, bank.book, DAYS)
    other = revenue_metrics.converted(moves, END, later, into, bank.book, Days(DAYS.end, later.date(), datetime.date))
    assert one.end_minor == other.start_minor


@given(st.sampled_from(SPAN), st.fixed_dictionaries(dict.fromkeys(INTO, _moves)), st.sampled_from(INTO))
def test_55_a_missing_date_makes_a_gap_of_each_figure_that_needs_it_and_of_no_other(
    missing: date, moves: dict[str, list[Movement]], into: str
) -> None:
    """Whatever is shown is the same as with the rate; nothing is shown of what lacks it."""
    bank = Set(USD=12_000, EUR=14_000)
    whole = bridge(into, bank.book, **moves)
    for prices in bank.sums.values():
        del prices[missing]
    found = bridge(into, bank.book, **moves)
    pairs = [(found.start_minor, whole.start_minor), (found.end_minor, whole.end_minor)]
    pairs += [(found.moved_minor[kind], whole.moved_minor[kind]) for kind in KINDS]
    assert all(now in (None, before) for now, before in pairs)
    assert {gap.day for gap in found.missing} == ({missing} if any(now is None for now, _ in pairs) else set())
    assert (found.effect_minor is None) == bool(found.missing)
    needed = {one.at.date() for name, ones in moves.items() for one in ones if START < one.at <= END and name != into}
    assert (missing in needed) <= bool(found.missing), "a movement of another currency on that day cannot be told"


@pytest.fixture
def both(runtime: Runtime) -> Runtime:
    """Payme in sums and Stripe in dollars."""
    keys = {"stripe_secret_key": "sk", "stripe_webhook_secret": "wh"}
    return boot("worker", type(runtime.settings)(**(dict(runtime.settings) | keys), _env_file=None))  # type: ignore[call-arg]


def _pays(runtime: Runtime, who: Owner, gateway: str, now: datetime) -> None:
    way = runtime.gateways.get(gateway)
    made = orders.open_order(who.workspace.id, "pro", "month", way, user_id=who.user.id, now=now)
    with db.write():
        payment = settling.begin(made.id, f"ref-{who.workspace.id}", now=now)
    assert settling.settle(payment, now=now)


def _asked(bank: Set, since: date, until: date, now: datetime) -> int:
    return rates.read_days(bank, rates.days_to_ask(since, until, now=now), now=now)


def test_55_the_books_of_two_currencies_in_one_and_their_gap(both: Runtime) -> None:
    _pays(both, owner("Aziza", plan="free", now=NOW), "payme", NOW + DAY)
    _pays(both, owner("Bobur", plan="free", now=NOW), "stripe", NOW + 2 * DAY)
    now = NOW + 4 * DAY
    found = revenue.all_in_one("UZS", NOW, NOW + 30 * DAY, now=now)
    assert found is not None and found.rates == ()
    assert found.bridge.missing == (Missing("USD", date(2026, 3, 3)), Missing("USD", date(2026, 3, 5)))
    assert (found.bridge.start_minor, found.bridge.moved_minor[NEW], found.bridge.end_minor) == (0, None, None)
    assert found.bridge.effect_minor is None and found.bridge.moved_minor[CHURN] == 0
    bank = Set(USD=12_000, EUR=14_000)
    bank.sums["USD"][date(2026, 3, 5)] = 12_500
    assert _asked(bank, date(2026, 3, 1), date(2026, 3, 31), now) == 2 * 5, "and no day that is still to come"
    found = revenue.all_in_one("UZS", NOW, NOW + 30 * DAY, now=now)
    assert found is not None and found.bridge.missing == ()
    sums = 12_500_000 - 1_339_286
    assert found.bridge.moved_minor[NEW] == sums + 999 * 12_000 and found.bridge.end_minor == sums + 999 * 12_500
    assert found.bridge.effect_minor == 999 * 500 and not found.has_stars
    assert [(one.day.day, one.told.currency, str(one.sums)) for one in found.rates] == [
        (1, "USD", "12000.000000"),
        (5, "USD", "12500.000000"),
    ]


def test_stars_are_in_no_sum_and_alone_make_none(runtime: Runtime) -> None:
    _pays(runtime, owner("Aziza", plan="free", now=NOW), "payme", NOW)
    with db.write():
        db.execute(
            "INSERT INTO mrr_movement (workspace_id, account_id, subscription_id, kind, currency, delta_minor, reference,"
            " effective_at) SELECT workspace_id, account_id, subscription_id, kind, 'XTR', 700, 'stars', effective_at FROM"
            " mrr_movement"
        )
    found = revenue.all_in_one("UZS", NOW - DAY, NOW + DAY, now=NOW)
    assert found is not None and found.has_stars and found.bridge.end_minor == 12_500_000 - 1_339_286
    assert found.bridge.missing == ()


def test_while_there_is_no_revenue_there_is_nothing_in_one(runtime: Runtime) -> None:
    assert revenue.all_in_one("USD", NOW - DAY, NOW, now=NOW) is None


def test_a_wrong_rate_is_corrected_by_a_later_row_and_none_is_ever_changed(runtime: Runtime) -> None:
    bank, day, now = Set(USD=12_000, EUR=14_000), date(2026, 3, 2), NOW + 2 * DAY
    assert _asked(bank, day, day, now) == 2 and _asked(bank, day, day, now) == 0
    bank.sums["USD"][day] = 12_001
    assert rates.read_days(bank, rates.days_to_ask(day, day, now=now, again=True), now=now) == 1
    assert [(one.currency, one.uzs_micro) for one in rates.standing(day, day)] == [
        ("EUR", 14_000 * 10**6),
        ("USD", 12_001 * 10**6),
    ]
    assert buying.count("exchange_rate") == 3
    for sql in ("UPDATE exchange_rate SET uzs_micro = 1", "DELETE FROM exchange_rate"):
        with pytest.raises(DatabaseError, match="stay as they are"), db.write():
            db.execute(sql)


class Closed(Set):
    """The bank set no rate."""

    def on(self, day: date) -> list[Told]:
        return [Told(name, day) for name in FOREIGN]


def test_that_a_day_has_no_rate_is_for_good_once_it_is_over(runtime: Runtime) -> None:
    day, noon = date(2026, 3, 2), datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert _asked(Closed(), day, day, noon) == 2
    assert rates.days_to_ask(day, day, now=noon + timedelta(hours=5)) == []
    assert rates.days_to_ask(day, day, now=noon + timedelta(hours=6)) == [day], "it may have come late"
    evening = datetime(2026, 3, 2, 18, 59, tzinfo=UTC)
    assert _asked(Closed(), day, day, evening) == 2, "said again, a minute before midnight in Tashkent"
    assert _asked(Closed(), day, day, evening + timedelta(minutes=1)) == 2
    assert rates.days_to_ask(day, day, now=evening + 9 * DAY) == []


def test_without_the_gap_a_part_would_pass_for_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = {"USD": [move(1_000, 5)], "UZS": [move(100_000, 5)]}
    assert bridge("UZS", Book([]), **moves).end_minor is None
    monkeypatch.setattr(revenue_metrics._Sum, "whole", property(lambda one: one.minor))
    assert bridge("UZS", Book([]), **moves).end_minor == 100_000, "the harm: ten dollars are gone, and nothing says so"


def test_without_asking_about_each_day_an_older_rate_would_pass_for_the_days_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bank = Set(USD=12_000)
    bank.sums["USD"][END.date()] = 12_700
    truth = bridge("UZS", bank.book, USD=[move(1_000, 5)])
    del bank.sums["USD"][END.date()]
    assert bridge("UZS", bank.book, USD=[move(1_000, 5)]).end_minor is None
    monkeypatch.setattr(Book, "held", lambda book, currency, day: Told(currency, day, 1, 12_000 * 10**6))
    assert bridge("UZS", bank.book, USD=[move(1_000, 5)]).end_minor == 12_000_000 != truth.end_minor


def test_0041_goes_back_and_comes_again(runtime: Runtime) -> None:
    _asked(Set(USD=12_000, EUR=14_000), date(2026, 3, 1), date(2026, 3, 1), NOW)
    _take_back("0041_exchange_rates")
    assert migrate.up() == ["0041_exchange_rates"] and migrate.difference(TABLES) == ""
    assert buying.count("exchange_rate") == 0
    assert _asked(Set(USD=12_000, EUR=14_000), date(2026, 3, 1), date(2026, 3, 1), NOW) == 2
    with pytest.raises(DatabaseError, match="stay as they are"), db.write():
        db.execute("DELETE FROM exchange_rate")
