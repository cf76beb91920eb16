"""Coupons: what they make cheaper, who can redeem them and how often. The numbers in names: facts/payments.md 5.4."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial

import pytest

from app.billing import queries
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder
from app.billing.service import coupons, lifecycle, orders, settling
from app.billing.service.checkout import check_out
from app.billing.service.coupons import Terms
from app.billing.service.lifecycle import Desk
from app.boot import Runtime
from app.core import db
from app.core.errors import Conflict, Invalid, NotFound
from app.telegram import service as telegram
from tests.billing import buying
from tests.billing.buying import PRO, at_once, count
from tests.conftest import NOW
from tests.world import Owner, owner

DAY = timedelta(days=1)
PRO_MRR = PRO - 1_339_286  # without 12 % of tax


def offered(code: str = "HALF", *, percent: int = 50, **terms: object) -> None:
    coupons.create(code, Terms(percent=percent, **terms), actor="test", now=NOW)  # type: ignore[arg-type]


def ordered(
    runtime: Runtime, who: Owner, coupon: str = "", *, plan: str = "pro", gateway: str = "payme", now: datetime = NOW
) -> CheckoutOrder:
    way = runtime.gateways.get(gateway)
    return orders.open_order(who.workspace.id, plan, "month", way, user_id=who.user.id, coupon=coupon, now=now)


def paid(of: CheckoutOrder, number: int, *, now: datetime = NOW) -> None:
    assert buying.bought_by_payme(of, f"{number:024d}", now=now)["state"] == 2


def sub_of(who: Owner) -> Subscription:
    found: Subscription = Subscription.get(Subscription.workspace == who.workspace.id)
    return found


def movements() -> list[tuple[str, int]]:
    return [(kind, int(delta)) for kind, delta in db.rows("SELECT kind, delta_minor FROM mrr_movement ORDER BY id")]


def renewed(runtime: Runtime, who: Owner, number: int) -> CheckoutOrder:
    """Asked for three days before the end, and paid."""
    sub = sub_of(who)
    at = sub.period_end - DAY
    lifecycle.advance(sub.id, Desk(runtime.gateways, "https://bot.example"), now=at)
    order: CheckoutOrder = (
        CheckoutOrder.select()
        .where(CheckoutOrder.workspace == who.workspace.id)
        .order_by(CheckoutOrder.id.desc())
        .get()
    )
    paid(order, number, now=at)
    return order


def test_a_coupon_makes_its_periods_cheaper_and_then_none(runtime: Runtime, buyer: Owner) -> None:
    offered(periods=2)
    first = ordered(runtime, buyer, "half ")
    assert (first.price_minor, first.discount_minor, first.amount_minor) == (PRO, PRO // 2, PRO // 2)
    paid(first, 1)
    assert [renewed(runtime, buyer, number).amount_minor for number in (2, 3)] == [PRO // 2, PRO]
    assert db.rows("SELECT kind, amount_minor FROM invoice_line ORDER BY id") == [
        *(("plan", PRO), ("discount", -PRO // 2)) * 2,
        ("plan", PRO),
    ]
    assert (
        count("invoice i WHERE total_minor <> (SELECT SUM(amount_minor) FROM invoice_line l WHERE l.invoice_id = i.id)")
        == 0
    )
    assert (
        count("invoice i WHERE tax_minor <> (SELECT SUM(tax_minor) FROM invoice_line l WHERE l.invoice_id = i.id)") == 0
    )
    assert [kind for kind, _ in movements()] == ["new", "expansion"] and sum(d for _, d in movements()) == PRO_MRR
    assert buying.books_are_right()


def test_52_a_first_month_for_nothing_is_invoiced_and_asks_no_gateway(runtime: Runtime, buyer: Owner) -> None:
    offered("GIFT", percent=100)
    first = ordered(runtime, buyer, "GIFT")
    assert first.amount_minor == 0 and settling.settle_free(first.id, now=NOW)
    assert not settling.settle_free(first.id, now=NOW)
    assert buying.as_paid(first) == ("paid", 1) and sub_of(buyer).state == "active"
    assert db.rows("SELECT number, state, total_minor, tax_minor FROM invoice") == [(1, "paid", 0, 0)]
    assert count("payment") == 0 and movements() == [] and buying.books_are_right()
    assert renewed(runtime, buyer, 1).amount_minor == PRO
    assert movements() == [("new", PRO_MRR)]


def test_a_coupon_for_good_renews_for_nothing(runtime: Runtime, buyer: Owner) -> None:
    offered("FRIEND", percent=100, periods=None)
    settling.settle_free(ordered(runtime, buyer, "FRIEND").id, now=NOW)
    sub = sub_of(buyer)
    desk = Desk(runtime.gateways, "https://bot.example")
    lifecycle.advance(sub.id, desk, now=sub.period_end - DAY)
    after = sub_of(buyer)
    assert (after.state, after.period_index, after.period_start) == ("active", 1, sub.period_end)
    assert count("payment") == 0 and count("invoice WHERE number IS NOT NULL") == 2


def test_who_redeemed_it_cannot_again_and_a_closed_order_gives_it_back(runtime: Runtime, buyer: Owner) -> None:
    offered(most=1)
    other = owner("Aziz", telegram_user_id=78, plan="free", now=NOW)
    first = ordered(runtime, buyer, "HALF")
    with pytest.raises(Invalid, match="as often as it can be"):
        ordered(runtime, other, "HALF")
    later = first.expires_at + DAY
    orders.expire(now=later)
    second = ordered(runtime, other, "HALF", now=later)
    with pytest.raises(Invalid, match="as often as it can be"):
        ordered(runtime, buyer, "HALF", now=later)
    paid(second, 1, now=later)
    with pytest.raises(Invalid, match="first payment"):
        ordered(runtime, other, "HALF", now=later)


def test_two_orders_by_one_coupon_give_one_cheaper_month(runtime: Runtime, buyer: Owner) -> None:
    """Both were begun before either was paid: the second's money is the payer's, and goes back."""
    offered()
    one, two = ordered(runtime, buyer, "HALF"), ordered(runtime, buyer, "HALF")
    assert buying.create(one, "1" * 24)["state"] == buying.create(two, "2" * 24)["state"] == 1
    assert buying.payme("PerformTransaction", id="1" * 24)["state"] == 2
    assert buying.payme("PerformTransaction", id="2" * 24)["state"] == 2
    assert (buying.as_paid(one), buying.as_paid(two)) == (("paid", 1), ("refund_due", 0))
    assert count("refund WHERE state = 'due'") == 1 and buying.books_are_right()


def test_late_money_for_a_released_coupon_is_taken_at_the_price_that_was_asked(runtime: Runtime, buyer: Owner) -> None:
    offered()
    first = ordered(runtime, buyer, "HALF")
    with db.write():
        payment = settling.begin(first.id, "late", now=NOW)
        settling.drop(payment, "silent", now=NOW)
    orders.expire(now=first.expires_at + DAY)
    assert count("coupon_redemption WHERE state = 'released'") == 1
    assert settling.settle(payment, now=first.expires_at + 2 * DAY)
    assert buying.as_paid(first) == ("paid", 1) and count("coupon_redemption WHERE state = 'held'") == 1


def test_of_ten_at_once_one_gets_the_last(runtime: Runtime) -> None:
    offered(most=1)
    people = [owner(f"P{n}", telegram_user_id=100 + n, plan="free", now=NOW) for n in range(10)]

    def tried(who: Owner) -> bool:
        try:
            ordered(runtime, who, "HALF")
        except Invalid:
            return False
        return True

    assert sum(at_once([lambda who=who: tried(who) for who in people])) == 1
    assert count("coupon_redemption") == 1 and count("checkout_order") == 1


def test_without_the_count_three_get_the_last(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harm that the count keeps away."""
    monkeypatch.setattr(coupons, "_require_left", lambda coupon: None)
    offered(most=1)
    people = [owner(f"P{n}", telegram_user_id=100 + n, plan="free", now=NOW) for n in range(3)]
    for who in people:
        ordered(runtime, who, "HALF")
    assert count("coupon_redemption") == 3


