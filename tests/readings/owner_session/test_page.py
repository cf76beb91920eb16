"""The page on which an owner connects the own account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from app.accounts.service import people
from app.boot import Runtime
from app.core import clock, db
from app.core.policy import Role
from app.core.ratelimit import limiter
from app.readings.service.owner_session import accounts
from app.web import create_app
from tests.readings.owner_session.generated import GeneratedTelegram
from tests.readings.owner_session.world import connected, news, work_until_idle
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]
PAGE = "/settings/own-account"


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    """A service that has Telegram's keys."""
    keys = {"telegram_api_id": 1, "telegram_api_hash": SecretStr("h")}
    settings = runtime.settings.model_copy(update=keys)
    built = create_app(replace(runtime, settings=settings))
    built.config["WTF_CSRF_ENABLED"] = False
    limiter.reset()
    return built


def test_a_service_without_telegram_s_keys_says_what_to_set(runtime: Runtime) -> None:
    from app.accounts.service import sessions

    built, who = create_app(runtime), owner("Aziza", now=clock.utcnow())
    built.config["WTF_CSRF_ENABLED"] = False
    client = built.test_client()
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=clock.utcnow())
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    text = client.get(PAGE).text
    assert "TELEGRAM_API_ID" in text and "TELEGRAM_API_HASH" in text and "Connect by QR code" not in text
    assert "Never tried" in text
    assert client.post(f"{PAGE}/start", data={"way": "qr"}).status_code == 422
    assert db.row("SELECT COUNT(*) FROM owner_session") == (0,)


def test_aziza_sees_a_code_to_scan_that_her_colleague_does_not(app: Flask, sign_in: SignIn) -> None:
    who = owner("Aziza", now=clock.utcnow())
    client = sign_in(who)
    assert client.post(f"{PAGE}/start", data={"way": "qr"}).status_code == 303
    assert "Asking Telegram for a code" in client.get(PAGE).text
    telegram = GeneratedTelegram(signed_in=False)
    work_until_idle(telegram, clock=clock.utcnow, most=1)
    text = client.get(PAGE).text
    assert "<svg" in text.split("qr-box")[1][:200] and "style=" not in text and 'hx-trigger="every 3s"' in text
    colleague = owner("Bek", now=clock.utcnow())
    people.add_member(who.workspace.id, colleague.user.id, Role.ADMIN, now=clock.utcnow())
    theirs = sign_in(Owner(colleague.user, who.workspace)).get(PAGE).text
    assert "qr-box" not in theirs and "A colleague is connecting" in theirs


def test_a_phone_that_cannot_be_one_is_told_beside_its_field(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    answer = client.post(f"{PAGE}/start", data={"way": "phone", "phone": "call me"})
    assert answer.status_code == 422 and "country code" in answer.text and 'value="call me"' in answer.text


def test_a_code_and_a_password_are_asked_for_one_after_the_other(app: Flask, sign_in: SignIn) -> None:
    telegram, client = GeneratedTelegram(signed_in=False, password=True), sign_in(owner("Aziza", now=clock.utcnow()))
    client.post(f"{PAGE}/start", data={"way": "phone", "phone": "+998901234567"})
    work_until_idle(telegram, clock=clock.utcnow, most=1)
    assert 'name="answer" type="text"' in client.get(PAGE).text
    assert client.post(f"{PAGE}/answer", data={"answer": ""}).status_code == 422
    client.post(f"{PAGE}/answer", data={"answer": "12345"})
    work_until_idle(telegram, clock=clock.utcnow, most=1)
    assert 'name="answer" type="password"' in client.get(PAGE).text


def test_a_connected_account_shows_its_channels_and_reads_their_history(app: Flask, sign_in: SignIn) -> None:
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel, telegram = news(who, now=now), GeneratedTelegram()
    connected(who, now=now)
    work_until_idle(telegram, clock=lambda: now)
    client = sign_in(who)
    assert "Import the history" in client.get(PAGE).text
    assert client.post(f"{PAGE}/history/{channel.public_id}").status_code == 303
    assert "about to be read" in client.get(PAGE).text
    work_until_idle(telegram, clock=lambda: now)
    assert "The whole history was read" in client.get(PAGE).text


def test_only_owners_and_administrators_come_here(app: Flask, sign_in: SignIn) -> None:
    who = owner("Aziza", now=clock.utcnow())
    for role in (Role.EDITOR, Role.ANALYST, Role.CLIENT):
        guest = owner(role.value, now=clock.utcnow())
        people.add_member(who.workspace.id, guest.user.id, role, now=clock.utcnow())
        client = sign_in(Owner(guest.user, who.workspace))
        assert client.get(PAGE).status_code == 403
        assert client.post(f"{PAGE}/start", data={"way": "qr"}).status_code == 403


def test_guessing_codes_is_slow(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    client.post(f"{PAGE}/start", data={"way": "phone", "phone": "+998901234567"})
    statuses = [client.post(f"{PAGE}/answer", data={"answer": str(n)}).status_code for n in range(8)]
    assert statuses[:6] == [303] * 6 and statuses[6:] == [429] * 2
    limiter.reset()


def test_the_page_never_loads_telethon(app: Flask, sign_in: SignIn) -> None:
    import subprocess
    import sys
    import tempfile

    code = "import sys; import app.wsgi; print('telethon' in sys.modules)"
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PATH": "/usr/bin", "DATA_DIR": folder}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "False", done.stderr


def test_disconnecting_ends_it(app: Flask, sign_in: SignIn) -> None:
    who = owner("Aziza", now=clock.utcnow())
    connected(who, now=clock.utcnow())
    client = sign_in(who)
    assert client.post(f"{PAGE}/disconnect").status_code == 303
    assert accounts.live_session(who.workspace.id) is None and "Connect by QR code" in client.get(PAGE).text
