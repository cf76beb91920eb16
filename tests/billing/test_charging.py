"""Saved cards are charged once for each invoice, whatever the gateway and the network do. One suite for all gateways."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app.billing.gateways import base
from app.billing.gateways.base import Outcome
from app.billing.service import cards, collecting, ledger, subscriptions, trials
from app.billing.service.limits import plan_of
from app.core import db
from app.core.errors import Conflict
from tests.billing import buying, charged
from tests.billing.charged import GATEWAYS, PRICE, Payer, Subscribe
from tests.billing.outside import DEAD, GOOD, POOR, Outside
from tests.conftest import NOW
from tests.world import owner

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_card_is_charged_at_the_end_of_the_period_and_the_plan_goes_on(subscribed: Subscribe, gateway: str) -> None:
    payer = subscribed(gateway)
    end, before = payer.sub.period_end, payer.outside.charges(gateway)
    assert (payer.sub.next_action, payer.sub.next_action_at) == ("charge", end), "nobody is asked to pay by link"
    assert payer.live(end - 5 * DAY, end - MINUTE) == []
    assert payer.live(end, end) == ["charge", "collect"]
    assert payer.sub.state == "active" and payer.sub.period_start == end
    assert payer.outside.charges(gateway) - before == 1 and payer.payments() == [("succeeded", 1)]
    (moved,) = payer.outside.money(gateway)[-1:]
    told = moved["amount"] if gateway == "stripe" else moved["amount_minor"]
    assert told == PRICE[gateway]
    assert ledger.balance(ledger.clearing(gateway), payer.sub.currency) == 2 * PRICE[gateway]
    assert buying.books_are_right()


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_twelve_months_are_twelve_charges(subscribed: Subscribe, gateway: str) -> None:
    payer = subscribed(gateway)
    before = payer.outside.charges(gateway)
    for _ in range(12):
        end = payer.sub.period_end
        assert payer.live(end, end) == ["charge", "collect"]
    assert payer.outside.charges(gateway) - before == 12
    assert db.rows("SELECT COUNT(*), COUNT(DISTINCT invoice_id) FROM payment WHERE state = 'succeeded'") == [(13, 13)]
    assert db.rows("SELECT kind FROM mrr_movement") == [("new",)]


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("fault", ["before", "after_commit"])
def test_23_24_an_answer_that_was_lost_is_looked_up_and_never_charged_twice(
    subscribed: Subscribe, gateway: str, fault: str
) -> None:
    """Cases 23 and 24: the request, or only its answer, never arrives."""
    payer = subscribed(gateway)
    end, before = payer.sub.period_end, payer.outside.charges(gateway)
    payer.outside.faults(gateway, **{fault: 1})
    assert payer.live(end, end) == ["charge", "collect"]
    assert payer.payments() == [("unknown", 1)] and payer.sub.state == "active", "an unknown outcome keeps the plan"
    done = payer.live(end + MINUTE, end + 60 * MINUTE, step=MINUTE)
    assert set(done) == {"collect"}, "it is looked up, and nothing else is tried"
    assert payer.payments() == [("succeeded", 1)] and payer.outside.charges(gateway) - before == 1
    assert payer.sub.period_start == end and buying.books_are_right()


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_soft_decline_is_tried_again_by_the_calendar_of_dunning(subscribed: Subscribe, gateway: str) -> None:
    payer = subscribed(gateway, POOR)
    end, before = payer.sub.period_end, payer.outside.charges(gateway)
    done = payer.live(end, end + 15 * DAY)
    assert done.count("charge") == 8 and done.count("collect") == 8, "at the end, and seven steps of dunning"
    assert done[-1] == "expire" and payer.sub.state == "expired" and plan_of(payer.who.workspace.id) == "free"
    assert [state for state, _ in payer.payments()] == ["declined"] * 8
    assert db.rows("SELECT COUNT(DISTINCT invoice_id) FROM payment WHERE method_id IS NOT NULL") == [(1,)], (
        "one invoice"
    )
    assert payer.outside.charges(gateway) == before
    templates = [template for (template,) in db.rows("SELECT template FROM notice ORDER BY id")]
    assert templates.count("charge_declined") == 8 and templates[-1] == "subscription_ended"


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_good_card_in_between_pays_what_is_late(subscribed: Subscribe, gateway: str) -> None:
    payer = subscribed(gateway, POOR)
    end = payer.sub.period_end
    payer.live(end, end + 2 * DAY)
    assert payer.sub.state == "past_due"
    payer.save_card(GOOD, now=end + 2 * DAY)
    done = payer.live(end + 2 * DAY, end + 4 * DAY)
    assert done.count("collect") == 1 and payer.sub.state == "active" and payer.sub.period_start == end, "same anchor"


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_30_a_hard_decline_is_never_tried_again(subscribed: Subscribe, gateway: str) -> None:
    """Case 30: the card is marked dead, and its payer is asked for another."""
    payer = subscribed(gateway, DEAD)
    end = payer.sub.period_end
    done = payer.live(end, end + 15 * DAY)
    assert done.count("charge") == 1 and done.count("remind") == 7 and done[-1] == "expire"
    (card,) = cards.of_workspace(payer.who.workspace.id)
    assert card.state == "dead" and card.reason
    templates = [template for (template,) in db.rows("SELECT template FROM notice ORDER BY id")]
    assert templates.count("charge_needs_you") == 1 and templates.count("renewal_overdue") == 7


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_ten_at_once_charge_once(subscribed: Subscribe, gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 46 for charges: workers that all believe that it is theirs."""
    payer = subscribed(gateway)
    end, before = payer.sub.period_end, payer.outside.charges(gateway)
    payer.look(end)
    buying.at_once([lambda: payer.charge(end)] * 10)
    payer.live(end + MINUTE, end + 30 * MINUTE, step=MINUTE)
    assert payer.outside.charges(gateway) - before == 1 and payer.payments() == [("succeeded", 1)]
    assert buying.books_are_right()


