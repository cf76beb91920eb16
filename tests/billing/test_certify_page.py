"""The simulator's page that certifies a merchant's address, in front of the real web process and of worse merchants."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from simulator.payments import calls, certify, certify_page
from tests.billing.outside import Outside
from tests.billing.service import ROOT, Service
from tests.ports import free_port

KEYS = {"key": "a-key-of-payme", "service_id": "4242", "secret": "a-secret-of-click"}
FOUR = "one\ntwo\nthree\nfour"


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path, database_url) as made:
        yield made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Outside(tmp_path_factory.mktemp("outside")) as outside:
        yield f"{outside.payments_url}/certify"


class Seen:
    """What a person sees of the page."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status, self.text, self._tree = answer.status_code, answer.text, LexborHTMLParser(answer.text)
        assert "Traceback" not in self.text and "Server got itself in trouble" not in self.text

    def all(self, selector: str) -> list[str]:
        return [" ".join(node.text().split()) for node in self._tree.css(selector)]

    @property
    def verdict(self) -> str:
        return self.all(".verdict")[0]

    @property
    def green(self) -> list[str]:
        return self.all(".rows .is-green")

    @property
    def red(self) -> list[str]:
        return self.all(".rows .is-red")

    def typed(self, name: str) -> str:
        """What stands in a field."""
        node = self._tree.css_first(f"[name={name}]")
        assert node is not None
        return node.text() if node.tag == "textarea" else node.attributes.get("value") or ""


def _sent(page: str, gateway: str, url: str = "https://shop.example/hooks", **other: str) -> Seen:
    amount = "12500000" if gateway == "payme" else "125000.00"
    form = {"gateway": gateway, "url": url, "orders": FOUR, "amount": amount, **KEYS, **other}
    return Seen(httpx.post(page, data=form, timeout=120, trust_env=False))


def _opened(service: Service, gateway: str) -> list[str]:
    command = ("open-order", "--workspace", "certification", "--plan", "pro", "--gateway", gateway)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: service.cli(*command), range(certify.NEEDED[gateway])))
    return [json.loads(one.stdout)["order_id"] for one in done]


def _states(service: Service, orders: list[str]) -> list[str]:
    return [json.loads(service.cli("show-order", one).stdout)["status"] for one in orders]


@contextmanager
def _merchant(body: bytes, goes: threading.Event | None = None) -> Iterator[tuple[str, threading.Event]]:
    """(address, whether somebody called) of one that answers everything with the same, once it may."""
    called = threading.Event()

    class Same(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            called.set()
            if goes is not None:
                goes.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Same)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", called
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.mark.parametrize(
    ("gateway", "left"),
    [("payme", ["open", "open", "taken_back", "open"]), ("click", ["open", "paid", "open"])],
)
def test_our_own_endpoint_is_certified_and_its_orders_are_used_up_as_the_page_says(
    service: Service, page: str, gateway: str, left: list[str]
) -> None:
    orders = _opened(service, gateway)
    own = {"key": service.env["PAYME_KEY"], "service_id": "2", "secret": service.env["CLICK_SECRET_KEY"]}
    seen = _sent(page, gateway, f"{service.url}/hooks/{gateway}", orders="\r\n".join(orders), **own)
    assert seen.status == 200 and seen.red == []
    assert seen.verdict == f"Certified: all {len(seen.green)} checks are green."
    assert len(seen.green) > (35 if gateway == "payme" else 20)
    assert _states(service, orders) == left


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("gateway", ["payme", "click"])
def test_a_wrong_key_is_not_certified(service: Service, page: str, gateway: str) -> None:
    seen = _sent(page, gateway, f"{service.url}/hooks/{gateway}", **(KEYS | {"service_id": "2"}))
    assert seen.status == 200 and seen.red and "Certified" not in seen.text
    in_all = len(seen.red) + len(seen.green)
    assert seen.verdict == f"Not certified: {len(seen.red)} checks are red, of {in_all} in all."
    came = "-32504" if gateway == "payme" else '"error": -1'
    assert any(came in row for row in seen.red)
    assert all(secret not in seen.text for secret in (KEYS["key"], KEYS["secret"]))


@pytest.mark.parametrize("gateway", ["payme", "click"])
def test_where_nobody_listens_there_is_one_red_row(page: str, gateway: str) -> None:
    seen = _sent(page, gateway, f"http://127.0.0.1:{free_port()}/hooks")
    assert (seen.status, len(seen.red), seen.green) == (200, 1, [])
    assert seen.verdict == "Not certified: 1 check is red, of 1 in all."
    assert "the address answers" in seen.red[0] and "no answer (" in seen.red[0]


