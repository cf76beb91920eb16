"""Stripe, from the signature of its events to disputes. The numbers in the names are those of facts/payments.md 5.4."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from app.billing.gateways.stripe import hooks
from app.billing.gateways.stripe.hooks import NotStripes
from app.billing.money_models import CheckoutOrder
from app.billing.service import cards, ledger, orders, returning
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Conflict
from app.web import create_app
from tests.billing import buying, charged
from tests.billing.buying import as_paid
from tests.billing.outside import POOR, STRIPE_SECRET, Outside
from tests.conftest import NOW
from tests.world import Owner, owner

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
Doc = dict[str, Any]


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, outside: Outside) -> Iterator[Runtime]:
    with charged.booted(database_url, tmp_path, outside) as found:
        yield found


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Bobur", telegram_user_id=77, plan="free", now=NOW)


@dataclass
class Shop:
    """The buyer's side: an order, its page at Stripe, and our desk that hears of it. The present is real: pages expire."""

    runtime: Runtime
    outside: Outside
    who: Owner

    def order(self, *, now: datetime | None = None) -> CheckoutOrder:
        return buying.order(self.runtime, self.who, "stripe", now=now or clock.utcnow())

    def desk(self, now: datetime | None = None) -> list[str]:
        return self.runtime.desks.run("stripe", now or clock.utcnow())[0]

    def page(self, order: CheckoutOrder) -> str:
        self.desk()
        way = self.runtime.gateways.get("stripe")
        return orders.pay_url(order, way, language="en", base_url="https://bot.example")

    def press(self, page: str, card: str = "visa", what: str = "pay") -> httpx.Response:
        return httpx.post(page, data={"card": card, "what": what})

    def hear(self, kind: str, about: str, *, event: str = "", now: datetime | None = None) -> bool:
        """An event comes, signed by Stripe."""
        now = now or clock.utcnow()
        body = json.dumps({"id": event or f"evt_{kind}_{about}", "type": kind, "data": {"object": {"id": about}}})
        return hooks.receive(body.encode(), signature(body, now), secret=STRIPE_SECRET, now=now)

    def bought(self) -> tuple[CheckoutOrder, str]:
        """An order that was paid on its page, and its PaymentIntent."""
        order = self.order()
        self.press(self.page(order))
        intent = self.intent_of(order)
        self.hear("payment_intent.succeeded", intent)
        self.desk()
        return order, intent

    def intent_of(self, order: CheckoutOrder) -> str:
        (session,) = db.row("SELECT session FROM stripe_session WHERE order_id = ?", order.id) or ("",)
        return str(self.outside.stripe("get", f"/v1/checkout/sessions/{session}")["payment_intent"])


def signature(body: str, at: datetime, *, secret: str = STRIPE_SECRET) -> str:
    header: str = stripe.WebhookSignature.generate_signature_header(  # type: ignore[attr-defined]
        payload=body, secret=secret, timestamp=int(at.timestamp())
    )
    return header


@pytest.fixture
def shop(runtime: Runtime, outside: Outside, who: Owner) -> Shop:
    return Shop(runtime, outside, who)


def test_an_order_is_paid_on_stripes_page_and_the_card_pays_the_next_period(shop: Shop) -> None:
    order = shop.order()
    page = shop.page(order)
    assert page.startswith(shop.outside.stripe_url) and shop.page(order) == page, "one page for an order"
    declined = shop.press(page, "insufficient_funds")
    assert declined.status_code == 402 and as_paid(order) == ("open", 0)
    back = shop.press(page)
    assert back.status_code == 303 and back.headers["Location"] == f"http://127.0.0.1:8000/orders/{order.public_id}"
    shop.hear("checkout.session.completed", _session(order))
    assert shop.desk() == ["1 events followed"]
    assert as_paid(order) == ("paid", 1) and plan_of(shop.who.workspace.id) == "pro"
    (card,) = cards.of_workspace(shop.who.workspace.id)
    assert card.label.startswith("Visa •••• 4242") and "4242" not in card.token, "the token is sealed"
    assert db.row("SELECT next_action FROM subscription") == ("charge",)


def _session(order: CheckoutOrder) -> str:
    (session,) = db.row("SELECT session FROM stripe_session WHERE order_id = ?", order.id) or ("",)
    return str(session)


