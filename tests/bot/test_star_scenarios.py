"""The scenarios that aiogram-stars 0.2.0 publishes for payments in Stars, in our words, before our adapter.

`SCENARIOS` says of each of theirs which test of ours is it, or why it is none of ours. Where their library leaves a
decision to its user ("on_paid"), ours is the product's: a payment is decided in one transaction, so there is none that
is "being handled", no lease to expire and nothing to accept or reject by hand.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from app.billing.money_models import CheckoutOrder
from app.billing.service import orders, subscriptions
from app.billing.service.counter import DomainOrders
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Upstream
from bot.stars import StarsDesk
from tests.billing import buying
from tests.bot.conftest import Apply
from tests.bot.test_stars import aziza, of, paid  # a payer, her order, and Telegram's message of a payment
from tests.bot.wire import OWNER_ID, FakeTelegram, person
from tests.world import Owner

__all__ = ["aziza", "of"]
ROOT = Path(__file__).resolve().parents[2]
_TILL, _BOT, _HERE = "tests/billing/test_stars.py", "tests/bot/test_stars.py", "tests/bot/test_star_scenarios.py"
_HOOK, _ANY = "tests/web/test_star_hooks.py", "tests/billing/test_any_order_outside.py"
_WIRED, _INBOX = "tests/bot/test_stars_with_simulator.py", "tests/bot/test_inbox.py"
SCENARIOS = {
    "a signed payload is approved, a forged one and one of another secret are not": (
        f"{_TILL}::test_35_a_signature_of_somebody_else_is_worth_nothing"
    ),
    "a payload is bound to its amount and currency, and fits into 128 bytes": (
        f"{_TILL}::test_35_what_does_not_fit_is_refused_before_anything_is_paid"
    ),
    "a payload that is no ASCII is refused before anything is paid": (
        f"{_TILL}::test_35_what_does_not_fit_is_refused_before_anything_is_paid"
    ),
    "the check refuses with a reason for the buyer": (
        f"{_TILL}::test_35_a_stale_order_and_a_paid_one_are_refused_and_repetitions_are_told_the_same"
    ),
    "a paid order is declined at checkout, and a second payment refunded": (
        f"{_TILL}::test_38_a_second_subscription_is_refused_and_what_slips_through_goes_back_once"
    ),
    "a check that is slow is answered before the deadline": (
        f"{_HOOK}::test_35_a_database_that_stalls_for_nine_seconds_is_no_reason_for_silence"
    ),
    "a check that crashes declines, and nobody else waits": (
        f"{_BOT}::test_a_question_that_cannot_be_answered_stops_nothing"
    ),
    "a question that comes again after a crash is answered again": (
        f"{_BOT}::test_a_question_is_answered_when_it_comes_and_again_after_a_crash"
    ),
    "a duplicate update is handled once": f"{_BOT}::test_a_payment_comes_twice_and_through_two_processes",
    "duplicates at once are handled once": f"{_TILL}::test_36_the_same_payment_in_many_processes_at_once_is_one_period",
    "two dispatchers on one database handle a payment once": (
        f"{_INBOX}::test_two_consumers_with_the_same_update_in_hand_have_one_effect"
    ),
    "different charges for one order are separate payments": f"{_HERE}::test_another_charge_for_one_order_goes_back",
    "a payment with a payload that does not verify (theirs goes back; ours is told to somebody)": (
        f"{_TILL}::test_35_a_signature_of_somebody_else_is_worth_nothing"
    ),
    "a payment abandoned mid-handling is handled again": (
        f"{_HERE}::test_what_dies_half_way_leaves_nothing_and_is_taken_again"
    ),
    "a payment whose message never came": (
        f"{_WIRED}::test_a_payment_whose_message_was_lost_is_found_in_telegrams_own_list"
    ),
    "the fields of a subscription are kept, renewals continue it": (
        f"{_TILL}::test_37_a_renewal_that_comes_days_late_continues_without_a_gap"
    ),
    "cancelling a subscription, and taking that back": (
        f"{_TILL}::test_cancelling_here_is_told_to_telegram_and_cancelling_there_to_nobody"
    ),
    "a link of a subscription passes its period, and is made once": (
        f"{_BOT}::test_a_link_is_made_once_and_after_a_refusal_later"
    ),
    "a refund that fails twice goes through at the third attempt, also after a restart": (
        f"{_HERE}::test_a_refund_that_fails_twice_goes_through_by_another_process"
    ),
    "a charge that was refunded already counts as done": f"{_HERE}::test_a_refund_whose_answer_was_lost_is_booked_once",
    "flood control pauses the other refunds too": f"{_HERE}::test_when_telegram_asks_for_patience_every_refund_waits",
    "a refund that Telegram refuses for good is told to somebody": (
        f"{_BOT}::test_what_telegram_refuses_for_good_is_doubted_once_and_keeps_nobody_else_waiting"
    ),
    "two outboxes on one database: Telegram refunds a charge once, and the books move once": (
        f"{_HERE}::test_two_desks_at_once_book_a_refund_once"
    ),
    "a refund of a payment that nobody knows": (
        f"{_TILL}::test_40_a_refund_of_telegrams_own_ends_the_plan_and_is_booked_once"
    ),
    "what needs a person is listed, and settled by hand once": (
        "tests/admin/test_operating.py::test_what_does_not_fit_is_looked_at_once_and_recorded"
    ),
    "buy, pay and refund from end to end": f"{_WIRED}::test_by_polling_from_the_link_to_the_refund",
    "the same in any order": f"{_ANY}::test_60_any_order_of_telegrams_day_has_the_same_end",
    "payments left in progress, leases, accepting and rejecting by hand": (
        "none of ours: a payment is decided in the transaction that stores it"
    ),
    "previous secrets still verify": f"{_TILL}::test_after_a_change_of_the_secret_key_a_renewal_of_before_is_still_ours",
    "order ids of any form, blank ones and too long ones": "none of ours: an order's number is made by us, 22 characters",
    "other handlers, routers, start and stop of the library": "none of ours: they are about a library's seams",
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_is_a_test_that_exists_or_says_why_not(scenario: str) -> None:
    named = SCENARIOS[scenario]
    if named.startswith("none of ours: "):
        return
    path, _, name = named.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text(), named


@pytest.fixture
def two_owed(runtime: Runtime, of: CheckoutOrder, apply: Apply) -> list[str]:
    """One period is paid for; two more charges of the same order are to go back."""
    payload = runtime.till.payload(of.public_id)
    apply(paid(71, payload), paid(72, payload, charge="c2"), paid(73, payload, charge="c3"))
    return ["c2", "c3"]


def _owed() -> list[str]:
    rows = db.rows(
        "SELECT gateway_ref FROM payment p JOIN refund r ON r.payment_id = p.id WHERE r.state = 'due' ORDER BY 1"
    )
    return [str(ref) for (ref,) in rows]


def _booked_back() -> int:
    return buying.count("ledger_entry WHERE kind = 'refund'")


def test_another_charge_for_one_order_goes_back(aziza: Owner, of: CheckoutOrder, two_owed: list[str]) -> None:
    assert _owed() == two_owed and orders.any_order(of.public_id).deliveries == 1
    assert buying.count("payment") == 3 and plan_of(aziza.workspace.id) == "pro"


def test_a_refund_that_fails_twice_goes_through_by_another_process(
    runtime: Runtime, two_owed: list[str], telegram: FakeTelegram
) -> None:
    telegram.failures["refund_stars"] = [Upstream("away"), Upstream("away")]
    for _ in range(3):
        StarsDesk(runtime).turn()  # what is due stands in rows: each of these knows nothing of the one before
    assert telegram.refunds == [(OWNER_ID, charge) for charge in two_owed]
    assert _owed() == [] and _booked_back() == 2 and buying.books_are_right()


def test_a_refund_whose_answer_was_lost_is_booked_once(
    runtime: Runtime, two_owed: list[str], telegram: FakeTelegram
) -> None:
    gone = Upstream("Bad Request: CHARGE_ALREADY_REFUNDED", permanent=True)
    telegram.failures["refund_stars"] = [Upstream("timed out"), gone]
    StarsDesk(runtime).turn()
    StarsDesk(runtime).turn()
    assert telegram.refunds == [(OWNER_ID, "c3")] and _owed() == []
    assert _booked_back() == 2 and buying.count("difference") == 0 and buying.books_are_right()


def test_when_telegram_asks_for_patience_every_refund_waits(
    runtime: Runtime, two_owed: list[str], telegram: FakeTelegram
) -> None:
    telegram.failures["refund_stars"] = [Upstream("Too Many Requests", retry_after_s=60)]
    desk = StarsDesk(runtime)
    desk.turn()
    desk.turn()
    assert telegram.refunds == [] and _owed() == two_owed


def test_two_desks_at_once_book_a_refund_once(
    runtime: Runtime, two_owed: list[str], telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telegram refunds a charge once, whoever asks; the books move once."""
    both = threading.Barrier(2)
    send = telegram.refund_stars

    def together(telegram_user_id: int, charge_id: str) -> None:
        if charge_id == "c2":
            both.wait(10)
        send(telegram_user_id, charge_id)

    monkeypatch.setattr(telegram, "refund_stars", together)
    buying.at_once([StarsDesk(runtime).turn, StarsDesk(runtime).turn])
    assert _owed() == [] and _booked_back() == 2 and buying.books_are_right()


