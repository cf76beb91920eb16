"""Money that may have gone back in another way is never offered as credit; credit that is there pays before a plan ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.admin import service as admin
from app.billing import queries
from app.billing.gateways.base import DECLINED, UNKNOWN
from app.billing.gateways.stripe import statement
from app.billing.service import (
    credit,
    keeping,
    ledger,
    lifecycle,
    orders,
    refunding,
    returning,
    settling,
    subscriptions,
)
from app.boot import Runtime
from app.core import db
from app.core.errors import Conflict, NotFound
from app.telegram import service as telegram
from tests.billing import buying
from tests.billing.buying import PRO, count
from tests.billing.test_credit import (
    DAY,
    DAY_TWO,
    Desk,
    advance,
    bought,
    click_cards,
    keep,
    paid_twice,
    pay,
    payment_of,
    refund_states,
    send,
)
from tests.conftest import NOW
from tests.world import Owner

_NOTICES = "notice WHERE template = 'refund_unsendable'"


def _here(runtime: Runtime) -> None:
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=NOW)


def _owed_twice(runtime: Runtime, who: Owner) -> int:
    of = buying.order(runtime, who, "click")
    for number in range(2):
        settling.settle(settling.begin(of.id, f"{number}", now=NOW), now=NOW)
    ((refund,),) = db.rows("SELECT id FROM refund")
    return int(refund)


def _refused(who: Owner, refund: int) -> None:
    assert keeping.offers(who.workspace.id) == []
    with pytest.raises(Conflict, match="not to be kept"):
        keep(who, refund, now=DAY_TWO)
    assert credit.of_workspace(who.workspace.id) == {}


def test_a_no_to_a_repetition_says_nothing_of_the_question_before(runtime: Runtime, buyer: Owner) -> None:
    """Click takes a payment back, its answer is lost, and it refuses to do so again."""
    _here(runtime)
    refund = _owed_twice(runtime, buyer)
    for kind in (UNKNOWN, DECLINED):
        send(Desk(kind))
    assert refund_states() == ["asked"] and count(_NOTICES) == 0
    assert db.rows("SELECT kind FROM difference") == [("refund",)]
    _refused(buyer, refund)


def test_of_what_was_asked_for_nobody_is_told_when_the_time_is_over(runtime: Runtime, buyer: Owner) -> None:
    _here(runtime)
    refund = _owed_twice(runtime, buyer)
    send(Desk(UNKNOWN))
    send(click_cards(), now=DAY_TWO)
    assert refund_states() == ["asked"] and count(_NOTICES) == 0
    _refused(buyer, refund)


def test_what_somebody_settled_by_hand_is_neither_offered_nor_sent_later(runtime: Runtime, buyer: Owner) -> None:
    refund = paid_twice(runtime, buyer)
    ((difference,),) = db.rows("SELECT id FROM difference")
    admin.settle_difference(difference, actor="user:1", now=NOW)
    _here(runtime)
    refunding.name_unsendable("click", now=NOW)
    desk = Desk(DECLINED)
    send(desk)
    send(click_cards(), now=DAY_TWO)
    assert count("difference") == 1 and count(_NOTICES) == 0
    _refused(buyer, refund)


@pytest.mark.parametrize("ends", ["open", "lost"])
def test_what_is_disputed_is_not_offered(runtime: Runtime, buyer: Owner, ends: str) -> None:
    refund = paid_twice(runtime, buyer)
    ((payment,),) = db.rows("SELECT payment_id FROM refund WHERE id = ?", refund)
    returning.disputed(payment, "dp", PRO, "open", now=NOW)
    returning.disputed(payment, "dp", PRO, ends, now=NOW)
    _refused(buyer, refund)


@pytest.mark.parametrize("is_spent", [False, True])
def test_a_dispute_that_is_lost_takes_the_credit_along(runtime: Runtime, buyer: Owner, is_spent: bool) -> None:
    payment = payment_of(bought(runtime, buyer))
    refund = returning.refund_part(payment, PRO, "asked", "a mistake", now=NOW)
    send(Desk(DECLINED))
    keep(buyer, refund)
    if is_spent:
        pay(buyer, buying.order(runtime, buyer, "click"))
    returning.disputed(payment, "dp", PRO, "open", now=NOW)
    returning.disputed(payment, "dp", PRO, "lost", now=NOW)
    assert credit.of_workspace(buyer.workspace.id) == {} and buying.books_are_right()
    assert ledger.balance(ledger.LOSS, "UZS") == 0, "what the bank took is no loss: the credit is gone"
    kinds = {str(kind) for (kind,) in db.rows("SELECT kind FROM difference WHERE resolved_at IS NULL")}
    assert ("credit_spent" in kinds) == is_spent


def test_credit_of_a_late_payer_pays_at_the_next_reminder(runtime: Runtime, buyer: Owner) -> None:
    refund = paid_twice(runtime, buyer)
    advance(runtime, buyer, before=3 * DAY)
    assert advance(runtime, buyer).state == "past_due"
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None
    keep(buyer, refund, now=sub.period_end + DAY)
    desk = lifecycle.Desk(runtime.gateways, "https://bot.example")
    for days in range(1, 15):
        lifecycle.advance(sub.id, desk, now=sub.period_end + days * DAY)
    again = subscriptions.live(buyer.workspace.id)
    assert again is not None and again.state == "active" and credit.of_workspace(buyer.workspace.id) == {}


def test_an_abandoned_newer_order_does_not_keep_credit_from_paying(runtime: Runtime, buyer: Owner) -> None:
    keep(buyer, paid_twice(runtime, buyer))
    advance(runtime, buyer, before=3 * DAY)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None
    newer = buying.order(runtime, buyer, "payme", now=sub.period_end - timedelta(hours=1))
    settling.begin(newer.id, 24 * "x", now=sub.period_end - timedelta(minutes=30))
    assert advance(runtime, buyer).state == "active" and credit.of_workspace(buyer.workspace.id) == {}


class _News:
    def __init__(self) -> None:
        self.followed: list[str] = []

    def follow(self, kind: str, ref: str, *, now: object) -> None:
        self.followed.append(ref)


class _Told:
    def __init__(self) -> None:
        self.doubts: list[tuple[Any, ...]] = []

    def doubt(self, *what: Any, now: object) -> None:
        self.doubts.append(what)

    def fee(self, *_: Any, now: object) -> None:
        pass


def _of_stripe(runtime: Runtime, who: Owner) -> int:
    of = buying.order(runtime, who, "click")
    with db.write():
        db.execute("UPDATE checkout_order SET gateway = 'stripe'")
    for number in range(2):
        settling.settle(settling.begin(of.id, f"pi_{number}", now=NOW), now=NOW)
    refunding.name_unsendable("stripe", now=NOW)
    ((refund,),) = db.rows("SELECT id FROM refund")
    return int(refund)


def test_the_statement_follows_a_refund_of_what_was_kept(runtime: Runtime, buyer: Owner) -> None:
    """Made by hand in Stripe's dashboard, its webhook lost."""
    keep(buyer, _of_stripe(runtime, buyer))
    news = _News()
    one = {"type": "refund", "id": "t", "amount": -PRO, "currency": "uzs", "fee": 0}
    one["source"] = {"id": "re_1", "payment_intent": "pi_1"}
    statement._compare_one(_Told(), news, one, now=NOW)  # type: ignore[arg-type]
    assert news.followed == ["re_1"]


