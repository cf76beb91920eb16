"""Every chart over time shows the notes: on its picture, in its table and in its file. A new one without them fails."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, DictLoader
from pydantic import SecretStr
from selectolax.lexbor import LexborHTMLParser

from app.accounts.service import sessions
from app.analytics import annotations
from app.analytics.sharing import service as sharing
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.channels.service import campaigns, invite_links
from app.channels.service.campaigns import Plan
from app.core import clock, db
from app.readings.service.owner_session import own_channels
from app.web import create_app
from tests.channels.audience import bot_in, move
from tests.readings.owner_session.generated import GeneratedTelegram
from tests.readings.owner_session.world import connected, news, work_until_idle
from tests.world import Owner, owned_channel, owner, read_posts

SignIn = Callable[[Owner], FlaskClient]
RECURRING = {"chart_hours", "chart_heat", "own_top_hours"}  # over the hours of a day or a week, on no day
OVER_TIME = {"chart_growth", "chart_views", "chart_reach", "chart_moves", "chart_kept", "chart_curve"}
OVER_TIME |= {"chart_compare_growth", "chart_compare_views", "own_growth", "own_followers"}
TEXT = "New prices since today"


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    """A service that has Telegram's keys, so that own accounts have their page."""
    keys = {"telegram_api_id": 1, "telegram_api_hash": SecretStr("h")}
    settings = runtime.settings.model_copy(update=keys)
    built = create_app(replace(runtime, settings=settings))
    built.config["WTF_CSRF_ENABLED"] = False
    return built


@pytest.fixture
def mine(app: Flask) -> tuple[Owner, Channel]:
    """A channel that has every chart, and a note for all channels on a day of each of them."""
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel, telegram = news(who, now=now), GeneratedTelegram()
    bot_in(channel, at=now - timedelta(days=40))
    read_posts(channel, posts=3, now=now)
    ref = channel_of(who.workspace.id, channel.public_id)
    assert ref is not None
    plan = Plan("Spring", "@ads", "", "", "900", "USD", "2026-01-01", "", "")
    campaigns.create(who.workspace.id, ref, plan, user_id=who.user.id, now=now - timedelta(days=20))
    invite_links.made(invite_links.asked(now)[0], "https://t.me/+abc", now=now)
    move(channel, "p", "join", at=now - timedelta(days=9), link="https://t.me/+abc")
    connected(who, now=now)
    work_until_idle(telegram, clock=lambda: now)
    (state,) = own_channels(who.workspace.id)
    newest = max(x for graph in state.graphs if graph.is_time for x in graph.x)
    _note(who, None, at=now - timedelta(days=1))
    _note(who, None, at=db.from_ms(newest))  # Telegram's graphs here are of days of their own
    return who, channel


def _note(who: Owner, channel: Channel | None, *, at: datetime, text: str = TEXT) -> None:
    day, of = at.date().isoformat(), channel.id if channel else None
    annotations.add(
        who.workspace.id, of, day=day, kind="price", text=text, timezone="UTC", user_id=who.user.id, now=clock.utcnow()
    )


def _yesterday() -> datetime:
    return clock.utcnow() - timedelta(days=1)


def _walked(app: Flask, client: FlaskClient, channel: Channel) -> tuple[set[str], list[str]]:
    """(the charts over time on all pages of a channel and beside, those of them that lack the note)."""
    found, bare = set(), []
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or not rule.arguments <= {"public_id", "key"}:
            continue
        if rule.rule.endswith(".csv") or rule.rule.startswith("/log"):  # a file; what begins or ends a session
            continue
        url = rule.rule.replace("<public_id>", channel.public_id).replace("<key>", "1")
        answer = client.get(url)
        for card in LexborHTMLParser(answer.text).css("figure.chart-card"):
            name = _name(card.attributes.get("id") or "", channel)
            if name in RECURRING:
                continue
            found.add(name)
            drawn = [title.text() for title in card.css("svg.chart g title")]
            table = card.css_first(".numbers table").text()
            if not any(TEXT in words for words in drawn) or TEXT not in table:
                bare.append(f"{url}: {name}")
    return found, bare


def _name(card_id: str, channel: Channel) -> str:
    """A chart's id without what tells of which channel and which line of it."""
    return card_id.removesuffix("_card").partition(f"_{channel.public_id}")[0]


