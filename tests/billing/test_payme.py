"""Payme's Merchant API. The numbers in the names are those of facts/payments.md 5.4."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app.billing.gateways.payme.transactions import LIFETIME_MS, Receipts
from app.billing.service.counter import DomainOrders
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import db
from app.web import create_app
from tests.billing import buying
from tests.billing.buying import PRO, at_once, create, order, payme, payme_raw
from tests.conftest import NOW
from tests.world import Owner

T1, T2 = "5f0000000000000000000001", "5f0000000000000000000002"
MINUTE, A_MS = timedelta(minutes=1), timedelta(milliseconds=1)
METHODS = [
    "CheckPerformTransaction",
    "CreateTransaction",
    "PerformTransaction",
    "CancelTransaction",
    "CheckTransaction",
    "GetStatement",
]


def test_01_a_create_whose_reply_was_lost_gets_the_same_reply_and_one_row(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    first = create(of, T1)
    assert first == {"create_time": db.to_ms(NOW), "transaction": first["transaction"], "state": 1}
    again = create(of, T1, now=NOW + 3 * MINUTE)
    assert json.dumps(again) == json.dumps(first)
    assert buying.count("payme_transaction") == 1 == buying.count("payment")


def test_02_of_twenty_creates_at_once_one_has_the_order(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    told = at_once([partial(create, of, f"{n:024d}") for n in range(20)])
    assert Counter(one.get("state") or one["code"] for one in told) == {1: 1, -31008: 19}
    assert buying.count("payme_transaction") == 1


def test_03_ten_performs_at_once_deliver_once_and_say_the_same(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    create(of, T1)
    told = at_once([partial(payme, "PerformTransaction", id=T1, now=NOW + n * A_MS) for n in range(10)])
    assert len({json.dumps(one) for one in told}) == 1 and told[0]["state"] == 2
    assert buying.as_paid(of) == ("paid", 1) and plan_of(buyer.workspace.id) == "pro"
    assert buying.count("ledger_entry WHERE kind = 'payment'") == 1 and buying.books_are_right()


def test_04_perform_and_cancel_that_race_never_deliver_what_was_cancelled(runtime: Runtime, buyer: Owner) -> None:
    for n in range(6):
        of = order(runtime, buyer, "payme")
        payme_id = f"{n:024d}"
        create(of, payme_id)
        calls = [
            partial(payme, "PerformTransaction", id=payme_id),
            partial(payme, "CancelTransaction", id=payme_id, reason=3),
        ]
        at_once(calls if n % 2 else calls[::-1])
        state = payme("CheckTransaction", id=payme_id)["state"]
        assert state in (-1, -2)
        assert buying.as_paid(of) == (("taken_back", 1) if state == -2 else ("open", 0))
    assert buying.books_are_right()


def test_05_a_transaction_is_good_for_twelve_hours_and_not_a_millisecond_more(runtime: Runtime, buyer: Owner) -> None:
    lifetime = timedelta(milliseconds=LIFETIME_MS)
    first, late = order(runtime, buyer, "payme"), order(runtime, buyer, "payme")
    create(first, T1), create(late, T2)
    assert payme("PerformTransaction", id=T1, now=NOW + lifetime)["state"] == 2
    assert payme("PerformTransaction", id=T2, now=NOW + lifetime + A_MS)["code"] == -31008
    told = payme("CheckTransaction", id=T2)
    assert (told["state"], told["reason"], told["cancel_time"]) == (-1, 4, db.to_ms(NOW + lifetime + A_MS))
    assert buying.as_paid(late) == ("open", 0)


def test_06_when_our_clock_is_behind_payme_the_time_that_counts_is_paymes(runtime: Runtime, buyer: Owner) -> None:
    of, theirs = order(runtime, buyer, "payme"), NOW + 10 * MINUTE
    assert create(of, T1, at=theirs)["state"] == 1
    last = theirs + timedelta(milliseconds=LIFETIME_MS)
    assert payme("PerformTransaction", id=T1, now=last)["state"] == 2


def test_07_what_was_used_up_is_not_taken_back(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    buying.bought_by_payme(of, T1)
    assert payme("CancelTransaction", id=T1, reason=5, now=NOW + timedelta(days=32))["code"] == -31007
    assert payme("CheckTransaction", id=T1)["state"] == 2 and buying.as_paid(of) == ("paid", 1)


def test_08_a_refund_ends_the_access_and_writes_a_credit_note(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    buying.bought_by_payme(of, T1)
    tomorrow = NOW + timedelta(days=1)
    told = payme("CancelTransaction", id=T1, reason=5, now=tomorrow)
    assert told == {"transaction": told["transaction"], "cancel_time": db.to_ms(tomorrow), "state": -2}
    assert payme("CancelTransaction", id=T1, reason=3, now=tomorrow + MINUTE) == told, "the first reason stays"
    assert payme("CheckTransaction", id=T1)["reason"] == 5
    assert plan_of(buyer.workspace.id) == "free" and buying.as_paid(of) == ("taken_back", 1)
    assert db.rows("SELECT series, number, total_minor FROM credit_note") == [("C2026", 1, PRO)]
    moved = db.rows("SELECT kind, delta_minor FROM mrr_movement ORDER BY id")
    assert [kind for kind, _ in moved] == ["new", "churn"] and sum(delta for _, delta in moved) == 0
    assert buying.books_are_right() and buying.count("refund WHERE state = 'done'") == 1
    assert create(order(runtime, buyer, "payme", now=tomorrow), T2, at=tomorrow, now=tomorrow)["state"] == 1


@pytest.mark.parametrize(
    "amount",
    [
        *("50000.0", '"50000"', "true", "1e5", str(2**63), "0", "-5", "null", "12499999"),
        *(f"{PRO}.0", f'"{PRO}"', "1.25e7", f"[{PRO}]"),  # of the right value, and no whole number
    ],
)
def test_09_an_amount_that_is_no_whole_number_or_not_the_orders_makes_no_row(
    runtime: Runtime, buyer: Owner, amount: str
) -> None:
    of = order(runtime, buyer, "payme")
    body = (
        f'{{"method": "CreateTransaction", "params": {{"id": "{T1}", "time": {db.to_ms(NOW)}, "amount": {amount},'
        f' "account": {{"order_id": "{of.public_id}"}}}}}}'
    )
    assert payme_raw(body.encode())["error"]["code"] in (-32600, -31001)
    assert buying.count("payme_transaction") == 0


@pytest.mark.parametrize(
    ("auth", "is_good"),
    [
        (buying.basic(), True),
        (buying.basic(scheme="basic"), True),
        (buying.basic("wrong"), False),
        (buying.basic(login="Payme"), False),
        (buying.basic(scheme="Bearer"), False),
        ("Basic ***", False),
        ("Basic", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_10_only_paymes_login_and_key_are_let_in(runtime: Runtime, method: str, auth: str, is_good: bool) -> None:
    told = payme_raw(json.dumps({"id": 3, "method": method, "params": {}}).encode(), auth=auth)
    assert (told["error"]["code"] != -32504) is is_good and told["id"] == 3


def test_10_without_a_key_nobody_is_let_in(runtime: Runtime) -> None:
    from app.billing.gateways.payme import rpc

    told = rpc.answer("POST", buying.basic(""), b"{}", key="", receipts=Receipts(DomainOrders()), now=NOW)
    assert told["error"]["code"] == -32504


def test_11_an_order_that_costs_something_else_since_the_check_is_refused(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    asked = {"amount": PRO, "account": {"order_id": of.public_id}}
    assert payme("CheckPerformTransaction", **asked) == {"allow": True}
    with db.write():
        db.execute("UPDATE checkout_order SET amount_minor = amount_minor + 100 WHERE id = ?", of.id)
    assert payme("CreateTransaction", id=T1, time=db.to_ms(NOW), **asked)["code"] == -31001
    assert buying.count("payme_transaction") == 0


def test_11_another_amount_between_check_and_create_is_refused(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    account = {"order_id": of.public_id}
    assert payme("CheckPerformTransaction", amount=PRO, account=account) == {"allow": True}
    assert create(of, T1, amount=PRO + 1)["code"] == -31001
    assert payme("CheckPerformTransaction", amount=PRO - 1, account=account)["code"] == -31001


def test_12_a_statement_of_ten_thousand_is_whole_and_in_order(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    rows = [(f"{n:024d}", of.id, n, PRO, 1_000 + n % 7, n, -1, 4) for n in range(10_000)]
    with db.write():
        db.execute_many(
            "INSERT INTO payme_transaction (payme_id, order_id, payment_id, amount_minor, time_ms, create_ms, perform_ms,"
            " cancel_ms, state, reason) VALUES (?, ?, ?, ?, ?, ?, 0, 9, ?, ?)",
            rows,
        )
    told = payme("GetStatement", **{"from": 1_001, "to": 1_005})["transactions"]
    inside = [row for row in rows if 1_001 <= row[4] <= 1_005]
    assert len(told) == len(inside)
    assert [one["time"] for one in told] == sorted(row[4] for row in inside)
    assert told[0]["account"] == {"order_id": of.public_id} and told[0]["reason"] == 4
    assert payme("GetStatement", **{"from": 5, "to": 6}) == {"transactions": []}


def test_13_the_price_of_the_order_holds_when_the_plans_price_changes(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    create(of, T1)
    with db.write():
        db.execute("UPDATE plan_price SET amount_minor = 1 WHERE plan_id = 'pro' AND currency = 'UZS'")
    assert payme("PerformTransaction", id=T1)["state"] == 2
    assert db.rows("SELECT total_minor FROM invoice WHERE state = 'paid'") == [(PRO,)]


def test_what_is_no_request_is_told_apart(runtime: Runtime) -> None:
    codes = {
        body: payme_raw(body)["error"]["code"]
        for body in (b"", b"{", b"[1]", b'{"method": 5}', b'{"method": "Nope", "params": {}}', b'{"method": "x"}')
    }
    assert list(codes.values()) == [-32700, -32700, -32600, -32600, -32601, -32601]
    assert payme_raw(b'{"method": "Nope", "params": {}}')["error"]["data"] == "Nope"
    assert payme_raw(b'{"method": "CheckTransaction", "params": [1]}')["error"]["code"] == -32600
    assert payme_raw(b"{}", method="GET")["error"]["code"] == -32300


@pytest.mark.parametrize("method", ["PerformTransaction", "CancelTransaction", "CheckTransaction"])
def test_an_unknown_transaction(runtime: Runtime, method: str) -> None:
    assert payme(method, id=T1, reason=1)["code"] == -31003


@pytest.mark.parametrize("public_id", ["x", "A" * 22, 5, None, "\ud800" * 22, "é" * 22])
def test_an_unknown_order_names_the_field_in_three_languages(runtime: Runtime, public_id: Any) -> None:
    told = payme("CheckPerformTransaction", amount=PRO, account={"order_id": public_id})
    assert told["code"] == -31050 and told["data"] == "order_id"
    assert set(told["message"]) == {"ru", "uz", "en"} and all(told["message"].values())


def test_an_order_of_another_gateway_is_none(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "click")
    assert create(of, T1)["code"] == -31050


def test_a_paid_a_busy_and_an_expired_order_are_refused(runtime: Runtime, buyer: Owner) -> None:
    paid, busy, old = (order(runtime, buyer, "payme") for _ in range(3))
    buying.bought_by_payme(paid, T1)
    create(busy, T2)
    for of, now in ((paid, NOW), (busy, NOW), (old, NOW + timedelta(hours=13))):
        told = payme("CheckPerformTransaction", amount=PRO, account={"order_id": of.public_id}, now=now)
        assert -31099 <= told["code"] <= -31050 and told["data"] == "order_id"
    assert -31099 <= create(paid)["code"] <= -31050 and create(busy)["code"] == -31008
    assert -31099 <= create(old, at=NOW + timedelta(hours=13), now=NOW + timedelta(hours=13))["code"] <= -31050


def test_a_cancelled_transaction_delivers_nothing_and_frees_its_order(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    create(of, T1)
    assert payme("CancelTransaction", id=T1, reason=3)["state"] == -1
    assert payme("PerformTransaction", id=T1)["code"] == -31008 and create(of, T1)["code"] == -31008
    assert buying.as_paid(of) == ("open", 0) and plan_of(buyer.workspace.id) == "free"
    assert buying.bought_by_payme(of, T2)["state"] == 2 and buying.as_paid(of) == ("paid", 1)


def test_a_stale_create_is_refused_and_a_timed_out_one_frees_its_order(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    assert create(of, T1, at=NOW - timedelta(milliseconds=LIFETIME_MS + 1))["code"] == -31008
    assert buying.count("payme_transaction") == 0
    create(of, T1, at=NOW - timedelta(hours=11, minutes=59))
    asked = {"amount": PRO, "account": {"order_id": of.public_id}}
    assert payme("CheckPerformTransaction", now=NOW, **asked)["code"] == -31053
    assert payme("CheckPerformTransaction", now=NOW + 2 * MINUTE, **asked) == {"allow": True}
    assert create(of, T2, at=NOW + 2 * MINUTE, now=NOW + 2 * MINUTE)["state"] == 1
    assert payme("CheckTransaction", id=T1)["reason"] == 4


def test_the_fiscal_receipt_sums_to_the_amount_and_its_answer_is_kept(runtime: Runtime, buyer: Owner) -> None:
    of, receipts = order(runtime, buyer, "payme"), Receipts(DomainOrders(), "10305008004000000", "1209779")
    told = payme("CheckPerformTransaction", receipts=receipts, amount=PRO, account={"order_id": of.public_id})
    (item,) = told["detail"]["items"]
    assert item["price"] * item["count"] == PRO and item["vat_percent"] == 12 and item["code"] == receipts.ikpu
    buying.bought_by_payme(of, T1)
    data = {"receipt_id": 121, "fiscal_sign": "800031554082", "qr_code_url": "https://ofd.example/1"}
    assert payme("SetFiscalData", id=T1, type="PERFORM", fiscal_data=data) == {"success": True}
    assert payme("SetFiscalData", id=T1, type="OTHER", fiscal_data=data)["code"] == -32600
    assert "800031554082" in str(db.row("SELECT fiscal FROM payme_transaction"))


def test_the_address_answers_200_whatever_comes(runtime: Runtime, buyer: Owner) -> None:
    client, of = create_app(runtime).test_client(), order(runtime, buyer, "payme")
    for call, code in ((client.get, -32300), (client.put, -32300), (client.post, -32504)):
        told = call("/hooks/payme")
        assert told.status_code == 200 and told.json is not None and told.json["error"]["code"] == code
    body = {
        "id": 1,
        "method": "CheckPerformTransaction",
        "params": {"amount": PRO, "account": {"order_id": of.public_id}},
    }
    # the order was opened in spring 2026: by the web process's own clock its time is over
    told = client.post("/hooks/payme", json=body, headers={"Authorization": buying.basic()})
    assert told.status_code == 200 and told.json is not None and told.json["error"]["code"] == -31052


def test_a_failure_of_ours_is_told_with_status_200_and_moves_nothing(
    runtime: Runtime, buyer: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.billing.service import invoices

    of = order(runtime, buyer, "payme")
    create(of, T1)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(invoices, "finalise_paid", fail)
        assert payme("PerformTransaction", id=T1)["code"] == -32400
    assert payme("CheckTransaction", id=T1)["state"] == 1 and buying.as_paid(of) == ("open", 0)
    assert payme("PerformTransaction", id=T1)["state"] == 2 and buying.as_paid(of) == ("paid", 1)
