"""The audience's and the campaigns' pages as people use them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

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