def test_every_chart_over_time_has_the_note(app: Flask, mine: tuple[Owner, Channel], sign_in: SignIn) -> None:
    who, channel = mine
    found, bare = _walked(app, sign_in(who), channel)
    assert bare == [] and found >= OVER_TIME, OVER_TIME - found


def test_a_new_chart_without_notes_is_found(app: Flask, mine: tuple[Owner, Channel], sign_in: SignIn) -> None:
    who, channel = mine
    source = (app.jinja_env.loader or ChoiceLoader([])).get_source(app.jinja_env, "analytics/network.html")[0]
    planted = "<div class=\"grid-2\">{{ ui.days_card('chart_new', 'New', page.growth) }}"
    overlay = DictLoader({"analytics/network.html": source.replace('<div class="grid-2">', planted)})
    app.jinja_env.loader = ChoiceLoader([overlay, app.jinja_env.loader])  # type: ignore[list-item]
    _, bare = _walked(app, sign_in(who), channel)
    assert bare == ["/network: chart_new"]


def _lines(client: FlaskClient, url: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(url).text)))


@pytest.mark.parametrize(
    "path",
    [
        "/network/days.csv",
        "/compare/days.csv",
        "{url}/days.csv",
        "{url}/audience/days.csv",
        "{url}/campaigns/kept.csv",
        "{url}/posts/1.csv",
    ],
)
def test_the_note_is_once_in_the_file_of_each_chart(mine: tuple[Owner, Channel], sign_in: SignIn, path: str) -> None:
    who, channel = mine
    noted = [
        line["annotation"]
        for line in _lines(sign_in(who), path.format(url=f"/channels/{channel.public_id}"))
        if line["annotation"]
    ]
    assert noted == [TEXT]


def test_where_channels_stand_side_by_side_a_note_names_its_channel(
    mine: tuple[Owner, Channel], sign_in: SignIn
) -> None:
    who, channel = mine
    second = owned_channel(who, "Second", telegram_chat_id=-1002, now=clock.utcnow())
    read_posts(second, posts=2, now=clock.utcnow())
    _note(who, second, at=_yesterday(), text="Banned for a day")
    client = sign_in(who)
    assert "Second: Banned for a day" in client.get("/network").text
    noted = [line["annotation"] for line in _lines(client, "/network/days.csv") if line["annotation"]]
    assert noted == [f"{TEXT}; Second: Banned for a day"]
    compared = client.get(f"/compare?c={channel.public_id}").text
    assert TEXT in compared and "Banned for a day" not in compared, "only of the channels that are compared"
    assert "Banned for a day" not in client.get(f"/channels/{channel.public_id}/audience").text


def test_the_mini_app_shows_them_and_a_stranger_with_a_link_does_not(
    app: Flask, mine: tuple[Owner, Channel], sign_in: SignIn
) -> None:
    who, channel = mine
    token = sessions.start_from_launch(
        who.user.id, launch_hash="a", launched_at=clock.utcnow(), device="d" * 32, now=clock.utcnow()
    )
    launched, header = app.test_client(use_cookies=False), {"X-Session": token}
    pages = ("/network", f"/channels/{channel.public_id}", f"/channels/{channel.public_id}/posts/1")
    assert all(TEXT in launched.get(url, headers=header).text for url in pages)
    for of, tabs in ((channel.public_id, ("", "/posts/1")), (None, ("",))):
        link = sharing.create(who.workspace.id, of, user_id=who.user.id, days=7, password="", now=clock.utcnow())
        for tab in tabs:
            shown = app.test_client().get(f"/s/{link}{tab}")
            assert shown.status_code == 200 and "chart-card" in shown.text
            assert TEXT not in shown.text and "note-line" not in shown.text


def test_a_changed_note_is_seen_at_once_on_an_unchanged_network(mine: tuple[Owner, Channel], sign_in: SignIn) -> None:
    """What is kept of unchanged feeds (app/analytics/build/kept.py) holds no notes."""
    who, channel = mine
    client = sign_in(who)
    tag = client.get("/network").headers["ETag"]
    _note(who, channel, at=_yesterday(), text="An ad went out")
    again = client.get("/network", headers={"If-None-Match": tag})
    assert again.status_code == 200 and "An ad went out" in again.text
