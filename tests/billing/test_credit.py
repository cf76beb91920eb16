"""Case 19 of facts/payments.md 5.4: what a gateway cannot give back becomes the payer's credit, and pays for an order."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from app.admin import service as admin
from app.billing import queries
from app.billing.gateways.base import DECLINED, SUCCEEDED, UNKNOWN, Charger, Outcome, SavedCard
from app.billing.gateways.click.merchant import ClickCards
from app.billing.money_models import CheckoutOrder
from app.billing.service import (
    collecting,
    credit,
    keeping,
    ledger,
    lifecycle,
    orders,
    refunding,
    returning,
    revenue,
    settling,
    subscriptions,
    taking_back,
)
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import crashpoint, db
from app.core.errors import Conflict, NotFound
from app.telegram import service as telegram
from tests.billing import buying
from tests.billing.buying import PRO, at_once, count
from tests.billing.service import Service
from tests.conftest import NOW
from tests.world import Owner, owner

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAY_TWO = datetime(2026, 4, 2, 12, tzinfo=NOW.tzinfo)  # Click gives back what was paid in March until April 1


class Desk:
    """A gateway that can be asked for refunds, and answers with `kind`; `meanwhile` runs while it is asked."""

    def __init__(self, kind: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._kind, self._meanwhile, self.sent = kind, meanwhile, 0

    def may_refund(self, paid_at: datetime, *, now: datetime) -> bool:
        return True

    def refund(self, ref: str, amount_minor: int, key: str) -> Outcome:
        self._meanwhile()
        self.sent += self._kind == SUCCEEDED
        return Outcome(self._kind, reason="no")


def send(desk: object, *, now: datetime = NOW) -> None:
    refunding.send_due("click", desk, now=now)  # type: ignore[arg-type]


def click_cards() -> Charger:
    """Click's own rules; nobody answers there, so that asking it would bring nothing."""
    return ClickCards("http://127.0.0.1:9", "1", "2", "secret", settles_after=HOUR)


def bought(runtime: Runtime, who: Owner, number: int = 1, *, now: datetime = NOW) -> CheckoutOrder:
    of = buying.order(runtime, who, "click", now=now)
    prepared = buying.prepare(of, number, now=now)["merchant_prepare_id"]
    assert buying.complete(of, number, prepared, now=now)["error"] == 0
    return of


def payment_of(of: CheckoutOrder) -> int:
    ((number,),) = db.rows("SELECT id FROM payment WHERE order_id = ? AND state = 'succeeded'", of.id)
    return int(number)


def paid_twice(runtime: Runtime, who: Owner, *, now: datetime = NOW) -> int:
    """The second payment of an order is owed back, and no desk of Click's is set up. Returns the refund."""
    of = buying.order(runtime, who, "click", now=now)
    for _ in range(2):
        settling.settle(settling.begin(of.id, f"{of.id}-{_}", now=now), now=now)
    refunding.name_unsendable("click", now=now)
    ((number,),) = db.rows(
        "SELECT r.id FROM refund r JOIN payment p ON p.id = r.payment_id WHERE p.order_id = ?", of.id
    )
    return int(number)


def keep(who: Owner, refund: int, *, now: datetime = NOW) -> None:
    keeping.keep(who.workspace.id, refund, actor=f"user:{who.user.id}", now=now)


def pay(who: Owner, of: CheckoutOrder, *, now: datetime = NOW) -> None:
    credit.pay(who.workspace.id, of.public_id, user_id=who.user.id, now=now)


def with_credit(runtime: Runtime, who: Owner) -> None:
    """On pro by Click, and as much credit as a month of it costs."""
    keep(who, paid_twice(runtime, who))
    assert left(who) == PRO


def left(who: Owner) -> int:
    """The payer's credit; on the way, that the books say the same: all of `customer_credit` is credit, or still owed back."""
    owed = db.row(
        "SELECT COALESCE(SUM(amount_minor), 0) FROM refund WHERE refund_key = 'undelivered' AND state = 'due'"
    )
    ((account,),) = db.rows("SELECT account_id FROM workspace_payer WHERE workspace_id = ?", who.workspace.id)
    found = credit.of_account(account).get("UZS", 0)
    assert owed is not None and -ledger.balance(ledger.CREDIT, "UZS") == found + owed[0] and buying.books_are_right()
    return found


