"""Prices change for who comes; who has a plan keeps its price, and the plan itself when it is no longer sold."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.billing import queries, states
from app.billing.service import subscriptions, terms
from app.boot import Runtime
from app.core import db
from app.core.errors import Invalid
from tests.billing import buying
from tests.billing.buying import PRO
from tests.billing.test_coupons import DAY, ordered, paid, renewed, sub_of
from tests.conftest import NOW
from tests.world import Owner, owner

BUSINESS = 37_500_000


def costs_from_now(amount_minor: int, *, plan: str = "pro") -> None:
    with db.write():
        db.execute(
            "INSERT INTO plan_price (plan_id, currency, interval, amount_minor, valid_from) VALUES (?, 'UZS', 'month', ?, ?)",
            *(plan, amount_minor, db.stamp(NOW + timedelta(hours=1))),
        )


def shown(who: Owner) -> list[int]:
    """The monthly prices of Pro that its page shows."""
    cards = queries.plan_cards(who.workspace.id, "UZS", ["month"], now=NOW + DAY)
    return [choice.price.amount_minor for card in cards if card.key == "pro" for choice in card.choices]


def test_who_has_a_plan_keeps_its_price_and_who_comes_pays_the_new_one(runtime: Runtime, buyer: Owner) -> None:
    paid(ordered(runtime, buyer), 1)
    costs_from_now(2 * PRO)
    other = owner("Aziz", telegram_user_id=78, plan="free", now=NOW)
    assert (shown(buyer), shown(other)) == ([PRO], [2 * PRO])
    assert terms.next_minor(sub_of(buyer), now=NOW) == PRO, "what its page says"
    assert [renewed(runtime, buyer, number).amount_minor for number in (2, 3)] == [PRO, PRO]
    assert ordered(runtime, other, now=NOW + DAY).amount_minor == 2 * PRO


def test_a_lower_price_is_for_everybody(runtime: Runtime, buyer: Owner) -> None:
    paid(ordered(runtime, buyer), 1)
    costs_from_now(PRO // 2)
    assert shown(buyer) == [PRO // 2] and renewed(runtime, buyer, 2).amount_minor == PRO // 2


def test_a_price_ends_with_its_subscription(runtime: Runtime, buyer: Owner) -> None:
    paid(ordered(runtime, buyer), 1)
    costs_from_now(2 * PRO)
    at = sub_of(buyer).period_end - DAY
    subscriptions.cancel(buyer.workspace.id, user_id=None, now=at)
    with db.write():
        sub = subscriptions.held(buyer.workspace.id)
        assert sub is not None
        subscriptions.end(sub, states.PERIOD_OVER, now=sub.period_end)
    assert ordered(runtime, buyer, now=at + 2 * DAY).amount_minor == 2 * PRO


def test_a_plan_that_is_no_longer_sold_keeps_its_customers(runtime: Runtime, buyer: Owner) -> None:
    paid(ordered(runtime, buyer), 1)
    with db.write():
        db.execute("UPDATE plan SET is_sold = ? WHERE key = 'pro'", False)
    assert renewed(runtime, buyer, 2).amount_minor == PRO
    other = owner("Aziz", telegram_user_id=78, plan="free", now=NOW)
    with pytest.raises(Invalid, match="not for sale"):
        ordered(runtime, other)


def test_a_larger_plan_costs_its_present_price_less_what_was_paid(runtime: Runtime, buyer: Owner) -> None:
    paid(ordered(runtime, buyer), 1)
    costs_from_now(2 * PRO)
    sub = sub_of(buyer)
    half = sub.period_start + (sub.period_end - sub.period_start) / 2
    more = ordered(runtime, buyer, plan="business", now=half)
    assert more.amount_minor == (BUSINESS - PRO) // 2
    paid(more, 2, now=half)
    assert sub_of(buyer).price_minor == BUSINESS and buying.books_are_right()
