"""The Mini App's session: by header first, alive by use, its files by ticket, its power by a fresh launch."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.accounts import door
from app.accounts.models import Workspace
from app.accounts.service import people, sessions
from app.audit.models import AuditEntry
from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Unauthenticated
from app.core.policy import Role
from app.web import create_app
from tests.world import Owner, owned_channel, owner, read_posts


class Time:
    """The clock of the test: it stands, and moves when told."""

    def __init__(self) -> None:
        self.now = clock.utcnow()

    def shift(self, **by: int) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    standing = Time()
    monkeypatch.setattr(clock, "utcnow", lambda: standing.now)
    return standing


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return create_app(runtime)  # CSRF stays on


@pytest.fixture
def aziza(runtime: Runtime) -> Owner:
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


def _launch(who: Owner, *, seconds_ago: int = 0) -> dict[str, str]:
    """The header of a session opened by a launch that Telegram signed so long ago."""
    now = clock.utcnow()
    token = sessions.start_from_launch(
        who.user.id,
        launch_hash=f"launch-{seconds_ago}",
        launched_at=now - timedelta(seconds=seconds_ago),
        device="d" * 32,
        now=now,
    )
    return {"X-Session": token}


def test_a_page_opens_by_the_header_alone(app: Flask, aziza: Owner) -> None:
    client = app.test_client(use_cookies=False)
    assert client.get("/network", headers=_launch(aziza)).status_code == 200
    assert client.get("/network").status_code == 303


def test_the_header_is_heard_and_the_cookie_is_not(app: Flask, aziza: Owner) -> None:
    """A cookie of somebody who used the frame before says nothing beside a header, nor beside a wrong one."""
    bek = owner("Bek", now=clock.utcnow())
    token, _ = sessions.start(bek.user.id, bek.workspace.id, kind="browser", now=clock.utcnow())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    assert "Bek" in client.get("/network").text
    assert "Aziza" in client.get("/network", headers=_launch(aziza)).text
    refused = client.get("/network", headers={"X-Session": "wrong", "HX-Request": "true"})
    assert refused.status_code == 401 and "HX-Redirect" not in refused.headers, "the app's own script signs in anew"


def test_a_form_with_the_header_needs_no_csrf_token_and_one_with_the_cookie_does(app: Flask, aziza: Owner) -> None:
    header = _launch(aziza)
    by_header = app.test_client(use_cookies=False).post("/settings/api-keys", headers=header, data={"name": "k"})
    assert by_header.status_code == 200
    client = app.test_client()
    token, _ = sessions.start(aziza.user.id, aziza.workspace.id, kind="browser", now=clock.utcnow())
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    assert client.post("/settings/api-keys", data={"name": "k"}).status_code == 422


def test_an_unchanged_page_answers_304_to_the_header_and_to_nobody_else(app: Flask, aziza: Owner, time: Time) -> None:
    header, client = _launch(aziza), app.test_client(use_cookies=False)
    tag = client.get("/network", headers=header).headers["ETag"]
    assert client.get("/network", headers=header | {"If-None-Match": tag}).status_code == 304
    assert client.get("/network", headers={"If-None-Match": tag}).status_code == 303


def test_the_session_ends_fifteen_minutes_after_its_last_use(app: Flask, aziza: Owner, time: Time) -> None:
    client = app.test_client(use_cookies=False)
    header = _launch(aziza)
    for _ in range(5):
        time.shift(minutes=10)
        assert client.get("/network", headers=header).status_code == 200, "use keeps it alive"
    time.shift(minutes=16)
    assert client.get("/network", headers=header).status_code == 401


def test_a_ticket_opens_its_file_for_a_minute_and_nothing_else(app: Flask, aziza: Owner, time: Time) -> None:
    channel = owned_channel(aziza, "News", telegram_chat_id=-1001, now=clock.utcnow())
    read_posts(channel, posts=3, now=clock.utcnow())
    client, path = app.test_client(use_cookies=False), f"/channels/{channel.public_id}/posts.csv?days=7"
    told = client.post("/twa/file", headers=_launch(aziza), data={"path": path}).json["url"]
    address = re.sub(r"^https?://[^/]+", "", told)
    assert client.get(address).text.startswith("post,posted_at")
    ticket = address.rpartition("ticket=")[2]
    for other in ("/network.csv", f"/channels/{channel.public_id}/posts.csv?days=30", "/network", "/settings"):
        mark = "&" if "?" in other else "?"
        assert client.get(f"{other}{mark}ticket={ticket}").status_code == 303, other
    assert client.post(f"/logout?ticket={ticket}").status_code in (303, 401, 422)
    time.shift(seconds=61)
    assert client.get(address).status_code == 303


@pytest.mark.parametrize(
    "path", ["/network", "//evil.example/x.csv", "https://evil.example/x.csv", "/a.csv?ticket=x", ""]
)
def test_only_files_of_ours_get_a_ticket(app: Flask, aziza: Owner, path: str) -> None:
    client = app.test_client(use_cookies=False)
    assert client.post("/twa/file", headers=_launch(aziza), data={"path": path}).status_code == 422


def test_making_a_key_needs_a_launch_of_the_last_five_minutes(app: Flask, aziza: Owner, time: Time) -> None:
    client = app.test_client(use_cookies=False)
    header = _launch(aziza)
    time.shift(minutes=4)
    assert client.post("/settings/api-keys", headers=header, data={"name": "k"}).status_code == 200
    time.shift(minutes=2)
    refused = client.post("/settings/api-keys", headers=header, data={"name": "k"})
    assert refused.status_code == 403 and "open it again from Telegram" in refused.text


def test_the_shell_lets_telegrams_script_in_and_no_other_page_does(app: Flask) -> None:
    client = app.test_client()
    allowed = "script-src 'self' https://telegram.org/js/telegram-web-app.js"
    assert allowed in client.get("/twa").headers["Content-Security-Policy"]
    assert "telegram.org/js" not in client.get("/login").headers["Content-Security-Policy"]


def test_what_gives_power_away_is_listed_and_nothing_else_asks_for_a_fresh_launch(app: Flask) -> None:
    fresh = {name for name, view in app.view_functions.items() if getattr(view, "is_fresh", False)}
    assert fresh == {
        "accounts.create_api_key",
        "sharing.share_channel",
        "sharing.share_network",
        "owner_session.start",
        "owner_session.answer",
        "settings.save_workspace",
        "settings.end_other_sessions",
        "approvals.make_link",
        "bots.hand_in",
        "bots.revoke",
    }


def test_another_workspace_is_entered_with_the_same_short_session(app: Flask, aziza: Owner) -> None:
    """A move may not turn a Mini App's quarter of an hour into a browser's month, nor end the frame's session."""
    second = people.create_workspace("Second", owner=aziza.user, timezone="UTC", now=clock.utcnow())
    client, header = app.test_client(use_cookies=False), _launch(aziza)
    moved = client.post(f"/workspaces/{second.public_id}/enter", headers=header)
    assert moved.status_code == 303 and "token" not in str(moved.headers.get("Set-Cookie", ""))
    assert "Second" in client.get("/network", headers=header).text
    assert db.rows("SELECT DISTINCT kind FROM session") == [("twa",)]