def test_25_an_event_before_our_row_is_kept_and_followed_within_a_minute(shop: Shop) -> None:
    payer = shop.outside.stripe("post", "/v1/customers")["id"]
    card = shop.outside.stripe("post", "/v1/payment_methods/pm_card_visa/attach", customer=payer)["id"]
    paid = {"amount": "999", "currency": "usd", "customer": payer, "payment_method": card, "confirm": "true"}
    order = shop.order()
    with db.write():
        db.execute("UPDATE checkout_order SET public_id = 'hidden' WHERE id = ?", order.id)
    intent = shop.outside.stripe("post", "/v1/payment_intents", **paid, **{"metadata[order]": order.public_id})["id"]
    shop.hear("payment_intent.succeeded", intent)
    began = clock.utcnow()
    shop.desk(began)
    assert buying.count("stripe_event WHERE handled_at IS NULL") == 1
    with db.write():
        db.execute("UPDATE checkout_order SET public_id = ? WHERE id = ?", order.public_id, order.id)
    for second in range(60):
        shop.desk(began + timedelta(seconds=second))
    assert as_paid(order) == ("paid", 1)


def test_26_a_failure_that_comes_after_a_success_changes_nothing(shop: Shop) -> None:
    order, intent = shop.bought()
    shop.hear("payment_intent.payment_failed", intent)
    shop.desk()
    assert as_paid(order) == ("paid", 1)


def test_27_one_event_at_once_and_two_events_of_one_thing_have_one_effect(shop: Shop) -> None:
    order = shop.order()
    shop.press(shop.page(order))
    intent = shop.intent_of(order)
    heard = buying.at_once([partial(shop.hear, "payment_intent.succeeded", intent, event="evt_1")] * 8)
    assert sum(heard) == 1, "stored once"
    shop.hear("payment_intent.succeeded", intent, event="evt_2")
    shop.hear("checkout.session.completed", _session(order))
    buying.at_once([shop.desk] * 3)
    assert as_paid(order) == ("paid", 1) and buying.count("payment") == 1 and buying.books_are_right()


@pytest.mark.parametrize(
    ("late_s", "status"), [(0, 200), (280, 200), (320, 400), (-280, 200), (-320, 400), (-86_400, 400)]
)
def test_28_events_of_another_time_are_refused(shop: Shop, late_s: int, status: int) -> None:
    """Stripe's library itself takes any moment in the future."""
    assert _post(shop, at=time.time() - late_s) == status


