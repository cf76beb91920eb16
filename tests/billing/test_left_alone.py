"""What nobody looks after by itself any more: charges of ended subscriptions, gateways that are away or no longer set up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from app.billing.desks import Desks
from app.billing.gateways.payme.subscribe import PaymeCards
from app.billing.gateways.stripe.api import StripeApi
from app.billing.gateways.stripe.charger import StripeCharger
from app.billing.service import cards, collecting, ledger, orders, settling, subscriptions
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import db
from app.core.errors import Upstream
from tests.billing import buying, charged
from tests.billing.charged import GATEWAYS, PRICE, Payer, Subscribe
from tests.billing.outside import POOR
from tests.conftest import NOW
from tests.world import Owner

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def _lost_at_the_last_step(payer: Payer) -> None:
    """The last attempt of dunning takes the money, its answer is lost, and the gateway is away until the plan has ended."""
    end = payer.sub.period_end
    payer.outside.turn_clock(end)
    payer.live(end, end + 13 * DAY)
    payer.save_card(now=end + 13 * DAY + HOUR)
    payer.outside.faults(payer.gateway, after_commit=1)
    last = end + 14 * DAY
    while payer.payments()[-1][0] == "declined":
        report = payer.look(last)
        if report.charge:
            payer.charge(last)
        last += HOUR
    assert payer.payments()[-1][0] == "unknown"


@pytest.mark.parametrize("gateway", ["payme", "click"])
def test_money_that_was_taken_as_the_plan_ended_is_found_by_the_desk_and_buys_a_period(
    subscribed: Subscribe, gateway: str
) -> None:
    payer = subscribed(gateway, POOR)
    before = payer.outside.charges(gateway)
    _lost_at_the_last_step(payer)
    number, end = payer.sub.id, payer.sub.period_end
    with db.write():
        sub = subscriptions.held(payer.who.workspace.id)
        assert sub is not None
        subscriptions.end(sub, "grace_over", now=end + 15 * DAY)
    assert db.rows("SELECT topic FROM outbox WHERE topic = 'billing.desk' AND key = ?", gateway), "the desk is asked"
    assert plan_of(payer.who.workspace.id) == "free"
    payer.outside.turn_clock(end + 16 * DAY)
    done, _ = payer.runtime.desks.run(gateway, end + 16 * DAY)
    assert "1 charges of ended subscriptions looked up" in done
    assert payer.payments()[-1][0] == "succeeded" and payer.outside.charges(gateway) - before == 1
    new = subscriptions.live(payer.who.workspace.id)
    assert new is not None and new.id != number and plan_of(payer.who.workspace.id) == "pro", (
        "what was paid is delivered"
    )
    assert buying.books_are_right()


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_of_an_ended_subscription_no_money_is_asked_for(subscribed: Subscribe, gateway: str) -> None:
    payer = subscribed(gateway)
    end, before = payer.sub.period_end, payer.outside.charges(gateway)
    payer.look(end)
    with db.write():
        sub = subscriptions.held(payer.who.workspace.id)
        assert sub is not None
        subscriptions.end(sub, "taken_back", now=end)
    payer.runtime.desks.run(gateway, end + HOUR)
    assert payer.payments() == [("declined", 1)] and payer.outside.charges(gateway) == before


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_gateway_that_is_no_longer_set_up_is_asked_ever_more_seldom(subscribed: Subscribe, gateway: str) -> None:
    """Without a later look the workflow would turn without a rest."""
    payer = subscribed(gateway)
    end = payer.sub.period_end
    payer.look(end)
    nobody = replace(payer.runtime.collector, chargers=MappingProxyType({}))
    (number,) = db.row("SELECT id FROM payment WHERE method_id IS NOT NULL") or (0,)
    moments = []
    for _ in range(14):
        at = payer.sub.next_action_at
        moments.append(at)
        collecting.collect(number, nobody, now=at)
    waits = [(later - sooner).total_seconds() for sooner, later in zip(moments, moments[1:], strict=False)]
    assert waits == sorted(waits) and waits[0] >= 1 and waits[-1] == 3600
    assert payer.payments() == [("created", 1)], "nobody was asked"


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_money_that_was_taken_for_another_amount_goes_back(subscribed: Subscribe, gateway: str) -> None:
    payer = subscribed(gateway)
    end, before = payer.sub.period_end, payer.outside.charges(gateway)
    payer.outside.turn_clock(end)
    payer.outside.faults(gateway, after_commit=1)
    payer.live(end, end)
    assert payer.payments() == [("unknown", 1)]
    with db.write():
        db.execute("UPDATE checkout_order SET amount_minor = amount_minor - 1 WHERE state = 'open'")
    payer.live(end + MINUTE, end + 20 * MINUTE, step=MINUTE)
    assert "amount" in {one.kind for one in ledger.differences()}
    assert payer.sub.period_start == end and payer.outside.charges(gateway) - before == 2, "the right sum was asked for"
    payer.runtime.desks.run(gateway, end + 30 * MINUTE)
    assert payer.payments() == [("refunded", 1), ("succeeded", 1)], "the payer has the wrong one back"
    assert ledger.balance(ledger.CREDIT, payer.sub.currency) == 0 and buying.books_are_right()


@pytest.mark.parametrize("gateway", ["payme", "click"])
def test_a_card_that_the_gateway_does_not_delete_now_holds_up_nothing(
    subscribed: Subscribe, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = subscribed(gateway)
    end = payer.sub.period_end
    payer.outside.turn_clock(end)
    payer.outside.faults(gateway, after_commit=1)
    payer.live(end, end)
    old, _ = cards.of_workspace(payer.who.workspace.id)[0], payer.save_card(now=end)
    cards.remove(payer.who.workspace.id, old.public_id, user_id=None, now=end)
    payer.live(end + MINUTE, end + 20 * MINUTE, step=MINUTE)
    place: Any = payer.runtime.desks.chargers[gateway]
    real = place._client

    def away(request: httpx.Request) -> httpx.Response:
        if b"cards.remove" in request.content or request.method == "DELETE":
            return httpx.Response(500)
        return real.send(httpx.Request(request.method, request.url, headers=request.headers, content=request.content))

    monkeypatch.setattr(place, "_client", httpx.Client(transport=httpx.MockTransport(away)))
    done, _ = payer.runtime.desks.run(gateway, end + 2 * HOUR)
    assert not any("forgotten" in one for one in done)
    assert db.row("SELECT 1 FROM cursor WHERE name = ?", f"statement-{gateway}"), "its statement was read all the same"
    monkeypatch.setattr(place, "_client", real)
    assert "1 cards forgotten" in payer.runtime.desks.run(gateway, end + 3 * HOUR)[0]


def test_stripe_that_is_away_keeps_a_removed_card_for_later() -> None:
    with pytest.raises(Upstream, match="Stripe"):
        StripeCharger(StripeApi("sk_test", "http://127.0.0.1:9")).forget("pm_1")


def test_what_is_owed_back_by_a_gateway_that_we_cannot_ask_is_named(runtime: Runtime, buyer: Owner) -> None:
    """Click can be sold without access to its Merchant API: then refunds go back by hand, and somebody is told."""
    of = buying.order(runtime, buyer, "click")
    with db.write():
        till = charged.DomainOrders()
        for ref in ("a", "b"):
            till.settle(till.begin(till.held_by_id(of.id), ref, now=NOW), now=NOW)
    assert db.rows("SELECT state FROM refund") == [("due",)]
    lame = runtime.settings.model_copy(update={"click_merchant_user_id": ""})
    desks = Desks("worker", lame, runtime.sealer)
    for hours in (1, 2):
        assert "1 refunds to be sent by hand" in desks.run("click", NOW + hours * HOUR)[0]
    assert [(one.kind, one.reference) for one in ledger.differences()] == [("no_desk", "refund:1")]


def test_a_saved_card_of_payme_is_charged_with_what_its_fiscal_receipt_lists(subscribed: Subscribe) -> None:
    payer = subscribed("payme")
    end = payer.sub.period_end
    payer.live(end, end)
    charger = payer.runtime.desks.chargers["payme"]
    assert isinstance(charger, PaymeCards)
    (ref,) = db.row("SELECT gateway_ref FROM payment WHERE method_id IS NOT NULL") or ("",)
    detail = charger.ask("receipts.get", id=ref)["receipt"]["detail"]
    (item,) = detail["items"]
    assert (item["price"], item["vat_percent"], item["code"]) == (PRICE["payme"], 12, "10304008003000000")
    assert detail["receipt_type"] == 0 and sum(one["price"] for one in detail["items"]) == PRICE["payme"]


def test_late_money_for_a_plan_that_is_not_sold_any_more_goes_back(runtime: Runtime, buyer: Owner) -> None:
    """pretix #74: the order's time is over, and meanwhile the plan is not for sale."""
    late = NOW + 3 * DAY
    of = buying.order(runtime, buyer, "payme")
    with db.write():
        payment = settling.begin(of.id, "0" * 24, now=NOW)
        settling.drop(payment, "given up", now=NOW)
    orders.expire(now=late)
    assert buying.as_paid(of) == ("expired", 0)
    with db.write():
        db.execute("UPDATE plan SET is_sold = ? WHERE key = 'pro'", False)
    settling.settle(payment, now=late)
    assert buying.as_paid(of) == ("refund_due", 0) and plan_of(buyer.workspace.id) == "free"
    assert db.rows("SELECT state, reason FROM refund") == [("due", "This plan is not sold any more.")]
    with db.write():
        db.execute("UPDATE plan SET is_sold = ? WHERE key = 'pro'", True)
    again = buying.order(runtime, buyer, "payme", now=late)
    buying.bought_by_payme(again, "1" * 24, now=late)
    assert plan_of(buyer.workspace.id) == "pro" and buying.books_are_right()