@pytest.mark.parametrize("gateway", ["payme", "click"])
@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("orders", "", "fresh orders, one id on each line; 0 came"),
        ("orders", "one\ntwo", "fresh orders, one id on each line; 2 came"),
        ("orders", "one\ntwo\none\nthree", "stands in the list twice"),
        ("amount", "much", "Write the amount in"),
        ("amount", "0", "Write the amount in"),
        ("url", "ftp://shop.example/hooks", "http://... or https://..."),
        ("url", "shop.example/hooks", "http://... or https://..."),
        ("url", "https://somebody@shop.example/", "http://... or https://..."),
        ("url", "http://[::1", "http://... or https://..."),
    ],
)
def test_what_cannot_be_run_is_said_beside_its_field(
    page: str, gateway: str, field: str, value: str, sentence: str
) -> None:
    seen = _sent(page, gateway, **{field: value})
    assert seen.status == 422 and seen.all(".rows li") == []
    assert len(seen.all("strong.wrong")) == 1 and sentence in seen.all(f"#{field}-wrong")[0]
    assert seen.typed(field) == value and seen.typed("service_id") == KEYS["service_id"]
    assert seen.typed("key") == seen.typed("secret") == ""
    assert all(secret not in seen.text for secret in (KEYS["key"], KEYS["secret"]))


def test_each_gateway_wants_its_own_amount_and_its_own_secrets(page: str) -> None:
    tiyin = _sent(page, "payme", amount="125000.00", key="", service_id="", secret="")
    assert tiyin.all("strong.wrong") == ["Payme's key is missing.", "Write the amount in whole tiyin, like 12500000."]
    click = _sent(page, "click", amount="1.234", key="", service_id="", secret="")
    assert len(click.all("strong.wrong")) == 3 and "soums" in click.all("#amount-wrong")[0]
    nobody = Seen(httpx.post(page, trust_env=False))
    assert (nobody.status, nobody.all("strong.wrong")) == (422, ["Choose Payme or Click."])


def test_the_form_says_where_orders_come_from_and_needs_no_script(page: str) -> None:
    answer = httpx.get(page, trust_env=False)
    seen = Seen(answer)
    assert seen.status == 200 and "<script" not in seen.text and "style=" not in seen.text
    assert "analyticbot billing open-order" in seen.text and "leaves one order paid" in seen.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("gateway", ["payme", "click"])
@pytest.mark.parametrize(
    "told",
    [
        {"error": "<script>alert(1)</script>", "result": ["<b>"]},
        {"error": None, "result": {"transactions": [1, {"time": "then"}], "note": "<script>" * 200}},
        {"error": {"code": "\ud800", "message": [{}], "data": "<img src=x>"}},
        ["<script>"],
        "<script>",
        None,
    ],
)
def test_whatever_comes_is_shown_short_and_as_text(page: str, gateway: str, told: object) -> None:
    with _merchant(json.dumps(told).encode()) as (url, _):
        seen = _sent(page, gateway, url)
    assert seen.status == 200 and len(seen.red) > 15 and seen.verdict.startswith("Not certified")
    assert "<script" not in seen.text and "<img" not in seen.text and "<b>&" not in seen.text
    assert max(map(len, seen.all(".rows code"))) <= certify_page._LONGEST + 1
    if isinstance(told, dict):
        assert "&lt;script&gt;" in seen.text or "&lt;img" in seen.text


def test_one_run_at_a_time(page: str) -> None:
    goes = threading.Event()
    with _merchant(b"{}", goes) as (url, called), ThreadPoolExecutor(1) as pool:
        try:
            first = pool.submit(_sent, page, "click", url)
            assert called.wait(20)
            second = _sent(page, "payme", url)
        finally:
            goes.set()
        assert second.status == 409 and "Another run goes on" in second.verdict
        assert second.typed("orders") == FOUR and KEYS["key"] not in second.text
        assert first.result(60).status == 200
        assert _sent(page, "click", url).status == 200


def _cli(gateway: str, **given: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator.payments.certify", gateway]
    return subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, cwd=ROOT, timeout=60)


@pytest.mark.parametrize(("gateway", "amount"), [("payme", 12_500_000), ("click", "125000.00")])
def test_the_command_says_too_that_nobody_answers(gateway: str, amount: object) -> None:
    done = _cli(gateway, url=f"http://127.0.0.1:{free_port()}/", orders=FOUR.split(), amount=amount, **KEYS)
    assert (done.returncode, done.stderr) == (1, "")
    row, verdict = done.stdout.splitlines()
    assert row.startswith('RED   the address answers: "no answer (') and verdict == "1 checks are red"


def test_the_command_refuses_what_it_cannot_run() -> None:
    done = _cli("payme", url="ftp://shop.example/", orders=["one"], amount=1, **KEYS)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ") and "Traceback" not in done.stderr and "needs 4" in done.stderr


def test_silence_ends_the_run_with_one_red_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_TIMEOUT", aiohttp.ClientTimeout(total=0.3))
    goes, checks = threading.Event(), certify.Checks()
    with _merchant(b"{}", goes) as (url, _):
        given = {"url": url, "orders": FOUR.split(), "amount": "1", **KEYS}
        asyncio.run(certify.certify("payme", given, checks))
        goes.set()
    assert [(row.what, row.is_good) for row in checks.rows] == [("the address answers", False)]
    assert "Timeout" in str(checks.rows[0].told)
