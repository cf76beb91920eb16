"""Our Stripe adapter before a Stripe that others wrote (localstripe 1.15.10): a smoke test, as far as that peer goes.

It knows no idempotency keys, no Checkout sessions and no off-session errors of banks (facts/payments.md 2.2): those are the
simulator's to prove.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from app.billing.gateways import base
from app.billing.gateways.base import Charge, Order
from app.billing.gateways.stripe import hooks
from app.billing.gateways.stripe.api import StripeApi
from app.billing.gateways.stripe.charger import StripeCharger
from app.boot import Runtime
from app.core import clock
from tests.billing import buying
from tests.billing.conftest import runtime as runtime

ROOT = Path(__file__).resolve().parents[2]
KEY, SECRET = "sk_test_12345", "whsec_of_the_peer"
GOOD, DECLINES_AT_CHARGE = "4242424242424242", "4000000000000341"


@pytest.fixture(scope="module")
def peer() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.billing.localstripe_peer"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("localstripe ready on "), line
    yield line.split()[-1]
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def charger(peer: str) -> StripeCharger:
    return StripeCharger(StripeApi(KEY, peer))


def _card(peer: str, number: str) -> tuple[str, str]:
    """(customer, payment method) with a card of this number."""
    with httpx.Client(base_url=peer, headers={"Authorization": f"Bearer {KEY}"}) as at:
        customer = at.post("/v1/customers", data={"email": "a@example.com"}).json()["id"]
        card = {"card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2030", "card[cvc]": "123"}
        method = at.post("/v1/payment_methods", data={"type": "card", **card}).json()["id"]
        attached = at.post(f"/v1/payment_methods/{method}/attach", data={"customer": customer})
        assert attached.status_code == 200, attached.text
    return customer, method


def _charge(payer: str, token: str, *, amount: int = 999) -> Charge:
    now = clock.utcnow()
    order = Order(1, "o" * 22, "stripe", "USD", amount, "open", now + timedelta(hours=1))
    return Charge(7, f"inv:{token}:att:1", order, amount, "USD", token, payer, "", now)


def test_a_card_is_charged_looked_up_and_given_back(peer: str, charger: StripeCharger) -> None:
    asked = _charge(*_card(peer, GOOD))
    done = charger.charge(asked, lambda ref: ref)
    assert done.kind == base.SUCCEEDED and done.ref.startswith("pi_")
    assert charger.look_up(replace(asked, ref=done.ref)) == done
    assert charger.refund(done.ref, 999, "refund:1").kind == base.SUCCEEDED


def test_a_card_without_money_is_declined(peer: str, charger: StripeCharger) -> None:
    told = charger.charge(_charge(*_card(peer, DECLINES_AT_CHARGE)), lambda ref: ref)
    assert told.kind in (base.DECLINED, base.DEAD) and told.reason


def test_a_card_that_stripe_does_not_know_is_dead(peer: str, charger: StripeCharger) -> None:
    customer, _ = _card(peer, GOOD)
    assert charger.charge(_charge(customer, "pm_unheard_of"), lambda ref: ref).kind == base.DEAD


def test_where_nobody_answers_nothing_is_known(peer: str) -> None:
    nowhere = StripeCharger(StripeApi(KEY, "http://127.0.0.1:9"))
    asked = _charge(*_card(peer, GOOD))
    assert nowhere.charge(asked, lambda ref: ref).kind == base.UNKNOWN == nowhere.look_up(asked).kind


def test_events_of_the_peer_are_ours_to_take(peer: str, charger: StripeCharger, runtime: Runtime) -> None:
    got: list[tuple[bytes, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    listener = HTTPServer(("127.0.0.1", 0), Hook)
    listener.timeout = 15
    url = f"http://127.0.0.1:{listener.server_port}/"
    told = httpx.post(f"{peer}/_config/webhooks/mine", json={"url": url, "secret": SECRET})
    assert told.status_code == 200
    charger.charge(_charge(*_card(peer, GOOD)), lambda ref: ref)
    for _ in range(8):
        if not got:
            listener.handle_request()
    listener.server_close()
    body, signature = got[0]
    assert hooks.receive(body, signature, secret=SECRET, now=clock.utcnow())
    assert not hooks.receive(body, signature, secret=SECRET, now=clock.utcnow()), "stored once"
    assert buying.count("stripe_event") == 1
