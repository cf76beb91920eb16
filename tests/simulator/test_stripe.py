"""Stripe on loopback, driven by the real SDK: what a merchant meets, also when answers and webhooks get lost."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

ROOT = Path(__file__).resolve().parents[2]
KEY, SECRET = "sk_test_simulated", "whsec_simulated"
VISA, POOR, LOST = "pm_card_visa", "pm_card_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedLostCard"
ASKS, QUESTION = "pm_card_authenticationRequired", "authentication_required"
DECLINES = [
    (POOR, "card_declined", "insufficient_funds"),
    (LOST, "card_declined", "lost_card"),
    (ASKS, QUESTION, QUESTION),
]


class Receiver(ThreadingHTTPServer):
    """The merchant's webhook: keeps what comes, and refuses the first `refusals`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.got: list[stripe.Event] = []
        self.refusals, self.calls = 0, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def types(self) -> list[str]:
        return [event.type for event in self.got]


class _Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body, self.server.calls = self.rfile.read(int(self.headers["Content-Length"])), self.server.calls + 1
        is_refused = self.server.calls <= self.server.refusals
        if not is_refused:
            event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], SECRET)
            self.server.got.append(event)
        self.send_response(500 if is_refused else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Simulator:
    def __init__(self, state: Path, hook: str) -> None:
        self.state, self.url, self.hook = state, "", hook
        self.http = httpx.Client(timeout=30, trust_env=False)
        self.start()

    def start(self) -> None:
        port = self.url.rsplit(":", 1)[1] if self.url else "0"
        command = [sys.executable, "-m", "simulator.stripe", "--port", port, "--state", str(self.state)]
        command += ["--secret-key", KEY, "--webhook-url", self.hook, "--webhook-secret", SECRET]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().removeprefix("stripe ready on ").strip()
        assert self.url.startswith("http://127.0.0.1:"), self.url

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=15)
        return self.process.returncode

    @property
    def sdk(self) -> Any:
        return stripe.StripeClient(KEY, base_addresses={"api": self.url}, max_network_retries=0).v1

    def control(self, verb: str, **body: Any) -> dict[str, Any]:
        told = self.http.post(f"{self.url}/_control/{verb}", json=body).json()
        assert told["ok"], told
        return dict(told)

    def money(self) -> list[dict[str, Any]]:
        return list(self.http.get(f"{self.url}/_control/charges").json()["charges"])

    def press(self, session: Any, card: str, what: str = "pay") -> httpx.Response:
        return self.http.post(f"{self.url}/pay/{session.id}", data={"card": card, "what": what})

    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.state / "stripe.jsonl").read_text().splitlines()]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server
        server.shutdown()


@pytest.fixture
def sim(tmp_path: Path, hook: Receiver) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path, f"http://127.0.0.1:{hook.server_address[1]}/hooks/stripe")
    yield simulator
    assert simulator.end() == 0
    simulator.http.close()


def _until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.02)


def _saved(sim: Simulator, helper: str = VISA) -> dict[str, Any]:
    """What a charge of a saved card takes."""
    customer = sim.sdk.customers.create({"email": "a@example.org"})
    method = sim.sdk.payment_methods.attach(helper, {"customer": customer.id})
    asked = {"amount": 900, "currency": "usd", "customer": customer.id, "payment_method": method.id}
    return asked | {"off_session": True, "confirm": True, "metadata": {"order": "7"}}


def _charge(sim: Simulator, asked: dict[str, Any], key: str | None = None) -> Any:
    return sim.sdk.payment_intents.create(asked, {"idempotency_key": key} if key else {})


def _session(sim: Simulator, **more: Any) -> Any:
    price = {"currency": "usd", "unit_amount": 450, "product_data": {"name": "Pro"}}
    asked: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"price_data": price, "quantity": 2}],
        "client_reference_id": "o7",
    }
    data = {"setup_future_usage": "off_session", "metadata": {"order": "7"}}
    asked |= {"payment_intent_data": data, "success_url": "http://127.0.0.1:1/ok?s={CHECKOUT_SESSION_ID}"}
    return sim.sdk.checkout.sessions.create(asked | {"cancel_url": "http://127.0.0.1:1/back"} | more)


