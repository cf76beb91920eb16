"""The page that invites others: a link that leads to a cheaper checkout; not inside Telegram."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient

from app.accounts.service import sessions
from app.core import clock
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.web.test_billing import BUY
from tests.web.test_billing import client as client  # signed in as
from tests.web.test_billing import who as who
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]


def test_the_link_of_the_page_makes_a_strangers_first_period_cheaper(client: FlaskClient, sign_in: SignIn) -> None:
    assert 'href="/billing/invite"' in client.get("/billing").text
    before = client.get("/billing/invite").text
    assert "Make my link" in before and "JOIN-" not in before and "pays 20 % less" in before
    assert client.post("/billing/invite").status_code == 303 == client.post("/billing/invite").status_code
    page = client.get("/billing/invite").text
    link = urlsplit(re.search(r"<code>(http\S+?)</code>", page).group(1))  # type: ignore[union-attr]
    assert (link.path, page.count("JOIN-")) == ("/billing", 3), "shown, to be copied, and as a code to be typed"
    stranger = sign_in(owner("Aziz", telegram_user_id=78, plan="free", now=clock.utcnow()))
    code = link.query.removeprefix("coupon=")
    assert f'value="{code}"' in stranger.get(f"{link.path}?{link.query}").text
    order = stranger.post("/billing/checkout", data=BUY | {"coupon": code})
    assert "UZS\u00a0100,000" in stranger.get(order.headers["Location"]).text
    own = client.post("/billing/checkout", data=BUY | {"coupon": code})
    assert own.status_code == 422 and "This is your own invitation: it is for others." in own.text


def test_who_is_not_signed_in_comes_back_to_the_link(app: Flask) -> None:
    guest, path = app.test_client(), "/billing?coupon=JOIN-ABCDEFGH"
    assert guest.get(path).headers["Location"] == "/login"
    guest.get("/static-picture", headers={"Sec-Fetch-Dest": "image"})
    person = owner("Aziz", telegram_user_id=78, now=clock.utcnow()).user
    link = sessions.issue_ticket(person.id, purpose=sessions.LINK, now=clock.utcnow())
    assert guest.post(f"/login/link/{link}").headers["Location"] == path
    assert guest.get("/login").status_code == 200


def test_inside_telegram_nobody_is_led_to_pay_elsewhere(app: Flask, who: Owner) -> None:
    token = sessions.start_from_launch(
        who.user.id, launch_hash="l", launched_at=clock.utcnow(), device="d" * 32, now=clock.utcnow()
    )
    frame, headers = app.test_client(use_cookies=False), {"X-Session": token}
    assert "/billing/invite" not in frame.get("/billing", headers=headers).text
    assert frame.get("/billing/invite", headers=headers).status_code == 404
    assert frame.post("/billing/invite", headers=headers).status_code == 404
