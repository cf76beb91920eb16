"""Read-only links: what a stranger with one sees, and everything else that stays shut."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.analytics.sharing import service as sharing
from app.analytics.sharing.models import ShareLink
from app.audit.models import AuditEntry
from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import NotFound
from tests.world import Owner, owned_channel, owner, read_posts, watched

SignIn = Callable[[Owner], FlaskClient]
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ages grow between two requests; a test that compares pages must not meet that."""
    now = clock.utcnow()
    monkeypatch.setattr(clock, "utcnow", lambda: now)


def _aziza() -> tuple[Owner, Channel]:
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    read_posts(channel, posts=8, now=now)
    read_posts(owned_channel(who, "Hidden", telegram_chat_id=-1002, now=now), posts=3, now=now)
    return who, channel


def _link(who: Owner, channel: Channel | None, *, days: int = 30, password: str = "") -> str:
    public_id = channel.public_id if channel else None
    return sharing.create(
        who.workspace.id, public_id, user_id=who.user.id, days=days, password=password, now=clock.utcnow()
    )


def _figures(html: str) -> list[str]:
    """Every number with its provenance."""
    return re.findall(r"<data class=\"fig[^>]*>", html)


def test_a_stranger_with_the_link_sees_the_owner_s_numbers_and_is_not_indexed(app: Flask, sign_in: SignIn) -> None:
    who, channel = _aziza()
    mine, stranger, token = sign_in(who), app.test_client(), _link(who, channel)
    for tab in ("", "/posts", "/content", "?days=7", "/posts?sort=views&order=asc&days=7", "/posts/3"):
        inside, outside = mine.get(f"/channels/{channel.public_id}{tab}"), stranger.get(f"/s/{token}{tab}")
        assert outside.status_code == 200, tab
        assert _figures(outside.text) == _figures(inside.text), tab
        assert outside.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert len(_figures(stranger.get(f"/s/{token}").text)) > 8
    inside, outside = mine.get("/network"), stranger.get(f"/s/{_link(who, None)}")
    assert _figures(outside.text) == _figures(inside.text) and len(_figures(outside.text)) > 8


def test_the_shared_page_has_no_door_to_anything_else(app: Flask, sign_in: SignIn) -> None:
    who, channel = _aziza()
    for token in (_link(who, channel), _link(who, None)):
        for tab in ("", "/posts", "/content", "/posts/3"):
            html = app.test_client().get(f"/s/{token}{tab}").text
            addresses = re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', html)
            allowed = (f"/s/{token}", "/static/", "/help#", "#", "?lang=", "https://t.me/news/")
            assert all(a.startswith(allowed) or a == "/" for a in addresses), addresses
            assert ".csv" not in html and "/channels/" not in html and "/network" not in html
    html = app.test_client().get(f"/s/{_link(who, channel)}").text
    assert "Hidden" not in html and "Aziza" not in html and "What the bot may do" not in html


def test_the_period_changes_and_stays_within_the_link(app: Flask) -> None:
    who, channel = _aziza()
    stranger, token = app.test_client(), _link(who, channel)
    html = stranger.get(f"/s/{token}?days=7").text
    assert f'href="/s/{token}?days=90"' in html and f'action="/s/{token}"' in html
    assert 'href="?lang=ru&amp;days=7"' in html and "?lang=ru&amp;from=" not in html
    partial = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#posts_table"}
    block = stranger.get(f"/s/{token}/posts?sort=views&days=7", headers=partial).text
    assert block.lstrip().startswith('<section id="posts_table"') and f"/s/{token}/posts?days=7" in block
    assert stranger.get(f"/s/{token}?days=31").status_code == 422
    assert stranger.get(f"/s/{token}/posts?sort=password").status_code == 422