def test_a_ticket_counts_before_the_cookie_of_somebody_else(app: Flask, aziza: Owner) -> None:
    bek = owner("Bek", now=clock.utcnow())
    channel = owned_channel(aziza, "News", telegram_chat_id=-1001, now=clock.utcnow())
    path = f"/channels/{channel.public_id}/posts.csv"
    told = app.test_client().post("/twa/file", headers=_launch(aziza), data={"path": path}).json["url"]
    token, _ = sessions.start(bek.user.id, bek.workspace.id, kind="browser", now=clock.utcnow())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    assert client.get(re.sub(r"^https?://[^/]+", "", told)).status_code == 200
    assert client.get(path).status_code == 404


def test_a_refused_launch_signs_nobody_out(app: Flask, runtime: Runtime, aziza: Owner) -> None:
    token, _ = sessions.start(aziza.user.id, aziza.workspace.id, kind="browser", now=clock.utcnow())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    refused = client.post("/twa/session", data={"init_data": "x", "device": "d" * 32}, headers={"X-Session": ""})
    assert refused.status_code == 401
    assert client.get("/network").status_code == 200


def test_a_refused_launch_tells_the_script_why(app: Flask) -> None:
    headers = {"X-Session": "", "Accept": "application/json"}
    told = app.test_client().post("/twa/session", data={"init_data": "x", "device": "d" * 32}, headers=headers)
    assert told.status_code == 401 and told.json is not None
    assert told.json["error"]["code"] == "no_bot" and told.json["error"]["message"]


