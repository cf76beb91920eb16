"""What each role sees and is offered: money only for who runs the workspace, and no way that would be refused."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.accounts.service import keys, people, sessions
from app.channels.models import Channel
from app.channels.service import invite_links
from app.core import clock
from app.core.policy import Role, may
from tests.channels.audience import bot_in, move
from tests.world import Owner, owned_channel, owner, read_posts, watched

SignIn = Callable[[Owner], FlaskClient]
FORM = {"name": "Spring", "source": "@ads", "spend": "1250.50", "currency": "USD", "first_day": "2026-02-01"}
MONEY = re.compile(r"\$|1,?250[.,]?50|125050|416[.,]83|Spend|[Cc]ost|_minor|currency")
READERS = (Role.EDITOR, Role.ANALYST, Role.CLIENT)


@pytest.fixture
def news(app: Flask, sign_in: SignIn) -> tuple[Owner, Channel]:
    """A channel with a campaign of $1,250.50 that brought three people."""
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    bot_in(channel, at=now - timedelta(days=40))
    read_posts(channel, posts=3, now=now)
    watched(who, "rivals", now=now)
    client, url = sign_in(who), f"/channels/{channel.public_id}/campaigns"
    for name in ("Spring", "Summer"):
        assert client.post(url, data=FORM | {"name": name}).status_code == 303
    for n, link in enumerate(invite_links.asked(now)):
        invite_links.made(link, f"https://t.me/+{n}", now=now)
        for person in range(3):
            move(channel, f"{n}p{person}", "join", at=now - timedelta(days=9), link=f"https://t.me/+{n}")
    return who, channel


def _member(who: Owner, role: Role) -> Owner:
    now = clock.utcnow()
    user = people.create_user(name=role.title(), timezone="Asia/Tashkent", now=now)
    people.add_member(who.workspace.id, user.id, role, now=now)
    return Owner(user, who.workspace)


@pytest.mark.parametrize("role", Role)
def test_what_was_spent_is_for_who_runs_the_workspace(
    news: tuple[Owner, Channel], app: Flask, sign_in: SignIn, role: Role
) -> None:
    who, channel = news
    member, url = _member(who, role), f"/channels/{channel.public_id}/campaigns"
    client = sign_in(member)
    token = sessions.start_from_launch(
        member.user.id, launch_hash="l", launched_at=clock.utcnow(), device="d" * 32, now=clock.utcnow()
    )
    frame = app.test_client(use_cookies=False).get(url, headers={"X-Session": token, "HX-Request": "true"})
    page, file = client.get(url).text, client.get(f"{url}.csv").text
    (first, *_) = csv.DictReader(io.StringIO(file))
    assert first["joined"] == "3" and "Spring" in page, "people are for everybody"
    shows = {"page": page, "Mini App": frame.text, "CSV": file}
    found = {name for name, text in shows.items() if MONEY.search(_shown(text))}
    assert found == (set(shows) if role in (Role.OWNER, Role.ADMIN) else set())


def _shown(text: str) -> str:
    tree = LexborHTMLParser(text) if text.lstrip().startswith("<") else None
    return text if tree is None else (tree.css_first("#campaigns_table") or tree.root).html or ""  # type: ignore[union-attr]


def test_no_other_page_file_or_program_tells_what_was_spent(news: tuple[Owner, Channel], app: Flask) -> None:
    who, channel = news
    secret = keys.create(who.workspace.id, user_id=who.user.id, name="k", now=clock.utcnow())
    client = app.test_client()
    for path in ("/api/v1/channels", f"/api/v1/channels/{channel.public_id}"):
        answer = client.get(path, headers={"Authorization": f"Bearer {secret}"}).text
        assert "125050" not in answer and "spend" not in answer


@pytest.mark.parametrize("role", READERS)
def test_nothing_is_offered_that_would_be_refused(
    news: tuple[Owner, Channel], app: Flask, sign_in: SignIn, role: Role
) -> None:
    """Every link, form and fragment of every page that a reader comes to leads where the role may go."""
    who, _ = news
    client = sign_in(_member(who, role))
    waiting, seen, refused = ["/network", "/twa/menu", "/help", "/settings"], set[str](), set[tuple[str, ...]]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = client.get(path, buffered=True)
        assert answer.status_code in (200, 302, 303), path
        if answer.mimetype != "text/html":
            continue
        offers = {(method, url.partition("?")[0].partition("#")[0]) for method, url in _offers(answer.text)}
        refused |= {(path, *offer) for offer in offers if not _may(app, role, *offer)}
        waiting += {url for method, url in offers if method == "GET"} - seen - set(waiting)
    assert refused == set()
    assert len(seen) > 15 and {path.rpartition("/")[2] for path in seen} >= {"campaigns", "watchlist", "compare"}


def test_the_search_for_refused_offers_finds_them(app: Flask) -> None:
    assert not _may(app, Role.CLIENT, "POST", "/channels/watch")
    assert not _may(app, Role.CLIENT, "GET", "/channels/connect") and _may(app, Role.ADMIN, "GET", "/channels/connect")
    assert ("POST", "/channels/watch") in _offers('<form method="post" action="/channels/watch"></form>')


def _offers(html: str) -> set[tuple[str, str]]:
    found = set()
    for node in LexborHTMLParser(html).css("a[href], form[action], [hx-get], [hx-post]"):
        given = node.attributes
        ways = (("GET", given.get("href")), ("GET", given.get("hx-get")), ("POST", given.get("hx-post")))
        form = ((given.get("method") or "get").upper(), given.get("action"))
        found |= {(method, path) for method, path in (*ways, form) if path and path.startswith("/")}
    return found


def _may(app: Flask, role: Role, method: str, path: str) -> bool:
    endpoint, _ = app.url_map.bind("localhost").match(path.partition("?")[0].partition("#")[0], method=method)
    act = getattr(app.view_functions[endpoint], "policy", None)
    return act is None or str(act) in ("public", "api", "hook") or may(role, act)
