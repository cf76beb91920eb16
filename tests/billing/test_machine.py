"""24 months of thousands of subscriptions in the pure machine: no gap, no overlap, no renewal lost, revenue adds up.

A third of them begin with a trial, a third with a coupon, some of them with both; what Telegram renews has neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from random import Random

import pytest

from app.billing import periods, states, timeline
from app.billing.states import CANCELED, EXPIRED
from tests.billing import bills, machine
from tests.billing.bills import Coupon
from tests.billing.machine import Event, Life
from tests.conftest import NOW

MANY = 2_000
MONTHS = [NOW + timedelta(days=round(30.4375 * n)) for n in range(25)]
SECOND = timedelta(seconds=1)
BY_OFFERS = sorted(set(machine.GATEWAYS) - machine.RENEWED_THERE)


@cache
def _swept(gateway: str) -> list[Life]:
    return machine.lives(gateway, MANY, since=NOW, until=MONTHS[-1], seed=1)


@pytest.mark.parametrize("gateway", sorted(machine.GATEWAYS))
def test_two_years_of_two_thousand_subscriptions(gateway: str) -> None:
    lived = _swept(gateway)
    for life in lived:
        _periods_touch(life)
        _every_period_has_one_outcome(life)
        _a_trial_costs_nothing(life)
        _a_coupon_lasts_as_it_says(life)
    _revenue_adds_up(lived)
    ended = Counter(life.state for life in lived)
    assert min(ended[states.ACTIVE], ended[CANCELED], ended[EXPIRED]) > MANY // 50, "each way of ending is among them"
    assert {event.name for life in lived for event in life.events} >= {"paid", "lapsed", "remind", "undo_cancel"}


@pytest.mark.parametrize("gateway", BY_OFFERS)
def test_every_end_of_a_trial_and_of_a_coupon_is_among_them(gateway: str) -> None:
    lived = _swept(gateway)
    mixed = Counter((life.is_tried, life.coupon is not None) for life in lived)
    assert len(mixed) == 4 and min(mixed.values()) >= MANY // 6
    ends = Counter(life.end_of_trial() for life in lived if life.is_tried)
    assert set(ends) == machine.ends_of_trials(gateway) and min(ends.values()) > MANY // 200, ends
    lasted = Counter((life.coupon.periods, life.coupon.percent) for life in lived if life.coupon and life.is_redeemed)
    assert {number for number, _ in lasted} == {1, 3, None} and all(lasted[number, 100] for number in (1, 3, None))
    assert any(life.left == 0 and len(life.bills) > 3 for life in lived if life.is_redeemed), "and the full price after"
    assert any(life.is_tried and life.coupon and not life.is_redeemed and life.bills for life in lived), "and unused"


def _periods_touch(life: Life) -> None:
    """Neither gap nor overlap, however late a payment was, and none drifts from the anchor; a trial ends at the first."""
    spans = [*([life.trial] if life.trial else []), *life.periods]
    for (_, end), (start, _) in pairwise(spans):
        assert start == end
    assert all(earlier.at <= later.at for earlier, later in pairwise(life.events)), "time goes on"
    assert life.trial is None or life.anchor == life.trial[1] == life.begins + timedelta(days=14)
    last = len(life.periods) - 1
    if life.periods and life.anchor is not None:
        assert life.periods[0][0] == life.anchor
        assert life.periods[-1] == periods.bounds(life.anchor, life.zone, life.interval, last)
    assert [event.period for event in life.events if event.name == "paid"] == list(range(last + 1))
    assert [bill.period for bill in life.bills] == list(range(last + 1))


def _every_period_has_one_outcome(life: Life) -> None:
    """Each period but the last was followed by exactly one payment; the last runs, is late within the grace, or ended.

    A trial is the same, with a shorter grace.
    """
    is_trial = not life.periods
    end, grace = _last_end(life), timeline.TRIAL_GRACE if is_trial else timeline.GRACE
    if life.state == CANCELED:
        assert life.ended_at == end
    elif life.state == EXPIRED:
        assert life.ended_at is not None
        assert timedelta() <= life.ended_at - end - grace <= timeline.RENEWAL_SLACK
    elif life.state == states.PAST_DUE:
        assert life.past_due_at is not None and MONTHS[-1] < life.past_due_at + grace
    else:
        assert life.state == (states.TRIALING if is_trial else states.ACTIVE)
        assert MONTHS[-1] <= end + timeline.RENEWAL_SLACK


def _last_end(life: Life) -> datetime:
    spans = [*([life.trial] if life.trial else []), *life.periods]
    return spans[-1][1]


def _a_trial_costs_nothing(life: Life) -> None:
    """No card is charged before it ends; who pays earlier does so by a page, for the period after it."""
    if life.trial is None:
        return
    end = life.trial[1]
    assert all(event.at >= end for event in life.events if event.name == timeline.CHARGE)
    acted = {act.at for act in life.acts if act.kind in ("buy", "pay")}
    assert all(bill.at in acted for bill in life.bills if bill.at < end)
    if not life.bills:
        assert life.events[-1].period == -1 and not any(delta for _, delta in life.moves)


def _a_coupon_lasts_as_it_says(life: Life) -> None:
    """So many periods are cheaper, the full price after; what is free nobody is charged for."""
    assert [bill.amount for bill in life.bills] == [_amount(life, number) for number in range(len(life.bills))]
    cheaper = sum(bill.discount > 0 for bill in life.bills)
    lasts = life.coupon.periods if life.coupon and life.is_redeemed else 0
    assert cheaper == (len(life.bills) if lasts is None else min(lasts, len(life.bills)))
    assert all((bill.amount == 0) == (bill.by == "nobody") for bill in life.bills)
    told = Counter(event.name for event in life.events)
    assert told[timeline.CHARGE] == told["charge_failed"] + sum(bill.by == "card" for bill in life.bills)


def _amount(life: Life, number: int) -> int:
    """What a period costs by its number, from the coupon's words alone."""
    price = bills.PRICES[life.gateway][life.interval]
    if life.coupon is None or not life.is_redeemed:
        return price
    is_cheaper = life.coupon.periods is None or number < life.coupon.periods
    return price - price * life.coupon.percent // 100 if is_cheaper else price


