"""Figures of revenue against cases worked out by hand, and their invariant over thousands of random histories."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from random import Random

import pytest

from app.billing import revenue_metrics
from app.billing.revenue_metrics import CHURN, CONTRACTION, EXPANSION, NEW, REACTIVATION, Figures, Movement
from app.billing.service import lifecycle, revenue, subscriptions
from app.billing.service.lifecycle import Desk
from app.boot import Runtime
from tests.billing import buying
from tests.conftest import NOW
from tests.world import Owner

DAY = timedelta(days=1)
START, END = NOW, NOW + 30 * DAY
History = list[tuple[int, int, int]]  # (account, delta, day; days before 0 are before the period)


def told(history: History) -> list[Movement]:
    """The movements of a history, each named by the rule that the engine uses."""
    sums: dict[int, int] = {}
    found = []
    for account, delta, day in sorted(history, key=lambda one: one[2]):
        before = sums.get(account, 0)
        kind = revenue_metrics.kind_of(before, delta, is_known=account in sums)
        sums[account] = before + delta
        found.append(Movement(account, kind, delta, START + day * DAY))
    return found


def of(history: History, *, margin_bp: int = 10_000) -> Figures:
    return revenue_metrics.figures(told(history), START, END, margin_bp=margin_bp)


TEN = [(account, 100, -5) for account in range(10)]
HALF = Fraction(1, 2)
CASES: list[tuple[str, History, dict[str, object]]] = [
    ("nothing at all", [], {"arpa_minor": None, "nrr": None, "grr": None, "quick_ratio": None, "ltv_minor": None}),
    ("the first customer", [(1, 100, 3)], {"customers_start": 0, "customers_end": 1, "nrr": None, "arr_minor": 1200}),
    ("nothing moves", TEN, {"nrr": 1, "grr": 1, "logo_churn": 0, "ltv_minor": None, "quick_ratio": None}),
    ("one of ten leaves", [*TEN, (1, -100, 3)], {"logo_churn": Fraction(1, 10), "nrr": Fraction(9, 10), "ltv_minor": 1000}),
    ("growth hides no loss", [*TEN, (1, -100, 3), (2, 100, 4)], {"nrr": 1, "grr": Fraction(9, 10), "net_churn": 0}),
    ("a smaller plan", [*TEN, (1, -50, 3)], {"logo_churn": 0, "gross_churn": Fraction(1, 20), "grr": Fraction(19, 20)}),
    ("a larger plan", [*TEN, (1, 50, 3)], {"nrr": Fraction(21, 20), "grr": 1, "net_churn": Fraction(-1, 20)}),
    ("a second subscription", [(1, 100, -5), (1, 100, 2)], {"nrr": 2, "grr": 1, "customers_end": 1, "arpa_minor": 200}),
    ("one of two subscriptions ends", [(1, 200, -5), (1, -100, 2)], {"logo_churn": 0, "grr": HALF}),
    ("new customers are no retention", [(1, 100, -5), (2, 100, 2)], {"nrr": 1, "grr": 1, "customers_end": 2}),
    ("joined and left inside", [*TEN, (99, 100, 2), (99, -100, 9)], {"logo_churn": 0, "nrr": 1, "customers_lost": 0}),
    ("back from long ago", [*TEN, (99, 100, -9), (99, -100, -7), (99, 100, 3)], {"nrr": 1, "customers_end": 11}),
    ("left and came back", [*TEN, (1, -100, 3), (1, 100, 9)], {"nrr": Fraction(9, 10), "customers_end": 10, "customers_lost": 1}),
    ("all leave", [(1, 100, -5), (1, -100, 3)], {"logo_churn": 1, "nrr": 0, "arpa_minor": None, "quick_ratio": 0}),
    ("twice as much won as lost", [*TEN, (1, -100, 3), (99, 200, 3)], {"quick_ratio": 2, "net_churn": Fraction(1, 10)}),
    ("a customer of a thousand", [(n, 100, -5) for n in range(1000)] + [(1, -100, 3)], {"ltv_minor": 6000}),
    ("on the period's first moment it was there", [(1, 100, 0)], {"customers_start": 1, "nrr": 1}),
    ("on its last moment it is in it", [(1, 100, 30)], {"customers_start": 0, "customers_end": 1}),
    ("after it is not seen", [(1, 100, -5), (1, -100, 31)], {"customers_end": 1, "grr": 1}),
    ("paused and back within it", [*TEN, (1, -100, 2), (1, 100, 4)], {"customers_lost": 1, "customers_end": 10}),
    ("back within it, and larger", [*TEN, (1, -100, 2), (1, 300, 4)], {"nrr": Fraction(9, 10), "net_churn": Fraction(-1, 5)}),
    ("smaller, then larger again", [*TEN, (1, -50, 2), (1, 50, 9)], {"nrr": 1, "grr": 1, "gross_churn": Fraction(1, 20)}),
    ("larger, then gone", [*TEN, (1, 50, 2), (1, -150, 9)], {"nrr": Fraction(9, 10), "grr": Fraction(9, 10)}),
    ("who left before it is not counted", [*TEN, (99, 100, -9), (99, -100, -3)], {"customers_start": 10, "logo_churn": 0}),
    ("left, and back after its end", [*TEN, (1, -100, 3), (1, 100, 40)], {"customers_lost": 1, "customers_end": 9}),
    ("half of them leave", [*TEN, *((n, -100, 5) for n in range(5))], {"logo_churn": HALF, "ltv_minor": 200, "arpa_minor": 100}),
    ("big ones stay", [(1, 900, -5), (2, 100, -5), (2, -100, 3)], {"logo_churn": HALF, "gross_churn": Fraction(1, 10)}),
    ("only contraction", [(1, 100, -5), (1, -25, 3)], {"quick_ratio": 0, "nrr": Fraction(3, 4), "ltv_minor": None}),
    ("a year runs twelve times", [(1, 250, -5), (2, 250, 4)], {"arr_minor": 6000, "arpa_minor": 250}),
    ("halves of a minor unit go up", [(1, 100, -5), (2, 101, -5)], {"arpa_minor": 101}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "history", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_figures_worked_out_by_hand(name: str, history: History, wanted: dict[str, object]) -> None:
    found = of(history)
    assert {key: getattr(found, key) for key in wanted} == wanted, name


def test_each_movement_has_its_bar() -> None:
    history = [
        *((1, 100, -9), (2, 100, -9), (3, 100, -9), (4, 100, -9), (4, -100, -5)),
        *((1, 30, 1), (2, -40, 1), (3, -100, 1), (4, 70, 1), (5, 60, 1)),
    ]
    bridge = of(history).bridge
    assert bridge.moved_minor == {NEW: 60, EXPANSION: 30, CONTRACTION: -40, CHURN: -100, REACTIVATION: 70}
    assert (bridge.start_minor, bridge.net_minor, bridge.end_minor) == (300, 20, 320)


def test_what_was_not_paid_is_told_apart_from_what_was_cancelled() -> None:
    moves = told([*TEN, (1, -100, 3), (2, -100, 4)])
    moves[-1] = replace(moves[-1], is_unpaid=True)
    found = revenue_metrics.figures(moves, START, END)
    assert (found.bridge.moved_minor[CHURN], found.bridge.unpaid_minor) == (-200, -100)


def test_a_margin_makes_a_life_worth_less() -> None:
    assert of([*TEN, (1, -100, 3)], margin_bp=7_000).ltv_minor == 700


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after"):
        revenue_metrics.figures([], END, START)


def test_62_start_and_movements_are_the_end_in_ten_thousand_histories() -> None:
    draw = Random(62)
    for _ in range(10_000):
        found = of(_history(draw))
        bridge = found.bridge
        assert bridge.start_minor + bridge.net_minor == bridge.end_minor
        if bridge.start_minor:
            assert found.grr is not None and found.nrr is not None and found.grr <= min(found.nrr, 1)
            assert found.net_churn == 1 - Fraction(bridge.end_minor - bridge.moved_minor[NEW], bridge.start_minor)
        if bridge.start_minor and not bridge.moved_minor[NEW] and not bridge.moved_minor[REACTIVATION]:
            assert found.nrr == 1 - found.net_churn  # type: ignore[operator]


def _history(draw: Random) -> History:
    """Some customers who come, grow, shrink, leave and come back, before the period and in it."""
    found: History = []
    for account in range(draw.randint(1, 4)):
        minor = 0
        for day in sorted(draw.sample(range(-40, 45), draw.randint(1, 6))):
            target = draw.choice([0, 0, 100, 250, 790])
            if target != minor:
                found.append((account, target - minor, day))
                minor = target
    return found


def test_a_plan_that_nobody_paid_any_more_is_churn_by_delinquency(runtime: Runtime, buyer: Owner) -> None:
    buying.bought_by_payme(buying.order(runtime, buyer, "payme"), "1" * 24)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None
    for day in range(90):
        lifecycle.advance(sub.id, Desk(runtime.gateways, ""), now=NOW + day * DAY)
    found = revenue.figures("UZS", NOW + DAY, NOW + 90 * DAY)
    assert found.bridge.unpaid_minor == found.bridge.moved_minor[CHURN] == -found.bridge.start_minor < 0


def test_the_books_give_the_same_figures(runtime: Runtime, buyer: Owner) -> None:
    """Two payers in a database; one is given the money back."""
    buying.bought_by_payme(buying.order(runtime, buyer, "payme"), "1" * 24)
    assert revenue.currencies() == ["UZS"]
    found = revenue.figures("UZS", NOW - DAY, NOW + DAY)
    assert found.bridge.end_minor == revenue.at(NOW + DAY, "UZS") == found.bridge.moved_minor[NEW] > 0
    buying.payme("CancelTransaction", id="1" * 24, reason=5, now=NOW + 2 * DAY)
    after = revenue.figures("UZS", NOW + DAY, NOW + 3 * DAY)
    assert after.bridge.start_minor == found.bridge.end_minor and after.bridge.end_minor == 0
    assert (after.customers_start, after.customers_lost, after.nrr) == (1, 1, 0)