@pytest.mark.parametrize(("late_s", "is_taken"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_28_to_the_second(runtime: Runtime, late_s: int, is_taken: bool) -> None:
    body = '{"id": "evt_s", "type": "x", "data": {"object": {"id": "y"}}}'
    header = signature(body, NOW)
    at = NOW + timedelta(seconds=late_s)
    if is_taken:
        assert hooks.receive(body.encode(), header, secret=STRIPE_SECRET, now=at)
        return
    with pytest.raises(NotStripes, match="not of now"):
        hooks.receive(body.encode(), header, secret=STRIPE_SECRET, now=at)


def test_28_signatures_are_held_against_the_very_bytes(shop: Shop) -> None:
    now, body = datetime.now(UTC), '{"id": "evt_1", "type": "x", "data": {"object": {"id": "y"}}}'
    good = signature(body, now)
    rotated = f"{good.split(',')[0]},v1={'0' * 64},{good.split(',')[1]}"
    assert _post(shop, body=body, header=rotated) == 200, "while a secret is changed there are two"
    again = json.dumps(json.loads(body), separators=(",", ":"))
    assert _post(shop, body=again, header=good) == 400
    assert _post(shop, body=body, header=signature(body, now, secret="whsec_other")) == 400
    assert _post(shop, body=body, header=good.replace("v1=", "v0=")) == 400
    assert _post(shop, body=body, header="") == 400 and _post(shop, body=body, header="t=x,v1=y") == 400
    assert _post(shop, body="[]", header=signature("[]", now)) == 400, "signed, and no event"
    assert buying.count("stripe_event") == 1


def test_28_without_a_secret_nothing_is_taken(runtime: Runtime) -> None:
    with pytest.raises(NotStripes):
        hooks.receive(b"{}", signature("{}", NOW, secret="x"), secret="", now=NOW)


def _post(shop: Shop, *, at: float | None = None, body: str = "", header: str | None = None) -> int:
    text = body or '{"id": "evt_9", "type": "x", "data": {"object": {"id": "y"}}}'
    when = datetime.fromtimestamp(at if at is not None else time.time(), UTC)
    given = signature(text, when) if header is None else header
    client = create_app(shop.runtime).test_client()
    return client.post("/hooks/stripe", data=text, headers={"Stripe-Signature": given}).status_code


def test_29_a_bank_that_wants_to_see_its_client_is_told_of_once_and_the_same_invoice_is_paid(shop: Shop) -> None:
    start = clock.utcnow()
    payer = charged.subscribed(shop.runtime, shop.outside, shop.who, "stripe", "in_person")
    with db.write():  # its month ends now: Stripe's pages live by the real clock
        db.execute("UPDATE subscription SET period_end = ?, anchor_at = ?", db.stamp(start), db.stamp(start - 31 * DAY))
        db.execute("UPDATE subscription SET next_action_at = ?", db.stamp(start))
    payer.live(start, start)
    assert payer.sub.state == "past_due" and payer.payments() == [("declined", 1)]
    ((template, params),) = db.rows("SELECT template, params FROM notice")
    owed = str((db.row("SELECT public_id FROM checkout_order WHERE state = 'open'") or ("",))[0])
    assert template == "charge_needs_you" and f"/orders/{owed}" in params, "once, with the link to pay"
    assert payer.live(start + MINUTE, start + 50 * MINUTE, step=MINUTE) == [], "it waits, and charges no more"
    (order_id,) = db.row("SELECT public_id FROM checkout_order WHERE state = 'open'") or ("",)
    order = orders.any_order(str(order_id))
    page = shop.page(order)
    assert shop.press(page, "visa").status_code == 303
    shop.hear("payment_intent.succeeded", shop.intent_of(order))
    shop.desk()
    assert as_paid(order) == ("paid", 1) and payer.sub.state == "active"
    assert buying.count("invoice") == 2 and payer.sub.next_action == "charge", "the new card pays from now on"


def test_31_a_double_payment_given_back_in_the_dashboard_leaves_the_invoice_paid(shop: Shop) -> None:
    order, intent = shop.bought()
    second = _paid_again(shop, order)
    shop.hear("payment_intent.succeeded", second)
    shop.desk()
    assert db.rows("SELECT r.state, r.refund_key FROM refund r") == [("done", "undelivered")], "owed, and sent back"
    shop.hear("charge.refunded", _charge(shop, second))
    shop.desk()
    assert as_paid(order) == ("paid", 1) and plan_of(shop.who.workspace.id) == "pro"
    assert [m["money"] for m in shop.outside.money("stripe") if m["payment_intent"] == second] == ["charge", "refund"]
    assert ledger.balance("clearing:stripe", "USD") == 999 and ledger.balance(ledger.CREDIT, "USD") == 0
    shop.outside.control_stripe("refund", payment_intent=intent)
    shop.hear("charge.refunded", _charge(shop, intent))
    shop.desk()
    assert as_paid(order)[0] == "taken_back" and plan_of(shop.who.workspace.id) == "free", "the payment that paid it"
    assert ledger.balance("clearing:stripe", "USD") == 0 and buying.books_are_right()


def _paid_again(shop: Shop, order: CheckoutOrder) -> str:
    payer = shop.outside.stripe("post", "/v1/customers")["id"]
    card = shop.outside.stripe("post", "/v1/payment_methods/pm_card_visa/attach", customer=payer)["id"]
    facts = {"amount": "999", "currency": "usd", "customer": payer, "payment_method": card, "confirm": "true"}
    return str(
        shop.outside.stripe("post", "/v1/payment_intents", **facts, **{"metadata[order]": order.public_id})["id"]
    )


def _charge(shop: Shop, intent: str) -> str:
    return str(shop.outside.stripe("get", f"/v1/payment_intents/{intent}")["latest_charge"])


@pytest.mark.parametrize("is_won", [True, False])
def test_32_a_dispute_moves_the_books_and_takes_access_only_when_it_is_lost(shop: Shop, is_won: bool) -> None:
    order, intent = shop.bought()
    dispute = shop.outside.control_stripe("dispute", payment_intent=intent)["dispute"]["id"]
    for event in ("charge.dispute.created", "charge.dispute.funds_withdrawn"):
        shop.hear(event, dispute)
        shop.desk()
    held = ledger.balance(ledger.HELD, "USD")
    assert (held, ledger.balance("clearing:stripe", "USD")) == (999, 0) and plan_of(shop.who.workspace.id) == "pro"
    shop.outside.control_stripe("dispute", payment_intent=intent, won=is_won)
    for event in ("charge.dispute.closed", "charge.dispute.funds_reinstated"):
        shop.hear(event, dispute)
        shop.desk()
    assert ledger.balance(ledger.HELD, "USD") == 0 and buying.books_are_right()
    assert ledger.balance("clearing:stripe", "USD") == (999 if is_won else 0)
    assert ledger.balance(ledger.LOSS, "USD") == (0 if is_won else 999)
    assert plan_of(shop.who.workspace.id) == ("pro" if is_won else "free")
    assert as_paid(order)[0] == ("paid" if is_won else "taken_back")


def test_33_parts_go_back_until_nothing_is_left(shop: Shop) -> None:
    order, intent = shop.bought()
    (payment,) = db.row("SELECT id FROM payment") or (0,)
    now = clock.utcnow()
    for number in range(3):
        returning.refund_part(payment, 333, f"part {number}", "as agreed", now=now)
        returning.refund_part(payment, 333, f"part {number}", "as agreed", now=now)
    with pytest.raises(Conflict):
        returning.refund_part(payment, 2, "too much", "as agreed", now=now)
    assert "3 refunds sent" in shop.desk()
    shop.hear("charge.refunded", _charge(shop, intent))
    shop.desk()
    moved = [
        m["amount"] for m in shop.outside.money("stripe") if m["payment_intent"] == intent and m["money"] == "refund"
    ]
    assert [abs(one) for one in moved] == [333, 333, 333], "once each, also when Stripe tells of them"
    assert as_paid(order)[0] == "taken_back" and ledger.balance("clearing:stripe", "USD") == 0
    assert buying.count("credit_note") == 3 and buying.books_are_right()


def test_33_a_part_leaves_the_plan(shop: Shop) -> None:
    order, intent = shop.bought()
    shop.outside.control_stripe("refund", payment_intent=intent, amount=300)
    shop.hear("charge.refunded", _charge(shop, intent))
    shop.desk()
    assert as_paid(order) == ("paid", 1) and plan_of(shop.who.workspace.id) == "pro"
    assert ledger.balance("clearing:stripe", "USD") == 699 and buying.books_are_right()
    assert db.rows("SELECT total_minor FROM credit_note") == [(300,)]


@pytest.mark.parametrize(("amount", "currency"), [("999", "uzs"), ("998", "usd")])
def test_55_money_of_another_currency_or_sum_pays_nothing(shop: Shop, amount: str, currency: str) -> None:
    order = shop.order()
    payer = shop.outside.stripe("post", "/v1/customers")["id"]
    card = shop.outside.stripe("post", "/v1/payment_methods/pm_card_visa/attach", customer=payer)["id"]
    facts = {"amount": amount, "currency": currency, "customer": payer, "payment_method": card, "confirm": "true"}
    made = shop.outside.stripe("post", "/v1/payment_intents", **facts, **{"metadata[order]": order.public_id})
    shop.hear("payment_intent.succeeded", str(made["id"]))
    shop.desk()
    assert as_paid(order) == ("open", 0) and ("amount", made["id"]) in _doubts()


def test_55_a_usd_intent_pays_no_order_in_soums(shop: Shop) -> None:
    order = buying.order(shop.runtime, shop.who, "payme", now=clock.utcnow())
    intent = _paid_again(shop, order)
    shop.hear("payment_intent.succeeded", intent)
    shop.desk()
    assert as_paid(order) == ("open", 0) and ("amount", intent) in _doubts()


def _doubts() -> list[tuple[str, str]]:
    return [(one.kind, one.reference) for one in ledger.differences()]


def test_58_the_statement_heals_what_events_did_not_tell_and_names_the_rest(shop: Shop) -> None:
    order = shop.order()
    shop.press(shop.page(order))
    assert as_paid(order) == ("open", 0), "no event came"
    done = shop.desk(clock.utcnow() + timedelta(hours=2))
    assert "1 healed from the statement" in done and as_paid(order) == ("paid", 1)
    shop.outside.control_stripe("refund", payment_intent=shop.intent_of(order))
    assert "1 healed from the statement" in shop.desk(clock.utcnow() + timedelta(hours=4))
    assert as_paid(order)[0] == "taken_back"
    other, intent = shop.bought()
    with db.write():
        db.execute(
            "UPDATE payment SET gateway_ref = 'pi_unheard_of', settled_at = ? WHERE gateway_ref = ?", *_past(intent)
        )
    shop.desk(clock.utcnow() + timedelta(hours=6))
    assert ("unstated", "pi_unheard_of") in _doubts()


def _past(intent: str) -> tuple[int | str, str]:
    return db.stamp(clock.utcnow() - timedelta(hours=30)), intent


def test_a_page_that_stripe_does_not_give_is_asked_for_again(shop: Shop) -> None:
    order = shop.order()
    shop.outside.faults("stripe", status_500=1)
    shop.desk()
    (url,) = db.row("SELECT url FROM stripe_session WHERE order_id = ?", order.id) or (None,)
    assert url is not None, "that fault strikes charges only"


def test_a_saved_card_that_was_detached_there_is_charged_no_more(shop: Shop) -> None:
    shop.bought()
    (card,) = cards.of_workspace(shop.who.workspace.id)
    token = shop.runtime.vault.token(card)
    shop.hear("payment_method.detached", token)
    shop.desk()
    assert cards.of_workspace(shop.who.workspace.id)[0].state == "dead"
    assert db.row("SELECT next_action, method_id FROM subscription") == ("invite", None)


def test_a_removed_card_is_forgotten_there_once_its_last_charge_is_known(shop: Shop) -> None:
    shop.bought()
    (card,) = cards.of_workspace(shop.who.workspace.id)
    token = shop.runtime.vault.token(card)
    with db.write():
        db.execute("UPDATE payment SET state = 'unknown', method_id = ?", card.id)
    cards.remove(shop.who.workspace.id, card.public_id, user_id=None, now=clock.utcnow())
    shop.desk()
    assert shop.outside.stripe("get", f"/v1/payment_methods/{token}")["customer"], "it is still needed"
    with db.write():
        db.execute("UPDATE payment SET state = 'succeeded'")
    assert "1 cards forgotten" in shop.desk()
    assert shop.outside.stripe("get", f"/v1/payment_methods/{token}")["customer"] is None
    assert db.rows("SELECT token, payer_ref, label FROM payment_method") == [("", "", "")]


def test_the_same_payer_object_is_used_for_all_orders(shop: Shop) -> None:
    shop.page(shop.order())
    assert buying.count("stripe_customer") == 1
    first = db.row("SELECT customer FROM stripe_customer")
    shop.page(shop.order())
    assert db.row("SELECT customer FROM stripe_customer") == first


def test_a_refund_that_the_payers_bank_did_not_take_is_owed_again_and_named(shop: Shop) -> None:
    order, intent = shop.bought()
    (payment,) = db.row("SELECT id FROM payment") or (0,)
    part = returning.refund_part(payment, 300, "part", "as agreed", now=clock.utcnow())
    shop.desk()
    assert db.rows("SELECT state FROM refund WHERE id = ?", part) == [("done",)]
    clearing, owed = ledger.clearing("stripe"), ledger.CREDIT
    before = ledger.balance(clearing, "USD")
    refund = shop.outside.stripe("get", "/v1/refunds", payment_intent=intent)["data"][0]["id"]
    shop.outside.control_stripe("fail_refund", refund=refund)
    for event in ("refund.failed", "refund.updated"):
        shop.hear(event, refund)
        shop.desk()
    assert ledger.balance(clearing, "USD") == before + 300 and ledger.balance(owed, "USD") == -300, "once"
    named = [one.reference for one in ledger.differences() if one.kind == "refund_failed"]
    assert named == [refund], "other tests' money is foreign here"
    assert as_paid(order) == ("paid", 1) and buying.books_are_right()


def test_what_stripe_keeps_and_what_it_pays_out_stand_in_the_books_to_the_cent(shop: Shop) -> None:
    shop.bought()
    hour = timedelta(hours=1)
    stated = shop.outside.stripe("get", "/v1/balance_transactions")["data"]
    ours = [one for one in stated if one["type"] == "charge" and _is_ours(one["source"], shop)]
    fees = sum(one["fee"] for one in ours)
    shop.desk(clock.utcnow() + 2 * hour)
    assert fees > 0 and ledger.balance(ledger.FEES, "USD") == fees
    held = ledger.balance(ledger.clearing("stripe"), "USD") + ledger.balance(ledger.BANK, "USD")
    assert held == sum(one["net"] for one in ours)
    shop.outside.control_stripe("pay_out", amount=500)
    for hours in (4, 6):
        shop.desk(clock.utcnow() + hours * hour)
    paid_out = [
        one for one in shop.outside.stripe("get", "/v1/balance_transactions")["data"] if one["type"] == "payout"
    ]
    assert ledger.balance(ledger.BANK, "USD") == 500 * len(paid_out) and ledger.balance(ledger.FEES, "USD") == fees, (
        "once"
    )
    assert buying.books_are_right()


def _is_ours(source: str, shop: Shop) -> bool:
    intent = shop.outside.stripe("get", f"/v1/charges/{source}")["payment_intent"]
    return db.row("SELECT 1 FROM payment WHERE gateway_ref = ?", intent) is not None


@pytest.mark.parametrize("answered", ["payment_intent.succeeded", "charge.succeeded"])
def test_24_the_event_of_a_charge_whose_answer_was_lost_settles_it_and_nothing_is_charged_again(
    shop: Shop, answered: str
) -> None:
    """The time-out comes after Stripe has the money; its event is faster than our look."""
    payer = charged.subscribed(shop.runtime, shop.outside, shop.who, "stripe")
    end, before = payer.sub.period_end, shop.outside.charges("stripe")
    shop.outside.faults("stripe", after_commit=1)
    payer.live(end, end)
    assert payer.payments() == [("unknown", 1)]
    moved = shop.outside.money("stripe")[-1]
    about = moved["payment_intent"] if answered.startswith("payment_intent") else moved["object_id"]
    shop.hear(answered, about, now=end)
    shop.runtime.desks.run("stripe", end)
    if answered == "payment_intent.succeeded":
        assert payer.payments() == [("succeeded", 1)] and payer.sub.period_start == end, "by the event alone"
    payer.live(end + MINUTE, end + 10 * MINUTE, step=MINUTE)
    assert payer.payments() == [("succeeded", 1)] and shop.outside.charges("stripe") - before == 1
    assert payer.sub.period_start == end and buying.books_are_right()


def test_26_the_failure_of_the_first_attempt_heard_after_the_success_of_the_second_changes_nothing(shop: Shop) -> None:
    """polar #14274, with two charges of one invoice."""
    shop.outside.faults(
        "stripe", before=0, after_commit=0, status_500=0, status_500_committed=0
    )  # one that another test did not use up would be ours
    payer = charged.subscribed(shop.runtime, shop.outside, shop.who, "stripe", POOR)
    end = payer.sub.period_end
    payer.live(end, end)
    assert payer.payments() == [("declined", 1)]
    (number,) = db.row("SELECT id FROM payment WHERE method_id IS NOT NULL") or (0,)
    intents = shop.outside.stripe("get", "/v1/payment_intents", limit=20)["data"]
    (first,) = [
        one["id"] for one in intents if one["metadata"].get("payment") == str(number) and not one["amount_received"]
    ][:1]
    payer.save_card(now=end)
    payer.live(end + timedelta(hours=1), end + timedelta(hours=26))
    assert [state for state, _ in payer.payments()] == ["declined", "succeeded"] and payer.sub.period_start == end
    for event in ("evt_late", "evt_later"):
        shop.hear("payment_intent.payment_failed", first, event=event, now=end + 2 * DAY)
        shop.runtime.desks.run("stripe", end + 2 * DAY)
    assert [state for state, _ in payer.payments()] == ["declined", "succeeded"] and payer.sub.state == "active"
    assert buying.books_are_right()
