"""The SuperAdmin's pages: there for nobody else; what they show is what the books say; what is decided is recorded."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from app.billing.service.limits import limit_of
from app.boot import Runtime
from app.core import clock, db
from app.core.crypto import PayloadSeal
from tests.billing import buying
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.web.conftest import app as app
from tests.web.conftest import sign_in as sign_in
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]
PAGES = ("/admin/revenue", "/admin/limits")
GRANT = {"workspace": "Bobur", "key": "posts", "amount": "7", "reason": "a trade fair", "until": ""}


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Bobur", telegram_user_id=77, plan="free", now=clock.utcnow())


@pytest.fixture
def client(runtime: Runtime, sign_in: SignIn) -> FlaskClient:
    """The SuperAdmin, in a workspace of their own."""
    admin = owner("Root", telegram_user_id=1, plan="free", now=clock.utcnow())
    with db.write():
        db.execute('UPDATE "user" SET is_superadmin = ? WHERE id = ?', True, admin.user.id)
    return sign_in(admin)


def test_for_an_owner_these_pages_are_not_there(who: Owner, sign_in: SignIn, app: Flask) -> None:
    theirs = sign_in(who)
    assert [theirs.get(url).status_code for url in PAGES] == [404, 404]
    assert theirs.post("/admin/limits", data=GRANT).status_code == 404 == theirs.post("/admin/codec/decode").status_code
    assert app.test_client().get(PAGES[0]).status_code in (302, 303, 401)
    assert "/admin" not in theirs.get("/billing").text and buying.count("limit_override") == 0


def test_a_months_bridge_is_that_of_the_movements_and_its_bars_open(
    runtime: Runtime, client: FlaskClient, who: Owner
) -> None:
    assert "Nobody has paid for a plan yet." in client.get("/admin/revenue").text
    order = buying.order(runtime, who, "payme", now=clock.utcnow())
    buying.bought_by_payme(order, "0" * 24, now=clock.utcnow())
    page = client.get("/admin/revenue").text
    assert page.count("UZS\u00a0111,607.14") >= 3, "new, end, and ARPA: 125,000 without tax"
    opened = client.get(f"/admin/revenue?month={clock.utcnow():%Y-%m}&currency=UZS&kind=new").text
    assert f">{escape(who.workspace.name)}<" in opened and "admin/revenue" in client.get("/network").text
    assert client.get("/admin/revenue?month=x&kind=y&page=-1").status_code == 200
    assert "–" in client.get("/admin/revenue?month=2026-01").text, "shares of nothing have no meaning"


def test_what_does_not_fit_is_looked_at_once_and_recorded(client: FlaskClient, runtime: Runtime) -> None:
    with db.write():
        db.execute(
            "INSERT INTO difference (gateway, kind, reference, detail, found_at) VALUES ('payme', 'amount', 'r1',"
            " '1 stated, 2 booked', ?)",
            db.stamp(clock.utcnow()),
        )
    assert "1 stated, 2 booked" in client.get("/admin/revenue").text
    (number,) = db.row("SELECT id FROM difference") or (0,)
    answers = [client.post(f"/admin/differences/{number}/settle").status_code for _ in range(2)]
    assert answers == [303, 404] and "Gateways and books agree." in client.get("/admin/revenue").text
    assert buying.count("audit_entry WHERE action = 'difference.settled'") == 1


def test_a_customer_gets_a_limit_of_its_own_and_loses_it(client: FlaskClient, who: Owner) -> None:
    before = limit_of(who.workspace.id, "posts", now=clock.utcnow())
    given = GRANT | {"workspace": who.workspace.name}
    assert client.post("/admin/limits", data=given).status_code == 303
    assert limit_of(who.workspace.id, "posts", now=clock.utcnow()) == 7 != before
    assert "a trade fair" in client.get("/admin/limits").text
    (number,) = db.row("SELECT id FROM limit_override") or (0,)
    assert [client.post(f"/admin/limits/{number}/revoke").status_code for _ in range(2)] == [303, 404]
    assert limit_of(who.workspace.id, "posts", now=clock.utcnow()) == before
    assert buying.count("audit_entry WHERE action IN ('limit.granted', 'limit.revoked')") == 2


@pytest.mark.parametrize(
    "change",
    [{"workspace": "nobody"}, {"key": "x"}, {"amount": "-1"}, {"amount": "1.5"}, {"reason": " "}, {"until": "x"}],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_granted(
    client: FlaskClient, who: Owner, change: dict[str, str]
) -> None:
    answer = client.post("/admin/limits", data=GRANT | {"workspace": who.workspace.name} | change)
    assert answer.status_code == 422 and 'class="field-error"' in answer.text and buying.count("limit_override") == 0
    assert change.get("reason") or "a trade fair" in answer.text, "what was typed is not lost"


def test_a_day_that_is_over_is_refused(client: FlaskClient, who: Owner) -> None:
    given = GRANT | {"workspace": who.workspace.name, "until": f"{clock.utcnow() - timedelta(days=3):%Y-%m-%d}"}
    assert client.post("/admin/limits", data=given).status_code == 422


def test_the_temporal_ui_reads_through_us_and_nobody_else(runtime: Runtime, client: FlaskClient) -> None:
    metadata, data = PayloadSeal(runtime.sealer).close({"encoding": b"json/plain"}, b'{"subscription_id": 7}')
    shown = {"metadata": {name: _b64(value) for name, value in metadata.items()}, "data": _b64(data)}
    plain = {"metadata": {"encoding": _b64(b"json/plain")}, "data": _b64(b"1")}
    ui = runtime.settings.temporal_ui_url
    ask = {"json": {"payloads": [shown, plain, {"data": "!"}]}}
    told = client.post("/admin/codec/decode", **ask, headers={"Origin": ui})
    opened, kept, broken = json.loads(told.text)["payloads"]
    assert base64.b64decode(opened["data"]) == b'{"subscription_id": 7}' and kept == plain and broken == {"data": "!"}
    assert told.headers["Access-Control-Allow-Origin"] == ui
    other = client.post("/admin/codec/decode", **ask, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert client.open("/admin/codec/decode", method="OPTIONS", headers={"Origin": ui}).status_code == 204
    assert client.post("/admin/codec/decode", data="x").status_code == 422


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()
