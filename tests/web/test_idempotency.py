"""A key makes a request happen once: the same reply to the same request, whoever is impatient and whatever breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts import door
from app.accounts.service import people, sessions
from app.billing import views
from app.billing.gateways.base import SavedCard
from app.billing.gateways.stripe.link import Stripe
from app.billing.service import coupons, trials
from app.boot import Runtime
from app.core import clock, db, idempotency, kept_replies, retention
from app.core.errors import Conflict, Forbidden, Invalid, LimitReached, Unauthenticated, Upstream
from app.core.idempotency import key_of
from app.core.kept_replies import Asked, Claim, Reply
from app.core.policy import Role
from tests.billing import buying
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]
BUY = {"plan": "pro", "interval": "month", "gateway": "payme"}
HALF = BUY | {"coupon": "HALF"}  # asked for twice it is two orders
MANY = 50


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    coupons.create("HALF", coupons.Terms(percent=50), actor="test", now=clock.utcnow())
    return owner("Bobur", telegram_user_id=77, plan="free", now=clock.utcnow())


@pytest.fixture
def client(who: Owner, sign_in: SignIn) -> FlaskClient:
    return sign_in(who)


@pytest.fixture
def charge(runtime: Runtime, who: Owner, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where an order is charged to a saved card. Stripe is set up; its own process is not needed for that."""
    monkeypatch.setitem(runtime.gateways._by_key, "stripe", Stripe())
    runtime.vault.save(who.workspace.id, SavedCard("stripe", "pm_1", "cus_1", "Visa •••• 4242"), now=clock.utcnow())
    return str(client.post("/billing/checkout", data=BUY | {"gateway": "stripe"}).headers["Location"]) + "/charge"


def _post(client: FlaskClient, path: str, key: str = "k1", *, address: int = 0, **given: Any) -> Any:
    headers = {"Idempotency-Key": key, "Accept": "application/json"} | given.pop("headers", {})
    given = {"data": HALF} | given if path == "/billing/checkout" else given
    return client.post(path, headers=headers, environ_base={"REMOTE_ADDR": f"10.0.0.{address}"}, **given)


def _orders() -> int:
    return buying.count("checkout_order")


def _code(answer: Any) -> str:
    return str(json.loads(answer.text)["error"]["code"])


def test_the_same_request_again_gets_the_same_reply_and_nothing_is_done(client: FlaskClient) -> None:
    first = _post(client, "/billing/checkout")
    again = _post(client, "/billing/checkout", '"k1"')  # as the draft writes it
    assert first.status_code == again.status_code == 303 and first.data == again.data
    assert first.headers["Location"] == again.headers["Location"] and _orders() == 1
    assert "Idempotency-Replayed" not in first.headers and again.headers["Idempotency-Replayed"] == "true"
    other = _post(client, "/billing/checkout", "k2")
    assert other.headers["Location"] != first.headers["Location"] and _orders() == 2
    client.post("/billing/checkout", data=HALF)
    client.post("/billing/checkout", data=HALF)
    assert _orders() == 4 and buying.count("idempotency_key") == 2, "without a key all is as before"


def test_the_page_around_a_form_is_no_part_of_what_it_says(client: FlaskClient, who: Owner) -> None:
    around = {"csrf_token": "one", door.WORKSPACE_FIELD: who.workspace.public_id}
    assert set(around) == idempotency.NOT_SAID
    first = _post(client, "/billing/checkout", data=around | HALF)
    again = _post(client, "/billing/checkout", data=HALF | {"csrf_token": "two"})
    assert first.headers["Location"] == again.headers["Location"] and _orders() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"data": HALF | {"plan": "business"}},
        {"data": HALF | {"note": ""}},
        {"data": {}},
        {"data": json.dumps(HALF), "content_type": "application/json"},
        {"data": HALF, "query_string": {"currency": "USD"}},
    ],
)
def test_a_key_stands_for_one_request_only(client: FlaskClient, other: dict[str, Any]) -> None:
    first = _post(client, "/billing/checkout")
    refused = _post(client, "/billing/checkout", **other)
    assert refused.status_code == 422 and _code(refused) == "key_reused" and _orders() == 1
    assert _post(client, "/billing/checkout").headers["Location"] == first.headers["Location"]


