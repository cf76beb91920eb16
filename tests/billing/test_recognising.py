"""Revenue is earned by the day; what is deferred in the books is always what the schedules say."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing.service import ledger, recognising, returning, settling, taxes
from app.boot import Runtime
from app.core import db
from tests.billing import buying
from tests.billing.buying import PRO, order
from tests.conftest import NOW
from tests.world import Owner

DAY = timedelta(days=1)
NET = PRO - taxes.within(PRO, 1_200)
UZS = "UZS"


def _books() -> tuple[int, int, int]:
    """(deferred, earned, given back of what was earned), as a reader of the books sees them."""
    return (
        -ledger.balance(ledger.DEFERRED, UZS),
        -ledger.balance(ledger.REVENUE, UZS),
        ledger.balance(ledger.REFUNDS, UZS),
    )


def _deferred_by_schedule() -> int:
    return int((db.row("SELECT COALESCE(SUM(deferred_minor), 0) FROM revenue_schedule") or (0,))[0])


def test_a_month_is_earned_day_by_day_to_the_last_tiyin(runtime: Runtime, buyer: Owner) -> None:
    buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)
    assert _books() == (NET, 0, 0), "nothing is earned before a day has passed"
    earned = []
    for day in range(40):
        at = NOW + day * DAY
        recognising.recognise(now=at)
        assert recognising.recognise(now=at) == 0, "twice is harmless"
        deferred, so_far, _ = _books()
        assert deferred + so_far == NET and deferred == _deferred_by_schedule()
        earned.append(so_far)
    slices = [later - sooner for sooner, later in zip(earned, earned[1:], strict=False)]
    whole = [one for one in slices if one]
    assert earned[-1] == NET and min(whole[1:-1]) > 0 and max(whole[1:-1]) - min(whole[1:-1]) <= 1, "even days"
    assert buying.books_are_right()


def test_an_outage_is_made_up_for_at_once(runtime: Runtime, buyer: Owner) -> None:
    buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)
    ends_at = db.moment((db.row("SELECT ends_at FROM revenue_schedule") or (None,))[0])
    assert recognising.recognise(now=NOW + 20 * DAY) == 1
    midnight = (NOW + 20 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    assert _books()[1] == recognising.slice_of(NET, NOW, midnight, ends_at)
    assert db.rows("SELECT COUNT(*) FROM ledger_entry WHERE kind = 'revenue'") == [(1,)]


def test_of_money_that_goes_back_only_what_was_earned_stands_as_refund(runtime: Runtime, buyer: Owner) -> None:
    buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)
    half = NOW + 15 * DAY
    recognising.recognise(now=half)
    _, earned, _ = _books()
    assert buying.payme("CancelTransaction", id="0" * 24, reason=5, now=half)["state"] == -2
    assert _books() == (0, earned, earned) and _deferred_by_schedule() == 0
    assert recognising.recognise(now=NOW + 60 * DAY) == 0, "nothing is earned after it"
    assert ledger.balance(ledger.TAX, UZS) == 0 and ledger.balance(ledger.clearing("payme"), UZS) == 0
    assert buying.books_are_right()


def test_a_part_that_goes_back_comes_out_of_what_is_deferred_first(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    buying.bought_by_payme(of, "0" * 24)
    (payment,) = db.row("SELECT id FROM payment") or (0,)
    recognising.recognise(now=NOW + 10 * DAY)
    deferred, earned, _ = _books()
    part = PRO // 4
    with db.write():
        settling.owe(settling.by_id(payment), "part", part, "as agreed", now=NOW + 10 * DAY)
    returning.part_sent(1, now=NOW + 10 * DAY)
    net = part - taxes.within(part, 1_200)
    assert _books() == (deferred - net, earned, 0)
    recognising.recognise(now=NOW + 60 * DAY)
    assert _books() == (0, NET - net, 0) and _deferred_by_schedule() == 0


MOMENTS = st.lists(st.integers(1, 364), min_size=1, max_size=30)


@given(amount=st.integers(0, 10**13), days=MOMENTS, millis=st.integers(1, 10**9))
def test_slices_sum_to_the_whole_whenever_they_are_taken(amount: int, days: list[int], millis: int) -> None:
    start = datetime.fromtimestamp(0, NOW.tzinfo)
    end, since, left = start + 365 * DAY + timedelta(milliseconds=millis), start, amount
    for at in [*(start + day * DAY for day in sorted(set(days))), end]:
        part = recognising.slice_of(left, since, at, end)
        assert 0 <= part <= left
        since, left = at, left - part
    assert left == 0


@pytest.mark.parametrize("is_guarded", [True, False])
def test_without_the_schedule_what_was_earned_would_be_taken_out_of_what_is_deferred(
    runtime: Runtime, buyer: Owner, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """The harm: a liability that is less than nothing."""
    if not is_guarded:
        monkeypatch.setattr(recognising, "give_back", lambda invoice, net: {ledger.DEFERRED: net})
    buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)
    recognising.recognise(now=NOW + 15 * DAY)
    buying.payme("CancelTransaction", id="0" * 24, reason=5, now=NOW + 15 * DAY)
    assert (_books()[0] >= 0) == is_guarded
