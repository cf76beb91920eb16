"""24 months of thousands of subscriptions in the pure machine: no gap, no overlap, no renewal lost, revenue adds up."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from app.billing import periods, states, timeline
from app.billing.states import CANCELED, EXPIRED
from tests.billing import machine
from tests.billing.machine import Life
from tests.conftest import NOW

MANY = 2_000
PRICES = {"month": 12_500_000, "year": 125_000_000, "days30": 700}
MONTHS = [NOW + timedelta(days=round(30.4375 * n)) for n in range(25)]


@pytest.mark.parametrize("gateway", sorted(machine.GATEWAYS))
def test_two_years_of_two_thousand_subscriptions(gateway: str) -> None:
    lived = machine.lives(gateway, MANY, since=NOW, until=MONTHS[-1], seed=1)
    for life in lived:
        _periods_touch(life)
        _every_period_has_one_outcome(life)
    _revenue_adds_up(lived)
    ended = Counter(life.state for life in lived)
    assert min(ended[states.ACTIVE], ended[CANCELED], ended[EXPIRED]) > MANY // 50, "each way of ending is among them"
    assert {event.name for life in lived for event in life.events} >= {"paid", "lapsed", "remind", "undo_cancel"}


def _periods_touch(life: Life) -> None:
    """Neither gap nor overlap, however late a payment was, and none drifts from the anchor."""
    for (_, end), (start, _) in pairwise(life.periods):
        assert start == end
    last = len(life.periods) - 1
    assert life.periods[-1] == periods.bounds(life.anchor, life.zone, life.interval, last)
    assert [event.period for event in life.events if event.name == "paid"] == list(range(last + 1))


def _every_period_has_one_outcome(life: Life) -> None:
    """Each period but the last was followed by exactly one payment; the last runs, is late within the grace, or ended."""
    _, end = life.periods[-1]
    if life.state == CANCELED:
        assert life.ended_at == end
    elif life.state == EXPIRED:
        assert life.ended_at is not None
        assert timedelta() <= life.ended_at - end - timeline.GRACE <= timeline.RENEWAL_SLACK
    elif life.state == states.PAST_DUE:
        assert life.past_due_at is not None and MONTHS[-1] < life.past_due_at + timeline.GRACE
    else:
        assert life.state == states.ACTIVE and MONTHS[-1] <= end + timeline.RENEWAL_SLACK


def _revenue_adds_up(lived: list[Life]) -> None:
    """A month's start plus its movements is its end, counted anew from the last thing that each life told until then."""
    moves = [(life.anchor, _worth(life)) for life in lived]
    moves += [(life.ended_at, -_worth(life)) for life in lived if life.ended_at is not None]
    for start, end in pairwise(MONTHS):
        moved = sum(delta for at, delta in moves if start < at <= end)
        before, after = (sum(_worth(life) for life in lived if _told_is_live(life, at)) for at in (start, end))
        assert before + moved == after


def _worth(life: Life) -> int:
    return periods.monthly_minor(PRICES[life.interval], life.interval)


def _told_is_live(life: Life, moment: datetime) -> bool:
    told = [event.name for event in life.events if event.at <= moment]
    return bool(told) and told[-1] not in (states.GRACE_OVER, states.PERIOD_OVER)


def test_the_check_sees_a_gap_and_a_renewal_too_many() -> None:
    """What the sweep above looks for is found when it is there."""
    life = machine.lives("payme", 1, since=NOW, until=MONTHS[-1], seed=3, interval="month")[0]
    start, end = life.periods[-1]
    life.periods[-1] = (start + timedelta(seconds=1), end)
    with pytest.raises(AssertionError):
        _periods_touch(life)
    life.periods[-1] = (start, end)
    life.events.append(next(event for event in life.events if event.name == "paid"))
    with pytest.raises(AssertionError):
        _periods_touch(life)
