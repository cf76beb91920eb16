"""The audience's and the campaigns' pages as people use them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.channels.models import Channel
from app.channels.service import invite_links
from app.core import clock, db
from tests.channels.audience import bot_in, move
from tests.world import Owner, owned_channel, owner, read_posts

SignIn = Callable[[Owner], FlaskClient]
FORM = {"name": "Spring", "source": "@ads", "spend": "1 250,50", "currency": "USD", "first_day": "2026-02-01"}
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "form#campaign_form"}


@pytest.fixture
def mine(app: Flask) -> tuple[Owner, Channel]:
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    bot_in(channel, at=now - timedelta(days=40))
    read_posts(channel, posts=2, now=now)
    return who, channel


def test_a_campaign_is_made_its_link_works_and_its_money_is_read(mine: tuple[Owner, Channel], sign_in: SignIn) -> None:
    who, channel = mine
    client, url = sign_in(who), f"/channels/{channel.public_id}/campaigns"
    assert "A campaign gets a link of its own" in client.get(url).text
    assert client.post(url, data=FORM, headers={"HX-Request": "true"}).headers["HX-Redirect"] == url
    assert "The bot is making it" in client.get(url).text
    now = clock.utcnow()
    invite_links.made(invite_links.asked(now)[0], "https://t.me/+abc", now=now)
    for n in range(3):
        move(channel, f"p{n}", "join", at=now - timedelta(days=9), link="https://t.me/+abc")
    page = client.get(url).text
    assert "$1,250.50" in page and "$416.83" in page and "https://t.me/+abc" in page
    audience = client.get(f"/channels/{channel.public_id}/audience").text
    assert "Spring" in audience and 'id="chart_moves_card"' in audience and "Kept a week" in audience


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spend": "-1"}, "Write an amount"),
        ({"link_name": "x" * 33}, "between 1 and 32"),
        ({"currency": "GBP"}, "Choose one of the currencies"),
        ({"last_day": "2026-01-01"}, "ends after it begins"),
    ],
)
def test_wrong_input_is_answered_with_the_form_and_stores_nothing(
    mine: tuple[Owner, Channel], sign_in: SignIn, change: dict[str, str], said: str
) -> None:
    who, channel = mine
    answer = sign_in(who).post(f"/channels/{channel.public_id}/campaigns", data=FORM | change, headers=PARTIAL)
    assert answer.status_code == 422 and said in answer.text
    assert answer.text.lstrip().startswith('<form id="campaign_form"') and 'value="@ads"' in answer.text
    assert db.row("SELECT COUNT(*) FROM campaign") == (0,)


def test_a_wrong_spend_keeps_the_old_one_and_a_right_one_replaces_it(
    mine: tuple[Owner, Channel], sign_in: SignIn
) -> None:
    who, channel = mine
    client, url = sign_in(who), f"/channels/{channel.public_id}/campaigns"
    client.post(url, data=FORM)
    (key,) = db.row("SELECT public_id FROM campaign") or ("",)
    assert client.post(f"{url}/{key}/spend", data={"spend": "much"}).status_code == 422
    assert db.row("SELECT spend_minor FROM campaign") == (125050,)
    assert client.post(f"{url}/{key}/spend", data={"spend": "7"}).status_code == 303
    assert db.row("SELECT spend_minor FROM campaign") == (700,)
    assert client.post(f"{url}/{key}/links", data={"link_name": "Second"}).status_code == 303
    assert client.post(f"{url}/{key}/archive").status_code == 303
    assert "A campaign gets a link of its own" in client.get(url).text


def test_a_stranger_finds_no_such_channel_or_campaign(mine: tuple[Owner, Channel], sign_in: SignIn) -> None:
    who, channel = mine
    url = f"/channels/{channel.public_id}"
    sign_in(who).post(f"{url}/campaigns", data=FORM)
    (key,) = db.row("SELECT public_id FROM campaign") or ("",)
    (link,) = db.row("SELECT public_id FROM invite_link") or ("",)
    stranger = sign_in(owner("Bek", now=clock.utcnow()))
    tails = (
        "audience",
        "audience/days.csv",
        "audience/sources.csv",
        "campaigns",
        "campaigns.csv",
        "campaigns/kept.csv",
    )
    assert {stranger.get(f"{url}/{tail}").status_code for tail in tails} == {404}
    posts = ("campaigns", f"campaigns/{key}/spend", f"campaigns/{key}/archive", f"links/{link}/revoke")
    assert {stranger.post(f"{url}/{tail}", data=FORM).status_code for tail in posts} == {404}
    assert db.row("SELECT state FROM invite_link") == ("wanted",)


def test_a_reader_sees_campaigns_and_makes_none(mine: tuple[Owner, Channel], sign_in: SignIn) -> None:
    who, channel = mine
    url = f"/channels/{channel.public_id}/campaigns"
    sign_in(who).post(url, data=FORM)
    db.execute("UPDATE membership SET role = 'analyst' WHERE workspace_id = ?", who.workspace.id)
    client = sign_in(who)
    page = client.get(url)
    assert "Spring" in page.text and 'id="campaign_form"' not in page.text
    assert client.post(url, data=FORM).status_code == 403


def _two_links(who: Owner, channel: Channel, client: FlaskClient, url: str) -> None:
    """An old campaign that kept three of its first four, with one of today; and a new one with joins of today."""
    now = clock.utcnow()
    for name, source in (("Old", "@ads"), ("New", "@ads")):
        client.post(url, data=FORM | {"name": name, "source": source})
        invite_links.made(invite_links.asked(now)[0], f"https://t.me/+{name}", now=now)
    db.execute("UPDATE invite_link SET created_at = ?", db.stamp(now - timedelta(days=20)))
    for n, link, days in ((0, "Old", 9), (1, "Old", 9), (2, "Old", 9), (3, "Old", 0), (4, "New", 0)):
        move(channel, f"p{n}", "join", at=now - timedelta(days=days, hours=1), link=f"https://t.me/+{link}")


def test_a_cost_that_may_still_change_says_so_on_the_page_and_in_the_file(
    mine: tuple[Owner, Channel], sign_in: SignIn
) -> None:
    who, channel = mine
    client, url = sign_in(who), f"/channels/{channel.public_id}/campaigns"
    _two_links(who, channel, client, url)
    total = LexborHTMLParser(client.get(url).text).css_first("tr.total").text()
    assert "so far" in total and "of 1 of 2 campaigns" in total and "$416.83" in total
    lines = {line["name"]: line for line in csv.DictReader(io.StringIO(client.get(f"{url}.csv").text))}
    assert (lines["Old"]["stayed_7d"], lines["Old"]["is_so_far_7d"]) == ("3", "1")
    assert (lines["New"]["cost_7d_minor"], lines["New"]["is_so_far_7d"]) == ("", "1")


def test_the_page_asks_for_no_period_and_says_of_when_its_numbers_are(
    mine: tuple[Owner, Channel], sign_in: SignIn
) -> None:
    who, channel = mine
    client, url = sign_in(who), f"/channels/{channel.public_id}/campaigns"
    client.post(url, data=FORM)
    page = client.get(url).text
    assert 'name="from"' not in page and "From the first link of each campaign until now" in page
    assert 'name="from"' in client.get(f"/channels/{channel.public_id}/audience").text


def test_a_note_is_once_in_the_list_under_the_number_that_it_has_on_each_line(
    mine: tuple[Owner, Channel], sign_in: SignIn
) -> None:
    who, channel = mine
    client, url = sign_in(who), f"/channels/{channel.public_id}/campaigns"
    _two_links(who, channel, client, url)
    db.execute("UPDATE invite_link SET created_at = ? WHERE name = 'New'", db.stamp(clock.utcnow() - timedelta(days=6)))
    for days, text in ((4, "Prices"), (2, "A ban")):
        day = (clock.utcnow() - timedelta(days=days)).date().isoformat()
        form = {"day": day, "kind": "price", "text": text}
        assert client.post(f"/channels/{channel.public_id}/annotations", data=form).status_code == 303
    tree = LexborHTMLParser(client.get(url).text)
    listed = [item.text() for item in tree.css("ol.notes li")]
    assert len(listed) == 2 and "Prices" in listed[0] and "New, Old" in listed[0] and "A ban" in listed[1]
    drawn = [
        (g.css_first("text.tick").text(), g.css_first("title").text())
        for g in tree.css("#chart_kept_card g:has(.note-line)")
    ]
    assert len(drawn) == 4 and {(number, words.partition(": ")[2]) for number, words in drawn} == {
        ("1", "Prices"),
        ("2", "A ban"),
    }
