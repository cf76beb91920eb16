"""The revenue page's section of all currencies in one: the sums of the books, the rates beside them, gaps by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from app.billing.rates import service as rates
from app.billing.rates.base import Told
from app.billing.service import orders, settling
from app.boot import Runtime, boot
from app.core import clock, db
from app.core.settings import Settings
from tests.billing.buying import PAYME_KEY
from tests.web.conftest import app as app
from tests.web.conftest import sign_in as sign_in
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]
DAY = timedelta(days=1)


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """Payme in sums and Stripe in dollars."""
    settings = Settings(
        database_url=database_url,
        data_dir=tmp_path,
        demo=True,
        payme_merchant_id="m",
        payme_key=SecretStr(PAYME_KEY),
        stripe_secret_key=SecretStr("sk"),
        stripe_webhook_secret=SecretStr("wh"),
        _env_file=None,  # type: ignore[call-arg]
    )
    yield boot("web", settings)
    if not db.database.is_closed():
        db.database.close()


@pytest.fixture
def client(runtime: Runtime, sign_in: SignIn) -> FlaskClient:
    """The SuperAdmin."""
    admin = owner("Root", telegram_user_id=1, plan="free", now=clock.utcnow())
    with db.write():
        db.execute('UPDATE "user" SET is_superadmin = ? WHERE id = ?', True, admin.user.id)
    return sign_in(admin)


class Bank:
    """A source that sets twelve thousand sums for a dollar and fourteen for a euro, each day."""

    key = "cbu"

    def on(self, day: date) -> list[Told]:
        return [Told("USD", day, 1, 12_000_000_000), Told("EUR", day, 1, 14_000_000_000)]


def _paid(runtime: Runtime, name: str, gateway: str, *, now: datetime) -> None:
    who, way = owner(name, plan="free", now=now), runtime.gateways.get(gateway)
    made = orders.open_order(who.workspace.id, "pro", "month", way, user_id=who.user.id, now=now)
    with db.write():
        payment = settling.begin(made.id, f"of {name}", now=now)
    assert settling.settle(payment, now=now)


def _section(client: FlaskClient, **asked: str) -> str:
    """Its text, as people read it."""
    answer = client.get("/admin/revenue", query_string=asked)
    assert answer.status_code == 200
    found = re.search(r'<section[^>]*id="all_in_one".*?</section>', answer.text, re.S)
    text = re.sub(r"<[^>]+>", " ", found[0]) if found else ""
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def test_all_of_it_stands_in_the_currency_that_was_chosen(runtime: Runtime, client: FlaskClient) -> None:
    assert _section(client) == "", "there is no revenue yet"
    now = clock.utcnow()
    _paid(runtime, "Aziza", "payme", now=now)
    _paid(runtime, "Bobur", "stripe", now=now)
    gap = _section(client)
    today = rates.day_of(now)
    assert f"There is no rate of exchange for: USD {today}." in gap and "UZS 231,487.14" not in gap
    assert gap.count("no rate") == 1 + 3, "new, effect and end are gaps"
    assert f"analyticbot billing rates --from {today - 7 * DAY} --to {today}”" in gap
    rates.read_days(Bank(), [today], now=now)
    whole = _section(client, into="UZS")
    assert "no rate" not in whole and whole.count("UZS 231,487.14") == 2, "111,607.14 and 9.99 x 12,000: new and end"
    assert f"1 USD = 12,000 UZS, set on {today.day} " in whole and "Source: Central Bank of Uzbekistan" in whole
    assert _section(client, into="USD").count("$19.29") == 2
    euros = _section(client, into="EUR")
    assert euros.count("€16.53") == 2 and "1 EUR = 14,000 UZS" in euros
    assert _section(client, into="GBP") == _section(client) == whole, "what is none of them is shown in sums"


def test_the_choice_stays_while_one_looks_at_other_months(runtime: Runtime, client: FlaskClient) -> None:
    now = clock.utcnow()
    _paid(runtime, "Aziza", "payme", now=now)
    page = client.get("/admin/revenue?into=EUR").text
    links = re.findall(r'href="(/admin/revenue\?[^"]+)"', page)
    others = [link for link in links if "month=" in link and "into=UZS" not in link and "into=USD" not in link]
    assert len(others) == 2 + 5 and all("into=EUR" in link for link in others)
    assert "into=" not in client.get("/admin/limits").text


def test_a_month_that_is_to_come_stands_at_todays_rates(runtime: Runtime, client: FlaskClient) -> None:
    now = clock.utcnow()
    _paid(runtime, "Bobur", "stripe", now=now)
    rates.read_days(Bank(), [rates.day_of(now)], now=now)
    later = _section(client, month=f"{now + 62 * DAY:%Y-%m}", into="UZS")
    assert later.count("UZS 119,880") == 2 and "no rate" not in later, "start and end, and nothing in between"