def test_a_larger_plan_costs_the_difference_of_what_is_paid(runtime: Runtime, buyer: Owner) -> None:
    """Lago #1022: a credit that ignores the coupon gives back more than was paid."""
    offered()
    paid(ordered(runtime, buyer, "HALF"), 1)
    larger = ordered(runtime, buyer, plan="business")
    assert larger.amount_minor == (37_500_000 - PRO) // 2 and larger.kind == "raise"
    paid(larger, 2)
    after = sub_of(buyer)
    assert (after.plan, after.price_minor, after.discount_minor) == ("business", 37_500_000, 18_750_000)
    assert buying.books_are_right()


def test_where_both_plans_cost_nothing_the_larger_one_is_free_at_once(runtime: Runtime, buyer: Owner) -> None:
    offered("GIFT", percent=100)
    way = runtime.gateways.get("payme")
    for plan, coupon in (("pro", "GIFT"), ("network", "")):
        made = check_out(buyer.workspace.id, plan, "month", way, user_id=None, coupon=coupon, now=NOW)
        assert buying.as_paid(made) == ("paid", 1)
    after = sub_of(buyer)
    assert (after.plan, after.period_index) == ("network", 0) and movements() == [] and count("payment") == 0


@pytest.mark.parametrize(
    ("code", "terms", "plan", "sentence"),
    [
        ("NONE", None, "pro", "no such coupon"),
        ("OLD", Terms(percent=5, valid_until=NOW + timedelta(seconds=1)), "pro", "no longer good"),
        ("OTHER", Terms(percent=5, plan="business"), "pro", "another plan"),
        ("USD", Terms(amount_minor=100, currency="USD"), "pro", "another plan or way"),
    ],
)
def test_a_code_that_does_not_fit_opens_nothing(
    runtime: Runtime, buyer: Owner, code: str, terms: Terms | None, plan: str, sentence: str
) -> None:
    if terms is not None:
        coupons.create(code, terms, actor="test", now=NOW)
    with pytest.raises(Invalid, match=sentence) as refused:
        ordered(runtime, buyer, code, plan=plan, now=NOW + timedelta(seconds=2))
    assert "coupon" in refused.value.fields and count("checkout_order") == 0 and count("subscription") == 0


