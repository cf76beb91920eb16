"""What time does to a subscription that is paid by link: asked, paid, late, reminded, ended. Moments are parameters."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from functools import partial

import pytest

from app.billing import periods
from app.billing.models import Subscription
from app.billing.service import lifecycle, revenue, subscriptions
from app.billing.service.lifecycle import Desk, Report
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Conflict, NotFound
from app.telegram import service as telegram
from tests.billing import buying
from tests.billing.buying import at_once, order
from tests.conftest import NOW
from tests.world import Owner

DAY = timedelta(days=1)


@pytest.fixture
def desk(runtime: Runtime) -> Desk:
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=NOW)
    return Desk(runtime.gateways, "https://bot.example")


@pytest.fixture
def sub(runtime: Runtime, buyer: Owner) -> Subscription:
    """Paid for the first month."""
    assert buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)["state"] == 2
    return _sub(buyer)


def _sub(who: Owner) -> Subscription:
    found: Subscription = Subscription.get(Subscription.workspace == who.workspace.id)
    return found


def _look(sub: Subscription, desk: Desk, now: datetime) -> Report:
    found = lifecycle.advance(sub.id, desk, now=now)
    assert found is not None
    return found


def _invited(sub: Subscription) -> str:
    """The order that the payer was asked to pay last."""
    (public_id,) = db.row("SELECT public_id FROM checkout_order WHERE state = 'open' ORDER BY id DESC LIMIT 1") or ("",)
    return str(public_id)


def _pay(public_id: str, number: int, *, now: datetime) -> None:
    from app.billing.service import orders

    assert buying.bought_by_payme(orders.any_order(public_id), f"{number:024d}", now=now)["state"] == 2


def _told() -> list[tuple[str, str]]:
    return [
        (template, json.loads(params)["link"])
        for template, params in db.rows("SELECT template, params FROM notice ORDER BY id")
    ]


def test_a_first_payment_opens_the_first_period_and_waits_for_the_invitation(sub: Subscription) -> None:
    assert (sub.state, sub.anchor_at, sub.period_index, sub.period_start) == ("active", NOW, 0, NOW)
    assert sub.period_end == periods.start_of(NOW, "Asia/Tashkent", "month", 1)
    assert (sub.next_action, sub.next_action_at) == ("invite", sub.period_end - 3 * DAY)
    assert db.rows("SELECT series, number, state, period_index FROM invoice") == [("2026", 1, "paid", 0)]
    assert buying.count("outbox WHERE topic = 'billing.subscription'") == 1


def test_two_years_of_months_are_asked_for_paid_and_contiguous(sub: Subscription, desk: Desk, buyer: Owner) -> None:
    ends = [sub.period_end]
    for number in range(1, 25):
        asked_at = ends[-1] - 3 * DAY
        assert _look(sub, desk, asked_at - timedelta(milliseconds=1)).done == ()
        assert _look(sub, desk, asked_at).done == ("invite",)
        assert _look(sub, desk, asked_at).done == (), "looking twice is harmless"
        _pay(_invited(sub), number, now=asked_at + DAY)
        ends.append(_sub(buyer).period_end)
    assert ends == [periods.start_of(NOW, "Asia/Tashkent", "month", n) for n in range(1, 26)]
    bounds = db.rows("SELECT period_start, period_end FROM invoice WHERE state = 'paid' ORDER BY period_index")
    assert len(bounds) == 25 and all(a[1] == b[0] for a, b in zip(bounds, bounds[1:], strict=False))
    by_year = db.rows("SELECT series, COUNT(*), MIN(number), MAX(number) FROM invoice GROUP BY series ORDER BY series")
    assert [(row[1], row[2], row[3]) for row in by_year] == [(row[1], 1, row[1]) for row in by_year], "no gap"
    assert buying.books_are_right() and plan_of(buyer.workspace.id) == "pro"
    moved = db.rows("SELECT kind FROM mrr_movement")
    assert moved == [("new",)], "a renewal moves no recurring revenue"
    assert set(_told()) >= {("renewal_due", _told()[0][1])} and len(_told()) == 24


def test_who_does_not_pay_is_reminded_and_ends_after_fourteen_days(sub: Subscription, desk: Desk, buyer: Owner) -> None:
    end, done = sub.period_end, Counter[str]()
    moment = end - 4 * DAY
    while moment <= end + 15 * DAY:
        done.update(_look(sub, desk, moment).done)
        moment += timedelta(hours=1)
    assert done == {"invite": 1, "lapse": 1, "remind": 7, "expire": 1}
    last = _sub(buyer)
    assert last.state == "expired" and last.ended_at is not None and last.next_action is None
    assert plan_of(buyer.workspace.id) == "free"
    assert revenue.at(end + 20 * DAY, "UZS") == 0 < revenue.at(end, "UZS")
    kinds = Counter(template for template, _ in _told())
    assert kinds == {"renewal_due": 1, "renewal_overdue": 7, "subscription_ended": 1}
    assert all("/orders/" in link for template, link in _told() if template.startswith("renewal"))


def test_who_pays_late_goes_on_from_the_same_anchor(sub: Subscription, desk: Desk, buyer: Owner) -> None:
    end = sub.period_end
    _look(sub, desk, end - 3 * DAY), _look(sub, desk, end)
    late = _sub(buyer)
    assert (late.state, late.past_due_at, late.next_action) == ("past_due", end, "remind")
    _pay(_invited(sub), 1, now=end + 5 * DAY)
    again = _sub(buyer)
    assert (again.state, again.period_start, again.period_index, again.past_due_at) == ("active", end, 1, None)
    assert again.period_end == periods.start_of(NOW, "Asia/Tashkent", "month", 2)


def test_47_after_an_outage_of_forty_days_nobody_is_flooded_and_the_grace_begins_anew(
    sub: Subscription, desk: Desk, buyer: Owner
) -> None:
    back = sub.period_end + 40 * DAY
    assert _look(sub, desk, back).done == ("invite", "lapse")
    late = _sub(buyer)
    assert late.state == "past_due" and late.past_due_at == back, "nobody could have paid while we were away"
    assert buying.count("checkout_order WHERE state = 'open'") == 1
    assert len(_told()) == 1
    _pay(_invited(sub), 1, now=back + DAY)
    again = _sub(buyer)
    assert again.state == "active" and again.period_start <= back < again.period_end, (
        "the month that was missed is free"
    )
    assert buying.count("invoice WHERE state = 'paid'") == 2


def test_46_ten_looks_at_once_do_each_thing_once(sub: Subscription, desk: Desk, buyer: Owner) -> None:
    at_once([partial(_look, sub, desk, sub.period_end - 3 * DAY)] * 10)
    assert buying.count("subscription_event WHERE event = 'invite'") == 1
    assert buying.count("checkout_order WHERE state = 'open'") == 1
    at_once([partial(_look, sub, desk, sub.period_end)] * 10)
    assert buying.count("subscription_event WHERE event = 'lapsed'") == 1


def test_cancelled_it_lasts_until_the_period_is_over_and_can_be_taken_back_until_then(
    sub: Subscription, desk: Desk, buyer: Owner
) -> None:
    here = buyer.workspace.id
    assert subscriptions.cancel(here, user_id=buyer.user.id, now=NOW + DAY).next_action == "end"
    assert plan_of(here) == "pro"
    assert subscriptions.undo_cancel(here, user_id=buyer.user.id, now=NOW + 2 * DAY).next_action == "invite"
    subscriptions.cancel(here, user_id=buyer.user.id, now=NOW + 3 * DAY)
    assert _look(sub, desk, sub.period_end - timedelta(milliseconds=1)).done == ()
    report = _look(sub, desk, sub.period_end)
    assert report.done == ("end",) and report.is_over and plan_of(here) == "free"
    with pytest.raises(NotFound):
        subscriptions.undo_cancel(here, user_id=None, now=sub.period_end)


def test_what_has_ended_is_never_revived_and_coming_back_is_a_reactivation(
    runtime: Runtime, sub: Subscription, desk: Desk, buyer: Owner
) -> None:
    subscriptions.cancel(buyer.workspace.id, user_id=None, now=NOW)
    _look(sub, desk, sub.period_end)
    later = sub.period_end + 30 * DAY
    buying.bought_by_payme(order(runtime, buyer, "payme", plan="business", now=later), "9" * 24, now=later)
    rows = db.rows("SELECT state, plan FROM subscription ORDER BY id")
    assert rows == [("canceled", "pro"), ("active", "business")]
    assert [kind for (kind,) in db.rows("SELECT kind FROM mrr_movement ORDER BY id")] == [
        "new",
        "churn",
        "reactivation",
    ]


def test_a_smaller_plan_or_another_interval_has_to_wait_for_the_next_period(
    runtime: Runtime, desk: Desk, buyer: Owner
) -> None:
    buying.bought_by_payme(order(runtime, buyer, "payme", plan="business"), "0" * 24)
    with pytest.raises(Conflict) as refused:
        order(runtime, buyer, "payme", plan="pro")
    assert refused.value.code == "other_plan"
    here, sub = buyer.workspace.id, _sub(buyer)
    subscriptions.choose_next(here, "pro", "year", user_id=None, now=NOW)
    assert plan_of(here) == "business", "what is paid for stays"
    _look(sub, desk, sub.period_end - 3 * DAY)
    _pay(_invited(sub), 1, now=sub.period_end - DAY)
    after = _sub(buyer)
    assert (after.plan, after.interval, after.price_minor, after.next_plan) == ("pro", "year", 10 * buying.PRO, None)
    assert (after.period_start, after.period_end) == periods.bounds(sub.period_end, "Asia/Tashkent", "year", 0)
    _look(sub, desk, after.period_end - 3 * DAY)
    _pay(_invited(sub), 2, now=after.period_end - DAY)
    assert _sub(buyer).period_start == after.period_end, "contiguous, also after another interval"
    assert [kind for (kind,) in db.rows("SELECT kind FROM mrr_movement ORDER BY id")] == ["new", "contraction"]


def test_another_choice_after_the_invitation_asks_anew_and_closes_what_was_asked(
    sub: Subscription, desk: Desk, buyer: Owner
) -> None:
    _look(sub, desk, sub.period_end - 3 * DAY)
    first = _invited(sub)
    subscriptions.choose_next(buyer.workspace.id, "business", "month", user_id=None, now=sub.period_end - 2 * DAY)
    assert _look(sub, desk, sub.period_end - 2 * DAY).done == ("invite",)
    assert _invited(sub) != first
    _pay(_invited(sub), 1, now=sub.period_end - DAY)
    assert _sub(buyer).plan == "business"
    assert db.row("SELECT state FROM checkout_order WHERE public_id = ?", first) == ("expired",)


def test_a_larger_plan_costs_the_difference_for_the_rest_of_the_period(
    runtime: Runtime, sub: Subscription, desk: Desk, buyer: Owner
) -> None:
    half = sub.period_start + (sub.period_end - sub.period_start) / 2
    of = order(runtime, buyer, "payme", plan="business", now=half)
    assert of.amount_minor == (37_500_000 - buying.PRO) // 2
    buying.bought_by_payme(of, "1" * 24, now=half + timedelta(hours=1))
    now_on = _sub(buyer)
    assert (now_on.plan, now_on.period_end, now_on.period_index) == ("business", sub.period_end, 0)
    assert plan_of(buyer.workspace.id) == "business" and now_on.price_minor == 37_500_000
    assert [kind for (kind,) in db.rows("SELECT kind FROM mrr_movement ORDER BY id")] == ["new", "expansion"]
    assert db.rows("SELECT kind FROM invoice_line ORDER BY id") == [("plan",), ("difference",)]
    _look(sub, desk, sub.period_end - 3 * DAY)
    (owed,) = db.row("SELECT amount_minor FROM checkout_order WHERE state = 'open'") or (0,)
    assert owed == 37_500_000 and buying.books_are_right()


def test_a_larger_plan_that_is_given_back_leaves_the_one_that_was_paid_for(
    runtime: Runtime, sub: Subscription, buyer: Owner
) -> None:
    of = order(runtime, buyer, "payme", plan="business", now=NOW + DAY)
    buying.bought_by_payme(of, "1" * 24, now=NOW + DAY)
    assert buying.payme("CancelTransaction", id="1" * 24, reason=5, now=NOW + 2 * DAY)["state"] == -2
    again = _sub(buyer)
    assert (again.plan, again.state, again.price_minor) == ("pro", "active", buying.PRO)
    assert plan_of(buyer.workspace.id) == "pro" and buying.books_are_right()
    assert revenue.at(NOW + 3 * DAY, "UZS") == revenue.worth(again, now=NOW)


def test_51_up_and_back_within_a_second_costs_what_it_gives(runtime: Runtime, sub: Subscription, buyer: Owner) -> None:
    """No credit is ever made by a change of plan: larger at once is paid for, smaller waits for the next period."""
    first = order(runtime, buyer, "payme", plan="business")
    second = order(runtime, buyer, "click", plan="business")
    buying.bought_by_payme(first, "1" * 24)
    assert buying.prepare(second, 1)["error"] == -9, "the other offer of the same step is closed"
    subscriptions.choose_next(buyer.workspace.id, "pro", "month", user_id=None, now=NOW)
    third = order(runtime, buyer, "payme", plan="network")
    assert third.amount_minor == 99_000_000 - 37_500_000
    buying.bought_by_payme(third, "2" * 24)
    paid = sum(amount for (amount,) in db.rows("SELECT amount_minor FROM payment WHERE state = 'succeeded'"))
    assert paid == 99_000_000, "in all, what the largest costs for the whole period"
    assert buying.count("refund") == 0 and buying.books_are_right()


def test_an_order_that_nobody_pays_expires_with_the_subscription_that_waited_for_it(
    runtime: Runtime, buyer: Owner
) -> None:
    from app.billing.service import orders

    of, tried = order(runtime, buyer, "payme"), order(runtime, buyer, "click")
    prepared = buying.prepare(tried, 1)["merchant_prepare_id"]
    assert orders.expire(now=NOW + 13 * timedelta(hours=1)) == 1
    assert buying.as_paid(of) == ("expired", 0) and _sub(buyer).state == "incomplete"
    assert orders.expire(now=NOW + 23.5 * timedelta(hours=1)) == 0, "its payment runs: the money may be on its way"
    buying.complete(tried, 1, prepared, error=-1)
    assert orders.expire(now=NOW + 2 * DAY) == 1
    assert _sub(buyer).state == "incomplete_expired" and plan_of(buyer.workspace.id) == "free"
    assert db.rows("SELECT state, number FROM invoice") == [("void", None), ("void", None)]


def test_a_payment_that_its_gateway_forgot_holds_an_order_for_a_day_only(runtime: Runtime, buyer: Owner) -> None:
    from app.billing.service import orders

    of, late = order(runtime, buyer, "click"), NOW + 25 * timedelta(hours=1)
    prepared = buying.prepare(of, 1)["merchant_prepare_id"]
    assert orders.expire(now=NOW + 23 * timedelta(hours=1)) == 0 and orders.expire(now=late) == 1
    assert buying.complete(of, 1, prepared, now=late)["error"] == -9
    assert db.rows("SELECT kind FROM difference") == [("paid_after_end",)], "if money moved, somebody looks"
    assert db.rows("SELECT state, reason FROM payment") == [("cancelled", "silent")]


def test_every_open_subscription_is_found_for_temporal(sub: Subscription, desk: Desk) -> None:
    assert lifecycle.open_subscriptions() == [sub.id]
    assert lifecycle.advance(999, desk, now=clock.utcnow()) is None
