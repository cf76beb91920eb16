"""The pages of plan and order: who sees and who pays, what is offered where, and that nothing is lost by a refusal."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader

from app.accounts.service import people, sessions
from app.billing.gateways.base import SavedCard
from app.billing.gateways.stars import duties
from app.billing.gateways.stripe.link import Stripe
from app.billing.gateways.stripe.models import StripeSession
from app.billing.service import coupons, orders, settling
from app.billing.service.limits import plan_of, put_on_plan
from app.boot import Runtime
from app.core import clock, db, leases
from app.core.policy import Role
from tests.billing import buying
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]
BUY = {"plan": "pro", "interval": "month", "gateway": "payme"}


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Bobur", telegram_user_id=77, plan="free", now=clock.utcnow())


@pytest.fixture
def client(who: Owner, sign_in: SignIn) -> FlaskClient:
    return sign_in(who)


def _order(client: FlaskClient, **other: str) -> str:
    answer = client.post("/billing/checkout", data=BUY | other)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def _paid(location: str, number: int = 0) -> None:
    from app.billing.service import orders

    told = buying.bought_by_payme(orders.any_order(location.rpartition("/")[2]), f"{number:024d}", now=clock.utcnow())
    assert told["state"] == 2


def test_a_plan_is_bought_and_the_order_tells_how_it_stands(client: FlaskClient, who: Owner) -> None:
    location = _order(client)
    page = client.get(location).text
    assert "https://checkout.paycom.uz/" in page and "125,000" in page and "13,392.86" in page, "amount and its tax"
    assert "every 2s" in page
    _paid(location)
    page = client.get(location).text
    assert (
        "Paid. Thank you!" in page
        and "2026-000001" in page
        and "checkout.paycom.uz" not in page
        and "every 2s" not in page
    )
    assert "Pro" in client.get("/billing").text and plan_of(who.workspace.id) == "pro"


@pytest.mark.parametrize(
    "change",
    [{"plan": "free"}, {"plan": "x"}, {"interval": "week"}, {"gateway": "stripe"}, {"gateway": ""}, {"plan": ""}],
)
def test_what_is_not_sold_is_refused_on_the_page(client: FlaskClient, change: dict[str, str]) -> None:
    answer = client.post("/billing/checkout", data=BUY | change)
    assert answer.status_code == 422 and 'class="banner banner-bad"' in answer.text
    assert buying.count("checkout_order") == 0


@pytest.mark.parametrize("role", Role)
def test_money_is_for_those_who_run_the_workspace(who: Owner, sign_in: SignIn, client: FlaskClient, role: Role) -> None:
    location = _order(client)
    user = people.create_user(name=role.title(), timezone="UTC", now=clock.utcnow())
    people.add_member(who.workspace.id, user.id, role, now=clock.utcnow())
    theirs = sign_in(Owner(user, who.workspace))
    may = role in (Role.OWNER, Role.ADMIN)
    asked = [theirs.get("/billing"), theirs.get(location), theirs.post("/billing/checkout", data=BUY)]
    assert [answer.status_code for answer in asked] == ([200, 200, 303] if may else [403, 403, 403])


def test_a_strangers_order_does_not_exist(client: FlaskClient, sign_in: SignIn) -> None:
    location = _order(client)
    stranger = sign_in(owner("Other", plan="free", now=clock.utcnow()))
    unknown = location[:-1] + ("A" if location[-1] != "A" else "B")
    assert stranger.get(location).status_code == stranger.get(unknown).status_code == 404


def test_inside_telegram_nothing_but_stars_is_offered_and_in_a_browser_no_stars(
    app: Flask, who: Owner, client: FlaskClient
) -> None:
    location = _order(client)
    token = sessions.start_from_launch(
        who.user.id, launch_hash="l", launched_at=clock.utcnow(), device="d" * 32, now=clock.utcnow()
    )
    frame, headers = app.test_client(use_cookies=False), {"X-Session": token}
    for path in ("/billing", location):
        page = frame.get(path, headers=headers)
        assert page.status_code == 200
        assert not [word for word in ("Payme", "Click", "paycom", "click.uz") if f"Pay by {word}" in page.text], path
        assert "paycom" not in page.text and "click.uz" not in page.text
    inside = frame.get("/billing", headers=headers).text
    assert "Pay by Telegram Stars" in inside and "Try for 14 days" not in inside and "coupon" not in inside
    trial = {"plan": "pro", "currency": "XTR"}
    assert frame.post("/billing/trial", data=trial, headers=headers).status_code == 422
    assert frame.post("/billing/checkout", data=BUY, headers=headers).status_code == 422
    assert "Pay by Payme" in client.get("/billing").text, "in a browser they are"
    in_stars = {"plan": "pro", "interval": "days30", "gateway": "stars"}
    assert client.post("/billing/checkout", data=in_stars).status_code == 422, "in a browser Stars are not"
    made = frame.post("/billing/checkout", data=in_stars, headers=headers).headers["Location"]
    partial = headers | {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#page_body"}
    for given in (headers, partial):
        assert "Telegram is making the invoice" in frame.get(made, headers=given).text
    assert "paid inside Telegram" in client.get(made).text
    order_id = (db.row("SELECT id FROM checkout_order WHERE public_id = ?", made.rsplit("/", 1)[-1]) or (0,))[0]
    duties.link_made(order_id, "https://t.me/$one", now=clock.utcnow())
    assert 'href="https://t.me/$one"' in frame.get(made, headers=headers).text
    assert "t.me/$one" not in client.get(made).text


def test_it_is_cancelled_and_taken_back(client: FlaskClient, who: Owner) -> None:
    _paid(_order(client))
    assert client.post("/billing/cancel").status_code == 303
    page = client.get("/billing").text
    assert "Go on after all" in page and "your data are kept" in page
    assert client.post("/billing/cancel/undo").status_code == 303
    assert "Cancel the plan" in client.get("/billing").text
    assert client.post("/billing/cancel", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/billing"


def test_late_in_stars_the_same_plan_is_paid_in_the_mini_app_and_no_other_is_offered(app: Flask, who: Owner) -> None:
    now = clock.utcnow()
    token = sessions.start_from_launch(who.user.id, launch_hash="l", launched_at=now, device="d" * 32, now=now)
    frame, headers = app.test_client(use_cookies=False), {"X-Session": token}
    in_stars = {"plan": "pro", "interval": "days30", "gateway": "stars"}
    made = frame.post("/billing/checkout", data=in_stars, headers=headers).headers["Location"].rsplit("/", 1)[-1]
    settling.settle(settling.begin(orders.any_order(made).id, "c1", now=now), now=now)
    assert "Pay by" not in frame.get("/billing", headers=headers).text, "Telegram renews it"
    with db.write():
        db.execute("UPDATE subscription SET state = 'past_due', past_due_at = ?", db.stamp(now))
    page = frame.get("/billing", headers=headers).text
    assert page.count("Pay by Telegram Stars") == 1 and "Pays for the period that is due" in page
    assert "choose the plan again in the Mini App" in page and "/billing/next" not in page
    other = frame.post("/billing/next", data={"plan": "business", "interval": "days30"}, headers=headers)
    assert other.status_code == 409 and "Cancel first" in other.text
    assert frame.post("/billing/checkout", data=in_stars, headers=headers).status_code == 303


def test_it_pauses_and_goes_on(client: FlaskClient, who: Owner) -> None:
    _paid(_order(client))
    assert client.post("/billing/pause").status_code == 303
    page = client.get("/billing").text
    assert "has paused since" in page and "Pay by" not in page and plan_of(who.workspace.id) == "free"
    assert client.post("/billing/cancel").status_code == 409
    assert client.post("/billing/resume").status_code == 303
    assert "Cancel the plan" in client.get("/billing").text and plan_of(who.workspace.id) == "pro"


def test_without_a_subscription_there_is_nothing_to_cancel(client: FlaskClient) -> None:
    _order(client)
    assert client.post("/billing/cancel").status_code == 404


def test_a_larger_plan_is_offered_for_the_difference_and_a_smaller_one_for_later(client: FlaskClient) -> None:
    _paid(_order(client, plan="business"))
    page = client.get("/billing").text
    assert "the difference until" in page and "From " in page
    assert client.post("/billing/next", data={"plan": "pro", "interval": "year"}).status_code == 303
    assert "From then on: Pro, a year." in client.get("/billing").text
    assert client.post("/billing/next", data={"plan": "business", "interval": "month"}).status_code == 303
    assert "From then on" not in client.get("/billing").text
    assert client.post("/billing/next", data={"plan": "gold", "interval": "month"}).status_code == 422
    refused = client.post("/billing/checkout", data=BUY)
    assert refused.status_code == 409 and "when the present period is over" in refused.text
    location = _order(client, plan="network")
    _paid(location, 1)
    assert "Network" in client.get(location).text


def test_a_late_payment_says_until_when_all_is_as_before_and_how_to_pay(client: FlaskClient, who: Owner) -> None:
    _paid(_order(client))
    location = _order(client)
    with db.write():
        db.execute(
            "UPDATE subscription SET state = 'past_due', past_due_at = ?", db.stamp(clock.utcnow() - timedelta(days=1))
        )
    assert "The payment for your plan is late." in client.get("/network").text, "on every page, with the way out"
    page = client.get("/billing").text
    assert "payment is late" in page and location in page and "All is as before until" in page
    assert "Pay now" in page


def test_an_order_whose_time_is_over_leads_to_another(client: FlaskClient) -> None:
    location = _order(client)
    with db.write():
        db.execute("UPDATE checkout_order SET expires_at = ?", db.stamp(clock.utcnow() - timedelta(seconds=1)))
    page = client.get(location).text
    assert "Nothing was paid." in page and "Choose a plan" in page and "checkout.paycom.uz" not in page


@pytest.fixture
def plain(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """A service whose operator has set up no way to pay."""
    from app.boot import boot
    from app.core.settings import Settings

    yield boot("web", Settings(database_url=database_url, data_dir=tmp_path, _env_file=None))  # type: ignore[call-arg]
    if not db.database.is_closed():
        db.database.close()


def test_where_no_way_to_pay_is_set_up_the_page_says_so(plain: Runtime) -> None:
    from app.web import create_app

    built = create_app(plain)
    built.config["WTF_CSRF_ENABLED"] = False
    somebody, browser = owner("Aziza", plan="free", now=clock.utcnow()), built.test_client()
    token, _ = sessions.start(somebody.user.id, somebody.workspace.id, kind="browser", now=clock.utcnow())
    with browser.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    page = browser.get("/billing")
    assert page.status_code == 200 and "No plan can be bought here at present." in page.text
    assert browser.post("/billing/checkout", data=BUY).status_code == 422


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Invoice 2026-000001", "Total", "VAT 12 %", "Boʻri’s канал")),
        ("ru", ("Счёт 2026-000001", "Итого", "НДС 12 %", "Boʻri’s канал")),
        ("uz", ("Hisob-faktura 2026-000001", "Jami", "QQS 12 %", "Boʻri’s канал")),
    ],
)
def test_the_invoice_is_a_file_in_the_readers_language(
    client: FlaskClient, who: Owner, language: str, words: tuple[str, ...]
) -> None:
    with db.write():
        db.execute("UPDATE workspace SET name = ? WHERE id = ?", "Boʻri’s канал", who.workspace.id)
        db.execute('UPDATE "user" SET language = ? WHERE id = ?', language, who.user.id)
    location = _order(client)
    _paid(location)
    (address,) = re.findall(r'href="(/billing/invoices/[^"]+)"', client.get(location).text)
    file = client.get(address)
    assert file.mimetype == "application/pdf" and file.data == client.get(address).data, "the same bytes each time"
    text = PdfReader(io.BytesIO(file.data)).pages[0].extract_text()
    shown = [word for word in (*words, "AnalyticBot Pro") if word not in text]
    assert not shown, text
    assert re.search(r"125[, \u00a0]000[.,]00", text) and re.search(r"13[, \u00a0]392[.,]86", text), text


def test_a_draft_a_strangers_and_an_unknown_invoice_do_not_exist(client: FlaskClient, sign_in: SignIn) -> None:
    location = _order(client)
    (draft,) = db.row("SELECT public_id FROM invoice") or ("",)
    assert client.get(f"/billing/invoices/{draft}.pdf").status_code == 404
    _paid(location)
    stranger = sign_in(owner("Other", plan="free", now=clock.utcnow()))
    assert stranger.get(f"/billing/invoices/{draft}.pdf").status_code == 404
    assert client.get(f"/billing/invoices/{draft}.pdf").status_code == 200


def test_an_invoice_that_was_taken_back_says_so(client: FlaskClient) -> None:
    location = _order(client)
    _paid(location)
    assert buying.payme("CancelTransaction", id=f"{0:024d}", reason=5, now=clock.utcnow())["state"] == -2
    (public_id,) = db.row("SELECT public_id FROM invoice") or ("",)
    text = PdfReader(io.BytesIO(client.get(f"/billing/invoices/{public_id}.pdf").data)).pages[0].extract_text()
    assert "Taken back by credit note C2026-000001." in text
    assert "refunded" in client.get("/billing").text and "The money was given back" in client.get(location).text


def test_after_a_downgrade_the_owner_chooses_the_channels_that_stay(client: FlaskClient, who: Owner) -> None:
    put_on_plan(who.workspace.id, "pro", now=clock.utcnow())
    made = [
        owned_channel(who, f"Channel {n}", telegram_chat_id=-50 - n, now=clock.utcnow() + timedelta(seconds=n))
        for n in range(2)
    ]
    assert "/channels/kept" not in client.get("/billing").text
    put_on_plan(who.workspace.id, "free", now=clock.utcnow())
    assert "in some of them nothing goes out" in client.get("/billing").text
    page = client.get("/channels/kept").text
    assert page.count("checked") == 1 and "room for 1 channel." in page
    both = client.post("/channels/kept", data={"channel": [one.public_id for one in made]})
    assert both.status_code == 422 and both.text.count("checked") == 2 and "Choose at most 1" in both.text
    assert client.post("/channels/kept").status_code == 422
    assert client.post("/channels/kept", data={"channel": made[1].public_id}).status_code == 303
    page = client.get("/channels/kept").text
    assert re.search(rf'value="{made[1].public_id}" checked', page) and page.count("checked") == 1


@pytest.fixture
def at_stripe(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe is set up; its own process is not needed for what pages say meanwhile."""
    monkeypatch.setitem(runtime.gateways._by_key, "stripe", Stripe())


