"""The payer's details: who changes them, what is refused, and which invoices carry them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from app.accounts.service import people
from app.billing.money_models import Invoice
from app.boot import Runtime
from app.core import clock, db
from app.core.policy import Role
from app.mail import service as mail
from tests.billing import buying
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.web.test_billing import client as client  # signed in as
from tests.web.test_billing import who as who
from tests.world import Owner

SignIn = Callable[[Owner], FlaskClient]
GIVEN = {"name": "  OOO  Бобур ва Oʻgʻillari ", "email": "kassa@bobur.example", "tax_id": "301234567"}


def _buyers(who: Owner) -> list[object]:
    mine = Invoice.select().where(Invoice.workspace == who.workspace.id).order_by(Invoice.id)
    return [(invoice.buyer["name"], invoice.buyer["tax_id"], invoice.buyer["email"]) for invoice in mine]


def test_the_next_invoice_names_the_payer_and_those_with_a_number_stay(
    client: FlaskClient, who: Owner, runtime: Runtime
) -> None:
    page = client.get("/billing/payer").text
    assert f'value="{escape(who.workspace.name)}"' in page, "before anybody said otherwise"
    buying.bought_by_payme(buying.order(runtime, who, "payme", now=clock.utcnow()), "1" * 24, now=clock.utcnow())
    assert 'href="/billing/payer"' in client.get("/billing").text
    for _ in range(2):
        assert client.post("/billing/payer", data=GIVEN).status_code == 303
    buying.bought_by_payme(buying.order(runtime, who, "payme", now=clock.utcnow()), "2" * 24, now=clock.utcnow())
    assert _buyers(who) == [
        (who.workspace.name, "", ""),
        ("OOO Бобур ва Oʻgʻillari", "301234567", "kassa@bobur.example"),
    ]
    assert 'value="301234567"' in client.get("/billing/payer").text
    assert db.row("SELECT COUNT(*) FROM audit_entry WHERE action = 'payer.changed'") == (1,), (
        "once: the second says the same"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "  "}, "Say who pays."),
        ({"name": "n" * 129}, "This is too long."),
        ({"name": "a\u202eb"}, "cannot be printed"),
        ({"email": "kassa"}, "no e-mail address"),
        ({"email": "a@b.example, c@d.example"}, "no e-mail address"),
        ({"email": "a@b.example\r\nBcc: x@y.example"}, "no e-mail address"),
        ({"tax_id": "1" * 33}, "This is too long."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    client: FlaskClient, change: dict[str, str], sentence: str
) -> None:
    answer = client.post("/billing/payer", data=GIVEN | {"tax_id": "777"} | change)
    assert answer.status_code == 422 and sentence in answer.text
    typed = {name: str(escape(value)) for name, value in (GIVEN | {"tax_id": "777"} | change).items()}
    for name in ("name", "tax_id"):
        assert f'value="{typed[name]}"' in answer.text, "what was typed is there"
    assert db.row("SELECT COUNT(*) FROM billing_account") == (0,)


def test_that_reminders_go_there_too_is_said_where_they_do(client: FlaskClient) -> None:
    assert "Reminders about payment" not in client.get("/billing/payer").text, "no mail is set up"
    mail.configure(is_set_up=True)
    try:
        shown = client.get("/billing/payer").text
    finally:
        mail.configure(is_set_up=False)
    assert 'aria-describedby="payer_email_hint"' in shown and "Reminders about payment go there too." in shown


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST, Role.CLIENT])
def test_it_is_for_those_who_pay(who: Owner, sign_in: SignIn, client: FlaskClient, role: Role) -> None:
    user = people.create_user(name=role.title(), timezone="UTC", now=clock.utcnow())
    people.add_member(who.workspace.id, user.id, role, now=clock.utcnow())
    theirs = sign_in(Owner(user, who.workspace))
    assert theirs.get("/billing/payer").status_code == theirs.post("/billing/payer", data=GIVEN).status_code == 403
