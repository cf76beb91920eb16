"""Trials: two weeks for nothing, once, and what their end brings. The numbers in names: facts/payments.md 5.4."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

import pytest

from app.billing import periods, queries
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder
from app.billing.service import lifecycle, orders, subscriptions, trials
from app.billing.service.lifecycle import Desk
from app.billing.service.limits import consume, plan_of, usage_period
from app.boot import Runtime
from app.core import db
from app.core.errors import Conflict, Invalid
from app.telegram import service as telegram
from tests.billing import buying
from tests.billing.buying import at_once, count
from tests.conftest import NOW
from tests.world import Owner, owner

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
END = NOW + trials.LENGTH


@pytest.fixture
def desk(runtime: Runtime) -> Desk:
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=NOW)
    return Desk(runtime.gateways, "https://bot.example")


@pytest.fixture
def sub(runtime: Runtime, buyer: Owner) -> Subscription:
    return started(runtime, buyer)


def started(runtime: Runtime, who: Owner, *, plan: str = "pro") -> Subscription:
    return trials.start(who.workspace.id, plan, runtime.gateways.get("payme"), user_id=who.user.id, now=NOW)


def fresh(sub: Subscription) -> Subscription:
    found: Subscription = Subscription.get(Subscription.workspace == sub.workspace)
    return found


def last_order(who: Owner) -> CheckoutOrder:
    found: CheckoutOrder = (
        CheckoutOrder.select()
        .where(CheckoutOrder.workspace == who.workspace.id)
        .order_by(CheckoutOrder.id.desc())
        .get()
    )
    return found


def test_a_trial_gives_the_plan_and_is_asked_for_before_its_end(sub: Subscription, desk: Desk, buyer: Owner) -> None:
    assert plan_of(buyer.workspace.id) == "pro" and count("mrr_movement") == 0 and count("invoice") == 0
    assert (sub.next_action, sub.next_action_at) == ("invite", END - 3 * DAY)
    start, end = usage_period(buyer.workspace.id, now=NOW)
    assert start <= NOW < end == END
    consume(buyer.workspace.id, {"posts": 40}, now=NOW)
    lifecycle.advance(sub.id, desk, now=END - 3 * DAY)
    assert buying.bought_by_payme(last_order(buyer), "1" * 24, now=END - DAY)["state"] == 2
    after = fresh(sub)
    assert (after.state, after.period_index) == ("active", 0)
    assert (after.period_start, after.period_end) == periods.bounds(END, after.timezone, "month", 0)
    assert db.rows("SELECT kind FROM mrr_movement") == [("new",)] and buying.books_are_right()


def test_an_unpaid_trial_is_late_for_three_days_and_then_over(sub: Subscription, desk: Desk, buyer: Owner) -> None:
    done: list[str] = []
    for hour in range(11 * 24, 19 * 24):
        report = lifecycle.advance(sub.id, desk, now=NOW + timedelta(hours=hour))
        assert report is not None
        done += report.done
    assert done == ["invite", "lapse", "remind", "remind", "remind", "expire"]
    after = fresh(sub)
    assert (after.state, after.ended_at, plan_of(buyer.workspace.id)) == ("expired", END + 3 * DAY, "free")
    assert count("mrr_movement") == 0


def test_49_cancelled_at_the_instant_of_its_end_nothing_is_charged(
    sub: Subscription, desk: Desk, runtime: Runtime, buyer: Owner
) -> None:
    subscriptions.cancel(buyer.workspace.id, user_id=buyer.user.id, now=END)
    report = lifecycle.advance(sub.id, desk, now=END)
    assert report is not None and (report.done, report.state) == (("end",), "canceled")
    assert count("payment") == 0


def test_a_plan_is_chosen_and_paid_while_it_runs(sub: Subscription, runtime: Runtime, buyer: Owner) -> None:
    """Any plan and interval may follow a trial; the plan holds at once, its period begins with the trial's end."""
    way = runtime.gateways.get("payme")
    order = orders.open_order(buyer.workspace.id, "business", "year", way, user_id=buyer.user.id, now=NOW + DAY)
    assert buying.bought_by_payme(order, "1" * 24, now=NOW + DAY)["state"] == 2
    after = fresh(sub)
    assert (after.plan, after.interval, after.period_start, after.period_index) == ("business", "year", END, 0)
    assert after.period_end == periods.bounds(END, after.timezone, "year", 0)[1]