def refund_states() -> list[str]:
    return [str(state) for (state,) in db.rows("SELECT state FROM refund ORDER BY id")]


def test_19_what_click_gives_back_no_more_is_offered_as_credit_and_pays_for_the_next_order(
    runtime: Runtime, buyer: Owner
) -> None:
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=NOW)
    first = bought(runtime, buyer)
    refund = returning.refund_part(payment_of(first), PRO, "asked", "a mistake", now=DAY_TWO)
    assert keeping.offers(buyer.workspace.id) == []
    for hours in range(3):
        send(click_cards(), now=DAY_TWO + hours * HOUR)
    assert refund_states() == ["due"] and count("notice WHERE template = 'refund_unsendable'") == 1
    assert keeping.offers(buyer.workspace.id) == [keeping.Offer(refund, "click", PRO, "UZS")]
    keep(buyer, refund, now=DAY_TWO)
    assert left(buyer) == PRO and ledger.balance("clearing:click", "UZS") == PRO and ledger.differences() == []
    assert keeping.offers(buyer.workspace.id) == [] and buying.as_paid(first) == ("kept", 1)
    assert count("credit_note") == 1
    second = buying.order(runtime, buyer, "click", now=DAY_TWO)
    pay(buyer, second, now=DAY_TWO)
    assert buying.as_paid(second) == ("paid", 1) and plan_of(buyer.workspace.id) == "pro" and left(buyer) == 0
    assert ledger.balance(ledger.RECEIVABLE, "UZS") == 0 and ledger.balance("clearing:click", "UZS") == PRO
    assert ledger.balance("clearing:credit", "UZS") == 0
    assert [row.is_by_credit for row in queries.invoices_of(buyer.workspace.id)] == [True, False]
    pay(buyer, second, now=DAY_TWO)
    assert left(buyer) == 0 and count("payment WHERE gateway = 'credit'") == 1, "twice is once"
    send(Desk(SUCCEEDED), now=DAY_TWO + DAY)
    assert refund_states() == ["kept"], "no desk sends what was kept"


def test_19_what_was_kept_ends_the_plan_that_it_paid_for_and_its_revenue(runtime: Runtime, buyer: Owner) -> None:
    of = bought(runtime, buyer)
    refund = returning.refund_part(payment_of(of), PRO, "asked", "a mistake", now=NOW)
    send(Desk(DECLINED))
    assert revenue.at(NOW + HOUR, "UZS") > 0
    keep(buyer, refund)
    assert plan_of(buyer.workspace.id) == "free" and revenue.at(NOW + HOUR, "UZS") == 0 and left(buyer) == PRO
    pay(buyer, buying.order(runtime, buyer, "click"))
    assert plan_of(buyer.workspace.id) == "pro" and revenue.at(NOW + HOUR, "UZS") > 0


def test_money_that_nothing_was_delivered_for_is_kept_and_the_plan_stays(runtime: Runtime, buyer: Owner) -> None:
    refund = paid_twice(runtime, buyer)
    assert left(buyer) == 0, "what a gateway still is to give back is nobody's to spend"
    keep(buyer, refund)
    keep(buyer, refund)
    assert left(buyer) == PRO and plan_of(buyer.workspace.id) == "pro" and count("credit_note") == 0
    assert ledger.balance("clearing:click", "UZS") == 2 * PRO and ledger.differences() == []
    assert count("audit_entry WHERE action = 'credit.kept'") == 1


def test_pressed_by_many_at_once_it_is_kept_once(runtime: Runtime, buyer: Owner) -> None:
    of = bought(runtime, buyer)
    refund = returning.refund_part(payment_of(of), PRO, "asked", "a mistake", now=NOW)
    send(Desk(DECLINED))
    at_once([partial(keep, buyer, refund) for _ in range(6)])
    assert left(buyer) == PRO and count("credit_note") == 1 and refund_states() == ["kept"]