def test_a_key_replays_the_first_answer_and_refuses_other_parameters(sim: Simulator) -> None:
    asked = _saved(sim)
    first, again = _charge(sim, asked, "k1"), _charge(sim, asked, "k1")
    assert (first.id, first.status) == (again.id, "succeeded") and len(sim.money()) == 1
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    with pytest.raises(stripe.IdempotencyError):
        _charge(sim, asked | {"amount": 901}, "k1")
    lines = [line for line in sim.journal() if line.get("idempotency_key") == "k1"]
    assert [(line["status"], line["replayed"]) for line in lines] == [(200, False), (200, True), (400, False)]
    assert lines[1]["object_id"] == first.id
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: ammount"):
        _charge(sim, asked | {"ammount": 1}, "k2")
    assert _charge(sim, asked, "k2").status == "succeeded"  # validation is not remembered under a key


@pytest.mark.parametrize(("helper", "code", "decline"), DECLINES)
def test_a_decline_off_session_is_402_and_is_replayed(sim: Simulator, helper: str, code: str, decline: str) -> None:
    asked, told = _saved(sim, helper), []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            _charge(sim, asked, "k1")
        error: Any = declined.value.error
        assert (declined.value.http_status, error.code, error.decline_code) == (402, code, decline)
        assert error.payment_intent.status == "requires_payment_method"
        told.append(error.payment_intent.id)
    assert told[0] == told[1] and not sim.money()
    kept = sim.sdk.payment_intents.retrieve(told[0], {"expand": ["latest_charge"]})
    assert (kept.last_payment_error.decline_code, kept.latest_charge.status) == (decline, "failed")
    assert sim.sdk.payment_intents.cancel(kept.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sim.sdk.payment_intents.confirm(kept.id, {"payment_method": VISA})
    assert refused.value.code == "payment_intent_unexpected_state"


def test_an_answer_lost_after_the_commit_is_one_charge(sim: Simulator) -> None:
    asked = _saved(sim)
    sim.control("faults", after_commit=1)
    with pytest.raises(stripe.APIConnectionError):
        _charge(sim, asked, "k1")
    assert len(sim.money()) == 1
    assert _charge(sim, asked, "k1").last_response.headers["Idempotent-Replayed"] == "true"
    assert [(row["money"], row["amount"], row["metadata"]) for row in sim.money()] == [("charge", 900, {"order": "7"})]


def test_lost_before_is_nothing_and_500_stays_under_its_key(sim: Simulator) -> None:
    asked = _saved(sim)
    sim.control("faults", before=1, status_500=1)
    with pytest.raises(stripe.APIConnectionError):
        _charge(sim, asked, "k1")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as broken:
            _charge(sim, asked, "k1")
        assert broken.value.http_status == 500
    assert not sim.money() and not sim.sdk.payment_intents.list().data
    assert _charge(sim, asked, "k2").status == "succeeded"


def test_a_key_in_use_is_409(sim: Simulator) -> None:
    asked = _saved(sim)
    sim.control("faults", slow_s=1)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(_charge, sim, asked, "k1")
        time.sleep(0.4)
        with pytest.raises(stripe.APIError) as busy:
            _charge(sim, asked, "k1")
        error: Any = busy.value.error
        assert (busy.value.http_status, error.code) == (409, "idempotency_key_in_use")
        assert first.result().status == "succeeded"
    assert len(sim.money()) == 1


def test_more_than_was_paid_is_not_given_back(sim: Simulator) -> None:
    paid = _charge(sim, _saved(sim))
    part = sim.sdk.refunds.create({"payment_intent": paid.id, "amount": 400, "metadata": {"why": "x"}})
    assert (part.status, sim.sdk.refunds.retrieve(part.id).metadata["why"]) == ("succeeded", "x")
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        sim.sdk.refunds.create({"payment_intent": paid.id, "amount": 501})
    sim.control("refund", payment_intent=paid.id, amount=500)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sim.sdk.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_already_refunded"
    charge = sim.sdk.charges.retrieve(paid.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (900, True)
    assert [row["net"] for row in sim.money()] == [900, -400, -500]
    assert [row.amount for row in sim.sdk.refunds.list({"payment_intent": paid.id}).data] == [500, 400]


def test_the_page_takes_a_payment_after_a_decline_and_saves_the_card(sim: Simulator, hook: Receiver) -> None:
    session = _session(sim)
    assert session.url == f"{sim.url}/pay/{session.id}" and session.payment_status == "unpaid"
    shown = sim.http.get(session.url)
    assert "9.00 USD" in shown.text and "form-action 'self' http: https:" in shown.headers["Content-Security-Policy"]
    assert sim.press(session, "visa", "away").headers["Location"] == "http://127.0.0.1:1/back"
    assert "insufficient funds" in sim.press(session, "insufficient_funds").text
    answer = sim.press(session, "authentication_later")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"http://127.0.0.1:1/ok?s={session.id}")
    done = sim.sdk.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.payment_method"]})
    assert (done.status, done.payment_status, done.url, done.client_reference_id) == ("complete", "paid", None, "o7")
    intent = done.payment_intent
    assert (intent.amount_received, intent.metadata["order"], intent.customer) == (900, "7", done.customer)
    assert (intent.payment_method.customer, intent.payment_method.card.last4) == (done.customer, "3155")
    assert sim.press(session, "visa").status_code == 303 and len(sim.money()) == 1
    later = {"amount": 900, "currency": "usd", "customer": done.customer, "off_session": True, "confirm": True}
    with pytest.raises(stripe.CardError, match="requires authentication"):
        _charge(sim, later | {"payment_method": intent.payment_method.id})
    _until(lambda: len(hook.got) == 4)
    assert hook.types()[:3] == [
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_bank_asks_on_the_page_and_a_setup_saves_without_money(sim: Simulator, hook: Receiver) -> None:
    customer = sim.sdk.customers.create({})
    asked = {"mode": "setup", "currency": "usd", "customer": customer.id, "success_url": "http://127.0.0.1:1/ok"}
    session = sim.sdk.checkout.sessions.create(asked | {"setup_intent_data": {"metadata": {"a": "b"}}})
    assert "Your bank asks" in sim.press(session, "authentication_always").text
    assert sim.press(session, "authentication_always", "no").status_code == 402
    assert sim.press(session, "authentication_always", "yes").status_code == 303
    setup = sim.sdk.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]}).setup_intent
    assert (setup.status, setup.metadata["a"]) == ("succeeded", "b") and not sim.money()
    assert sim.sdk.payment_methods.retrieve(setup.payment_method).customer == customer.id
    assert sim.sdk.payment_methods.detach(setup.payment_method).customer is None
    _until(lambda: hook.types() == ["setup_intent.succeeded", "checkout.session.completed", "payment_method.detached"])
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        sim.sdk.payment_methods.attach(setup.payment_method, {"customer": customer.id})


