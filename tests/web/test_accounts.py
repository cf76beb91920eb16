"""Coming, going, changing the workspace, and API keys: what a person does and what a stranger cannot."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from app.accounts.service import people
from app.core import clock, db
from app.core.policy import Role
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]
BLOCK = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#keys_list"}


def _aziza(name: str = "Aziza") -> Owner:
    return owner(name, now=clock.utcnow())


def _secret(html: str) -> str:
    found = re.search(r"<code>(ab_[\w-]{20,})</code>", html)
    assert found, "no new key on the page"
    return found.group(1)


def _status(app: Flask, secret: str) -> int:
    return app.test_client().get("/api/v1/channels", headers={"Authorization": f"Bearer {secret}"}).status_code


def test_home_leads_a_guest_to_the_door_and_a_member_to_the_network(app: Flask, sign_in: SignIn) -> None:
    assert app.test_client().get("/").headers["Location"] == "/login"
    assert sign_in(_aziza()).get("/").headers["Location"] == "/network"


def test_who_signs_out_is_out_in_every_tab_and_nobody_else_is(app: Flask, sign_in: SignIn) -> None:
    who = _aziza()
    client, elsewhere = sign_in(who), sign_in(who)
    with client.session_transaction() as cookie:
        copied = dict(cookie)
    assert client.post("/logout").headers["Location"] == "/login"
    thief = app.test_client()
    with thief.session_transaction() as cookie:
        cookie.update(copied)
    ended = thief.get("/network")
    assert ended.status_code == 401 and "You are signed out" in ended.text
    assert elsewhere.get("/network").status_code == 200


def test_the_expired_page_forgets_the_cookie(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(_aziza())
    assert "You are signed out" in client.get("/login/expired").text
    assert client.get("/network").status_code == 303


def test_the_page_names_its_person_and_offers_their_other_workspaces(sign_in: SignIn) -> None:
    who, other = _aziza(), _aziza("Bek")
    assert "Bek" not in sign_in(who).get("/network").text
    people.add_member(other.workspace.id, who.user.id, Role.ANALYST, now=clock.utcnow())
    page = sign_in(who).get("/network").text
    assert '<span class="who">Aziza</span>' in page
    assert f"/workspaces/{other.workspace.public_id}/enter" in page and "Bek&#39;s channels" in page


def test_a_person_enters_another_workspace_with_the_role_they_have_there(sign_in: SignIn) -> None:
    who, other, closed = _aziza(), _aziza("Bek"), _aziza("Closed")
    owned_channel(other, "Theirs", telegram_chat_id=-1001, now=clock.utcnow())
    people.add_member(other.workspace.id, who.user.id, Role.ANALYST, now=clock.utcnow())
    client = sign_in(who)
    assert "Theirs" not in client.get("/network").text
    assert client.post(f"/workspaces/{other.workspace.public_id}/enter").headers["Location"] == "/network"
    assert "Theirs" in client.get("/network").text
    assert client.get("/settings/api-keys").status_code == 403
    assert client.post(f"/workspaces/{closed.workspace.public_id}/enter").status_code == 404
    assert client.post("/workspaces/nowhere/enter").status_code == 404


def test_a_key_is_shown_once_works_at_once_and_stops_when_revoked(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(_aziza())
    made = client.post("/settings/api-keys", data={"name": "Report"}, headers=BLOCK)
    assert made.text.lstrip().startswith('<section id="keys_list"')
    secret = _secret(made.text)
    assert _status(app, secret) == 200
    listed = client.get("/settings/api-keys").text
    assert "Report" in listed and secret not in listed and "used " in listed
    (revoke,) = re.findall(r'action="(/settings/api-keys/[\w-]+/revoke)"', listed)
    gone = client.post(revoke, headers=BLOCK)
    assert "No keys yet" in gone.text and "The key is revoked." in gone.headers["HX-Trigger"]
    assert _status(app, secret) == 401
    assert client.post(revoke).status_code == 404


def test_without_a_script_a_revoked_key_leads_back_to_the_list(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(_aziza())
    secret = _secret(client.post("/settings/api-keys", data={"name": "Report"}).text)
    (revoke,) = re.findall(r'action="(/settings/api-keys/[\w-]+/revoke)"', client.get("/settings/api-keys").text)
    assert client.post(revoke).headers["Location"] == "/settings/api-keys"
    assert _status(app, secret) == 401


def test_a_key_needs_a_name_and_a_stranger_cannot_revoke_it(app: Flask, sign_in: SignIn) -> None:
    client, stranger = sign_in(_aziza()), sign_in(_aziza("Bek"))
    nameless = client.post("/settings/api-keys", data={"name": "  "}, headers=BLOCK)
    assert nameless.status_code == 422 and 'aria-invalid="true"' in nameless.text
    odd = client.post("/settings/api-keys", data={"name": "Re\0port"}, headers=BLOCK)
    assert odd.status_code == 422, "no form of ours takes what a database cannot hold"
    assert db.row("SELECT COUNT(*) FROM api_key") == (0,)
    secret = _secret(client.post("/settings/api-keys", data={"name": "Report"}).text)
    (revoke,) = re.findall(r'action="(/settings/api-keys/[\w-]+/revoke)"', client.get("/settings/api-keys").text)
    assert stranger.post(revoke).status_code == 404
    assert _status(app, secret) == 200


def test_a_key_without_the_scope_is_refused(app: Flask, sign_in: SignIn) -> None:
    secret = _secret(sign_in(_aziza()).post("/settings/api-keys", data={"name": "Report"}).text)
    db.execute("UPDATE api_key SET scopes = '[]'")
    answer = app.test_client().get("/api/v1/channels", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 403 and "channels:read" in answer.json["error"]["message"]


def test_the_mini_app_has_no_door_before_the_bot_is_known(app: Flask) -> None:
    answer = app.test_client().post("/twa/session", data={"init_data": "x", "device": "d" * 32})
    assert answer.status_code == 401
    assert db.row("SELECT COUNT(*) FROM session") == (0,)