@pytest.mark.parametrize("charged", [PRO, PRO + 1])
def test_an_account_in_another_currency_is_compared_by_what_was_charged(
    runtime: Runtime, buyer: Owner, charged: int
) -> None:
    _of_stripe(runtime, buyer)
    told = _Told()
    one = {"type": "charge", "id": "t", "amount": 1043, "currency": "usd", "exchange_rate": 1.16, "fee": 61}
    one["source"] = {"id": "ch", "payment_intent": "pi_0", "amount": charged, "currency": "uzs"}
    statement._compare_one(told, _News(), one, now=NOW)  # type: ignore[arg-type]
    assert [what[1] for what in told.doubts] == ([] if charged == PRO else ["amount"])


def test_an_operator_owes_back_what_an_invoice_says(runtime: Runtime, buyer: Owner) -> None:
    of = bought(runtime, buyer)
    (row,) = queries.invoices_of(buyer.workspace.id)
    refund = returning.refund_of_invoice(row.number, PRO, "operator:1", "a mistake", now=DAY_TWO)
    assert returning.refund_of_invoice(row.number, PRO, "operator:1", "a mistake", now=DAY_TWO) == refund
    send(click_cards(), now=DAY_TWO)
    assert [one.refund_id for one in keeping.offers(buyer.workspace.id)] == [refund]
    for wrong in ("", "2026-000009", "2026-x", "-1", "x" * 40):
        with pytest.raises(NotFound):
            returning.refund_of_invoice(wrong, PRO, "operator:2", "a mistake", now=DAY_TWO)
    assert orders.any_order(of.public_id).state == "paid"
