"""Settings: what a person changes for themselves, what an owner changes for all, and what others cannot."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import Session, User, Workspace
from app.accounts.service import people
from app.audit import service as audit
from app.audit.models import AuditEntry
from app.channels.models import Channel
from app.core import clock, db
from app.core.policy import Role
from tests.world import Owner, owned_channel, owner, read_posts

SignIn = Callable[[Owner], FlaskClient]


def _aziza() -> tuple[Owner, Channel]:
    now = clock.utcnow()
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    read_posts(channel, posts=8, now=now)
    return who, channel


def _analyst(who: Owner) -> Owner:
    user = people.create_user(name="Bek", timezone="Asia/Tashkent", now=clock.utcnow())
    people.add_member(who.workspace.id, user.id, Role.ANALYST, now=clock.utcnow())
    return Owner(user, who.workspace)


def _partial(target: str) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": f"section#{target}"}


def test_a_new_language_speaks_at_once_and_a_made_up_one_is_refused(sign_in: SignIn) -> None:
    who, _ = _aziza()
    client = sign_in(who)
    client.post("/settings/me", data={"language": "ru", "timezone": "Europe/Berlin"})
    assert '<html lang="ru">' in client.get("/settings").text
    user = User.get_by_id(who.user.id)
    assert (user.language, user.timezone) == ("ru", "Europe/Berlin")
    assert client.post("/settings/me", data={"language": "tlh", "timezone": "Europe/Berlin"}).status_code == 422
    assert User.get_by_id(who.user.id).language == "ru"


def test_a_zone_that_does_not_exist_comes_back_with_its_form(sign_in: SignIn) -> None:
    who, channel = _aziza()
    client = sign_in(who)
    forms = {
        "/settings/me": ("my_settings", {"language": "en"}),
        "/settings/workspace": ("workspace_settings", {"name": "News"}),
        f"/channels/{channel.public_id}/timezone": ("channel_zone", {}),
    }
    for path, (block, more) in forms.items():
        for zone in ("Mars/Olympus", "", "../../etc/passwd", "Etc/GMT+5"):
            answer = client.post(path, data={**more, "timezone": zone}, headers=_partial(block))
            assert answer.status_code == 422, path
            assert answer.text.lstrip().startswith(f'<section id="{block}"') and "no such time zone" in answer.text
    assert "Asia/Tashkent" in client.get(f"/channels/{channel.public_id}").text


def test_the_workspace_s_name_and_zone_are_the_owner_s_and_are_recorded(sign_in: SignIn) -> None:
    who, _ = _aziza()
    sent = {"name": "City media", "timezone": "Europe/Moscow"}
    assert sign_in(_analyst(who)).post("/settings/workspace", data=sent).status_code == 403
    client = sign_in(who)
    tag = client.get("/network").headers["ETag"]
    assert client.post("/settings/workspace", data=sent).headers["Location"] == "/settings"
    fresh = client.get("/network", headers={"If-None-Match": tag})
    assert fresh.status_code == 200 and "City media" in fresh.text and "Europe/Moscow" in fresh.text
    workspace = Workspace.get_by_id(who.workspace.id)
    assert (workspace.name, workspace.timezone) == ("City media", "Europe/Moscow")
    (entry,) = AuditEntry.select().where(AuditEntry.action == "workspace.changed")
    assert entry.before == {"name": "Aziza's channels", "timezone": "Asia/Tashkent"}
    assert (entry.after, entry.ip) == (sent, "127.0.0.1")
    assert audit.verify(now=clock.utcnow())[1] == []
    client.post("/settings/workspace", data=sent)
    assert AuditEntry.select().where(AuditEntry.action == "workspace.changed").count() == 1
    assert client.post("/settings/workspace", data={"name": " ", "timezone": "UTC"}).status_code == 422


def test_a_channel_s_zone_moves_its_days_and_no_sum(sign_in: SignIn) -> None:
    who, channel = _aziza()
    client, url = sign_in(who), f"/channels/{channel.public_id}"
    hours = db.rows("SELECT hour, micro_views FROM feed_hour ORDER BY hour")
    before, tag = client.get(f"{url}?days=30"), client.get(url).headers["ETag"]
    assert sign_in(_analyst(who)).post(f"{url}/timezone", data={"timezone": "Asia/Tokyo"}).status_code == 403
    assert client.post(f"{url}/timezone", data={"timezone": "Pacific/Honolulu"}).status_code == 303
    after = client.get(f"{url}?days=30")
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 200
    assert "Pacific/Honolulu" in after.text and "Asia/Tashkent" not in after.text
    assert db.rows("SELECT hour, micro_views FROM feed_hour ORDER BY hour") == hours
    views = r'<dt><a class="what" href="/help#views".*?value="(\d+)"'
    assert re.findall(views, before.text, re.S)[:1] == re.findall(views, after.text, re.S)[:1] != []
    (entry,) = AuditEntry.select().where(AuditEntry.action == "channel.timezone_changed")
    assert (entry.before, entry.after) == ({"timezone": "Asia/Tashkent"}, {"timezone": "Pacific/Honolulu"})


def test_a_person_sees_the_own_sessions_and_ends_the_others(sign_in: SignIn) -> None:
    who, _ = _aziza()
    here, phone, old = sign_in(who), sign_in(who), sign_in(who)
    stranger = sign_in(owner("Thief", now=clock.utcnow()))
    html = here.get("/settings").text
    handles = re.findall(r'action="/settings/sessions/([\w-]{22})/end"', html)
    assert len(handles) == 2 and html.count("this one") == 1
    assert stranger.post(f"/settings/sessions/{handles[0]}/end").status_code == 404
    left = here.post(f"/settings/sessions/{handles[0]}/end", headers=_partial("sessions_list"))
    assert left.text.lstrip().startswith('<section id="sessions_list"') and left.text.count("key-row") == 2
    assert sorted(c.get("/network").status_code for c in (phone, old)) == [200, 401]
    here.post("/settings/sessions/end-others")
    assert [c.get("/network").status_code for c in (here, stranger)] == [200, 200]
    assert {c.get("/network").status_code for c in (phone, old)} <= {303, 401}
    assert Session.select().where(Session.user == who.user.id, Session.revoked_at.is_null()).count() == 1


def test_an_analyst_sees_settings_but_no_forms_of_the_workspace(sign_in: SignIn) -> None:
    who, channel = _aziza()
    client = sign_in(_analyst(who))
    html = client.get("/settings").text
    assert 'action="/settings/me"' in html and 'action="/settings/workspace"' not in html
    assert "/settings/api-keys" not in html
    assert client.get(f"/channels/{channel.public_id}/settings").status_code == 403
    assert f"/channels/{channel.public_id}/settings" not in client.get(f"/channels/{channel.public_id}").text
    assert f"/channels/{channel.public_id}/settings" in sign_in(who).get(f"/channels/{channel.public_id}").text


def test_a_guest_chooses_a_language_and_the_browser_remembers_it(app: Flask) -> None:
    guest = app.test_client()
    assert '<html lang="en">' in guest.get("/login").text
    assert '<html lang="uz-Cyrl">' in guest.get("/login?lang=uz_Cyrl").text
    assert '<html lang="uz-Cyrl">' in guest.get("/login").text
    assert '<html lang="uz-Cyrl">' in guest.get("/login?lang=tlh").text
    assert 'href="?lang=ru"' in guest.get("/login").text


def test_a_request_s_address_does_not_stay_for_the_next_act(sign_in: SignIn) -> None:
    who, _ = _aziza()
    sign_in(who).post("/settings/api-keys", data={"name": "Report"})
    (entry,) = AuditEntry.select().where(AuditEntry.action == "api_key.created")
    assert entry.ip == "127.0.0.1"
    audit.record("test.act", actor="job", subject="x", workspace_id=who.workspace.id, now=clock.utcnow())
    (entry,) = AuditEntry.select().where(AuditEntry.action == "test.act")
    assert entry.ip == ""