def test_bodies_that_are_no_forms_differ_too(client: FlaskClient) -> None:
    def sent(body: str) -> Any:
        return _post(client, "/billing/checkout", data=body, content_type="application/json")

    assert sent('{"a": 1}').status_code == 422
    assert _code(sent('{"a": 2}')) == "key_reused" and "Idempotency-Replayed" in sent('{"a": 1}').headers


def test_a_key_is_of_a_person_in_a_workspace_at_an_address(client: FlaskClient, who: Owner, sign_in: SignIn) -> None:
    colleague = people.create_user(name="Aziza", timezone="UTC", now=clock.utcnow())
    people.add_member(who.workspace.id, colleague.id, Role.ADMIN, now=clock.utcnow())
    second = people.create_workspace("Second", owner=who.user, timezone="UTC", now=clock.utcnow())
    clients = (client, sign_in(Owner(colleague, who.workspace)), sign_in(Owner(who.user, second)))
    asked = [_post(one, "/billing/checkout", data=BUY) for one in clients]
    assert [answer.status_code for answer in asked] == [303] * 3 and buying.count("idempotency_key") == 3
    assert not [answer for answer in asked if "Idempotency-Replayed" in answer.headers]
    assert buying.count("checkout_order WHERE workspace_id = ?", second.id) == 1
    addresses = [f"{answer.headers['Location']}/charge" for answer in asked[1:]]
    assert [_post(client, path).status_code for path in addresses] == [409, 404], "no card; not theirs"