def test_what_nobody_has_refused_yet_was_sent_or_was_settled_by_hand_is_not_kept(
    runtime: Runtime, buyer: Owner
) -> None:
    of = bought(runtime, buyer)
    refund = returning.refund_part(payment_of(of), PRO, "asked", "a mistake", now=NOW)
    with pytest.raises(Conflict):
        keep(buyer, refund)
    send(Desk(UNKNOWN))
    send(click_cards(), now=DAY_TWO)  # its time is over, but the money may have gone
    assert refund_states() == ["asked"] and count("difference WHERE kind = 'refund'") == 1
    with pytest.raises(Conflict):
        keep(buyer, refund)
    with db.write():
        db.execute("DELETE FROM difference")
    send(Desk(SUCCEEDED), now=DAY_TWO)
    assert refund_states() == ["done"]
    by_hand = paid_twice(runtime, buyer, now=DAY_TWO)
    ((difference,),) = db.rows("SELECT id FROM difference")
    admin.settle_difference(difference, actor="user:1", now=DAY_TWO)
    for unkeepable in (refund, by_hand):
        with pytest.raises(Conflict):
            keep(buyer, unkeepable, now=DAY_TWO)
    with pytest.raises(NotFound):
        keep(owner("Other", plan="free", now=NOW), by_hand)
    assert left(buyer) == 0 and keeping.offers(buyer.workspace.id) == []


