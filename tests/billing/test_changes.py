"""Changes in quick succession, and of the zone. The numbers in the names are those of facts/payments.md 5.4."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.billing import periods
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder
from app.billing.service import subscriptions
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import db
from tests.billing import buying
from tests.billing.buying import count, order
from tests.billing.test_lifecycle import sub as sub  # paid for the first month
from tests.conftest import NOW
from tests.world import Owner

BUSINESS, NETWORK = 37_500_000, 99_000_000


def _live(who: Owner) -> Subscription:
    found = subscriptions.live(who.workspace.id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("before", "after"), [("Pacific/Kiritimati", "Pacific/Midway"), ("Asia/Tashkent", "Asia/Almaty")]
)
def test_45_another_zone_leaves_the_period_and_the_next_one_follows_it(
    runtime: Runtime, buyer: Owner, before: str, after: str
) -> None:
    with db.write():
        db.execute("UPDATE workspace SET timezone = ? WHERE id = ?", before, buyer.workspace.id)
    buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)
    first = _live(buyer)
    assert first.timezone == before
    with db.write():
        db.execute("UPDATE workspace SET timezone = ?", after)
        db.execute("UPDATE billing_account SET timezone = ?", after)
    assert (_live(buyer).period_start, _live(buyer).period_end) == (first.period_start, first.period_end)
    at = first.period_end - timedelta(days=1)
    buying.bought_by_payme(order(runtime, buyer, "payme", now=at), "1" * 24, now=at)
    following = _live(buyer)
    assert following.period_start == first.period_end
    assert (following.period_start, following.period_end) == periods.bounds(NOW, before, "month", 1)
    assert count("invoice WHERE state = 'paid'") == 2


def test_51_up_down_and_up_within_a_second_costs_the_difference_of_the_plans(
    runtime: Runtime, buyer: Owner, sub: Subscription
) -> None:
    def paid(of: CheckoutOrder, number: int) -> int:
        buying.bought_by_payme(of, f"{number:024d}")
        return int(of.amount_minor)

    total = buying.PRO + paid(order(runtime, buyer, "payme", plan="business"), 1)
    assert plan_of(buyer.workspace.id) == "business" and total == BUSINESS
    subscriptions.choose_next(buyer.workspace.id, "pro", "month", user_id=None, now=NOW)
    total += paid(order(runtime, buyer, "payme", plan="network"), 2)
    live = _live(buyer)
    assert (live.plan, live.next_plan) == ("network", None), "what is bought last holds"
    assert total == NETWORK, "nobody pays twice for the same days"
    assert live.period_end == sub.period_end and buying.books_are_right()
    assert db.row("SELECT SUM(total_minor) FROM invoice WHERE state = 'paid'") == (NETWORK,)
    assert count("credit_note") == 0 and count("refund") == 0


def test_51_two_tabs_that_buy_the_same_larger_plan_pay_for_it_once(
    runtime: Runtime, buyer: Owner, sub: Subscription
) -> None:
    one, two = (order(runtime, buyer, "payme", plan="business") for _ in range(2))
    buying.bought_by_payme(one, "1" * 24)
    assert buying.as_paid(two) == ("expired", 0), "closed as soon as the other is paid"
    assert "code" in buying.create(two, "2" * 24)
    assert db.row("SELECT SUM(amount_minor) FROM payment WHERE state = 'succeeded'") == (BUSINESS,)
