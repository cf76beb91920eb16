"""Click's Prepare and Complete. The numbers in the names are those of facts/payments.md 5.4."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import db
from app.web import create_app
from tests.billing import buying
from tests.billing.buying import at_once, click, click_fields, complete, order, prepare
from tests.conftest import NOW
from tests.world import Owner

OK = 0


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        ("125000.00", OK),
        ("125000", OK),
        ("125000.0", OK),
        ("125000.001", -2),
        ("124999.99", -2),
        ("1.25e5", -2),
        ("-1", -2),
    ],
)
def test_14_amounts_are_equal_as_decimals(runtime: Runtime, buyer: Owner, amount: str, error: int) -> None:
    of = order(runtime, buyer, "click")
    assert prepare(of, 1, amount=amount)["error"] == error
    told = prepare(of, 2)
    assert complete(of, 2, told["merchant_prepare_id"], amount=amount)["error"] == error
    assert buying.as_paid(of) == (("paid", 1) if error == OK else ("open", 0))


def test_15_the_signature_of_a_prepare_does_not_sign_a_complete(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "click")
    fields = click_fields(of, 1)
    prepared = click(fields)["merchant_prepare_id"]
    for forged in (prepared, prepared + 1):
        told = click(fields | {"action": 1, "merchant_prepare_id": forged})
        assert told["error"] == -1
    signed = click_fields(of, 1, prepare_id=prepared)
    assert click(signed | {"merchant_prepare_id": prepared + 1})["error"] == -1
    assert buying.as_paid(of) == ("open", 0)


def test_16_two_completes_at_once_deliver_once(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "click")
    prepared = prepare(of, 1)["merchant_prepare_id"]
    told = at_once([partial(complete, of, 1, prepared)] * 8)
    assert Counter(one["error"] for one in told) == {OK: 1, -4: 7}
    assert buying.as_paid(of) == ("paid", 1) and plan_of(buyer.workspace.id) == "pro"
    assert buying.count("ledger_entry WHERE kind = 'payment'") == 1 and buying.books_are_right()


def test_17_an_unsigned_error_cancels_nothing(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "click")
    prepared = prepare(of, 1)["merchant_prepare_id"]
    assert complete(of, 1, prepared, error=-5017, sign_string="0" * 32)["error"] == -1
    assert complete(of, 1, prepared)["error"] == OK and buying.as_paid(of) == ("paid", 1)


def test_18_money_for_what_cannot_be_delivered_is_taken_and_owed_back_once(runtime: Runtime, buyer: Owner) -> None:
    """Another plan was paid for between Prepare and Complete."""
    of, other = order(runtime, buyer, "click"), order(runtime, buyer, "payme", plan="business")
    prepared = prepare(of, 1)["merchant_prepare_id"]
    buying.bought_by_payme(other, "T" * 24)
    assert complete(of, 1, prepared)["error"] == OK, "Click has the money: it is told so"
    assert complete(of, 1, prepared)["error"] in (-4, -9)
    assert plan_of(buyer.workspace.id) == "business" and buying.as_paid(of) == ("refund_due", 0)
    assert db.rows("SELECT state, amount_minor FROM refund") == [("due", of.amount_minor)]
    assert buying.books_are_right()


def test_20_a_number_that_javascript_cannot_hold_is_echoed_exactly(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "click")
    assert prepare(of, 9007199254740993)["click_trans_id"] == 9007199254740993


def test_21_a_number_of_clicks_used_again_for_another_order_is_another_payment(runtime: Runtime, buyer: Owner) -> None:
    first, second = order(runtime, buyer, "click"), order(runtime, buyer, "click")
    one = prepare(first, 5)["merchant_prepare_id"]
    assert complete(first, 5, one)["error"] == OK
    two = prepare(second, 5)["merchant_prepare_id"]
    assert two != one and complete(second, 5, two)["error"] == OK
    assert buying.as_paid(first) == buying.as_paid(second) == ("paid", 1)


def test_a_prepare_that_comes_again_has_the_same_number_and_a_paid_order_none(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "click")
    first = prepare(of, 1)
    assert prepare(of, 1) == first and buying.count("payment") == 1
    told = complete(of, 1, first["merchant_prepare_id"])
    assert told["merchant_confirm_id"] == first["merchant_prepare_id"] and told["error_note"] == "Success"
    assert prepare(of, 1)["error"] == -4 and prepare(of, 2)["error"] == -4
    assert buying.count("payment") == 1


@pytest.mark.parametrize("prepare_id", [999_999, 2**31, 10**17, -1, 0])
def test_a_complete_without_its_prepare_delivers_nothing(runtime: Runtime, buyer: Owner, prepare_id: int) -> None:
    of = order(runtime, buyer, "click")
    prepare(of, 1)
    assert complete(of, 1, prepare_id)["error"] == -6 and buying.as_paid(of) == ("open", 0)


def test_a_prepare_of_another_order_does_not_count(runtime: Runtime, buyer: Owner) -> None:
    mine, other = order(runtime, buyer, "click"), order(runtime, buyer, "click")
    theirs = prepare(other, 1)["merchant_prepare_id"]
    assert complete(mine, 1, theirs)["error"] == -6


def test_a_cancelled_payment_is_never_confirmed(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "click")
    prepared = prepare(of, 1)["merchant_prepare_id"]
    assert complete(of, 1, prepared, error=-5017)["error"] == -9
    assert complete(of, 1, prepared)["error"] == -9 and buying.as_paid(of) == ("open", 0)
    assert db.rows("SELECT kind FROM difference") == [("paid_after_cancel",)], "money may have moved: somebody looks"
    again = prepare(of, 1)["merchant_prepare_id"]
    assert again != prepared and complete(of, 1, again)["error"] == OK


def test_an_error_after_it_was_paid_takes_nothing_away_and_somebody_has_to_look(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "click")
    prepared = prepare(of, 1)["merchant_prepare_id"]
    complete(of, 1, prepared)
    assert complete(of, 1, prepared, error=-1)["error"] == -9
    assert buying.as_paid(of) == ("paid", 1) and plan_of(buyer.workspace.id) == "pro"
    assert db.rows("SELECT kind FROM difference") == [("cancelled_after_paid",)]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"sign_string": "x" * 32}, -1),
        ({"service_id": "1"}, -1),
        ({"action": 7}, -3),
        ({"merchant_trans_id": "nobody"}, -5),
        ({"merchant_trans_id": "\0"}, -5),
        ({"click_trans_id": "12a"}, -8),
        ({"click_trans_id": "9" * 40}, -8),
        ({"error": "none"}, -8),
        ({"amount": ""}, -8),
        ({"sign_time": ""}, -8),
    ],
)
def test_the_checks_of_a_prepare(runtime: Runtime, buyer: Owner, change: dict[str, Any], error: int) -> None:
    of = order(runtime, buyer, "click")
    told = click(click_fields(of, 1, **change))
    assert told["error"] == error and told["error_note"]
    assert buying.count("click_prepare") == 0


def test_an_order_of_payme_or_past_its_time_is_refused(runtime: Runtime, buyer: Owner) -> None:
    assert prepare(order(runtime, buyer, "payme"), 1)["error"] == -5
    of = order(runtime, buyer, "click")
    assert prepare(of, 1, now=NOW + timedelta(hours=24))["error"] == -9


def test_the_address_takes_forms_and_answers_json(runtime: Runtime, buyer: Owner) -> None:
    client, of = create_app(runtime).test_client(), order(runtime, buyer, "click")
    told = client.post("/hooks/click", data=click_fields(of, 1, sign_string="0" * 32))
    assert told.status_code == 200 and told.json is not None
    assert (told.json["error"], told.json["click_trans_id"], told.json["merchant_trans_id"]) == (-1, 1, of.public_id)
    assert client.post("/hooks/click").json == {
        "click_trans_id": "",
        "merchant_trans_id": "",
        "error": -8,
        "error_note": "Error in request from click",
    }
