"""The operator's commands of billing against a running web process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.billing.buying import PAYME_KEY, PRO
from tests.billing.outside import STRIPE_KEY, STRIPE_SECRET, Outside
from tests.billing.service import Service


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path, database_url) as made:
        yield made


@pytest.mark.parametrize("gateway", ["payme", "click"])
def test_our_own_endpoint_is_certified(service: Service, gateway: str) -> None:
    done = service.cli("certify", gateway, service.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith("certified") and "RED" not in done.stdout
    assert done.stdout.count("green") > (35 if gateway == "payme" else 20)


def test_an_endpoint_that_lets_everybody_in_is_not_certified(service: Service) -> None:
    service.env["PAYME_KEY"] = "another key than the web process has"
    done = service.cli("certify", "payme", service.url)
    assert done.returncode == 1 and "RED" in done.stdout


def _told(service: Service, *arguments: str) -> Any:
    done = service.cli(*arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_order_is_opened_paid_and_shown(service: Service) -> None:
    opened = _told(service, "open-order", "--workspace", "W", "--plan", "pro", "--gateway", "payme")
    assert (opened["amount_minor"], opened["currency"]) == (PRO, "UZS")
    shown = _told(service, "show-order", opened["order_id"])
    assert shown == {"order_id": opened["order_id"], "status": "open", "paid_at": None, "deliveries": 0}
    auth = httpx.BasicAuth("Paycom", PAYME_KEY)
    account = {"amount": PRO, "account": {"order_id": opened["order_id"]}}
    for method, params in (
        ("CreateTransaction", {"id": "5" * 24, "time": int(time.time() * 1000), **account}),
        ("PerformTransaction", {"id": "5" * 24}),
    ):
        body = {"id": 1, "method": method, "params": params}
        told = httpx.post(f"{service.url}/hooks/payme", json=body, auth=auth).json()
        assert "result" in told, told
    shown = _told(service, "show-order", opened["order_id"])
    assert (shown["status"], shown["deliveries"]) == ("paid", 1) and shown["paid_at"]
    assert service.cli("check").stdout.strip() == "0 unbalanced entries"
    month = _told(service, "revenue", "--month", f"{datetime.now(ZoneInfo('Asia/Tashkent')):%Y-%m}")
    net = PRO - round(PRO * 12 / 112)
    assert (month["currency"], month["start"], month["new"], month["end"]) == ("UZS", 0, net, net)
    assert month["customers"] == {"start": 0, "lost": 0, "end": 1} and month["nrr"] is None


def test_an_order_at_stripe_is_told_with_its_page(service: Service, tmp_path: Path) -> None:
    with Outside(tmp_path / "outside", service.url) as outside:
        service.env |= {"STRIPE_SECRET_KEY": STRIPE_KEY, "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET}
        service.env["STRIPE_API_URL"] = outside.stripe_url
        opened = _told(service, "open-order", "--workspace", "W", "--plan", "pro", "--gateway", "stripe")
        assert (opened["amount_minor"], opened["currency"]) == (999, "USD")
        assert "$9.99" in httpx.get(opened["pay_url"]).text or "9.99 USD" in httpx.get(opened["pay_url"]).text


def test_what_cannot_be_opened_or_found_is_said_in_one_sentence(service: Service) -> None:
    for arguments in (
        ("open-order", "--workspace", "W", "--plan", "gold", "--gateway", "payme"),
        ("open-order", "--workspace", "W", "--plan", "pro", "--gateway", "stripe"),
        ("open-order", "--workspace", "W", "--plan", "pro", "--interval", "week", "--gateway", "click"),
        ("show-order", "nothing"),
        ("show-order", "-75b1Rh663DaxUz8kY1fo-"),
        ("show-order", "--5b1Rh663DaxUz8kY1fo-"),
    ):
        done = service.cli(*arguments)
        assert "such option" not in done.stderr, "an order's number may begin with a dash"
        assert done.returncode == 2 and done.stderr.startswith("Error: ") and "Traceback" not in done.stderr


def test_coupons_are_offered_listed_redeemed_and_revoked(service: Service) -> None:
    assert _told(service, "coupon", "gift", "--percent", "100", "--most", "5") == {"code": "GIFT"}
    again = service.cli("coupon", "GIFT", "--percent", "50")
    assert again.returncode == 2 and again.stderr.startswith("Error: ") and "already" in again.stderr
    wrong = service.cli("coupon", "OTHER", "--percent", "101")
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr
    made = _told(service, "open-order", "--workspace", "W", "--plan", "pro", "--gateway", "payme", "--coupon", "GIFT")
    assert (made["amount_minor"], made["pay_url"]) == (0, "")
    assert _told(service, "show-order", made["order_id"])["status"] == "paid"
    told = _told(service, "coupons")
    assert (told["code"], told["percent"], told["periods"], told["redeemed"], told["most"]) == ("GIFT", 100, 1, 1, 5)
    assert _told(service, "coupon", "GIFT", "--revoke")["revoked_at"] and _told(service, "coupons")["revoked_at"]