def test_an_expired_session_takes_no_money(sim: Simulator, hook: Receiver) -> None:
    session = _session(sim)
    sim.press(session, "lost_card")
    assert sim.sdk.checkout.sessions.expire(session.id).status == "expired"
    assert sim.press(session, "visa").status_code == 400 and not sim.money()
    _until(lambda: hook.types()[1:] == ["payment_intent.canceled", "checkout.session.expired"])


def test_webhooks_verify_and_come_until_they_are_taken(sim: Simulator, hook: Receiver) -> None:
    hook.refusals = 1
    sim.control("faults", webhooks_twice=True)
    paid = _charge(sim, _saved(sim), "k1")
    _until(lambda: len(hook.got) == 2)
    event: Any = hook.got[0]
    assert (event.type, event.data.object.id) == ("payment_intent.succeeded", paid.id)
    assert event.api_version == "2026-10-28.endive" == stripe.api_version
    assert event.id == hook.got[1].id == sim.sdk.events.retrieve(event.id).id
    assert event.request.idempotency_key == "k1" and hook.calls == 3
    sim.control("faults", webhooks_twice=False, webhooks_off=True)
    assert sim.control("deliver")["events"] == 1
    time.sleep(0.3)
    assert len(hook.got) == 2
    sim.control("faults", webhooks_off=False, webhooks_shuffled=True)
    _until(lambda: len(hook.got) == 3)


