"""Periods that are paid for ahead: which plan holds meanwhile, what a larger one costs, and what a refund takes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.billing import queries
from app.billing.money_models import CheckoutOrder
from app.billing.service import (
    coupons,
    invitations,
    lifecycle,
    orders,
    pausing,
    subscriptions,
    taking_back,
    terms,
    trials,
)
from app.billing.service.lifecycle import Desk
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import db
from app.core.errors import Conflict, Invalid
from tests.billing import buying
from tests.billing.buying import PRO, at_once, count
from tests.billing.test_coupons import DAY, offered, paid, renewed, sub_of
from tests.conftest import NOW
from tests.world import Owner, owner

HOUR = timedelta(hours=1)
BUSINESS = 37_500_000


def asked(
    runtime: Runtime, who: Owner, plan: str = "pro", *, interval: str = "month", coupon: str = "", now: datetime = NOW
) -> CheckoutOrder:
    """As the checkout does: who presses twice gets the order of before."""
    way = runtime.gateways.get("payme")
    return orders.open_once(who.workspace.id, plan, interval, way, user_id=who.user.id, coupon=coupon, now=now)


def look(runtime: Runtime, who: Owner, now: datetime) -> None:
    lifecycle.advance(sub_of(who).id, Desk(runtime.gateways, "https://bot.example"), now=now)


def given_back(number: int, *, now: datetime) -> dict[str, object]:
    return buying.payme("CancelTransaction", id=f"{number:024d}", reason=5, now=now)


def test_a_larger_plan_that_is_paid_ahead_begins_with_its_period(runtime: Runtime, buyer: Owner) -> None:
    """A year of Pro, then a month of Business: not thirteen months of Business for the price of one."""
    here = buyer.workspace.id
    paid(asked(runtime, buyer, interval="year"), 1)
    end = sub_of(buyer).period_end
    subscriptions.choose_next(here, "business", "month", user_id=None, now=NOW)
    paid(asked(runtime, buyer, "business"), 2)
    assert plan_of(here) == "pro"
    told = queries.standing_of(here, now=NOW)
    assert told is not None and (told.plan, told.switch_plan, told.switch_at) == ("pro", "business", end)
    with pytest.raises(Conflict, match="paid for already"):
        subscriptions.choose_next(here, "network", "month", user_id=None, now=NOW)
    with pytest.raises(Conflict, match="paid for already"):
        pausing.pause(here, user_id=None, now=NOW)
    with pytest.raises(Conflict):
        asked(runtime, buyer, "network")
    assert (sub_of(buyer).next_action, sub_of(buyer).next_action_at) == ("switch", end)
    look(runtime, buyer, end)
    assert plan_of(here) == "business" and sub_of(buyer).switch_at is None and buying.books_are_right()


def test_a_smaller_plan_that_is_paid_before_the_end_takes_no_day_of_the_larger_one(
    runtime: Runtime, buyer: Owner
) -> None:
    here = buyer.workspace.id
    paid(asked(runtime, buyer, "business"), 1)
    end = sub_of(buyer).period_end
    subscriptions.choose_next(here, "pro", "month", user_id=None, now=NOW)
    look(runtime, buyer, end - 3 * DAY)
    paid(CheckoutOrder.get(CheckoutOrder.workspace == here, CheckoutOrder.state == "open"), 2, now=end - 3 * DAY)
    assert plan_of(here) == "business"
    look(runtime, buyer, end)
    assert plan_of(here) == "pro" and sub_of(buyer).period_start == end


def test_a_plan_that_waits_and_is_given_back_never_begins(runtime: Runtime, buyer: Owner) -> None:
    here = buyer.workspace.id
    paid(asked(runtime, buyer), 1)
    end = sub_of(buyer).period_end
    subscriptions.choose_next(here, "business", "month", user_id=None, now=NOW)
    paid(asked(runtime, buyer, "business"), 2)
    assert given_back(2, now=NOW + DAY)["state"] == -2
    sub = sub_of(buyer)
    assert (sub.plan, sub.price_minor, sub.switch_at, sub.period_end) == ("pro", PRO, None, end)
    assert renewed(runtime, buyer, 3).plan == "pro" and sub_of(buyer).period_start == end and buying.books_are_right()


def test_a_raise_is_for_all_that_is_paid_for(runtime: Runtime, buyer: Owner) -> None:
    """Six months of Pro ahead: Business for six months costs six differences, but for the length of the months."""
    for number in range(1, 7):
        paid(asked(runtime, buyer), number)
    more = asked(runtime, buyer, "business")
    assert 5.8 * (BUSINESS - PRO) < more.amount_minor < 6.2 * (BUSINESS - PRO)
    end = sub_of(buyer).period_end
    paid(more, 99)
    assert plan_of(buyer.workspace.id) == "business" and sub_of(buyer).period_end == end


def test_a_raise_that_is_paid_when_its_period_is_over_goes_back(runtime: Runtime, buyer: Owner) -> None:
    """Asked for a minute before the end it costs a few tiyin: not for another month."""
    paid(asked(runtime, buyer), 1)
    near = sub_of(buyer).period_end - timedelta(minutes=1)
    more = asked(runtime, buyer, "business", now=near)
    assert buying.create(more, "e" * 24, at=near, now=near)["state"] == 1
    paid(asked(runtime, buyer, now=near), 2, now=near)
    assert buying.payme("PerformTransaction", id="e" * 24, now=near + HOUR)["state"] == 2
    assert buying.as_paid(more) == ("refund_due", 0) and plan_of(buyer.workspace.id) == "pro"
    told = buying.payme("CancelTransaction", id="e" * 24, reason=5, now=near + 2 * DAY)
    assert told["state"] == -2 and plan_of(buyer.workspace.id) == "pro" and buying.books_are_right()


def test_a_month_of_several_that_is_given_back_takes_only_itself(runtime: Runtime, buyer: Owner) -> None:
    for number in (1, 2, 3):
        paid(asked(runtime, buyer), number)
    third = sub_of(buyer)
    assert given_back(3, now=NOW + DAY)["state"] == -2
    sub = sub_of(buyer)
    assert (sub.state, sub.period_end) == ("active", third.period_start) and plan_of(buyer.workspace.id) == "pro"
    assert given_back(1, now=NOW + DAY)["state"] == -2, "what is left of the present one goes, the second begins"
    assert sub_of(buyer).state == "active" and sub_of(buyer).period_end < third.period_start
    again = renewed(runtime, buyer, 4)
    assert buying.as_paid(again) == ("paid", 1) and buying.books_are_right()
    assert given_back(2, now=NOW + 2 * DAY)["state"] == -2 and given_back(4, now=NOW + 2 * DAY)["state"] == -2
    assert plan_of(buyer.workspace.id) == "free"


def test_money_of_a_month_that_is_over_ends_nothing(runtime: Runtime, buyer: Owner) -> None:
    """As a bank does that takes it back late."""
    paid(asked(runtime, buyer), 1)
    renewed(runtime, buyer, 2)
    later = sub_of(buyer).period_start + DAY
    ((first,), *_) = db.rows("SELECT id FROM payment ORDER BY id")
    taking_back.take_back(first, "the bank says so", has_happened=True, now=later)
    assert sub_of(buyer).state == "active" and plan_of(buyer.workspace.id) == "pro" and buying.books_are_right()


def test_after_a_pause_what_is_left_can_be_given_back(runtime: Runtime, buyer: Owner) -> None:
    paid(asked(runtime, buyer), 1)
    end = sub_of(buyer).period_end
    pausing.pause(buyer.workspace.id, user_id=None, now=NOW + DAY)
    pausing.resume(buyer.workspace.id, user_id=None, now=end + DAY)
    assert given_back(1, now=end + 2 * DAY)["state"] == -2 and plan_of(buyer.workspace.id) == "free"


def test_of_two_raises_the_second_given_back_leaves_the_first(runtime: Runtime, buyer: Owner) -> None:
    paid(asked(runtime, buyer), 1)
    paid(asked(runtime, buyer, "business"), 2)
    paid(asked(runtime, buyer, "network"), 3)
    assert given_back(3, now=NOW + HOUR)["state"] == -2
    assert (sub_of(buyer).plan, sub_of(buyer).price_minor) == ("business", BUSINESS)
    assert plan_of(buyer.workspace.id) == "business"


def test_an_order_of_before_is_not_given_where_another_sum_would_be_asked(runtime: Runtime, buyer: Owner) -> None:
    guest = owner("Aziz", telegram_user_id=78, plan="free", now=NOW)
    paid(asked(runtime, buyer), 1)
    dear = asked(runtime, buyer)
    assert asked(runtime, buyer).public_id == dear.public_id
    code = invitations.invite(buyer.workspace.id, user_id=buyer.user.id, now=NOW).code
    paid(asked(runtime, guest, coupon=code), 2)
    cheap = asked(runtime, buyer)
    assert cheap.amount_minor == PRO * 4 // 5 == terms.next_minor(sub_of(buyer), now=NOW)
    cards = queries.plan_cards(buyer.workspace.id, "UZS", ["month"], now=NOW)
    assert [one.owed_minor for card in cards if card.key == "pro" for one in card.choices] == [cheap.amount_minor]
    way = runtime.gateways.get("payme")
    other = owner("Karim", telegram_user_id=79, plan="free", now=NOW)
    trials.start(other.workspace.id, "pro", way, user_id=other.user.id, now=NOW)
    offered()
    assert asked(runtime, other, coupon="HALF").amount_minor == PRO // 2
    assert asked(runtime, other).amount_minor == PRO, "who asks without the coupon is not given the order with it"


def test_another_choice_closes_what_was_ordered_for_the_one_of_before(runtime: Runtime, buyer: Owner) -> None:
    paid(asked(runtime, buyer), 1)
    orders.choose_next(buyer.workspace.id, "business", "month", user_id=None, now=NOW)
    order = asked(runtime, buyer, "business")
    assert terms.next_minor(sub_of(buyer), now=NOW) == BUSINESS == order.amount_minor
    orders.choose_next(buyer.workspace.id, "pro", "month", user_id=None, now=NOW)
    assert buying.as_paid(order) == ("expired", 0)


def test_a_coupon_for_one_plan_does_not_hide_the_thanks_for_another(runtime: Runtime, buyer: Owner) -> None:
    guest = owner("Aziz", telegram_user_id=78, plan="free", now=NOW)
    offered("PROONLY", plan="pro", periods=None)
    paid(asked(runtime, buyer, coupon="PROONLY"), 1)
    code = invitations.invite(buyer.workspace.id, user_id=buyer.user.id, now=NOW).code
    paid(asked(runtime, guest, coupon=code), 2)
    orders.choose_next(buyer.workspace.id, "business", "month", user_id=None, now=NOW)
    assert asked(runtime, buyer, "business").discount_minor == BUSINESS // 5
    second = owner("Aziz again", telegram_user_id=80, plan="free", now=NOW)
    way = runtime.gateways.get("payme")
    with pytest.raises(Invalid):
        orders.open_order(second.workspace.id, "pro", "month", way, user_id=guest.user.id, coupon=code, now=NOW)


def test_what_a_raise_says_of_the_next_period_is_what_it_costs(runtime: Runtime, buyer: Owner) -> None:
    offered(periods=2)
    paid(asked(runtime, buyer, coupon="HALF"), 1)
    more = asked(runtime, buyer, "business")
    said = more.price_minor - coupons.renewing(more)
    paid(more, 2)
    assert renewed(runtime, buyer, 3).amount_minor == said == BUSINESS // 2


def test_two_orders_that_are_paid_at_once_do_not_wait_for_each_other(
    runtime: Runtime, buyer: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who settles holds its order and wants the workspace; who closes the others holds that and would want the order."""
    import time

    paid(asked(runtime, buyer), 1)
    by_payme = buying.order(runtime, buyer, "payme", plan="business")
    by_click = buying.order(runtime, buyer, "click", plan="business")
    assert buying.create(by_payme, "d" * 24)["state"] == 1
    prepared, real = buying.prepare(by_click, 7)["merchant_prepare_id"], orders.close_unfit

    def slowly(*given: object, **named: object) -> None:
        time.sleep(0.4)
        real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(orders, "close_unfit", slowly)

    def second() -> object:
        time.sleep(0.15)
        return buying.complete(by_click, 7, prepared)["error"]

    answers = at_once([lambda: buying.payme("PerformTransaction", id="d" * 24)["state"], second])
    assert answers == [2, 0] and count("payment WHERE state = 'succeeded'") == 3
    assert sorted([buying.as_paid(by_payme), buying.as_paid(by_click)]) == [("paid", 1), ("refund_due", 0)]
    assert buying.books_are_right()
