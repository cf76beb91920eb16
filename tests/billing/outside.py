"""The gateways that are called by us, as processes of their own: Payme's and Click's card APIs, and Stripe."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from tests.billing.buying import CLICK_SECRET, CLICK_SERVICE, PAYME_KEY

ROOT = Path(__file__).resolve().parents[2]
Doc = dict[str, Any]
PAYME_MERCHANT, CLICK_USER = "587f72c72cac0d162c722ae2", "31"
STRIPE_KEY, STRIPE_SECRET = "sk_test_of_tests", "whsec_of_tests"
GOOD, POOR, DEAD = "good", "poor", "dead"
_NUMBERS = {GOOD: "8600495473316478", POOR: "8600000000000001", DEAD: "4444445987459073"}
_STRIPES = {
    GOOD: "pm_card_visa",
    POOR: "pm_card_chargeDeclinedInsufficientFunds",
    DEAD: "pm_card_chargeDeclinedLostCard",
    "in_person": "pm_card_authenticationRequired",
}


class Outside:
    """`with Outside(folder, merchant_url) as outside: outside.card("click")`. Ended by their own pids."""

    def __init__(self, folder: Path, merchant: str = "http://127.0.0.1:9") -> None:
        self.folder, self._merchant = folder, merchant
        self._running: list[subprocess.Popen[str]] = []
        self.payments_url = self.stripe_url = ""

    def __enter__(self) -> Outside:
        self.payments_url = self._start(
            *("simulator.payments", "--port", "0", "--merchant", self._merchant),
            *("--payme-key", PAYME_KEY, "--payme-merchant", PAYME_MERCHANT),
            *("--click-service", CLICK_SERVICE, "--click-secret", CLICK_SECRET, "--click-merchant-user", CLICK_USER),
        )
        self.stripe_url = self._start(
            *("simulator.stripe", "--port", "0", "--secret-key", STRIPE_KEY),
            *("--webhook-url", f"{self._merchant}/hooks/stripe", "--webhook-secret", STRIPE_SECRET),
        )
        return self

    def _start(self, *module: str) -> str:
        command = [sys.executable, "-m", *module, "--state", str(self.folder / module[0])]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " ready on " in line, f"{module[0]} did not start: {line}"
        return line.rpartition(" ")[2].strip()

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(10)

    @property
    def settings(self) -> Doc:
        """What points the product at them."""
        return {
            "payme_merchant_id": PAYME_MERCHANT,
            "payme_key": SecretStr(PAYME_KEY),
            "payme_api_url": f"{self.payments_url}/payme-api",
            "click_merchant_id": "11",
            "click_service_id": CLICK_SERVICE,
            "click_secret_key": SecretStr(CLICK_SECRET),
            "click_merchant_user_id": CLICK_USER,
            "fiscal_ikpu": "10304008003000000",
            "fiscal_package_code": "1514296",
            "click_api_url": f"{self.payments_url}/click-api/v2/merchant",
            "stripe_secret_key": SecretStr(STRIPE_KEY),
            "stripe_webhook_secret": SecretStr(STRIPE_SECRET),
            "stripe_api_url": self.stripe_url,
        }

    def faults(self, gateway: str, **faults: int) -> None:
        """So many requests for money end as said: `before`, `after_commit`, `500`."""
        if gateway == "stripe":
            _post(f"{self.stripe_url}/_control/faults", faults)
        else:
            _post(f"{self.payments_url}/_control/faults", {f"{gateway}_{name}": n for name, n in faults.items()})

    def turn_clock(self, now: datetime) -> None:
        """The present of Payme and Click."""
        _post(f"{self.payments_url}/_control/clock", {"now_ms": int(now.timestamp() * 1000)})

    def card(self, gateway: str, kind: str = GOOD) -> tuple[str, str]:
        """(token, payer) of a card that is saved at the gateway."""
        if gateway == "stripe":
            customer = self.stripe("post", "/v1/customers")["id"]
            made = self.stripe("post", f"/v1/payment_methods/{_STRIPES[kind]}/attach", customer=customer)
            return str(made["id"]), str(customer)
        made = _post(f"{self.payments_url}/_control/tokens", {"gateway": gateway, "card": _NUMBERS[kind]})
        return str(made["token"]), ""

    def stripe(self, verb: str, path: str, **params: Any) -> Doc:
        """A request at Stripe by itself."""
        answer = httpx.request(
            verb, f"{self.stripe_url}{path}", data=params or None, headers={"Authorization": f"Bearer {STRIPE_KEY}"}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def control_stripe(self, name: str, **facts: Any) -> Doc:
        return _post(f"{self.stripe_url}/_control/{name}", facts)

    def money(self, gateway: str) -> list[Doc]:
        """All that moved at a gateway, in order: `charge`, `refund`, …"""
        url = self.stripe_url if gateway == "stripe" else self.payments_url
        found = httpx.get(f"{url}/_control/charges").json()
        return found["charges"] if gateway == "stripe" else [one for one in found if one["gateway"] == gateway]

    def charges(self, gateway: str) -> int:
        """How often money was taken."""
        return sum(one["money"] == "charge" for one in self.money(gateway))


def _post(url: str, facts: Doc) -> Doc:
    answer = httpx.post(url, json=facts)
    answer.raise_for_status()
    return dict(answer.json())
