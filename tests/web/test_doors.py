"""Doors for machines and for signing in: webhook secret, Mini App launch, demo link, CSRF, health."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from app.accounts.service import sessions
from app.boot import Runtime
from app.core import clock, db, leases, migrate
from app.telegram import service as telegram
from app.web import create_app
from tests.telegram.test_initdata import signed
from tests.world import owner

TOKEN = "1000000001:test-token"


def _bot(runtime: Runtime) -> telegram.Bot:
    return telegram.register(runtime.sealer, token=TOKEN, username="TestBot", updates="webhook", now=clock.utcnow())


def _deliver(app: Flask, secret: str, update: Any, bot_id: int = 1000000001) -> int:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    return app.test_client().post(f"/hooks/telegram/{bot_id}", json=update, headers=headers).status_code


def test_the_webhook_stores_an_update_once_and_only_with_the_secret(app: Flask, runtime: Runtime) -> None:
    secret = runtime.bots.webhook_secret(_bot(runtime))
    update = {"update_id": 5, "never_heard_of": {"chat": {"id": -1}}}
    assert _deliver(app, "wrong", update) == 401
    assert _deliver(app, secret, update, bot_id=99) == 401
    assert db.row("SELECT COUNT(*) FROM inbox") == (0,)
    assert [_deliver(app, secret, update) for _ in range(3)] == [200, 200, 200]
    assert db.rows("SELECT kind, chat_key FROM inbox") == [("never_heard_of", -1)]
    assert _deliver(app, secret, ["no update"]) == 422


def _launch(app: Flask, data: str, device: str = "d" * 32) -> tuple[int, Any]:
    client = app.test_client()
    answer = client.post("/twa/session", data={"init_data": data, "device": device})
    return answer.status_code, client


def test_a_launch_opens_the_mini_app_and_cannot_be_replayed_elsewhere(app: Flask, runtime: Runtime) -> None:
    _bot(runtime)
    data = signed(token=TOKEN, at=clock.utcnow())
    status, client = _launch(app, data)
    assert status == 200 and client.get("/network").status_code == 200
    assert _launch(app, data)[0] == 200
    assert _launch(app, data, device="t" * 32)[0] == 401
    assert _launch(app, signed(token="1:x", at=clock.utcnow()))[0] == 401
    assert _launch(app, signed(token=TOKEN, at=clock.utcnow() - timedelta(hours=1)))[0] == 401
    assert _launch(app, data, device="")[0] == 422


@pytest.mark.parametrize(
    ("first_after_s", "opens", "again_after_s", "renews"),
    [(290, 200, 302, 200), (290, 200, 3500, 200), (290, 200, 3700, 401), (302, 401, 303, 401), (3500, 401, 3700, 401)],
)
def test_a_launch_is_used_first_within_five_minutes_and_renewed_on_its_device_within_an_hour(
    app: Flask,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    first_after_s: int,
    opens: int,
    again_after_s: int,
    renews: int,
) -> None:
    _bot(runtime)
    launched = clock.utcnow().replace(microsecond=0)
    data = signed(token=TOKEN, at=launched)
    monkeypatch.setattr(clock, "utcnow", lambda: launched + timedelta(seconds=first_after_s))
    assert _launch(app, data)[0] == opens
    assert db.row('SELECT COUNT(*) FROM "user"') == (1 if opens == 200 else 0,)
    monkeypatch.setattr(clock, "utcnow", lambda: launched + timedelta(seconds=again_after_s))
    assert _launch(app, data, device="t" * 32)[0] == 401
    assert _launch(app, data)[0] == renews
    live = db.row("SELECT COUNT(*) FROM session WHERE revoked_at IS NULL")
    assert live == (1 if opens == 200 else 0,)


def test_renewing_does_not_lengthen_a_launch(app: Flask, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    _bot(runtime)
    launched = clock.utcnow().replace(microsecond=0)
    data, statuses = signed(token=TOKEN, at=launched), []
    for after_s in (10, 2000, 3500, 3700):
        monkeypatch.setattr(clock, "utcnow", partial(max, launched, launched + timedelta(seconds=after_s)))
        statuses.append(_launch(app, data)[0])
    assert statuses == [200, 200, 200, 401]


def test_a_signed_person_that_cannot_be_is_refused_and_not_a_fault(app: Flask, runtime: Runtime) -> None:
    _bot(runtime)
    for user in ('{"id": 1' + "0" * 30 + "}", '{"id": -1}'):
        assert _launch(app, signed(token=TOKEN, at=clock.utcnow(), user=user))[0] == 401
    odd = '{"id": 42, "first_name": "Az\\u0000iza"}'
    assert _launch(app, signed(token=TOKEN, at=clock.utcnow(), user=odd))[0] == 200
    assert db.row('SELECT name FROM "user"') == ("Aziza",)


def test_the_mini_app_s_cookie_is_sent_in_a_frame_of_another_site_and_a_browser_s_is_not(
    app: Flask, runtime: Runtime
) -> None:
    _bot(runtime)
    app.config["SESSION_COOKIE_SECURE"] = True  # as with an https address
    framed = app.test_client().post(
        "/twa/session", data={"init_data": signed(token=TOKEN, at=clock.utcnow()), "device": "d" * 32}
    )
    assert {"SameSite=None", "Secure", "Partitioned", "HttpOnly"} <= set(framed.headers["Set-Cookie"].split("; "))
    asked = app.test_client().get("/login")
    plain = asked.headers["Set-Cookie"].split("; ")
    assert "SameSite=Lax" in plain and "Partitioned" not in plain


def test_the_demo_link_works_once_on_loopback_only(app: Flask) -> None:
    ticket = sessions.issue_ticket(
        owner("Dilnoza", now=clock.utcnow()).user.id, purpose=sessions.DEMO, now=clock.utcnow()
    )
    path = f"/login/demo/{ticket}"
    away = app.test_client().post(path, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert away.status_code == 404
    client = app.test_client()
    assert client.get(path).status_code == 200
    assert client.post(path).status_code == 303
    assert client.get("/network").status_code == 200
    assert app.test_client().post(path).status_code == 401


@pytest.mark.parametrize("guard", [True, False])
def test_a_form_of_another_site_is_refused_and_without_the_guard_it_would_work(runtime: Runtime, guard: bool) -> None:
    app = create_app(runtime)
    app.config["WTF_CSRF_ENABLED"] = guard
    who = owner("Aziza", now=clock.utcnow())
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=clock.utcnow())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"] = token
    client.post("/settings/api-keys", data={"name": "evil"})
    assert db.row("SELECT COUNT(*) FROM api_key") == (0 if guard else 1,)


def test_ready_means_every_process_works(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    silent = client.get("/readyz")
    assert silent.status_code == 503 and silent.json["checks"]["worker"] == "no heartbeat"
    for process in ("worker", "jobs", "bot"):
        leases.beat(process, now=clock.utcnow())
    assert client.get("/readyz").json["status"] == "ready"
    newest = max(path.stem for path in migrate.MIGRATIONS.glob("0*.py"))
    assert client.get("/version").json["schema"] == newest
    assert "analyticbot_heartbeat_age_seconds" in client.get("/metrics").text
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 404


def test_a_door_that_is_knocked_at_too_often_answers_429(app: Flask) -> None:
    client = app.test_client()
    statuses = [client.post("/twa/session", data={"init_data": "x"}).status_code for _ in range(32)]
    assert statuses[:30] == [401] * 30 and statuses[30:] == [429] * 2
    assert client.get("/login").status_code == 200


def test_a_query_of_any_bytes_is_read(app: Flask) -> None:
    """Scanners send raw bytes; a page answers them as any other, and never with a 500."""
    client = app.test_client()
    for query in ("a=\xff", "coupon=\xd0\xbf", "a=%FF&\xe2\x28=1"):
        assert client.get("/login", environ_overrides={"QUERY_STRING": query}).status_code == 200
    read = app.test_request_context("/login", environ_overrides={"QUERY_STRING": "coupon=\xd0\x96&b=1%2B1"}).request
    assert read.args.to_dict() == {"coupon": "Ж", "b": "1+1"}


def test_a_cookie_of_the_key_of_before_is_still_read(app: Flask) -> None:
    client = app.test_client()
    client.get("/billing?coupon=JOIN-ABC")
    present = app.secret_key
    app.config.update(SECRET_KEY="the new key", SECRET_KEY_FALLBACKS=[present])
    with client.session_transaction() as kept:
        assert kept["wanted"] == "/billing?coupon=JOIN-ABC"
    app.config.update(SECRET_KEY="the newest key", SECRET_KEY_FALLBACKS=[])
    with client.session_transaction() as kept:
        assert "wanted" not in kept
    app.config.update(SECRET_KEY=present)