def test_while_the_first_runs_the_second_is_told_to_wait(
    client: FlaskClient, who: Owner, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go, real = threading.Event(), threading.Event(), views.check_out

    def slow(*args: Any, **kwargs: Any) -> Any:
        begun.set()
        assert may_go.wait(20)
        return real(*args, **kwargs)

    monkeypatch.setattr(views, "check_out", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: buying.at_once([lambda: _post(client, "/billing/checkout")])[0])
        assert begun.wait(20)
        second = _post(sign_in(who), "/billing/checkout")
        other = _post(sign_in(who), "/billing/checkout", data=BUY)
        may_go.set()
        done = first.result(20)
    assert (second.status_code, second.headers["Retry-After"], _code(second)) == (409, "1", "in_flight")
    assert (other.status_code, _code(other)) == (422, "key_reused")
    assert done.status_code == 303 and _orders() == 1
    assert _post(client, "/billing/checkout").headers["Location"] == done.headers["Location"]


def _many(who: Owner, sign_in: SignIn, path: str, **given: Any) -> list[Any]:
    """The same request by many devices at the same time."""
    clients = [sign_in(who) for _ in range(MANY)]
    return buying.at_once([lambda c=c, n=n: _post(c, path, address=n, **given) for n, c in enumerate(clients)])  # type: ignore[misc]


def test_fifty_at_once_are_one_charge(client: FlaskClient, who: Owner, sign_in: SignIn, charge: str) -> None:
    answers = _many(who, sign_in, charge)
    done = [answer for answer in answers if answer.status_code == 303]
    assert done and {answer.headers["Location"] for answer in done} == {charge.removesuffix("/charge")}
    assert {_code(answer) for answer in answers if answer not in done} <= {"in_flight"}
    assert buying.count("payment") == 1
    assert buying.count("subscription_event WHERE event = 'charge_asked'") == 1
    assert [answer for answer in done if "Idempotency-Replayed" not in answer.headers][1:] == [], "it ran once"
    again = _post(client, charge)
    assert again.status_code == 303 and again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == done[0].headers["Location"] and again.data == done[0].data


def test_fifty_at_once_are_one_order(who: Owner, sign_in: SignIn) -> None:
    answers = _many(who, sign_in, "/billing/checkout")
    assert {answer.status_code for answer in answers} <= {303, 409} and _orders() == 1
    assert len({answer.headers["Location"] for answer in answers if answer.status_code == 303}) == 1


def test_without_the_claim_fifty_at_once_are_many_orders(
    who: Owner, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_replies, "claim", lambda asked, *, now: Claim(asked, now))
    answers = _many(who, sign_in, "/billing/checkout")
    assert {answer.status_code for answer in answers} == {303} and _orders() == MANY


class _Fails:
    """Stands for the checkout: fails so many times, then it is as ever."""

    def __init__(self, error: BaseException, times: int = 1) -> None:
        self.error, self.times, self.real = error, times, views.check_out

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return self.real(*args, **kwargs)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("broken"), 500),
        (Upstream("away"), 502),
        (Conflict("not now"), 409),
        (LimitReached("too much"), 429),
        (Unauthenticated("who are you"), 401),
        (Forbidden("not you"), 403),
    ],
)
def test_what_may_pass_is_not_kept(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    monkeypatch.setattr(views, "check_out", _Fails(error))
    assert _post(client, "/billing/checkout").status_code == status and buying.count("idempotency_key") == 0
    done = _post(client, "/billing/checkout")
    assert done.status_code == 303 and "Idempotency-Replayed" not in done.headers and _orders() == 1


def test_a_refusal_is_a_reply_like_another(client: FlaskClient) -> None:
    gift = BUY | {"coupon": "GIFT"}
    refused = _post(client, "/billing/checkout", data=gift)
    assert refused.status_code == 422 and "There is no such coupon." in refused.text
    coupons.create("GIFT", coupons.Terms(percent=10), actor="test", now=clock.utcnow())
    again = _post(client, "/billing/checkout", data=gift)
    assert (again.status_code, again.data, again.content_type) == (422, refused.data, refused.content_type)
    assert _orders() == 0 and _post(client, "/billing/checkout", "k2", data=gift).status_code == 303
    unknown = [_post(client, "/orders/unknown/charge") for _ in range(2)]
    assert [answer.status_code for answer in unknown] == [404, 404] and unknown[0].data == unknown[1].data
    assert unknown[1].headers["Idempotency-Replayed"] == "true" and unknown[1].is_json


def test_a_toast_and_a_redirect_of_a_fragment_are_said_again(client: FlaskClient, charge: str) -> None:
    asked = {"headers": {"HX-Request": "true", "Accept": "*/*"}}
    for path, status, kept in (
        (charge, 204, {"HX-Redirect": charge.removesuffix("/charge")}),
        ("/orders/unknown/charge", 404, {"HX-Reswap": "none", "HX-Push-Url": "false"}),
    ):
        first, again = (_post(client, path, **asked) for _ in range(2))
        assert first.status_code == again.status_code == status and first.data == again.data
        assert kept.items() <= dict(again.headers).items() and again.headers["Idempotency-Replayed"] == "true"
        assert first.headers.get("HX-Trigger") == again.headers.get("HX-Trigger")


def test_of_a_large_reply_only_the_status_is_kept(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MOST_KEPT", 100)
    first, again = (_post(client, "/billing/checkout", data=BUY | {"coupon": "NONE"}) for _ in range(2))
    assert first.status_code == again.status_code == 422 and len(first.data) > 100 and again.data == b""


def test_a_trial_is_begun_once_and_says_so_again(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = {"plan": "business", "currency": "UZS"}
    assert [_post(client, "/billing/trial", data=trial).status_code for _ in range(2)] == [303, 303]
    assert _post(client, "/billing/trial", "k2", data=trial).status_code == 409, "another key asks for another trial"
    monkeypatch.setattr(trials, "start", None)
    assert _post(client, "/billing/trial", data=trial).headers["Location"] == "/billing"


def test_the_mini_app_sends_keys_too(app: Flask, who: Owner) -> None:
    at = {"launched_at": clock.utcnow(), "now": clock.utcnow()}
    token = sessions.start_from_launch(who.user.id, launch_hash="l", device="d" * 32, **at)
    frame, in_stars = app.test_client(use_cookies=False), {"plan": "pro", "interval": "days30", "gateway": "stars"}
    asked = [_post(frame, "/billing/checkout", data=in_stars, headers={"X-Session": token}) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [303, 303] and _orders() == 1
    assert asked[1].headers["Idempotency-Replayed"] == "true"


class _Killed(BaseException):
    """The process ends here."""


def test_what_died_with_its_process_runs_again_after_a_minute(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = clock.utcnow()

    def at(seconds: float) -> Any:
        monkeypatch.setattr(clock, "utcnow", lambda: start + timedelta(seconds=seconds))
        return _post(client, "/billing/checkout")

    monkeypatch.setattr(views, "check_out", _Fails(_Killed()))
    with pytest.raises(_Killed):
        at(0)
    assert at(59.9).status_code == 409 and _orders() == 0
    assert at(60).status_code == 303 and _orders() == 1
    assert at(3600).headers["Idempotency-Replayed"] == "true"


def _asked(now: datetime) -> tuple[Asked, Claim]:
    asked = Asked(1, 2, "billing.checkout", "k" * 64, "f" * 64)
    claimed = kept_replies.claim(asked, now=now)
    assert isinstance(claimed, Claim)
    return asked, claimed


def test_one_of_those_who_wait_takes_over_and_the_first_comes_too_late(runtime: Runtime, now: datetime) -> None:
    asked, slow = _asked(now)
    later = now + kept_replies.DEAD_AFTER

    def take(seconds: int) -> Claim | None:
        try:
            return kept_replies.claim(asked, now=later + timedelta(seconds=seconds))  # type: ignore[return-value]
        except Conflict:
            return None

    (taken,) = [one for one in buying.at_once([lambda n=n: take(n) for n in range(20)]) if one is not None]  # type: ignore[misc]
    kept_replies.keep(slow, Reply(500, {}, b"too late"))
    kept_replies.give_back(slow)
    reply = Reply(303, {"Location": "/orders/1"}, bytes(range(256)))
    kept_replies.keep(taken, reply)
    kept_replies.give_back(taken)
    assert kept_replies.claim(asked, now=later) == reply


def test_a_key_given_back_meanwhile_is_still_told_to_wait(
    runtime: Runtime, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_replies, "_begin", lambda asked, *, now: False)
    with pytest.raises(Conflict) as refused:
        _asked(now)
    assert refused.value.code == "in_flight"


def test_replies_are_kept_for_a_day(runtime: Runtime, now: datetime) -> None:
    asked, claimed = _asked(now)
    kept_replies.keep(claimed, Reply(204, {}, b""))
    day = timedelta(hours=24)
    assert retention.sweep(retention.KEPT, now=now + day) == {}
    assert retention.sweep(retention.KEPT, now=now + day + timedelta(seconds=1)) == {"idempotency_key": 1}
    assert isinstance(kept_replies.claim(asked, now=now + day), Claim)


@pytest.mark.parametrize(
    "given", ["", '"', '""', '"a', '"a"b', '"a", "b"', '"a\\b"', '"a";v=1', "ключ", "a\tb", "a" * 256]
)
def test_what_is_no_key_is_refused(given: str) -> None:
    with pytest.raises(Invalid) as refused:
        key_of(given)
    assert refused.value.code == "key_malformed"


@pytest.mark.parametrize(
    ("given", "key"),
    [("a", "a"), ('"a"', "a"), ('"a\\"\\\\b"', 'a"\\b'), ("a b, c", "a b, c"), ("a" * 255, "a" * 255), ('a"', 'a"')],
)
def test_what_is_a_key(given: str, key: str) -> None:
    assert key_of(given) == key


def test_a_request_with_a_broken_key_does_nothing(client: FlaskClient) -> None:
    for key in ("", '"a', "a" * 256):
        refused = _post(client, "/billing/checkout", key)
        assert refused.status_code == 422 and _code(refused) == "key_malformed"
    assert _orders() == 0 and buying.count("idempotency_key") == 0


def test_keys_are_for_posts_of_signed_in_people_that_take_no_file(app: Flask) -> None:
    found = {
        rule.endpoint: rule.methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}  # type: ignore[operator]
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "is_idempotent")
    }
    paying = "billing.checkout", "billing.start_trial", "orders.charge", "orders.pay_by_credit"
    assert found == dict.fromkeys(paying, {"POST"})
    views_ = [app.view_functions[endpoint] for endpoint in found]
    assert {(view.policy, view.most_bytes) for view in views_} == {("pay", 0)}  # type: ignore[union-attr]


def test_a_role_that_was_lost_hears_no_reply_again(client: FlaskClient, who: Owner, sign_in: SignIn) -> None:
    user = people.create_user(name="Admin", timezone="UTC", now=clock.utcnow())
    people.add_member(who.workspace.id, user.id, Role.ADMIN, now=clock.utcnow())
    theirs = sign_in(Owner(user, who.workspace))
    assert _post(theirs, "/billing/checkout").status_code == 303
    with db.write():
        db.execute("UPDATE membership SET role = 'analyst' WHERE user_id = ?", user.id)
    assert _post(theirs, "/billing/checkout").status_code == 403