def test_a_dispute_takes_the_money_and_a_won_one_brings_it_back(sim: Simulator, hook: Receiver) -> None:
    paid = _charge(sim, _saved(sim))
    assert sim.control("dispute", payment_intent=paid.id)["dispute"]["status"] == "needs_response"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sim.sdk.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_disputed"
    sim.control("dispute", payment_intent=paid.id, won=True)
    assert [(row["money"], row["net"]) for row in sim.money()] == [("charge", 900), ("dispute", -900), ("dispute", 900)]
    _until(lambda: hook.types()[1:] == ["charge.dispute.created", "charge.dispute.closed"])


def test_the_balance_lists_pages_and_expands(sim: Simulator) -> None:
    asked, since = _saved(sim), int(time.time())
    paid = [_charge(sim, asked).id for _ in range(3)]
    sim.sdk.refunds.create({"payment_intent": paid[0], "amount": 100})
    window = {"created": {"gte": since, "lte": since + 60}, "expand": ["data.source"]}
    page = sim.sdk.balance_transactions.list({"limit": 3} | window)
    assert [(row.type, row.amount, row.fee) for row in page.data] == [("refund", -100, 0)] + 2 * [("charge", 900, 56)]
    assert [row.source.payment_intent for row in page.data] == [paid[0], paid[2], paid[1]] and page.has_more
    assert len(list(page.auto_paging_iter())) == 4
    assert isinstance(sim.sdk.balance_transactions.list({"limit": 1}).data[0].source, str)
    assert not sim.sdk.balance_transactions.list({"created": {"lte": since - 60}}).data
    mine = sim.sdk.payment_intents.list({"customer": asked["customer"], "limit": 2, "starting_after": paid[2]})
    assert [one.id for one in mine.data] == [paid[1], paid[0]] and not mine.has_more


def test_only_the_secret_key_opens(sim: Simulator) -> None:
    url = f"{sim.url}/v1/customers/cus_none"
    assert sim.http.get(url).status_code == 401
    assert sim.http.get(url, auth=("sk_other", "")).json()["error"]["type"] == "invalid_request_error"
    missing = sim.http.get(url, auth=(KEY, ""))
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _charge(sim, {"amount": 900, "currency": "usd", "customer": "cus_none"})
    assert (refused.value.http_status, refused.value.param) == (400, "customer")


def test_kill_and_restart_keep_everything(sim: Simulator, hook: Receiver) -> None:
    asked, session = _saved(sim), _session(sim)
    sim.control("faults", webhooks_off=True)
    paid = _charge(sim, asked, "k1")
    before = sim.journal()
    assert sim.end(signal.SIGKILL) == -signal.SIGKILL
    with (sim.state / "stripe.jsonl").open("a") as file:
        file.write('{"half')
    sim.start()
    assert _charge(sim, asked, "k1").id == paid.id and len(sim.money()) == 1
    assert sim.journal()[: len(before)] == before and len(sim.journal()) == len(before) + 1
    sim.control("faults", webhooks_off=False)
    _until(lambda: hook.types() == ["payment_intent.succeeded"])
    assert sim.press(session, "visa").status_code == 303