def _card(runtime: Runtime, who: Owner, token: str = "pm_1", *, now: datetime | None = None) -> str:
    saved = SavedCard("stripe", token, "cus_1", "Visa •••• 4242, 12/34")
    return str(runtime.vault.save(who.workspace.id, saved, now=now or clock.utcnow()).public_id)


def test_stripes_page_is_waited_for_and_with_the_engine_down_the_page_says_so(
    at_stripe: None, client: FlaskClient
) -> None:
    location = _order(client, gateway="stripe")
    assert buying.count("outbox WHERE topic = 'billing.desk' AND key = 'stripe'") == 1
    assert "does not answer at present. Your order is kept" in client.get(location).text
    leases.beat("worker", now=clock.utcnow())
    page = client.get(location).text
    assert "Stripe is making the page to pay on" in page and "every 2s" in page
    with db.write():
        (number,) = db.row("SELECT id FROM checkout_order") or (0,)
        StripeSession.create(order_id=number, workspace_id=1, url="https://stripe.example/pay", asked_at=clock.utcnow())
    page = client.get(location).text
    assert "https://stripe.example/pay" in page and "charged $9.99 a month at the end of each period" in page


def test_an_order_is_paid_by_the_saved_card_once_however_often_the_button_is_pressed(
    at_stripe: None, runtime: Runtime, client: FlaskClient, who: Owner
) -> None:
    location = _order(client, gateway="stripe")
    assert client.post(f"{location}/charge").status_code == 409, "there is no card"
    _card(runtime, who)
    assert [client.post(f"{location}/charge").status_code for _ in range(2)] == [303, 303]
    assert buying.count("payment WHERE state = 'created'") == 1
    leases.beat("worker", now=clock.utcnow())
    assert "Visa •••• 4242, 12/34 is being charged" in client.get(location).text