@pytest.mark.parametrize("path", ["/channels/x/posts/u-%00", "/network?days=%00"])
def test_a_character_that_cannot_be_stored_is_refused(app: Flask, aziza: Owner, path: str) -> None:
    assert app.test_client().get(path, headers=_launch(aziza)).status_code == 422


def test_the_menu_shows_the_ways_to_other_workspaces_and_out(app: Flask, aziza: Owner) -> None:
    client, header = app.test_client(use_cookies=False), _launch(aziza)
    alone = client.get("/twa/menu", headers=header).text
    assert "/enter" not in alone and 'action="/logout"' in alone and "/channels/connect" in alone
    second = people.create_workspace("Second", owner=aziza.user, timezone="UTC", now=clock.utcnow())
    people.add_member(second.id, aziza.user.id, Role.CLIENT, now=clock.utcnow())
    assert f"/workspaces/{second.public_id}/enter" in client.get("/twa/menu", headers=header).text
    client.post(f"/workspaces/{second.public_id}/enter", headers=header)
    there = client.get("/twa/menu", headers=header).text
    assert "<summary>Second</summary>" in there and "/channels/connect" not in there, "a client connects nothing"
    entered = AuditEntry.get(AuditEntry.action == "workspace.entered")
    assert (entered.chain, entered.actor) == (second.id, f"user:{aziza.user.id}")
    assert client.get("/twa/menu").status_code == 303


def test_who_signed_out_comes_back_by_a_new_launch_only(app: Flask, aziza: Owner) -> None:
    client, header = app.test_client(use_cookies=False), _launch(aziza)
    gone = client.post("/logout", headers=header)
    assert gone.headers["Location"] == "/twa/left" and "open it again from Telegram" in client.get("/twa/left").text
    assert client.get("/network", headers=header).status_code == 401
    with pytest.raises(Unauthenticated):
        _launch(aziza)  # the same launch, the same device
    assert AuditEntry.select().where(AuditEntry.action == "session.ended").count() == 1
    fresh = sessions.start_from_launch(
        aziza.user.id, launch_hash="another", launched_at=clock.utcnow(), device="d" * 32, now=clock.utcnow()
    )
    assert client.get("/network", headers={"X-Session": fresh}).status_code == 200


def test_in_a_browser_the_same_person_has_both_ways_too(app: Flask, aziza: Owner) -> None:
    second = people.create_workspace("Second", owner=aziza.user, timezone="UTC", now=clock.utcnow())
    token, _ = sessions.start(aziza.user.id, aziza.workspace.id, kind="browser", now=clock.utcnow())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    html = client.get("/network").text
    assert f'action="/workspaces/{second.public_id}/enter"' in html and 'action="/logout"' in html


def _second(aziza: Owner) -> Workspace:
    return people.create_workspace("Second", owner=aziza.user, timezone="UTC", now=clock.utcnow())


def _name_of(workspace: Workspace) -> str:
    return str(Workspace.get_by_id(workspace.id).name)


def test_a_renewed_session_goes_on_in_its_workspace(app: Flask, aziza: Owner, time: Time) -> None:
    second = _second(aziza)
    client, header = app.test_client(use_cookies=False), _launch(aziza)
    client.post(f"/workspaces/{second.public_id}/enter", headers=header)
    time.shift(minutes=16)
    assert client.get("/network", headers=header).status_code == 401
    again = sessions.start_from_launch(
        aziza.user.id,
        launch_hash="launch-0",
        launched_at=clock.utcnow() - timedelta(minutes=16),
        device="d" * 32,
        now=clock.utcnow(),
    )
    found = sessions.signed_in(again, now=clock.utcnow())
    assert found is not None and found.workspace_id == second.id
    assert client.get("/network", headers={"X-Session": again}).headers["X-Workspace"] == second.public_id


