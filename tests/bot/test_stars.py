"""Stars before a scripted Telegram: links are made, questions answered when they come, renewals stopped, refunds sent."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from app.accounts.models import User, Workspace
from app.accounts.service import people
from app.billing.gateways.stars.link import SUBSCRIPTION_PERIOD_S
from app.billing.gateways.stars.till import NOT_YOURS
from app.billing.money_models import CheckoutOrder
from app.billing.service import orders, subscriptions
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Upstream
from app.telegram.port import StarTransaction
from bot.intake import Intake
from bot.stars import StarsDesk
from tests.bot.conftest import Apply
from tests.bot.wire import BOT_ID, OWNER_ID, FakeTelegram, Raw, person
from tests.world import Owner, owner

STRANGER = 4711


@pytest.fixture
def aziza(owned: None) -> Owner:
    """Known from a channel of hers."""
    user: User = User.get(User.telegram_user_id == OWNER_ID)
    User.update(language="en").where(User.id == user.id).execute()
    return Owner(User.get_by_id(user.id), Workspace.get_by_id(people.workspaces_of(user.id)[0][0]))


@pytest.fixture
def of(runtime: Runtime, aziza: Owner) -> CheckoutOrder:
    way = runtime.gateways.get("stars")
    return orders.open_order(aziza.workspace.id, "pro", "days30", way, user_id=aziza.user.id, now=clock.utcnow())


def asked(update_id: int, payload: str, *, by: int = OWNER_ID) -> Raw:
    query = {"id": f"q{update_id}", "from": person(by), "currency": "XTR", "total_amount": 700}
    return {"update_id": update_id, "pre_checkout_query": query | {"invoice_payload": payload}}


def paid(update_id: int, payload: str, charge: str = "c1", **other: object) -> Raw:
    chat = {"id": OWNER_ID, "type": "private", "first_name": "Aziza"}
    payment = {"currency": "XTR", "total_amount": 700, "invoice_payload": payload, "provider_payment_charge_id": ""}
    payment |= {"telegram_payment_charge_id": charge, "is_recurring": True, "is_first_recurring": True}
    payment |= {"subscription_expiration_date": int(clock.utcnow().timestamp()) + SUBSCRIPTION_PERIOD_S}
    body = {"message_id": update_id, "date": 1, "chat": chat, "from": person(OWNER_ID)}
    return {"update_id": update_id, "message": body | {"successful_payment": payment | other}}


def test_a_link_is_made_once_and_after_a_refusal_later(
    runtime: Runtime, of: CheckoutOrder, telegram: FakeTelegram
) -> None:
    desk = StarsDesk(runtime)
    telegram.failures["create_invoice_link"] = [Upstream("wait", retry_after_s=60)]
    assert desk.turn() == 0 and desk.turn() == 0, "not before Telegram's time"
    with db.write():
        db.execute("UPDATE star_link SET retry_at = 1")
    assert desk.turn() == 1 and desk.turn() == 0
    (invoice,) = telegram.invoices
    assert (invoice.title, invoice.stars, invoice.period_s) == ("AnalyticBot Pro", 700, 2_592_000)
    assert invoice.payload == runtime.till.payload(of.public_id) and len(invoice.payload.encode()) <= 128
    assert orders.pay_url(of, runtime.gateways.get("stars"), language="en", base_url="") == "https://t.me/$invoice1"


def test_a_question_is_answered_when_it_comes_and_again_after_a_crash(
    runtime: Runtime, of: CheckoutOrder, telegram: FakeTelegram
) -> None:
    payload = runtime.till.payload(of.public_id)
    intake = Intake(runtime, threading.Event())
    telegram.waiting = [asked(51, payload), asked(52, payload, by=STRANGER)]
    intake.poll_once(BOT_ID, telegram)  # type: ignore[arg-type]
    assert [query for query, _ in telegram.checkouts] == ["q51", "q52"]
    assert telegram.checkouts[0][1] == "" and telegram.checkouts[1][1] != "", NOT_YOURS
    with db.write():
        db.execute("DELETE FROM cursor")  # as if it had died before it kept how far it came
    intake.poll_once(BOT_ID, telegram)  # type: ignore[arg-type]
    assert telegram.checkouts[2:] == telegram.checkouts[:2]
    assert db.row("SELECT COUNT(*) FROM pre_checkout") == (2,)


def test_a_question_that_cannot_be_answered_stops_nothing(
    runtime: Runtime, of: CheckoutOrder, telegram: FakeTelegram
) -> None:
    telegram.failures["answer_pre_checkout"] = [Upstream("away")]
    broken = {"update_id": 61, "pre_checkout_query": {"id": "q61"}}
    telegram.waiting = [broken, asked(62, runtime.till.payload(of.public_id))]
    assert Intake(runtime, threading.Event()).poll_once(BOT_ID, telegram) == 2  # type: ignore[arg-type]


def test_a_payment_comes_twice_and_through_two_processes(
    runtime: Runtime, aziza: Owner, of: CheckoutOrder, apply: Apply
) -> None:
    payload = runtime.till.payload(of.public_id)
    apply(paid(71, payload), paid(71, payload), paid(72, payload))
    assert plan_of(aziza.workspace.id) == "pro" and orders.any_order(of.public_id).deliveries == 1
    assert db.row("SELECT COUNT(*) FROM inbox WHERE dead_at IS NOT NULL") == (0,)


def test_what_the_payer_does_in_telegram_is_followed(
    runtime: Runtime, aziza: Owner, of: CheckoutOrder, apply: Apply
) -> None:
    payload = runtime.till.payload(of.public_id)
    apply(paid(71, payload))

    def changed(update_id: int, state: str) -> Raw:
        body = {"user": person(OWNER_ID), "invoice_payload": payload, "state": state}
        return {"update_id": update_id, "subscription": body}

    apply(changed(72, "canceled"))
    sub = subscriptions.live(aziza.workspace.id)
    assert sub is not None and sub.is_ending
    apply(changed(73, "active"))
    sub = subscriptions.live(aziza.workspace.id)
    assert sub is not None and not sub.is_ending
    refund = {"currency": "XTR", "total_amount": 700, "invoice_payload": payload, "telegram_payment_charge_id": "c1"}
    gone = paid(74, payload)
    gone["message"].pop("successful_payment")
    apply(gone | {"message": gone["message"] | {"refunded_payment": refund}})
    assert plan_of(aziza.workspace.id) == "free"


def test_renewals_are_stopped_and_refunds_sent_until_telegram_takes_them(
    runtime: Runtime, aziza: Owner, of: CheckoutOrder, apply: Apply, telegram: FakeTelegram
) -> None:
    payload = runtime.till.payload(of.public_id)
    apply(paid(71, payload), paid(72, payload, charge="c2"))
    telegram.failures["refund_stars"] = [Upstream("away")]
    desk = StarsDesk(runtime)
    desk.turn()
    assert telegram.refunds == [] and desk.turn() == 0, "it waits"
    desk = StarsDesk(runtime)
    desk.turn()
    assert telegram.refunds == [(OWNER_ID, "c2")] and telegram.renewals == [(OWNER_ID, "c2", True)]
    subscriptions.cancel(aziza.workspace.id, user_id=aziza.user.id, now=clock.utcnow())
    desk.turn()
    assert telegram.renewals[1:] == [(OWNER_ID, "c1", True)] and desk.turn() == 0


def test_what_telegram_refuses_for_good_is_doubted_once_and_keeps_nobody_else_waiting(
    runtime: Runtime, aziza: Owner, of: CheckoutOrder, apply: Apply, telegram: FakeTelegram
) -> None:
    payload = runtime.till.payload(of.public_id)
    apply(paid(71, payload), paid(72, payload, charge="c2"))
    gone = Upstream("Bad Request: SUBSCRIPTION_NOT_ACTIVE", permanent=True)
    telegram.failures["stop_star_renewal"] = [gone]
    telegram.failures["refund_stars"] = [Upstream("Bad Request: CHARGE_NOT_FOUND", permanent=True)] * 2
    other = owner("Other", telegram_user_id=STRANGER, plan="free", now=clock.utcnow())
    way = runtime.gateways.get("stars")
    desk = StarsDesk(runtime)
    desk.turn()
    orders.open_order(other.workspace.id, "pro", "days30", way, user_id=other.user.id, now=clock.utcnow())
    assert desk.turn() == 1 and len(telegram.invoices) == 1, "the next customer has a link at once"
    assert telegram.renewals == [] and len(telegram.failures["refund_stars"]) == 1, "neither is asked again at once"
    assert db.rows("SELECT kind, reference FROM difference") == [("refused", "c2")]


def test_the_whole_list_is_read_before_anything_is_called_missing(
    runtime: Runtime, aziza: Owner, of: CheckoutOrder, apply: Apply, telegram: FakeTelegram
) -> None:
    payload = runtime.till.payload(of.public_id)
    apply(paid(71, payload))
    with db.write():
        db.execute("UPDATE star_payment SET received_at = ?", db.stamp(clock.utcnow() - timedelta(days=3)))
    other = StarTransaction("x", 0, "", 5, 0, clock.utcnow(), True)
    mine = StarTransaction("c1", OWNER_ID, payload, 700, SUBSCRIPTION_PERIOD_S, clock.utcnow(), False)
    telegram.transactions = [*[other] * 250, mine]
    StarsDesk(runtime).turn()
    assert db.rows("SELECT kind FROM difference") == []
    telegram.transactions = []
    with db.write():
        db.execute("UPDATE star_payment SET stated_at = NULL")
    StarsDesk(runtime).turn()
    assert db.rows("SELECT kind FROM difference") == [("unstated",)]