def test_cards_are_listed_saved_and_removed(
    at_stripe: None, runtime: Runtime, client: FlaskClient, who: Owner, sign_in: SignIn
) -> None:
    assert "No card is saved." in client.get("/billing/cards").text
    first = _card(runtime, who)
    assert client.post("/billing/cards/new").status_code == 303 == client.post("/billing/cards/new").status_code
    assert buying.count("stripe_session WHERE order_id IS NULL") == 1, "one page, however often it is asked for"
    page = client.get("/billing/cards").text
    assert "Visa •••• 4242, 12/34" in page and "every 2s" in page
    stranger = sign_in(owner("Aziz", telegram_user_id=78, now=clock.utcnow()))
    assert stranger.post(f"/billing/cards/{first}/remove").status_code == 404
    assert client.post(f"/billing/cards/{first}/remove").status_code == 303
    assert "4242" not in client.get("/billing/cards").text
    assert client.post(f"/billing/cards/{first}/remove").status_code == 404
    assert db.rows("SELECT state FROM payment_method") == [("removed",)]


def test_a_coupon_is_typed_at_the_checkout_and_a_wrong_one_is_told(client: FlaskClient, who: Owner) -> None:
    coupons.create("GIFT", coupons.Terms(percent=100), actor="test", now=clock.utcnow())
    refused = client.post("/billing/checkout", data=BUY | {"coupon": "GIFTS"})
    assert refused.status_code == 422 and "There is no such coupon." in refused.text
    assert 'value="GIFTS"' in refused.text, "what was typed is there"
    page = client.get(_order(client, coupon=" gift ")).text
    assert "Paid. Thank you!" in page and "2026-000001" in page and plan_of(who.workspace.id) == "pro"
    assert "A coupon makes the present period cheaper by UZS\u00a0125,000." in client.get("/billing").text
    paper = client.get(re.search(r"/billing/invoices/\S+\.pdf", page).group())  # type: ignore[union-attr]
    text = PdfReader(io.BytesIO(paper.data)).pages[0].extract_text()
    assert "Discount" in text and "125,000.00" in text