def test_the_next_launch_begins_where_the_person_was_last_and_at_home_once_taken_out(
    app: Flask, aziza: Owner, time: Time
) -> None:
    second = _second(aziza)
    client, header = app.test_client(use_cookies=False), _launch(aziza)
    client.post(f"/workspaces/{second.public_id}/enter", headers=header)
    time.shift(minutes=1)
    next_one = {"X-Session": _launched(aziza, "next")}
    assert client.get("/network", headers=next_one).headers["X-Workspace"] == second.public_id
    db.execute("DELETE FROM membership WHERE workspace_id = ?", second.id)
    assert client.get("/network", headers=next_one).status_code == 401
    renewed = client.get("/network", headers={"X-Session": _launched(aziza, "next")})
    assert renewed.headers["X-Workspace"] == aziza.workspace.public_id


def _launched(who: Owner, launch_hash: str) -> str:
    now = clock.utcnow()
    return sessions.start_from_launch(who.user.id, launch_hash=launch_hash, launched_at=now, device="d" * 32, now=now)


@pytest.mark.parametrize("way", ["header", "field"])
def test_a_page_of_another_workspace_changes_nothing(
    app: Flask, aziza: Owner, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    second = _second(aziza)
    client, header = app.test_client(use_cookies=False), _launch(aziza)
    other = second.public_id
    sent: dict[str, Any] = {
        "headers": header | ({"X-Workspace": other} if way == "header" else {}),
        "data": {"name": "Renamed", "timezone": "UTC"} | ({"page_workspace": other} if way == "field" else {}),
    }
    refused = client.post("/settings/workspace", **sent)
    assert refused.status_code == 409 and "Nothing was saved" in refused.text
    assert _name_of(aziza.workspace) != "Renamed"
    assert client.post(f"/workspaces/{other}/enter", **sent).status_code == 303, "it names its workspace itself"
    assert client.post("/settings/workspace", **sent).status_code == 303 and _name_of(second) == "Renamed"
    assert client.post(f"/workspaces/{aziza.workspace.public_id}/enter", **sent).status_code == 303
    monkeypatch.setattr(door, "require_own_page", lambda _who: None)
    client.post("/settings/workspace", **sent)
    assert _name_of(aziza.workspace) == "Renamed", "without the guard the wrong workspace is changed"


def test_of_two_tabs_the_one_left_behind_changes_nothing(app: Flask, aziza: Owner) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    second = _second(aziza)
    token, _ = sessions.start(aziza.user.id, aziza.workspace.id, kind="browser", now=clock.utcnow())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    html = client.get("/settings").text
    assert f'data-workspace="{aziza.workspace.public_id}"' in html, "htmx sends it with what the page changes"
    (made_for,) = set(re.findall(r'name="page_workspace" value="([^"]+)"', html))
    assert made_for == aziza.workspace.public_id
    client.post(f"/workspaces/{second.public_id}/enter", data={"page_workspace": made_for})
    left_behind = client.post(
        "/settings/workspace", data={"name": "Renamed", "timezone": "UTC", "page_workspace": made_for}
    )
    assert left_behind.status_code == 409 and "Second" in left_behind.text
    assert _name_of(second) == "Second"


def test_a_tag_of_one_workspace_says_nothing_in_another_of_the_same_name(app: Flask, aziza: Owner) -> None:
    twin = people.create_workspace(
        str(aziza.workspace.name), owner=aziza.user, timezone=str(aziza.workspace.timezone), now=clock.utcnow()
    )
    client, header = app.test_client(use_cookies=False), _launch(aziza)
    tag = client.get("/network", headers=header).headers["ETag"]
    client.post(f"/workspaces/{twin.public_id}/enter", headers=header)
    assert client.get("/network", headers=header | {"If-None-Match": tag}).status_code == 200
