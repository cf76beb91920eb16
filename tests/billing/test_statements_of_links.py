"""Case 58 for who paid by link: what Payme and Click took and never told us of is found in their own statements."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

import httpx
import pytest

from app.accounts.service import people
from app.billing.gateways.base import Stated
from app.billing.money_models import CheckoutOrder
from app.billing.service import collecting, ledger, orders, settling, statements
from app.boot import Runtime
from app.core import db
from tests.billing import buying, charged
from tests.billing.outside import Outside
from tests.conftest import NOW
from tests.world import Owner, owner

HOUR = timedelta(hours=1)
GATEWAYS = ("payme", "click")
_numbers = count(4_000_000_001, 10)  # the gateways are those of all tests


@pytest.fixture
def buyer(worker: Runtime) -> Owner:
    return owner("Bobur", telegram_user_id=77, plan="free", now=NOW)


def begun(worker: Runtime, who: Owner, gateway: str, *, now: datetime = NOW) -> tuple[CheckoutOrder, str]:
    """An order of which a payment was begun by link, and the gateway's number of it."""
    number = next(_numbers)
    order = buying.order(worker, who, gateway, now=now)
    if gateway == "payme":
        ref = f"{number:024d}"
        assert buying.create(order, ref, at=now, now=now)["state"] == 1
        return order, ref
    assert buying.prepare(order, number, now=now)["error"] == 0
    return order, str(number + 1)  # click_paydoc_id, as fields of buying have it


def money_moved(outside: Outside, gateway: str, ref: str, order: CheckoutOrder, *, less: int = 0) -> None:
    """The payer paid; the gateway has not told us."""
    given = {"gateway": gateway, "number": ref, "order": order.public_id, "amount_minor": order.amount_minor - less}
    httpx.post(f"{outside.payments_url}/_control/paid", json=given).raise_for_status()


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_58_what_was_paid_by_link_and_never_told_is_delivered_from_the_statement(
    worker: Runtime, outside: Outside, buyer: Owner, gateway: str
) -> None:
    outside.turn_clock(NOW)
    order, ref = begun(worker, buyer, gateway)
    worker.desks.run(gateway, NOW)
    assert buying.as_paid(order) == ("open", 0)
    money_moved(outside, gateway, ref, order)
    done, again = worker.desks.run(gateway, NOW + HOUR)
    assert "1 healed from the statement" in done and again == NOW + 2 * HOUR
    assert buying.as_paid(order) == ("paid", 1) and buying.books_are_right()
    assert "1 healed from the statement" not in worker.desks.run(gateway, NOW + 2 * HOUR)[0]
    assert ledger.differences() == []


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_58_money_of_an_order_that_nobody_waited_for_any_more_is_delivered(
    worker: Runtime, outside: Outside, buyer: Owner, gateway: str
) -> None:
    outside.turn_clock(NOW)
    order, ref = begun(worker, buyer, gateway)
    later = NOW + timedelta(days=2)
    money_moved(outside, gateway, ref, order)
    orders.expire(now=later)
    assert buying.as_paid(order) == ("expired", 0)
    worker.desks.run(gateway, later)
    assert buying.as_paid(order) == ("paid", 1) and buying.books_are_right()


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_58_what_we_booked_and_they_do_not_know_is_told(
    worker: Runtime, outside: Outside, buyer: Owner, gateway: str
) -> None:
    outside.turn_clock(NOW)
    if gateway == "payme":
        buying.bought_by_payme(buying.order(worker, buyer, "payme"), f"{next(_numbers):024d}")
    else:
        order = buying.order(worker, buyer, "click")
        number = next(_numbers)
        prepared = buying.prepare(order, number)["merchant_prepare_id"]
        assert buying.complete(order, number, prepared)["error"] == 0
    worker.desks.run(gateway, NOW + 3 * HOUR)
    assert [one.kind for one in ledger.differences()] == ["unstated"]


