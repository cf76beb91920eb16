"""Referrals: who comes by an invitation pays less once, and who invited, for one period of theirs."""

from __future__ import annotations

import pytest

from app.accounts.service import people
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder
from app.billing.service import coupons, invitations, orders, taking_back, terms, trials
from app.boot import Runtime
from app.core import db
from app.core.errors import Invalid
from tests.billing import buying
from tests.billing.buying import PRO, at_once, count
from tests.billing.test_coupons import DAY, offered, ordered, paid, renewed, sub_of
from tests.conftest import NOW
from tests.world import Owner, owner

FIFTH = PRO // 5


@pytest.fixture
def guest(runtime: Runtime) -> Owner:
    return owner("Aziz", telegram_user_id=78, plan="free", now=NOW)


def invited_by(who: Owner) -> str:
    return invitations.invite(who.workspace.id, user_id=who.user.id, now=NOW).code


def left_of(who: Owner) -> int:
    found = invitations.of_workspace(who.workspace.id)
    assert found is not None
    return found.left


def test_both_sides_pay_less_for_one_period(runtime: Runtime, buyer: Owner, guest: Owner) -> None:
    paid(ordered(runtime, buyer), 1)
    first = ordered(runtime, guest, invited_by(buyer).lower())
    assert (first.discount_minor, first.amount_minor, left_of(buyer)) == (FIFTH, PRO - FIFTH, 0)
    paid(first, 2)
    assert invitations.of_workspace(buyer.workspace.id) == invitations.Invited(invited_by(buyer), came=1, left=1)
    assert terms.next_minor(sub_of(buyer), now=NOW) == PRO - FIFTH
    assert [renewed(runtime, buyer, number).amount_minor for number in (3, 4)] == [PRO - FIFTH, PRO]
    assert renewed(runtime, guest, 5).amount_minor == PRO
    assert left_of(buyer) == 0 and buying.books_are_right()


