"""Tracked links: where they lead, what a click is and is not, and whose clicks a workspace sees."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.boot import Runtime
from app.core import db
from app.core.errors import Invalid, NotFound
from app.core.tenancy import ScopeError, unscoped
from app.links import queries
from app.links import service as links
from app.links.models import LinkHour, TrackedLink
from tests.world import Owner, owned_channel, owner

POST = 41
URL = "https://shop.example/весна?a=1&b=2#part"
PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A536B) AppleWebKit/537.36 Chrome/125.0.0.0 Mobile Safari/537.36"
OTHERS_WHO_ASK = {
    "Telegram's preview": "TelegramBot (like TwitterBot)",
    "WhatsApp's": "WhatsApp/2.23.20.0",
    "Facebook's": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitter's": "Twitterbot/1.0",
    "Slack's": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Discord's": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Apple's, which calls itself a browser and two others": "Mozilla/5.0 (Macintosh) AppleWebKit/601.2.4 Safari/601.2.4"
    " facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "Skype's": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "VK's": "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
    "a search engine": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "another search engine": "Mozilla/5.0 (compatible; Baiduspider/2.0)",
    "a program": "curl/8.5.0",
    "who says nothing": "",
}
PEOPLE = {
    "Android": PHONE,
    "iOS in Telegram": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Opera Mini": "Opera/9.80 (Android; Opera Mini/36.2/191.256; U; uz) Presto/2.12.423 Version/12.16",
    "a phone called CUBOT": "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/96.0 Mobile",
}


@pytest.fixture
def aziza(runtime: Runtime, now: datetime) -> Owner:
    return owner("Aziza", now=now)


@pytest.fixture
def link(aziza: Owner, now: datetime) -> TrackedLink:
    return _made(aziza, now)


def _made(who: Owner, now: datetime, url: str = URL, post_id: int | None = POST) -> TrackedLink:
    return links.make(who.workspace.id, url, post_id=post_id, channel_id=None, now=now)


def _clicks() -> int:
    return int((db.row("SELECT COALESCE(SUM(clicks), 0) FROM link_hour") or (0,))[0])


def _get(client: FlaskClient, link: TrackedLink, agent: str = PHONE, **headers: str) -> int:
    return client.get(f"/r/{link.key}", headers={"User-Agent": agent, **headers}).status_code


def test_a_link_leads_to_its_address_and_the_click_is_counted(app: Flask, link: TrackedLink, aziza: Owner) -> None:
    answer = app.test_client().get(f"/r/{link.key}", headers={"User-Agent": PHONE})
    assert (answer.status_code, answer.data) == (302, b"")
    assert answer.headers["Location"] == "https://shop.example/%D0%B2%D0%B5%D1%81%D0%BD%D0%B0?a=1&b=2#part"
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Referrer-Policy"] == "same-origin"
    assert queries.clicks_of(aziza.workspace.id, [POST]) == {POST: 1}


def test_nothing_is_kept_of_whoever_clicks(app: Flask, link: TrackedLink) -> None:
    assert _get(app.test_client(), link, X_Forwarded_For="203.0.113.9") == 302
    assert set(LinkHour._meta.columns) == {"link_id", "workspace_id", "hour", "clicks"}  # type: ignore[attr-defined]
    assert "Set-Cookie" not in app.test_client().get(f"/r/{link.key}").headers


def test_an_unknown_link_is_a_page_that_is_not_there(app: Flask, link: TrackedLink, now: datetime) -> None:
    answer = app.test_client().get("/r/0123456789")
    assert answer.status_code == 404 and answer.mimetype == "text/html"
    with pytest.raises(NotFound):
        links.follow("0123456789", is_click=True, now=now)
    assert _clicks() == 0


@pytest.mark.parametrize("who", PEOPLE)
def test_people_are_counted(app: Flask, link: TrackedLink, who: str) -> None:
    assert _get(app.test_client(), link, PEOPLE[who]) == 302 and _clicks() == 1


@pytest.mark.parametrize("who", OTHERS_WHO_ASK)
def test_previews_and_robots_are_led_on_and_not_counted(app: Flask, link: TrackedLink, who: str) -> None:
    assert _get(app.test_client(), link, OTHERS_WHO_ASK[who]) == 302 and _clicks() == 0


@pytest.mark.parametrize(
    ("header", "value"),
    [("Sec-Purpose", "prefetch;prerender"), ("Purpose", "prefetch"), ("X-Purpose", "preview"), ("X-Moz", "prefetch")],
)
def test_a_page_fetched_ahead_is_not_counted(app: Flask, link: TrackedLink, header: str, value: str) -> None:
    assert _get(app.test_client(), link, PHONE, **{header: value}) == 302 and _clicks() == 0


def test_a_head_is_answered_and_not_counted(app: Flask, link: TrackedLink) -> None:
    answer = app.test_client().head(f"/r/{link.key}", headers={"User-Agent": PHONE})
    assert answer.status_code == 302 and answer.headers["Location"] and _clicks() == 0


def test_without_the_guard_every_preview_would_be_a_reader(
    app: Flask, link: TrackedLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "is_click", lambda *_, **__: True)
    client = app.test_client()
    for agent in OTHERS_WHO_ASK.values():
        _get(client, link, agent)
    assert _clicks() == len(OTHERS_WHO_ASK)


def _at_once(count: int, act: Callable[[int], object]) -> list[object]:
    def run(n: int) -> object:
        try:
            return act(n)
        finally:
            db.database.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_twenty_clicks_at_once_are_twenty(app: Flask, link: TrackedLink) -> None:
    assert _at_once(20, lambda _: _get(app.test_client(), link)) == [302] * 20
    assert _clicks() == 20


def test_ten_who_make_the_same_link_at_once_get_one(aziza: Owner, now: datetime) -> None:
    assert len(set(_at_once(10, lambda _: _made(aziza, now).key))) == 1


def test_the_same_link_is_made_once_and_each_post_channel_and_address_has_its_own(aziza: Owner, now: datetime) -> None:
    bek, channel = owner("Bek", now=now), owned_channel(aziza, "News", telegram_chat_id=-1001, now=now)
    first = _made(aziza, now)
    assert _made(aziza, now + timedelta(days=1)).id == first.id
    elsewhere = links.make(aziza.workspace.id, URL, post_id=POST, channel_id=channel.id, now=now)
    others = [_made(bek, now), _made(aziza, now, post_id=POST + 1), _made(aziza, now, url=URL + "2"), elsewhere]
    assert len({first.key, *(other.key for other in others)}) == 5
    assert len(first.key) == 10 and links.address(first, "https://a.example") == f"https://a.example/r/{first.key}"


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "tg://resolve?domain=x", "//shop.example", "https://", "http://[::1", "https://a.b:99999/"]
    + ["https://shop.example/a b", "https://shop.example/\r\nSet-Cookie: a=b", "", "https://x.example/\u202e"],
)
def test_only_addresses_of_web_pages_are_taken(aziza: Owner, now: datetime, url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        _made(aziza, now, url=url)
    assert refusal.value.fields == {"url": "kind"} and db.row("SELECT COUNT(*) FROM tracked_link") == (0,)


def test_an_address_has_at_most_2048_characters(aziza: Owner, now: datetime) -> None:
    longest = "https://shop.example/".ljust(2048, "x")
    assert _made(aziza, now, url=longest).url == longest
    with pytest.raises(Invalid) as refusal:
        _made(aziza, now, url=longest + "x")
    assert refusal.value.fields == {"url": "length"}


def test_clicks_are_of_the_post_the_hour_and_the_workspace(aziza: Owner, now: datetime) -> None:
    """10 clicks at noon on two links of a post, 1 an hour later, none on another post, and 3 on a stranger's."""
    bek = owner("Bek", now=now)
    two = [_made(aziza, now), _made(aziza, now, url="https://b.example")]
    _made(aziza, now, post_id=POST + 1)
    late, his = now + timedelta(minutes=61), _made(bek, now)
    for link, at, count in (
        (two[0], now + timedelta(minutes=59), 7),
        (two[1], now, 3),
        (two[1], late, 1),
        (his, now, 3),
    ):
        for _ in range(count):
            links.follow(link.key, is_click=True, now=at)
    assert queries.clicks_of(aziza.workspace.id, [POST, POST + 1, POST + 2]) == {POST: 11, POST + 1: 0}
    assert queries.clicks_of(bek.workspace.id, [POST]) == {POST: 3}
    assert queries.clicks_of(aziza.workspace.id, []) == {}
    day = {"since": now - timedelta(hours=12), "until": now + timedelta(hours=12)}
    hour = timedelta(hours=1)
    assert queries.clicks_by_hour(aziza.workspace.id, POST, **day) == [(now, 10), (now + hour, 1)]
    assert queries.clicks_by_hour(aziza.workspace.id, POST, since=now + hour, until=now + 2 * hour) == [(now + hour, 1)]
    assert queries.clicks_by_hour(bek.workspace.id, POST + 1, **day) == []


def test_a_query_without_its_workspace_raises_and_without_the_guard_it_would_show_strangers(
    aziza: Owner, now: datetime
) -> None:
    for who in (aziza, owner("Bek", now=now)):
        links.follow(_made(who, now).key, is_click=True, now=now)
    for table in (TrackedLink, LinkHour):
        with pytest.raises(ScopeError):
            list(table.select())
        with unscoped("the harm, shown"):
            assert len(list(table.select())) == 2


def test_a_link_costs_one_read_and_one_write(app: Flask, link: TrackedLink, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    real = db.database.obj.execute_sql
    monkeypatch.setattr(db.database.obj, "execute_sql", lambda sql, *more: (said.append(sql), real(sql, *more))[1])
    _get(app.test_client(), link)
    assert [sql.split()[0] for sql in said if sql.split()[0] not in ("BEGIN", "COMMIT")] == ["SELECT", "INSERT"]
