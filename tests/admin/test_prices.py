"""The SuperAdmin says what plans cost, in any of the currencies; who has a plan keeps its price."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.billing.service import prices, terms
from app.boot import Runtime
from app.core import clock
from tests.admin.test_operating import client as client
from tests.admin.test_operating import who as who
from tests.billing import buying
from tests.billing.conftest import runtime as runtime
from tests.billing.test_coupons import sub_of
from tests.web.conftest import app as app
from tests.web.conftest import sign_in as sign_in
from tests.world import Owner

EURO = {"plan": "pro", "interval": "month", "currency": "EUR", "amount": "8,99"}


def test_a_price_in_euro_is_there_from_now_on_and_was_not_before(client: FlaskClient) -> None:
    assert prices.price_list("EUR", now=clock.utcnow()) == [] and "€" not in client.get("/admin/prices").text
    assert client.post("/admin/prices", data=EURO).status_code == 303
    assert prices.price_list("EUR", now=clock.utcnow()) == [prices.Price("pro", "month", "EUR", 899)]
    assert "€8.99" in client.get("/admin/prices").text and "admin/prices" in client.get("/admin/revenue").text
    assert client.post("/admin/prices", data=EURO | {"amount": "9"}).status_code == 303
    assert prices.price_of("pro", "month", "EUR", now=clock.utcnow()).amount_minor == 900
    assert buying.count("audit_entry WHERE action = 'price.set'") == 2


def test_who_has_a_plan_keeps_its_price(runtime: Runtime, client: FlaskClient, who: Owner) -> None:
    now = clock.utcnow()
    buying.bought_by_payme(buying.order(runtime, who, "payme", now=now), "0" * 24, now=now)
    client.post("/admin/prices", data=EURO | {"currency": "UZS", "amount": "250 000"})
    later = clock.utcnow()
    assert prices.price_of("pro", "month", "UZS", now=later).amount_minor == 2 * buying.PRO
    assert terms.next_minor(sub_of(who), now=later) == buying.PRO


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("plan", {"plan": "free"}),
        ("plan", {"plan": "gold"}),
        ("currency", {"currency": "GBP"}),
        ("interval", {"interval": "week"}),
        ("interval", {"interval": "days30"}),
        ("interval", {"currency": "XTR", "amount": "700"}),
        ("amount", {"amount": "0"}),
        ("amount", {"amount": "-1"}),
        ("amount", {"amount": "8.999"}),
        ("amount", {"amount": ""}),
        ("amount", {"currency": "XTR", "interval": "days30", "amount": "10001"}),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_no_price_is_set(
    client: FlaskClient, field: str, change: dict[str, str]
) -> None:
    before = buying.count("plan_price")
    answer = client.post("/admin/prices", data=EURO | change)
    assert answer.status_code == 422 and f'id="price_{field}_error"' in answer.text
    assert buying.count("plan_price") == before and buying.count("audit_entry WHERE action = 'price.set'") == 0


def test_for_an_owner_there_is_no_such_page(who: Owner, sign_in: Callable[[Owner], FlaskClient]) -> None:
    theirs = sign_in(who)
    assert theirs.get("/admin/prices").status_code == 404 == theirs.post("/admin/prices", data=EURO).status_code
