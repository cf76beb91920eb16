"""Credit on the pages: who is asked, who may press, and that an order is paid by it once."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader

from app.accounts.service import people, sessions
from app.billing.service import credit, orders
from app.boot import Runtime
from app.core import clock
from app.core.policy import Role
from tests.billing import buying
from tests.billing.buying import PRO
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.billing.test_credit import paid_twice
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Bobur", telegram_user_id=77, plan="free", now=clock.utcnow())


@pytest.fixture
def client(who: Owner, sign_in: SignIn) -> FlaskClient:
    return sign_in(who)


def _kept(runtime: Runtime, who: Owner, client: FlaskClient) -> None:
    refund = paid_twice(runtime, who, now=clock.utcnow())
    assert client.post("/billing/credit", data={"refund": refund}).status_code == 303
    assert credit.of_workspace(who.workspace.id) == {"UZS": PRO}


def _order(client: FlaskClient, plan: str = "pro") -> str:
    answer = client.post("/billing/checkout", data={"plan": plan, "interval": "month", "gateway": "payme"})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_what_cannot_be_returned_is_offered_kept_and_pays_for_the_next_order(
    runtime: Runtime, who: Owner, client: FlaskClient
) -> None:
    refund = paid_twice(runtime, who, now=clock.utcnow())
    page = client.get("/billing").text
    assert "Click cannot return your payment" in page and "125,000" in page and "Keep as credit" in page
    assert client.post("/billing/credit", data={"refund": refund}).headers["Location"] == "/billing"
    page = client.get("/billing").text
    assert "cannot return" not in page and "of credit. It pays an order" in page
    location = _order(client)
    assert "Pay by credit" in client.get(location).text
    for _ in range(2):
        assert client.post(f"{location}/credit").headers["Location"] == location
    assert "Paid. Thank you!" in client.get(location).text and credit.of_workspace(who.workspace.id) == {}
    page = client.get("/billing").text
    assert page.count(">credit<") == 1 and "billing_credit" not in page
    newest = page.partition("/billing/invoices/")[2].partition(".pdf")[0]
    sheet = PdfReader(io.BytesIO(client.get(f"/billing/invoices/{newest}.pdf").data)).pages[0].extract_text()
    assert "Paid from credit on" in sheet


def test_inside_telegram_credit_is_told_and_pays_nothing(runtime: Runtime, app: Flask, who: Owner) -> None:
    """Digital goods are paid in Stars there."""
    now = clock.utcnow()
    refund = paid_twice(runtime, who, now=now)
    token = sessions.start_from_launch(who.user.id, launch_hash="l", launched_at=now, device="d" * 32, now=now)
    frame, inside = app.test_client(use_cookies=False), {"X-Session": token}
    assert frame.post("/billing/credit", data={"refund": refund}, headers=inside).status_code == 303
    page = frame.get("/billing", headers=inside).text
    assert "of credit." in page and "pays an order" not in page
    of = buying.order(runtime, who, "click", now=now)
    assert "Pay by credit" not in frame.get(f"/orders/{of.public_id}", headers=inside).text
    assert frame.post(f"/orders/{of.public_id}/credit", headers=inside).status_code == 404


@pytest.mark.parametrize("role", Role)
def test_only_who_may_pay_decides_about_credit(
    runtime: Runtime, who: Owner, client: FlaskClient, sign_in: SignIn, role: Role
) -> None:
    refund = paid_twice(runtime, who, now=clock.utcnow())
    user = people.create_user(name=role.title(), timezone="UTC", now=clock.utcnow())
    people.add_member(who.workspace.id, user.id, role, now=clock.utcnow())
    theirs, may = sign_in(Owner(user, who.workspace)), role in (Role.OWNER, Role.ADMIN)
    location = _order(client)
    kept = theirs.post("/billing/credit", data={"refund": refund}).status_code
    paid = theirs.post(f"{location}/credit").status_code
    assert (kept, paid) == ((303, 303) if may else (403, 403))
    assert orders.any_order(location.rpartition("/")[2]).state == ("paid" if may else "open")


def test_a_strangers_refund_is_not_there_and_what_is_not_to_be_kept_is_refused(
    runtime: Runtime, who: Owner, client: FlaskClient, sign_in: SignIn
) -> None:
    refund = paid_twice(runtime, who, now=clock.utcnow())
    stranger = sign_in(owner("Other", plan="free", now=clock.utcnow()))
    for given in (str(refund), "0", "x", "", "9" * 30, "²"):
        assert stranger.post("/billing/credit", data={"refund": given}).status_code == 404
    assert "Keep as credit" not in stranger.get("/billing").text
    buying.db.execute("UPDATE refund SET state = 'asked'")
    answer = client.post("/billing/credit", data={"refund": refund})
    assert answer.status_code == 409 and "banner-bad" in answer.text and credit.of_workspace(who.workspace.id) == {}


def test_credit_that_covers_a_part_only_says_so(runtime: Runtime, who: Owner, client: FlaskClient) -> None:
    _kept(runtime, who, client)
    with buying.db.write():
        buying.db.execute("UPDATE refund SET amount_minor = amount_minor - 1 WHERE state = 'kept'")
    location = _order(client)
    page = client.get(location).text
    assert "does not cover this order" in page and "Pay by credit" not in page
    assert client.post(f"{location}/credit").status_code == 409


def test_inside_telegram_an_order_is_not_paid_by_credit(
    runtime: Runtime, app: Flask, who: Owner, client: FlaskClient
) -> None:
    _kept(runtime, who, client)
    location, now = _order(client), clock.utcnow()
    token = sessions.start_from_launch(who.user.id, launch_hash="l", launched_at=now, device="d" * 32, now=now)
    frame, headers = app.test_client(use_cookies=False), {"X-Session": token}
    assert "Pay by credit" not in frame.get(location, headers=headers).text
    assert frame.post(f"{location}/credit", headers=headers).status_code == 404
    assert orders.any_order(location.rpartition("/")[2]).state == "open"
