"""From the bot into the browser: a link that opens one session within five minutes, and is kept nowhere."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.service import people, sessions
from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Unauthenticated
from app.web import create_app
from bot.sender import Sender
from tests.bot.conftest import Apply
from tests.bot.wire import OWNER_ID, FakeTelegram, said


@pytest.fixture
def browser(runtime: Runtime) -> FlaskClient:
    app: Flask = create_app(runtime)
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()


def _link(runtime: Runtime, telegram: FakeTelegram) -> str:
    """The path of the link in the message that the bot sends next."""
    assert Sender(runtime).turn() == 1
    found = re.search(rf"{runtime.settings.base_url}(/login/link/\S+)", telegram.sent[-1][1])
    assert found, telegram.sent
    return found[1]


@pytest.mark.parametrize("command", ["/start", "/dashboard", "/dashboard@TrueNumbersBot"])
def test_the_bots_link_opens_one_session(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, browser: FlaskClient, command: str
) -> None:
    apply(said(1, command))
    link = _link(runtime, telegram)
    shown = browser.get(link)
    assert shown.status_code == 200 and "Aziza" in shown.text
    assert browser.get(link).status_code == 200, "looking spends nothing: Telegram's own preview looks too"
    assert browser.get("/network").status_code == 303
    entered = browser.post(link)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/network")
    assert browser.get("/network").status_code == 200
    stranger = browser.application.test_client()
    assert stranger.get(link).status_code == 401 and stranger.post(link).status_code == 401


def test_the_link_is_stored_nowhere_and_a_new_one_ends_the_old_one(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, browser: FlaskClient
) -> None:
    apply(said(1, "/dashboard"))
    first = _link(runtime, telegram)
    assert first.rsplit("/", 1)[1] not in str(db.rows("SELECT * FROM notice") + db.rows("SELECT * FROM login_ticket"))
    apply(said(2, "/dashboard"))
    db.execute("DELETE FROM send_budget")
    second = _link(runtime, telegram)
    assert browser.post(first).status_code == 401
    assert browser.post(second).status_code == 303


def test_the_link_is_good_for_five_minutes_and_through_its_own_door_only(runtime: Runtime) -> None:
    now = clock.utcnow()
    person = people.ensure_person(OWNER_ID, name="Aziza", language="uz", timezone="Asia/Tashkent", now=now)
    token = sessions.issue_ticket(person.id, purpose=sessions.LINK, now=now)
    with pytest.raises(Unauthenticated):
        sessions.use_ticket(token, purpose=sessions.DEMO, now=now)
    with pytest.raises(Unauthenticated):
        sessions.use_ticket(token, purpose=sessions.LINK, now=now + timedelta(minutes=5, seconds=1))
    assert sessions.use_ticket(token, purpose=sessions.LINK, now=now + timedelta(minutes=4, seconds=59))


def test_add_channel_answers_with_telegrams_own_way_to_make_the_bot_administrator(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram
) -> None:
    apply(said(1, "/add_channel"))
    real = runtime.settings.model_copy(update={"simulator_url": ""})
    assert Sender(replace(runtime, settings=real)).turn() == 1
    assert "https://t.me/TrueNumbersBot?startchannel&admin=post_messages+" in telegram.sent[-1][1]
