"""Answers before Flask: the same as Flask's, and only for whom they are meant."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from peewee import DatabaseError

from app.accounts.models import Membership
from app.accounts.service import people, sessions
from app.boot import Runtime
from app.core import clock, db, inbox
from app.core.policy import Role
from app.telegram import service as telegram
from tests.world import Owner, owned_channel, owner, read_posts

SignIn = Callable[[Owner], FlaskClient]
TOKEN = "1000000001:AAtest"
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#page_body"}
_REACHED = "X-Reached-Flask"


@pytest.fixture(autouse=True)
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages change with the minute; a test must not meet its turn."""
    now = clock.utcnow().replace(second=10)
    monkeypatch.setattr(clock, "utcnow", lambda: now)


@pytest.fixture(autouse=True)
def told_by_flask(app: Flask) -> None:
    @app.after_request
    def tell(response: Any) -> Any:
        response.headers[_REACHED] = "yes"
        return response


def _aziza() -> tuple[Owner, str]:
    now = clock.utcnow()
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News1", telegram_chat_id=-1001, now=now)
    read_posts(channel, posts=3, now=now)
    return who, channel.public_id


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tags know the minute: it must not turn between two requests."""
    now = clock.utcnow()
    monkeypatch.setattr(clock, "utcnow", lambda: now)


def _again(client: FlaskClient, path: str, **headers: str) -> Any:
    tag = client.get(path, headers=headers).headers["ETag"]
    return client.get(path, headers={**headers, "If-None-Match": tag})


def test_what_a_person_has_already_is_said_before_flask_and_as_flask_says_it(
    app: Flask, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, public_id = _aziza()
    client = sign_in(who)
    for path in ("/network", "/network?days=7", f"/channels/{public_id}", f"/channels/{public_id}?sort=views"):
        for headers in ({}, PARTIAL):
            short = _again(client, path, **headers)
            assert short.status_code == 304 and _REACHED not in short.headers, path
            with monkeypatch.context() as patch:
                patch.setattr("app.shortcuts.etags.is_tagged", lambda _path: False)
                whole = _again(client, path, **headers)
            assert whole.status_code == 304 and _REACHED in whole.headers
            for name in ("ETag", "Cache-Control"):
                assert short.headers[name] == whole.headers[name]
            assert set(short.vary) == set(whole.vary)


def test_a_fragment_is_no_answer_for_a_page(sign_in: SignIn) -> None:
    client = sign_in(_aziza()[0])
    tag = client.get("/network", headers=PARTIAL).headers["ETag"]
    assert client.get("/network", headers={"If-None-Match": tag}).status_code == 200


def test_nobody_but_the_session_that_saw_a_page_is_told_that_it_is_unchanged(app: Flask, sign_in: SignIn) -> None:
    who, public_id = _aziza()
    client = sign_in(who)
    tag = client.get(f"/channels/{public_id}").headers["ETag"]
    asked = {"If-None-Match": tag}
    assert client.get(f"/channels/{public_id}", headers=asked).status_code == 304
    stranger = sign_in(owner("Bek", now=clock.utcnow()))
    assert stranger.get(f"/channels/{public_id}", headers=asked).status_code == 404
    assert app.test_client().get(f"/channels/{public_id}", headers=asked).status_code == 303
    forged = app.test_client()
    forged.set_cookie("session", "eyJ0b2tlbiI6IngifQ.aaaa.bbbb")
    assert forged.get(f"/channels/{public_id}", headers=asked).status_code == 303
    (session_id,) = db.row("SELECT MIN(id) FROM session") or (0,)
    sessions.end(session_id, now=clock.utcnow())
    assert client.get(f"/channels/{public_id}", headers=asked).status_code == 401


def test_another_role_sees_the_page_anew(sign_in: SignIn) -> None:
    who, _ = _aziza()
    guest = owner("Guest", now=clock.utcnow())
    people.add_member(who.workspace.id, guest.user.id, Role.ADMIN, now=clock.utcnow())
    client = sign_in(Owner(guest.user, who.workspace))
    tag = client.get("/network").headers["ETag"]
    assert client.get("/network", headers={"If-None-Match": tag}).status_code == 304
    Membership.update(role=Role.CLIENT.value).where(
        Membership.workspace == who.workspace.id, Membership.user == guest.user.id
    ).execute()
    assert client.get("/network", headers={"If-None-Match": tag}).status_code == 200


def test_a_number_or_a_channel_that_changes_makes_the_page_new(sign_in: SignIn) -> None:
    who, public_id = _aziza()
    client = sign_in(who)
    tags = [client.get("/network").headers["ETag"]]
    db.execute(
        "UPDATE channel SET state = 'bot_removed' WHERE public_id = ? AND workspace_id = ?", public_id, who.workspace.id
    )
    tags.append(client.get("/network").headers["ETag"])
    db.execute("UPDATE feed_stat SET version = version + 1")
    tags.append(client.get("/network").headers["ETag"])
    owned_channel(who, "Second", telegram_chat_id=-1002, now=clock.utcnow())
    tags.append(client.get("/network").headers["ETag"])
    assert len(set(tags)) == 4


def _deliver(app: Flask, secret: str, body: bytes) -> Any:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret, "Content-Type": "application/json"}
    return app.test_client().post("/hooks/telegram/1000000001", data=body, headers=headers)


def _secret(runtime: Runtime) -> str:
    bot = telegram.register(runtime.sealer, token=TOKEN, username="TestBot", updates="webhook", now=clock.utcnow())
    return runtime.bots.webhook_secret(bot)


def test_an_update_is_stored_before_flask_and_what_is_none_goes_on_to_it(app: Flask, runtime: Runtime) -> None:
    secret = _secret(runtime)
    stored = _deliver(app, secret, b'{"update_id": 7, "message": {"chat": {"id": 3}}}')
    assert (stored.status_code, stored.data, _REACHED in stored.headers) == (200, b"", False)
    for given, body, status in (("wrong", b'{"update_id": 8}', 401), (secret, b"no update", 422), (secret, b"[]", 422)):
        refused = _deliver(app, given, body)
        assert (refused.status_code, _REACHED in refused.headers) == (status, True)
        assert refused.json["error"]["code"] == {401: "bad_secret", 422: "invalid"}[status]
    assert db.rows("SELECT update_id FROM inbox") == [(7,)]


def test_flask_stores_an_update_too(app: Flask, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = _secret(runtime)
    monkeypatch.setattr("app.shortcuts._HOOK", "/nowhere/")
    assert _deliver(app, secret, b'{"update_id": 9}').headers[_REACHED] == "yes"
    assert db.rows("SELECT update_id FROM inbox") == [(9,)]


def test_updates_that_arrive_together_share_commits_and_each_is_stored_once(app: Flask, runtime: Runtime) -> None:
    secret, numbers, wrong = _secret(runtime), list(range(1, 121)), list[int]()

    def send(share: list[int]) -> None:
        for number in share:
            answer = _deliver(app, secret, json.dumps({"update_id": number, "x": {}}).encode())
            known = db.row("SELECT 1 FROM inbox WHERE update_id = ?", number)
            if answer.status_code != 200 or known is None:  # answered before it was there
                wrong.append(number)

    threads = [threading.Thread(target=send, args=(numbers[n::8] + numbers[:5],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [n for (n,) in db.rows("SELECT update_id FROM inbox ORDER BY update_id")] == numbers


def test_an_update_that_the_database_refuses_harms_none_that_came_with_it(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, refused = inbox.Together(), list[int]()
    real = db.execute_many

    def insert(sql: str, batch: Any) -> None:
        real(sql, batch)
        if any(row[1] == 13 for row in batch):
            raise DatabaseError("this one does not fit")

    monkeypatch.setattr(db, "execute_many", insert)
    held = together._turn
    held.acquire()

    def send(number: int) -> None:
        try:
            together.store(1, {"update_id": number}, now=clock.utcnow())
        except DatabaseError:
            refused.append(number)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(10, 16)]
    for thread in threads:
        thread.start()
    while len(together._waiting) < 6:
        threading.Event().wait(0.01)
    held.release()
    for thread in threads:
        thread.join()
    assert refused == [13]
    assert [n for (n,) in db.rows("SELECT update_id FROM inbox ORDER BY 1")] == [10, 11, 12, 14, 15]
