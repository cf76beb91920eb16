"""The connect page: what Telegram said of the person's channels, and the watch-list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.boot import Runtime
from app.channels.models import Chat
from app.channels.service import connect, rights
from app.core import clock, db
from app.telegram import service as telegram
from tests.world import Owner, chat_of, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]
BOT, BOT_ID, ME = "1000000001:test-token", 1000000001, 42
ALL = dict.fromkeys(rights.WANTED, True)
POLL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#connect_status"}


@pytest.fixture(autouse=True)
def bot(runtime: Runtime) -> None:
    telegram.register(runtime.sealer, token=BOT, username="TrueBot", updates="polling", now=clock.utcnow())


def _promoted(chat: Chat, *, by: int, status: str = "administrator") -> None:
    now = clock.utcnow()
    rights.note(chat, bot_id=BOT_ID, status=status, rights=ALL, granted_by=by, said_at=now, now=now)


def _chat(title: str, number: int) -> Chat:
    return connect.ensure_chat(connect.ChatFacts(number, title, title.lower()), now=clock.utcnow())


def test_the_page_waits_then_shows_the_connected_channel_and_why_another_was_not(app: Flask, sign_in: SignIn) -> None:
    who = owner("Aziza", telegram_user_id=ME, now=clock.utcnow())
    client = sign_in(who)
    waiting = client.get("/channels/connect", headers=POLL).text
    assert waiting.lstrip().startswith('<div id="connect_status"') and "Waiting for Telegram" in waiting
    channel = owned_channel(who, "Mine", telegram_chat_id=-1001, now=clock.utcnow(), bot_id=BOT_ID)
    _promoted(chat_of(channel), by=ME)
    _promoted(_chat("Taken", -1002), by=ME)
    _promoted(_chat("Left", -1003), by=ME, status="left")
    found = client.get("/channels/connect", headers=POLL).text
    assert "found-connected" in found and f"/channels/{channel.public_id}" in found
    assert "found-not_allowed" in found and "Taken" in found and "Left" not in found


def test_nobody_sees_what_another_person_offered(app: Flask, sign_in: SignIn) -> None:
    _promoted(_chat("Secret plans", -1002), by=ME)
    for person in (ME + 1, None):
        who = owner(f"P{person}", telegram_user_id=person, now=clock.utcnow())
        assert "Secret plans" not in sign_in(who).get("/channels/connect").text


def test_the_button_leads_to_telegram_or_to_the_simulator_that_stands_for_it(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", telegram_user_id=ME, now=clock.utcnow()))
    assert "https://t.me/TrueBot?startchannel" in client.get("/channels/connect").text
    settings = app.extensions["runtime"].settings
    object.__setattr__(settings, "simulator_url", "http://127.0.0.1:9")
    shown = client.get("/channels/connect").text
    assert "https://t.me/" not in shown and "http://127.0.0.1:9" in shown


def test_the_checklist_of_rights_says_what_is_missing(app: Flask, sign_in: SignIn) -> None:
    who = owner("Aziza", telegram_user_id=ME, now=clock.utcnow())
    channel = owned_channel(who, "Mine", telegram_chat_id=-1001, now=clock.utcnow(), bot_id=BOT_ID)
    _promoted(chat_of(channel), by=ME)
    page = sign_in(who).get(f"/channels/{channel.public_id}").text
    assert page.count('class="granted"') == len(rights.WANTED) and 'class="missing"' not in page
    now = clock.utcnow() + timedelta(seconds=1)
    some = {key: n > 0 for n, key in enumerate(rights.WANTED)}
    rights.note(
        chat_of(channel), bot_id=BOT_ID, status="administrator", rights=some, granted_by=ME, said_at=now, now=now
    )
    page = sign_in(who).get(f"/channels/{channel.public_id}").text
    assert page.count('class="missing"') == 1 and "rights missing" in page


def test_a_watched_channel_is_taken_out_again_and_its_facts_stay(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    added = client.post("/channels/watch", data={"username": "@durov"}, headers={"HX-Request": "true"})
    assert added.status_code == 204
    where = added.headers["HX-Redirect"]
    assert client.get(where).status_code == 200
    assert client.post(f"{where}/disconnect").headers["Location"] == "/network"
    assert client.get(where).status_code == 404
    assert db.row("SELECT COUNT(*) FROM chat") == (1,)


def test_the_watch_list_ends_where_the_plan_ends(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", plan="free", now=clock.utcnow()))
    answers = [client.post("/channels/watch", data={"username": f"channel_{n}"}).status_code for n in range(30)]
    assert answers[0] == 303 and answers[-1] != 303
    (kept,) = db.row("SELECT COUNT(*) FROM channel") or (0,)
    assert kept == answers.count(303) < 30