def test_a_stranger_reaches_nothing_beside_the_shared_channel(app: Flask) -> None:
    who, channel = _aziza()
    hidden = Channel.get((Channel.workspace == who.workspace.id) & (Channel.public_id != channel.public_id))
    other = owner("Bek", now=clock.utcnow())
    foreign = watched(other, "rival_news", now=clock.utcnow())
    read_posts(foreign, posts=1, first_id=900, now=clock.utcnow())
    stranger, token, network = app.test_client(), _link(who, channel), _link(who, None)
    assert stranger.get(f"/s/{token}/posts/900").status_code == 404
    assert stranger.get(f"/s/{token}/posts/8").status_code == 200
    for path in ("/posts", "/content", "/posts/1", f"/channels/{hidden.public_id}", "/audience", "/days.csv"):
        assert stranger.get(f"/s/{network}{path}").status_code == 404, path
    for path in ("/network", f"/channels/{channel.public_id}", f"/channels/{hidden.public_id}", "/settings"):
        assert stranger.get(path).headers["Location"] == "/login"
    assert stranger.post(f"/s/{token}/posts").status_code == 405


def test_unknown_expired_revoked_and_orphaned_links_answer_alike(app: Flask, sign_in: SignIn) -> None:
    who, channel = _aziza()
    client, stranger = sign_in(who), app.test_client()
    expired, revoked, orphaned = _link(who, channel, days=1), _link(who, channel), _link(who, channel)
    db.execute("UPDATE share_link SET expires_at = ? WHERE expires_at < ?", *_times())
    link = sharing.links_of(who.workspace.id, channel.public_id, now=clock.utcnow())[1]
    client.post(f"/share-links/{link.public_id}/revoke", data={"channel": channel.public_id})
    client.post(f"/channels/{channel.public_id}/disconnect")
    answers = [stranger.get(f"/s/{token}") for token in ("x" * 43, expired, revoked, orphaned)]
    assert [a.status_code for a in answers] == [404] * 4
    same = {re.sub(r'content="[^"]{40,}"|value="[^"]{40,}"', "", a.text) for a in answers}
    assert len(same) == 1
    assert stranger.get(f"/s/{expired}/posts").status_code == 404
    assert all(a.headers["X-Robots-Tag"] for a in answers)


def _times() -> tuple[object, object]:
    now = clock.utcnow()
    return db.stamp(now - timedelta(seconds=1)), db.stamp(now + timedelta(days=2))


def test_a_password_opens_its_own_link_only_and_only_in_that_browser(app: Flask) -> None:
    who, channel = _aziza()
    stranger, first, second = (
        app.test_client(),
        _link(who, channel, password=PASSWORD),
        _link(who, channel, password=PASSWORD),
    )
    shut = stranger.get(f"/s/{first}")
    assert shut.status_code == 401 and _figures(shut.text) == [] and "News" not in shut.text
    for tab in ("/posts", "/content", "/posts/3"):
        assert _figures(stranger.get(f"/s/{first}{tab}").text) == []
    wrong = stranger.post(f"/s/{first}", data={"password": "guess"})
    assert wrong.status_code == 422 and "This is not the password." in wrong.text
    right = stranger.post(f"/s/{first}", data={"password": PASSWORD})
    assert right.headers["Location"] == f"/s/{first}"
    assert f"Path=/s/{first}" in right.headers["Set-Cookie"] and "HttpOnly" in right.headers["Set-Cookie"]
    assert stranger.get(f"/s/{first}").status_code == 200
    assert stranger.get(f"/s/{second}").status_code == 401
    cookie = stranger.get_cookie("share", path=f"/s/{first}")
    assert cookie is not None
    forger = app.test_client()
    forger.set_cookie("share", cookie.value, path=f"/s/{second}")
    assert forger.get(f"/s/{second}").status_code == 401
    assert app.test_client().get(f"/s/{first}").status_code == 401
    other_door = stranger.post(f"/s/{_link(who, channel)}", data={"password": ""})
    assert other_door.status_code == 422


