"""A pause: nothing is allowed, asked for or counted as revenue, and the rest of the period comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.billing.models import Subscription
from app.billing.service import lifecycle, orders, pausing, revenue, subscriptions
from app.billing.service.lifecycle import Desk
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import db
from app.core.errors import Conflict, NotFound
from tests.billing import buying
from tests.billing.buying import count, order
from tests.billing.test_lifecycle import sub as sub  # paid for the first month
from tests.conftest import NOW
from tests.world import Owner

DAY = timedelta(days=1)
AT, BACK = NOW + 5 * DAY, NOW + 15 * DAY


def _now(who: Owner) -> Subscription:
    found = subscriptions.live(who.workspace.id)
    assert found is not None
    return found


def test_50_ten_days_of_pause_are_ten_days_more(runtime: Runtime, buyer: Owner, sub: Subscription) -> None:
    ended = sub.period_end
    pausing.pause(buyer.workspace.id, user_id=None, now=AT)
    assert plan_of(buyer.workspace.id) == "free" and _now(buyer).next_action is None
    assert revenue.at(AT, "UZS") == 0 and revenue.at(AT - DAY, "UZS") > 0
    pausing.resume(buyer.workspace.id, user_id=None, now=BACK)
    after = _now(buyer)
    assert (after.state, after.period_end) == ("active", ended + 10 * DAY) and plan_of(buyer.workspace.id) == "pro"
    assert [kind for (kind,) in db.rows("SELECT kind FROM mrr_movement ORDER BY id")] == [
        "new",
        "churn",
        "reactivation",
    ]
    buying.bought_by_payme(order(runtime, buyer, "payme", now=BACK), "1" * 24, now=BACK)
    following = _now(buyer)
    assert (following.period_index, following.period_start) == (1, ended + 10 * DAY), "no gap and no overlap"
    assert count("invoice WHERE state = 'paid'") == 2 and buying.books_are_right()


def test_50_while_it_pauses_nothing_is_sold_and_what_was_open_is_closed(
    runtime: Runtime, buyer: Owner, sub: Subscription
) -> None:
    waiting = order(runtime, buyer, "payme", now=NOW + DAY)
    pausing.pause(buyer.workspace.id, user_id=None, now=AT)
    assert orders.any_order(waiting.public_id).state == "expired"
    for plan in ("pro", "business"):
        with pytest.raises(Conflict, match="paused"):
            order(runtime, buyer, "payme", plan=plan, now=AT)
    with pytest.raises(Conflict):
        pausing.pause(buyer.workspace.id, user_id=None, now=AT)
    with pytest.raises(NotFound):
        subscriptions.choose_next(buyer.workspace.id, "business", "month", user_id=None, now=AT)


def test_money_that_comes_while_it_pauses_is_the_payers(runtime: Runtime, buyer: Owner, sub: Subscription) -> None:
    of = order(runtime, buyer, "payme", now=NOW + DAY)
    assert buying.create(of, "2" * 24, at=NOW + DAY, now=NOW + DAY)["state"] == 1
    pausing.pause(buyer.workspace.id, user_id=None, now=NOW + DAY)
    assert buying.payme("PerformTransaction", id="2" * 24, now=NOW + DAY)["state"] == 2
    assert buying.as_paid(of) == ("refund_due", 0) and _now(buyer).state == "paused"
    assert count("refund WHERE state = 'due'") == 1 and buying.books_are_right()


def test_a_long_pause_wakes_nobody(runtime: Runtime, buyer: Owner, sub: Subscription) -> None:
    pausing.pause(buyer.workspace.id, user_id=None, now=AT)
    report = lifecycle.advance(sub.id, Desk(runtime.gateways, "https://x"), now=AT + 400 * DAY)
    assert report is not None and report.done == () and report.state == "paused"


def test_without_a_subscription_there_is_nothing_to_pause(buyer: Owner) -> None:
    for verb in (pausing.pause, pausing.resume):
        with pytest.raises(NotFound):
            verb(buyer.workspace.id, user_id=None, now=NOW)