def _revenue_adds_up(lived: list[Life]) -> None:
    """A month's start plus its movements is its end, counted anew from the last thing that each life told until then."""
    moves = [move for life in lived for move in life.moves]
    for start, end in pairwise(MONTHS):
        moved = sum(delta for at, delta in moves if start < at <= end)
        before, after = (sum(_worth(life, at) for life in lived) for at in (start, end))
        assert before + moved == after


def _worth(life: Life, moment: datetime) -> int:
    """What a life brings at a moment: the price of its newest period less the coupon, net; a trial brings nothing."""
    told = [event.name for event in life.events if event.at <= moment]
    paid = told.count("paid")
    if not paid or told[-1] in (states.GRACE_OVER, states.PERIOD_OVER):
        return 0
    return bills.worth(life.gateway, life.interval, _amount(life, paid - 1))


def test_the_check_sees_a_gap_and_a_renewal_too_many() -> None:
    """What the sweep above looks for is found when it is there."""
    life = machine.lives("payme", 1, since=NOW, until=MONTHS[-1], seed=3, interval="month")[0]
    start, end = life.periods[-1]
    life.periods[-1] = (start + SECOND, end)
    with pytest.raises(AssertionError):
        _periods_touch(life)
    life.periods[-1] = (start, end)
    life.events.append(next(event for event in life.events if event.name == "paid"))
    with pytest.raises(AssertionError):
        _periods_touch(life)


def _lived(*, is_tried: bool, coupon: Coupon | None = None) -> Life:
    """One life on such terms that was paid for often, the first time before its trial's end."""
    for number in range(1_000):
        life = Life("payme", "month", "UTC", NOW + SECOND, is_tried, coupon)
        life.play(Random(number), until=MONTHS[-1])
        if len(life.bills) > 5 and (not is_tried or life.bills[0].at < life.begins + machine.TRIAL):
            return life
    raise AssertionError("nobody paid")


def _overlaps(life: Life) -> None:
    life.periods[0] = (life.periods[0][0] - SECOND, life.periods[0][1])


def _is_charged(life: Life) -> None:
    life.events.insert(1, Event(life.begins + SECOND, timeline.CHARGE, -1))


def _is_billed(life: Life) -> None:
    life.bills[0] = replace(life.bills[0], at=life.begins + SECOND)


def _lasts_longer(life: Life) -> None:
    life.bills[3] = replace(life.bills[2], period=3)


def _is_free_for_money(life: Life) -> None:
    life.bills[0] = replace(life.bills[0], by="card")


GIFT = Coupon(100, 3)


@pytest.mark.parametrize(
    ("coupon", "harm", "check"),
    [
        (None, _overlaps, _periods_touch),
        (None, _is_charged, _a_trial_costs_nothing),
        (None, _is_billed, _a_trial_costs_nothing),
        (GIFT, _lasts_longer, _a_coupon_lasts_as_it_says),
        (GIFT, _is_free_for_money, _a_coupon_lasts_as_it_says),
    ],
)
def test_the_check_sees_a_trial_that_costs_and_a_coupon_that_lasts(
    coupon: Coupon | None, harm: Callable[[Life], None], check: Callable[[Life], None]
) -> None:
    life = _lived(is_tried=coupon is None, coupon=coupon)
    check(life)
    harm(life)
    with pytest.raises(AssertionError):
        check(life)


def test_the_check_sees_revenue_that_forgets_the_coupon() -> None:
    life = _lived(is_tried=False, coupon=Coupon(50, None))
    _revenue_adds_up([life])
    (at, _), *others = life.moves
    life.moves = [(at, bills.worth("payme", "month", life.bills[0].price)), *others]
    with pytest.raises(AssertionError):
        _revenue_adds_up([life])