def test_a_trial_is_once_for_a_payer_and_a_person(
    sub: Subscription, runtime: Runtime, buyer: Owner, desk: Desk
) -> None:
    with pytest.raises(Conflict):
        started(runtime, buyer)
    subscriptions.cancel(buyer.workspace.id, user_id=buyer.user.id, now=NOW)
    lifecycle.advance(sub.id, desk, now=END)
    with pytest.raises(Conflict):
        started(runtime, buyer)
    other = owner("Aziz", telegram_user_id=78, plan="free", now=NOW)
    with pytest.raises(Conflict):
        trials.start(other.workspace.id, "pro", runtime.gateways.get("payme"), user_id=buyer.user.id, now=NOW)
    assert trials.start(other.workspace.id, "pro", runtime.gateways.get("payme"), user_id=other.user.id, now=NOW)


def test_nobody_tries_what_telegram_renews_or_what_is_not_sold(runtime: Runtime, buyer: Owner) -> None:
    with pytest.raises(Invalid):
        started(runtime, buyer, plan="gold")
    with pytest.raises(Invalid):
        trials.start(buyer.workspace.id, "pro", runtime.gateways.get("stars"), user_id=1, now=NOW)
    assert count("subscription") == 0


def test_who_paid_before_has_no_trial(runtime: Runtime, buyer: Owner) -> None:
    buying.bought_by_payme(buying.order(runtime, buyer, "payme"), "1" * 24)
    assert not trials.may_start(buyer.workspace.id, user_id=buyer.user.id)


def _tried_at_once(runtime: Runtime) -> int:
    """Of six workspaces that one person starts a trial in at once, how many get one."""
    person = owner("Hasty", telegram_user_id=79, plan="free", now=NOW).user.id
    places = [owner(f"P{n}", telegram_user_id=100 + n, plan="free", now=NOW).workspace.id for n in range(6)]
    way = runtime.gateways.get("payme")

    def begins(place: int) -> bool:
        try:
            trials.start(place, "pro", way, user_id=person, now=NOW)
        except Conflict:
            return False
        return True

    return sum(at_once([partial(begins, place) for place in places]))


def test_one_person_in_six_workspaces_at_once_gets_one_trial(runtime: Runtime) -> None:
    assert _tried_at_once(runtime) == 1 and count("subscription") == 1


def test_without_the_lock_the_same_person_gets_several(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's writers queue anyway: there the lock changes nothing."""
    slow = trials.may_start

    def late(workspace_id: int, *, user_id: int | None) -> bool:
        found = slow(workspace_id, user_id=user_id)
        time.sleep(0.2)
        return found

    monkeypatch.setattr(trials, "_serialise", lambda account_id, user_id: None)
    monkeypatch.setattr(trials, "may_start", late)
    assert (_tried_at_once(runtime) > 1) == db.is_postgres()


def test_after_a_trial_it_can_be_paid_in_stars_and_not_while_it_runs(
    sub: Subscription, runtime: Runtime, buyer: Owner, desk: Desk
) -> None:
    way = runtime.gateways.get("stars")

    def offered() -> set[str]:
        cards = queries.plan_cards(buyer.workspace.id, "XTR", ("days30",), now=NOW)
        return {choice.kind for card in cards for choice in card.choices}

    assert offered() == {"none"}
    with pytest.raises(Conflict, match="trial is over"):
        orders.open_order(buyer.workspace.id, "pro", "days30", way, user_id=buyer.user.id, now=NOW)
    lifecycle.advance(sub.id, desk, now=END)
    assert fresh(sub).state == "past_due" and offered() == {"next"}
    assert (
        orders.open_order(buyer.workspace.id, "pro", "days30", way, user_id=buyer.user.id, now=END).amount_minor == 700
    )