@pytest.mark.parametrize(
    ("code", "terms", "field"),
    [
        ("a b", Terms(percent=5), "code"),
        ("X", Terms(percent=5), "code"),
        ("GOOD", Terms(), "percent"),
        ("GOOD", Terms(percent=5, amount_minor=5, currency="USD"), "percent"),
        ("GOOD", Terms(percent=101), "percent"),
        ("GOOD", Terms(amount_minor=5), "amount"),
        ("GOOD", Terms(percent=5, plan="gold"), "plan"),
        ("GOOD", Terms(percent=5, periods=0), "periods"),
        ("GOOD", Terms(percent=5, most=0), "most"),
        ("GOOD", Terms(percent=5, valid_until=NOW), "until"),
    ],
)
def test_terms_that_make_no_sense_are_refused(runtime: Runtime, code: str, terms: Terms, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        coupons.create(code, terms, actor="test", now=NOW)
    assert list(refused.value.fields) == [field] and count("coupon") == 0


def test_a_revoked_coupon_stays_with_who_has_it(runtime: Runtime, buyer: Owner) -> None:
    offered(periods=None)
    paid(ordered(runtime, buyer, "HALF"), 1)
    coupons.revoke("half", actor="test", now=NOW)
    with pytest.raises(NotFound):
        coupons.revoke("half", actor="test", now=NOW)
    with pytest.raises(Invalid, match="no such coupon"):
        ordered(runtime, owner("Aziz", telegram_user_id=78, plan="free", now=NOW), "HALF")
    assert renewed(runtime, buyer, 2).amount_minor == PRO // 2
    with pytest.raises(Conflict):
        offered()
    assert count("audit_entry WHERE action LIKE 'coupon.%'") == 2


def test_the_payer_is_told_what_the_next_period_costs_with_the_coupon(runtime: Runtime, buyer: Owner) -> None:
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=NOW)
    offered(periods=2)
    first = ordered(runtime, buyer, "HALF")
    assert coupons.renewing(first) == PRO // 2
    paid(first, 1)
    assert coupons.renewing(orders.any_order(first.public_id)) == PRO // 2, "one more"
    told = queries.standing_of(buyer.workspace.id, now=NOW)
    assert told is not None and (told.price_minor, told.due_minor) == (PRO, PRO // 2)
    second = renewed(runtime, buyer, 2)
    ((params,),) = db.rows("SELECT params FROM notice WHERE template = 'renewal_due'")
    assert "62,500" in json.loads(params)["amount"]
    assert coupons.renewing(orders.any_order(second.public_id)) == 0, "that was the last"
    told = queries.standing_of(buyer.workspace.id, now=NOW)
    assert told is not None and told.due_minor == PRO


def test_a_coupon_of_an_order_that_cannot_be_delivered_is_given_back(runtime: Runtime, buyer: Owner) -> None:
    offered(most=1)
    late = ordered(runtime, buyer, "HALF")
    payment = settling.begin(late.id, "late", now=NOW)
    paid(ordered(runtime, buyer, plan="business"), 1)
    settling.settle(payment, now=NOW)
    assert buying.as_paid(late) == ("refund_due", 0) and count("coupon_redemption WHERE state = 'released'") == 1


def test_a_checkout_that_dies_leaves_no_order_of_nothing(
    runtime: Runtime, buyer: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered("GIFT", percent=100)
    buy = partial(check_out, buyer.workspace.id, "pro", "month", runtime.gateways.get("payme"), user_id=None, now=NOW)
    with monkeypatch.context() as broken:
        broken.setattr(settling, "settle_free", _die)
        with pytest.raises(RuntimeError):
            buy(coupon="GIFT")
    assert count("checkout_order") == count("subscription") == count("coupon_redemption") == 0
    assert buying.as_paid(buy(coupon="GIFT")) == ("paid", 1)


def _die(*_: object, **__: object) -> None:
    raise RuntimeError("killed here")