def test_thanks_wait_for_the_end_of_another_coupon(runtime: Runtime, buyer: Owner, guest: Owner) -> None:
    """Nothing is added up: half for two periods, then a fifth for one, then the price."""
    offered(periods=2)
    paid(ordered(runtime, buyer, "HALF"), 1)
    paid(ordered(runtime, guest, invited_by(buyer)), 2)
    amounts = [renewed(runtime, buyer, number).amount_minor for number in (3, 4, 5)]
    assert amounts == [PRO // 2, PRO - FIFTH, PRO]


def test_who_comes_by_a_trial_is_thanked_for_when_they_pay(runtime: Runtime, buyer: Owner, guest: Owner) -> None:
    code = invited_by(buyer)
    trials.start(guest.workspace.id, "pro", runtime.gateways.get("payme"), user_id=guest.user.id, now=NOW)
    order = ordered(runtime, guest, code, now=NOW + DAY)
    assert order.amount_minor == PRO - FIFTH and left_of(buyer) == 0
    paid(order, 1, now=NOW + DAY)
    assert left_of(buyer) == 1


def test_a_larger_plan_within_the_period_is_no_second_guest(runtime: Runtime, buyer: Owner, guest: Owner) -> None:
    paid(ordered(runtime, guest, invited_by(buyer)), 1)
    more = ordered(runtime, guest, plan="network", now=NOW + DAY)
    assert more.kind == "raise" and more.redemption_id is not None
    paid(more, 2, now=NOW + DAY)
    assert left_of(buyer) == 1


def test_nobody_invites_themselves_nor_who_has_paid_before(runtime: Runtime, buyer: Owner, guest: Owner) -> None:
    code = invited_by(buyer)
    with pytest.raises(Invalid, match="your own invitation"):
        ordered(runtime, buyer, code)
    second = people.create_workspace("Second", owner=buyer.user, timezone="Asia/Tashkent", now=NOW)
    way = runtime.gateways.get("payme")
    with pytest.raises(Invalid, match="your own invitation"):
        orders.open_order(second.id, "pro", "month", way, user_id=buyer.user.id, coupon=code, now=NOW)
    paid(ordered(runtime, guest), 1)
    other = people.create_workspace("Other", owner=guest.user, timezone="Asia/Tashkent", now=NOW)
    with pytest.raises(Invalid, match="never paid"):
        orders.open_order(other.id, "pro", "month", way, user_id=guest.user.id, coupon=code, now=NOW)
    assert left_of(buyer) == 0


def test_money_that_goes_back_takes_the_thanks_back_unless_they_were_used(
    runtime: Runtime, buyer: Owner, guest: Owner
) -> None:
    paid(ordered(runtime, buyer), 1)
    first = ordered(runtime, guest, invited_by(buyer))
    paid(first, 2)
    (payment,) = db.row("SELECT id FROM payment WHERE order_id = ?", first.id) or (0,)
    taking_back.take_back(payment, "changed their mind", now=NOW + DAY)
    assert left_of(buyer) == 0 and buying.books_are_right()
    third = owner("Karim", telegram_user_id=79, plan="free", now=NOW)
    again = ordered(runtime, third, invited_by(buyer))
    paid(again, 3)
    assert renewed(runtime, buyer, 4).amount_minor == PRO - FIFTH
    (payment,) = db.row("SELECT id FROM payment WHERE order_id = ?", again.id) or (0,)
    taking_back.take_back(payment, "changed their mind", now=NOW + DAY)
    assert left_of(buyer) == 0, "never less than none"


def test_thanks_that_an_open_order_goes_by_are_kept(runtime: Runtime, buyer: Owner, guest: Owner) -> None:
    """Else the inviter would pay what they were asked, and get no period for it."""
    paid(ordered(runtime, buyer), 1)
    first = ordered(runtime, guest, invited_by(buyer))
    paid(first, 2)
    asked = ordered(runtime, buyer, now=NOW + DAY)
    assert asked.amount_minor == PRO - FIFTH
    (payment,) = db.row("SELECT id FROM payment WHERE order_id = ?", first.id) or (0,)
    taking_back.take_back(payment, "changed their mind", now=NOW + DAY)
    paid(asked, 3, now=NOW + DAY)
    assert buying.as_paid(asked) == ("paid", 1)


def test_ten_who_ask_at_once_get_one_link(runtime: Runtime, buyer: Owner) -> None:
    made = at_once([lambda: invited_by(buyer)] * 10)
    assert len(set(made)) == 1 and count("invitation") == 1 and count("coupon") == 2
    assert db.row("SELECT COUNT(*) FROM audit_entry WHERE action = 'invitation.created'") == (1,)


def test_the_thanks_are_nobody_elses_and_the_operators_list_has_offers_only(
    runtime: Runtime, buyer: Owner, guest: Owner
) -> None:
    invited_by(buyer)
    offered()
    (code,) = db.row("SELECT code FROM coupon WHERE code LIKE 'THANKS-%'") or ("",)
    for who in (buyer, guest):
        with pytest.raises(Invalid, match="redeemed as often|used this coupon"):
            ordered(runtime, who, code)
    assert [one.code for one, _ in coupons.all_of_them()] == ["HALF"]


def test_telegrams_renewals_keep_their_price(runtime: Runtime, buyer: Owner, guest: Owner) -> None:
    paid(ordered(runtime, guest, invited_by(buyer)), 1)
    sub = sub_of(guest)
    price = sub.price_minor
    Subscription.update(gateway="stars").where(
        Subscription.id == sub.id, Subscription.workspace == guest.workspace.id
    ).execute()
    invitations.invite(guest.workspace.id, user_id=guest.user.id, now=NOW)
    db.execute("UPDATE coupon_redemption SET periods_left = 3 WHERE workspace_id = ?", guest.workspace.id)
    assert terms.next_minor(sub_of(guest), now=NOW) == price
    assert CheckoutOrder.select().where(CheckoutOrder.workspace == buyer.workspace.id).count() == 0