@pytest.mark.parametrize("is_guarded", [True, False])
def test_what_a_desk_asks_for_at_this_moment_is_not_kept(
    runtime: Runtime, buyer: Owner, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """A desk was set up after all. With the guard off the payer has the money and the credit."""
    if not is_guarded:
        monkeypatch.setattr(refunding, "_claim", lambda _: True)
    refund, told = paid_twice(runtime, buyer), []

    def press() -> None:
        try:
            keep(buyer, refund)
        except Conflict as conflict:
            told.append(conflict.code)

    desk = Desk(SUCCEEDED, press)
    send(desk)
    assert desk.sent == 1
    assert (told, left(buyer)) == ((["not_kept"], 0) if is_guarded else ([], PRO))


def test_two_orders_at_once_spend_it_once(runtime: Runtime, buyer: Owner) -> None:
    with_credit(runtime, buyer)
    two = [buying.order(runtime, buyer, gateway) for gateway in ("click", "payme")]

    def press(of: CheckoutOrder) -> str:
        try:
            pay(buyer, of)
        except Conflict as conflict:
            return conflict.code
        return "paid"

    assert sorted(at_once([partial(press, of) for of in two])) == ["no_credit", "paid"]
    assert left(buyer) == 0 and count("payment WHERE gateway = 'credit'") == 1


def test_credit_that_covers_a_part_or_is_in_another_currency_stays(runtime: Runtime, buyer: Owner) -> None:
    with_credit(runtime, buyer)
    dear = buying.order(runtime, buyer, "payme")
    with db.write():
        db.execute("UPDATE checkout_order SET amount_minor = amount_minor + 1 WHERE id = ?", dear.id)
    foreign = buying.order(runtime, buyer, "click")
    with db.write():
        db.execute("UPDATE checkout_order SET currency = 'USD' WHERE id = ?", foreign.id)
    for of in (dear, foreign):
        with pytest.raises(Conflict) as refused:
            pay(buyer, of)
        assert refused.value.code == "no_credit"
    assert left(buyer) == PRO and count("payment WHERE gateway = 'credit'") == 0


def test_never_both_credit_and_another_way_that_has_begun(runtime: Runtime, buyer: Owner) -> None:
    with_credit(runtime, buyer)
    by_link, other = buying.order(runtime, buyer, "click"), buying.order(runtime, buyer, "click")
    assert buying.prepare(by_link, 9)["error"] == 0
    with pytest.raises(Conflict) as refused:
        pay(buyer, by_link)
    assert refused.value.code == "charging"
    runtime.vault.save(buyer.workspace.id, SavedCard("click", "t", "", "Card"), user_id=None, now=NOW)
    collecting.charge_now(buyer.workspace.id, other.public_id, user_id=None, now=NOW)
    third = buying.order(runtime, buyer, "payme")
    for of in (other, third):
        with pytest.raises(Conflict) as refused:
            pay(buyer, of)
        assert refused.value.code == "charging"
    assert left(buyer) == PRO


def test_money_by_link_for_an_order_that_credit_has_paid_goes_back(runtime: Runtime, buyer: Owner) -> None:
    with_credit(runtime, buyer)
    of = buying.order(runtime, buyer, "click")
    pay(buyer, of)
    assert buying.prepare(of, 9)["error"] != 0, "the gateway is told that it is paid"
    settling.settle(settling.begin(of.id, "late", now=NOW), now=NOW)
    assert buying.as_paid(of) == ("paid", 1) and left(buyer) == 0
    assert refund_states() == ["kept", "due"]


def test_credit_is_not_spent_on_what_cannot_be_delivered(
    runtime: Runtime, buyer: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_credit(runtime, buyer)
    of = buying.order(runtime, buyer, "click")

    def refuse(*_: object, **__: object) -> None:
        raise Conflict("This workspace has another plan by now.", code="other_plan")

    with monkeypatch.context() as patched:
        patched.setattr(settling, "_deliver", refuse)
        with pytest.raises(Conflict):
            pay(buyer, of)
    assert left(buyer) == PRO and buying.as_paid(of) == ("open", 0) and count("payment WHERE gateway = 'credit'") == 0
    with pytest.raises(Conflict):
        pay(buyer, of, now=of.expires_at)
    pay(buyer, of)
    assert left(buyer) == 0


def test_killed_in_the_middle_nothing_is_spent(runtime: Runtime, buyer: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    with_credit(runtime, buyer)
    of = buying.order(runtime, buyer, "click")

    def die(_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(crashpoint, "reach", die)
        with pytest.raises(KeyboardInterrupt):
            pay(buyer, of)
    assert left(buyer) == PRO and buying.as_paid(of) == ("open", 0)
    pay(buyer, of)
    assert left(buyer) == 0 and buying.as_paid(of) == ("paid", 1)


def test_what_was_paid_by_credit_goes_back_to_credit_in_parts_too(runtime: Runtime, buyer: Owner) -> None:
    with_credit(runtime, buyer)
    of = buying.order(runtime, buyer, "click")
    pay(buyer, of)
    number = payment_of(of)
    for _ in range(2):
        returning.refund_part(number, 1_000, "a part", "a mistake", now=NOW)
    assert left(buyer) == 1_000 and buying.as_paid(of) == ("paid", 1)
    with pytest.raises(Conflict):
        returning.refund_part(number, PRO, "more", "a mistake", now=NOW)
    returning.refund_part(number, PRO - 1_000, "the rest", "a mistake", now=NOW)
    assert left(buyer) == PRO and buying.as_paid(of) == ("kept", 1)
    assert count("difference WHERE resolved_at IS NULL") == 0 and "due" not in refund_states()


@pytest.mark.parametrize("is_spent", [False, True])
def test_a_gateway_that_gives_back_after_all_takes_the_credit_with_it(
    runtime: Runtime, buyer: Owner, is_spent: bool
) -> None:
    refund = paid_twice(runtime, buyer)
    keep(buyer, refund)
    ((payment,),) = db.rows("SELECT payment_id FROM refund WHERE id = ?", refund)
    if is_spent:
        pay(buyer, buying.order(runtime, buyer, "click"))
        with pytest.raises(Conflict):
            taking_back.take_back(payment, "asked", now=NOW)
        assert left(buyer) == 0
    for _ in range(2):
        taking_back.take_back(payment, "it says so", has_happened=is_spent, now=NOW)
    assert left(buyer) == (-PRO if is_spent else 0) and refund_states() == ["done"]
    assert ledger.balance("clearing:click", "UZS") == PRO
    assert [one.kind for one in ledger.differences()] == (["credit_spent"] if is_spent else [])
    assert credit.of_workspace(buyer.workspace.id) == {}


def test_an_operator_keeps_it_for_a_payer_who_asked_by_the_number_in_the_difference(
    runtime: Runtime, buyer: Owner, database_url: str, tmp_path: Path
) -> None:
    refund = paid_twice(runtime, buyer)
    (found,) = ledger.differences()
    assert found.reference == f"refund:{refund}"
    for _ in range(2):
        done = Service(tmp_path, database_url).cli("keep-credit", str(refund))
        assert (done.returncode, json.loads(done.stdout)) == (0, {"refund": refund, "state": "kept"}), done.stderr
    assert left(buyer) == PRO
    assert db.rows("SELECT actor FROM audit_entry WHERE action = 'credit.kept'") == [("operator",)]
    with pytest.raises(NotFound):
        keeping.keep_by_operator(refund + 1, now=NOW)


def test_credit_is_no_way_to_pay_that_can_be_chosen(runtime: Runtime) -> None:
    assert "credit" not in [way.key for surface in ("web", "telegram") for way in runtime.gateways.on(surface)]
    assert "credit" not in list(runtime.desks)


def test_credit_of_one_payer_pays_for_no_other(runtime: Runtime, buyer: Owner) -> None:
    with_credit(runtime, buyer)
    other = owner("Other", plan="free", now=NOW)
    of = buying.order(runtime, other, "click")
    with pytest.raises(NotFound):
        pay(buyer, of)
    with pytest.raises(Conflict):
        pay(other, of)
    assert left(buyer) == PRO and orders.any_order(of.public_id).state == "open"


@pytest.mark.parametrize("has_card", [False, True])
def test_the_next_period_is_paid_by_credit_when_it_is_due_and_no_card_is_charged(
    runtime: Runtime, buyer: Owner, has_card: bool
) -> None:
    with_credit(runtime, buyer)
    if has_card:
        runtime.vault.save(buyer.workspace.id, SavedCard("click", "t", "", "Card"), user_id=None, now=NOW)
    assert advance(runtime, buyer, before=3 * DAY).period_index == 0 and left(buyer) == PRO, "not before it is due"
    found = advance(runtime, buyer)
    assert (found.state, found.period_index, left(buyer)) == ("active", 1, 0)
    assert count("payment WHERE method_id IS NOT NULL") == 0 and count("payment WHERE gateway = 'credit'") == 1
    found = advance(runtime, buyer)
    assert found.state == ("active" if has_card else "past_due"), "the card is charged, or the period after it is late"
    assert count("payment WHERE method_id IS NOT NULL") == has_card


@pytest.mark.parametrize("reason", ["a part", "by link", "locked"])
def test_a_period_that_credit_may_not_pay_goes_its_other_way(
    runtime: Runtime, buyer: Owner, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    with_credit(runtime, buyer)
    advance(runtime, buyer, before=3 * DAY)
    ((order_id, public_id),) = db.rows("SELECT id, public_id FROM checkout_order WHERE state = 'open'")
    if reason == "a part":
        with db.write():
            db.execute("UPDATE plan_price SET amount_minor = amount_minor + 1")
            db.execute("UPDATE checkout_order SET amount_minor = amount_minor + 1 WHERE id = ?", order_id)
    elif reason == "by link":
        end = subscriptions.live(buyer.workspace.id).period_end  # type: ignore[union-attr]
        settling.begin(order_id, "by link", now=end)
    else:
        monkeypatch.setattr(db, "is_free", lambda *_: False)
    assert advance(runtime, buyer).state == "past_due"
    assert left(buyer) == PRO and orders.any_order(public_id).state == "open"


def advance(runtime: Runtime, who: Owner, *, before: timedelta = timedelta()) -> lifecycle.Report:
    """What the workflow does at the end of the period, or before it."""
    sub = subscriptions.live(who.workspace.id)
    assert sub is not None
    desk = lifecycle.Desk(runtime.gateways, "https://bot.example")
    found = lifecycle.advance(sub.id, desk, now=sub.period_end - before)
    assert found is not None
    return found


def test_a_part_that_went_back_of_what_was_kept_is_for_somebody_to_look_at_and_the_whole_takes_the_credit(
    runtime: Runtime, buyer: Owner
) -> None:
    refund = paid_twice(runtime, buyer)
    keep(buyer, refund)
    ((payment,),) = db.rows("SELECT payment_id FROM refund WHERE id = ?", refund)
    for _ in range(2):
        returning.returned(payment, 300, "it says so", now=NOW)
    assert [one.kind for one in ledger.differences()] == ["kept_returned"] and left(buyer) == PRO
    for _ in range(2):
        returning.returned(payment, PRO, "it says so", now=NOW)
    assert left(buyer) == 0 and refund_states() == ["done"] and ledger.balance("clearing:click", "UZS") == PRO