def test_a_plan_is_tried_once(client: FlaskClient, who: Owner) -> None:
    trial = {"plan": "business", "currency": "UZS"}
    assert "Try for 14 days" in client.get("/billing").text
    assert client.post("/billing/trial", data=trial | {"plan": "gold"}).status_code == 422
    assert client.post("/billing/trial", data=trial | {"currency": "EUR"}).status_code == 422
    assert client.post("/billing/trial", data=trial).status_code == 303
    page = client.get("/billing").text
    assert "You try it for nothing until" in page and "Try for 14 days" not in page and "Pause" not in page
    assert plan_of(who.workspace.id) == "business"
    assert client.post("/billing/trial", data=trial).status_code == 409
    assert "can be paid otherwise" not in client.get("/billing?currency=USD").text
    coupons.create("HALF", coupons.Terms(percent=50), actor="test", now=clock.utcnow())
    assert "I have a coupon" in page
    location = _order(client, coupon="HALF")  # another plan may follow it
    assert "62,500" in client.get(location).text
    _paid(location)
    assert plan_of(who.workspace.id) == "business", "the trial goes on until its end"
    assert "Pro, which is paid for." in client.get("/billing").text
    assert client.post("/billing/cancel").status_code == 303


def test_a_card_is_saved_at_payme_where_the_contract_allows_it(
    app: Flask, runtime: Runtime, client: FlaskClient, who: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/billing/cards/payme").status_code == 404 and "Uzcard" not in client.get("/billing/cards").text
    allowed = {"payme_cards": True, "payme_api_url": "https://checkout.example/api"}
    allowing = replace(runtime, settings=runtime.settings.model_copy(update=allowed))
    monkeypatch.setitem(app.extensions, "runtime", allowing)
    assert 'href="/billing/cards/payme"' in client.get("/billing/cards").text
    answer = client.get("/billing/cards/payme")
    assert "connect-src 'self' https://checkout.example" in answer.headers["Content-Security-Policy"]
    assert "https://checkout.example" not in client.get("/billing/cards").headers["Content-Security-Policy"]
    inputs = re.findall(r"<input[^>]*>", answer.text[answer.text.index("payme_number") :])
    assert [name for one in inputs for name in re.findall(r' name="(\w+)"', one)] == [
        *("csrf_token", "page_workspace", "token")
    ], "no field of the card has a name"
    assert client.post("/billing/cards/payme", data={"token": "x"}).status_code == 422
    assert client.post("/billing/cards/payme", data={"token": "t" * 48}).status_code == 303
    page = client.get("/billing/cards").text
    assert "being checked" in page and "every 2s" in page
    assert client.post("/billing/cards/payme", data={"token": "t" * 48}).status_code == 409
    token = sessions.start_from_launch(
        who.user.id, launch_hash="l", launched_at=clock.utcnow(), device="d" * 32, now=clock.utcnow()
    )
    frame, headers = app.test_client(use_cookies=False), {"X-Session": token}
    assert frame.get("/billing/cards/payme", headers=headers).status_code == 404
    assert frame.post("/billing/cards/payme", data={"token": "u" * 48}, headers=headers).status_code == 404