def test_what_dies_half_way_leaves_nothing_and_is_taken_again(
    runtime: Runtime, aziza: Owner, of: CheckoutOrder, apply: Apply, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = runtime.till.payload(of.public_id)
    with monkeypatch.context() as broken:
        broken.setattr(DomainOrders, "settle", _die)
        apply(paid(71, payload))
    assert buying.count("payment") == buying.count("star_payment") == buying.count("ledger_entry") == 0
    with db.write():
        db.execute("UPDATE inbox SET not_before = ?", db.stamp(clock.utcnow() - timedelta(seconds=1)))
    apply()
    assert plan_of(aziza.workspace.id) == "pro" and orders.any_order(of.public_id).deliveries == 1


def test_a_cancellation_in_telegram_waits_for_its_payers_payment(
    runtime: Runtime, aziza: Owner, of: CheckoutOrder, apply: Apply, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names a person and no chat; let past a payment that is tried again, it would be of no plan, and forgotten."""
    payload = runtime.till.payload(of.public_id)
    body = {"user": person(OWNER_ID), "invoice_payload": payload, "state": "canceled"}
    with monkeypatch.context() as broken:
        broken.setattr(DomainOrders, "settle", _die)
        apply(paid(71, payload), {"update_id": 72, "subscription": body})
    with db.write():
        db.execute("UPDATE inbox SET not_before = ?", db.stamp(clock.utcnow() - timedelta(seconds=1)))
    apply()
    sub = subscriptions.live(aziza.workspace.id)
    assert sub is not None and sub.is_ending


def _die(*_: object, **__: object) -> None:
    raise RuntimeError("killed here")