def test_without_the_compare_and_set_two_workers_charge_twice(
    subscribed: Subscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard's twin, at the gateway that has no other protection."""
    payer = subscribed("click")
    end, before = payer.sub.period_end, payer.outside.charges("click")
    payer.look(end)
    both = threading.Barrier(2)

    def reckless(payment_id: int, *_: object, **__: object) -> bool:
        both.wait(10)
        return True

    monkeypatch.setattr(collecting, "take_turn", reckless)
    buying.at_once([lambda: payer.charge(end)] * 2)
    assert payer.outside.charges("click") - before == 2


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_no_that_comes_late_changes_nothing(subscribed: Subscribe, gateway: str) -> None:
    """Case 26 (polar #14274)."""
    payer = subscribed(gateway)
    end = payer.sub.period_end
    payer.live(end, end)
    (number,) = db.row("SELECT id FROM payment WHERE method_id IS NOT NULL") or (0,)
    with db.write():
        collecting.conclude(number, Outcome(base.DECLINED, reason="late"), now=end + MINUTE)
        collecting.conclude(number, Outcome(base.UNKNOWN), now=end + MINUTE)
    assert payer.payments() == [("succeeded", 1)] and payer.sub.state == "active"


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_34_another_amount_than_was_recorded_is_never_charged(subscribed: Subscribe, gateway: str) -> None:
    """Case 34: what the order costs changed between two tries."""
    payer = subscribed(gateway)
    end, before = payer.sub.period_end, payer.outside.charges(gateway)
    payer.look(end)
    with db.write():
        db.execute("UPDATE checkout_order SET amount_minor = amount_minor - 1 WHERE state = 'open'")
    payer.charge(end)
    assert payer.outside.charges(gateway) == before and payer.payments() == [("declined", 1)]
    assert [one.kind for one in ledger.differences()] == ["amount"]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_an_outcome_that_nobody_knows_keeps_the_plan_for_a_day(subscribed: Subscribe, gateway: str) -> None:
    """The gateway is away for two days: no second charge, late after a day, and all is well when it answers."""
    payer = subscribed(gateway)
    end, before = payer.sub.period_end, payer.outside.charges(gateway)
    away = _away(payer, gateway)
    away(True)
    payer.live(end, end + DAY - MINUTE)
    assert payer.sub.state == "active" and payer.payments() == [("unknown", 1)]
    payer.live(end + DAY, end + 2 * DAY)
    assert payer.sub.state == "past_due" and payer.payments() == [("unknown", 1)], "no second attempt"
    assert [one.kind for one in ledger.differences()] == ["unknown"], "after a day somebody has to look"
    away(False)
    payer.live(end + 2 * DAY, end + 2 * DAY + timedelta(hours=3), step=10 * MINUTE)
    assert payer.payments() == [("succeeded", 1)] and payer.outside.charges(gateway) - before == 1
    assert payer.sub.state == "active" and payer.sub.period_start == end


def _away(payer: Payer, gateway: str) -> Callable[[bool], None]:
    """Point the charger at a port where nobody listens, and back."""
    charger = payer.runtime.collector.chargers[gateway]
    place = getattr(charger, "_api", charger)

    if gateway == "stripe":
        there, nowhere = place._client, type(place)("sk", "http://127.0.0.1:9")._client
        return lambda is_away: setattr(place, "_client", nowhere if is_away else there)
    url = place._url
    return lambda is_away: setattr(place, "_url", "http://127.0.0.1:9" if is_away else url)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_who_pays_by_link_while_a_card_is_tried_is_not_charged_for_it_again(
    subscribed: Subscribe, gateway: str
) -> None:
    payer = subscribed(gateway)
    end, before = payer.sub.period_end, payer.outside.charges(gateway)
    payer.look(end)
    (order_id,) = db.row("SELECT id FROM checkout_order WHERE state = 'open'") or (0,)
    with db.write():
        till = charged.DomainOrders()
        till.settle(till.begin(till.held_by_id(order_id), "by-link", now=end), now=end)
    payer.charge(end)
    assert payer.outside.charges(gateway) == before, "nothing was asked for what was paid"
    assert payer.sub.period_start == end


@pytest.mark.parametrize("gateway", ["payme", "click"])
def test_58_the_gateways_own_word_heals_what_we_lack_and_names_what_differs(
    subscribed: Subscribe, gateway: str
) -> None:
    """Stripe's whole list of money is tests/billing/test_stripe.py's."""
    payer = subscribed(gateway)
    end = payer.sub.period_end
    payer.outside.turn_clock(end)
    payer.outside.faults(gateway, after_commit=1)
    payer.live(end, end)
    assert payer.payments() == [("unknown", 1)]
    done, at = payer.runtime.desks.run(gateway, end + 2 * MINUTE)
    assert "1 healed from the statement" in done and payer.payments() == [("succeeded", 1)]
    told, _ = payer.runtime.desks.run(gateway, end + 3 * MINUTE)
    assert at is not None and "1 healed from the statement" not in told, "once an hour"
    with db.write():
        db.execute("UPDATE payment SET gateway_ref = 'unheard of' WHERE method_id IS NOT NULL")
    payer.runtime.desks.run(gateway, end + 5 * timedelta(hours=1))
    kinds = {one.kind for one in ledger.differences()}
    assert kinds == {"unstated", "foreign"}, "we have one that they lack, and they one that we lack"
    with db.write():
        db.execute("DELETE FROM difference")
        db.execute(
            "UPDATE payment SET gateway_ref = ?, amount_minor = amount_minor - 1 WHERE method_id IS NOT NULL",
            _ref(payer),
        )
    payer.runtime.desks.run(gateway, end + 7 * timedelta(hours=1))
    assert {one.kind for one in ledger.differences()} == ({"amount"} if gateway == "payme" else set()), (
        "Click names none"
    )


def _ref(payer: Payer) -> str:
    return str(payer.outside.money(payer.gateway)[-1]["reference"])


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_49_cancelled_a_second_after_the_trial_the_charge_that_runs_is_the_last(
    database_url: str, tmp_path: Path, outside: Outside, gateway: str
) -> None:
    """Who cancels before the end pays nothing; while the card is being charged it is told so, and can cancel after."""
    with charged.booted(database_url, tmp_path, outside) as runtime:
        who = owner("Trying", telegram_user_id=99, plan="free", now=NOW)
        trials.start(who.workspace.id, "pro", runtime.gateways.get(gateway), user_id=who.user.id, now=NOW)
        payer = Payer(runtime, outside, who, gateway)
        payer.save_card()
        end = NOW + trials.LENGTH
        assert payer.look(end - timedelta(days=3)).done == ("invite",)
        assert db.rows("SELECT template FROM notice") == [("trial_ends",)]
        assert payer.look(end).done == ("charge",)
        with pytest.raises(Conflict) as refused:
            subscriptions.cancel(who.workspace.id, user_id=who.user.id, now=end + timedelta(seconds=1))
        assert refused.value.code == "charging"
        report = payer.charge(end + timedelta(seconds=2))
        assert (report.state, report.period_index) == ("active", 0)
        subscriptions.cancel(who.workspace.id, user_id=who.user.id, now=end + timedelta(seconds=3))
        assert payer.sub.is_ending and payer.payments() == [("succeeded", 1)]


@pytest.mark.parametrize("lost", ["before", "after_commit"])
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_while_a_card_is_being_charged_for_one_order_it_is_not_for_another(
    subscribed: Subscribe, gateway: str, lost: str
) -> None:
    """Two at once would wait for each other for ever, or charge twice."""
    payer = subscribed(gateway)
    at = NOW + timedelta(days=1)
    payer.outside.turn_clock(at)
    first = charged.order(payer, now=at)
    collecting.charge_now(payer.who.workspace.id, first.public_id, user_id=None, now=at)
    payer.outside.faults(gateway, **{lost: 1})
    before = payer.outside.charges(gateway)
    payer.charge(at)
    second = charged.order(payer, now=at)
    assert second.public_id != first.public_id
    with pytest.raises(Conflict, match="being charged already"):
        collecting.charge_now(payer.who.workspace.id, second.public_id, user_id=None, now=at)
    for _ in range(40):
        if payer.sub.next_action != "collect":
            break
        at = max(at + MINUTE, payer.sub.next_action_at)
        payer.charge(at)
    assert payer.payments() == [("succeeded", 1)] and payer.outside.charges(gateway) == before + 1