def test_58_another_amount_is_told_and_nothing_is_delivered(worker: Runtime, outside: Outside, buyer: Owner) -> None:
    """Payme names amounts; Click names none."""
    outside.turn_clock(NOW)
    order, ref = begun(worker, buyer, "payme")
    money_moved(outside, "payme", ref, order, less=100)
    worker.desks.run("payme", NOW + HOUR)
    assert buying.as_paid(order) == ("open", 0)
    assert [one.kind for one in ledger.differences()] == ["amount"]


def test_58_of_two_attempts_at_click_the_one_that_took_money_counts(
    worker: Runtime, outside: Outside, buyer: Owner
) -> None:
    outside.turn_clock(NOW)
    order, _ = begun(worker, buyer, "click")
    second = next(_numbers)
    assert buying.prepare(order, second)["error"] == 0
    money_moved(outside, "click", str(second + 1), order)
    worker.desks.run("click", NOW + HOUR)
    assert buying.as_paid(order) == ("paid", 1)
    states = [state for (state,) in db.rows("SELECT state FROM payment ORDER BY id")]
    assert states.count("succeeded") == 1 and buying.count("refund") == 0


def test_58_those_who_run_the_service_are_told_once_an_hour_however_many_differ(
    worker: Runtime, outside: Outside, buyer: Owner
) -> None:
    people.create_user(name="Operator", timezone="Asia/Tashkent", telegram_user_id=900, is_superadmin=True, now=NOW)
    for number in (1, 2):
        with db.write():
            settling.doubt("payme", "amount", f"payment:{number}", "10 stated, 11 booked", now=NOW)
            settling.doubt("payme", "amount", f"payment:{number}", "said again", now=NOW + HOUR)
    assert buying.count("notice WHERE template = 'books_differ'") == 1
    with db.write():
        settling.doubt("click", "foreign", "payment:3", "5 stated, nothing booked", now=NOW + HOUR)
    assert db.rows("SELECT chat_id FROM notice WHERE template = 'books_differ'") == [(900,), (900,)]


def test_58_of_one_number_at_click_the_attempt_that_was_paid_counts_and_nothing_goes_back(
    worker: Runtime, outside: Outside, buyer: Owner
) -> None:
    """Click says no, and tries again under the same number: its yes is of the second attempt only."""
    outside.turn_clock(NOW)
    order, number = buying.order(worker, buyer, "click"), next(_numbers)
    first = buying.prepare(order, number)["merchant_prepare_id"]
    assert buying.complete(order, number, first, error=-5017)["error"] == -9
    second = buying.prepare(order, number)["merchant_prepare_id"]
    assert second != first and buying.complete(order, number, second)["error"] == 0
    money_moved(outside, "click", str(number + 1), order)
    for hours in (1, 2, 3):
        worker.desks.run("click", NOW + hours * HOUR)
    assert buying.as_paid(order) == ("paid", 1) and buying.count("refund") == 0
    assert [one["money"] for one in outside.money("click") if one["order"] == order.public_id] == []
    assert ledger.differences() == [] and buying.books_are_right()


def test_58_money_by_link_is_not_booked_for_a_charge_that_nobody_knows_of(
    worker: Runtime, outside: Outside, buyer: Owner
) -> None:
    """The order was paid by link while a charge of a card has no number yet."""
    payer = charged.subscribed(worker, outside, buyer, "payme")
    order, ref, at = charged.order(payer, now=NOW + HOUR), f"{next(_numbers):024d}", NOW + HOUR
    collecting.charge_now(buyer.workspace.id, order.public_id, user_id=None, now=at)
    ((charge,),) = db.rows("SELECT id FROM payment WHERE method_id IS NOT NULL")
    assert collecting.take_turn(charge, "created", None, now=at)
    buying.create(order, ref, at=at, now=at)
    assert buying.payme("PerformTransaction", id=ref, now=at)["state"] == 2
    held = ledger.balance(ledger.clearing("payme"), "UZS")
    statements.compare("payme", [Stated(ref, order.public_id, order.amount_minor)], {ref}, now=at + HOUR)
    assert ledger.balance(ledger.clearing("payme"), "UZS") == held and buying.count("refund") == 0