def test_the_cookie_would_open_every_link_if_it_did_not_name_its_own(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harm when the check is off."""
    who, channel = _aziza()
    first, second = (_link(who, channel, password=PASSWORD) for _ in range(2))
    monkeypatch.setattr("app.analytics.sharing.door._proof", lambda _shared: ["anybody"])
    stranger = app.test_client()
    stranger.post(f"/s/{first}", data={"password": PASSWORD})
    cookie = stranger.get_cookie("share", path=f"/s/{first}")
    assert cookie is not None
    stranger.set_cookie("share", cookie.value, path=f"/s/{second}")
    assert stranger.get(f"/s/{second}").status_code == 200


def test_guessing_a_password_is_slowed_down_even_from_many_addresses(app: Flask) -> None:
    who, channel = _aziza()
    token = _link(who, channel, password=PASSWORD)

    def guess(address: str) -> int:
        answer = app.test_client().post(
            f"/s/{token}", data={"password": "guess"}, environ_base={"REMOTE_ADDR": address}
        )
        return answer.status_code

    assert [guess("10.0.0.1") for _ in range(11)] == [422] * 10 + [429]
    spread = [guess(f"10.0.1.{n}") for n in range(60)]
    assert spread.count(429) >= 10 and 422 in spread


def test_what_is_kept_is_a_hash_and_the_owner_sees_the_link_once(sign_in: SignIn, app: Flask) -> None:
    who, channel = _aziza()
    client, url = sign_in(who), f"/channels/{channel.public_id}/settings"
    made = client.post(url, data={"days": "7", "password": PASSWORD})
    token = re.search(r"/s/([\w-]{43})<", made.text)
    assert token and token.group(1) not in client.get(url).text
    assert app.test_client().get(f"/s/{token.group(1)}").status_code == 401
    (row,) = ShareLink.select().where(ShareLink.workspace == who.workspace.id)
    assert token.group(1) not in str(row.__data__) and PASSWORD not in str(row.__data__)
    assert row.password_hash.startswith("$argon2id$")
    assert row.expires_at - row.created_at == timedelta(days=7)
    (entry,) = AuditEntry.select().where(AuditEntry.action == "share_link.created")
    assert entry.after == {"shows": channel.public_id, "days": 7, "has_password": True} and entry.ip == "127.0.0.1"


def test_a_link_needs_a_lifetime_and_a_password_worth_the_name(sign_in: SignIn) -> None:
    who, channel = _aziza()
    client = sign_in(who)
    for form in ({"days": "3650"}, {"days": ""}, {"days": "7", "password": "short"}):
        answer = client.post(f"/channels/{channel.public_id}/settings", data=form)
        assert answer.status_code == 422 and "share_error" in answer.text
    assert sharing.links_of(who.workspace.id, channel.public_id, now=clock.utcnow()) == []


def test_openings_are_counted_for_the_owner(app: Flask, sign_in: SignIn) -> None:
    who, channel = _aziza()
    token = _link(who, channel)
    for _ in range(3):
        app.test_client().get(f"/s/{token}")
    assert "opened 3 times" in sign_in(who).get(f"/channels/{channel.public_id}/settings").text


def test_a_stranger_shares_and_revokes_nothing_of_ours(sign_in: SignIn) -> None:
    who, channel = _aziza()
    token = _link(who, channel)
    (link,) = sharing.links_of(who.workspace.id, channel.public_id, now=clock.utcnow())
    thief = sign_in(owner("Thief", now=clock.utcnow()))
    assert thief.post(f"/channels/{channel.public_id}/settings", data={"days": "7"}).status_code == 404
    assert thief.get(f"/channels/{channel.public_id}/settings").status_code == 404
    assert thief.post(f"/share-links/{link.public_id}/revoke").status_code == 404
    assert sharing.opened(token, now=clock.utcnow()).link_id == link.id
    with pytest.raises(NotFound):
        sharing.create(0, channel.public_id, user_id=who.user.id, days=7, password="", now=clock.utcnow())
