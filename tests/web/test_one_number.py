"""The same number in page, Mini App, bot, CSV and API: thirty of them, of three channels and their network."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from selectolax.lexbor import LexborHTMLParser

from app.accounts.models import User
from app.accounts.service import keys, sessions
from app.analytics.definitions import DEFINITIONS
from app.analytics.pages import Figure
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.readings import service as readings
from app.web import create_app
from bot import answers
from tests.world import Owner, owned_channel, owner

KEYS = ("subscribers", "growth", "views", "reach", "err", "err24", "er", "posts", "reactions")
TOTALS = ("subscribers", "views", "posts")


def _planted(who: Owner, title: str, n: int) -> Channel:
    """Odd numbers, some rounded: a mistake in one place cannot look right in another."""
    now = clock.utcnow().replace(microsecond=0)
    channel = owned_channel(who, title, telegram_chat_id=-1000 - n, now=now)
    page = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    bot = readings.ensure_source(readings.BOT_UPDATES, now=now)
    times = {m: now - timedelta(days=4, hours=7 * m) for m in range(1, 5 + n)}
    ids = readings.record_posts(channel.chat, [readings.PostFacts(m, at) for m, at in times.items()])
    rows = [
        (ids[m], db.to_ms(at + timedelta(hours=hours)), page, (700 + 37 * m * n) * hours // 24, m + n, 5 * (n == 2))
        for m, at in times.items()
        for hours in (3, 24, 71)
    ]
    readings.record_readings(channel.chat, rows, now=now)
    for days, count in ((40, 1013 * n), (0, 1117 * n + 3)):
        readings.record_subscribers(
            channel.chat, source_id=bot, value=count, step=0, observed_at=now - timedelta(days=days)
        )
    return channel


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    app = create_app(runtime)
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def _seen_by(app: Flask, who: Owner, path: str, kind: str) -> dict[str, float]:
    """name -> value of the tiles of a page, as a browser or the Mini App gets it."""
    token, _ = sessions.start(who.user.id, who.workspace.id, kind=kind, now=clock.utcnow())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, kind
    named = {definition.name: key for key, definition in DEFINITIONS.items()}
    found = {}
    for tile in LexborHTMLParser(client.get(path).text).css(".tile"):
        name, data = tile.css_first("a.what"), tile.css_first("dd data")
        key = named.get(name.text(strip=True)) if name else None
        if key and data and data.attributes.get("value"):
            found[key] = float(data.attributes["value"] or "nan")
    return found


def _csv(app: Flask, who: Owner) -> dict[str, dict[str, str]]:
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=clock.utcnow())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    return {line["channel"]: line for line in csv.DictReader(io.StringIO(client.get("/network.csv").text))}


def _api(app: Flask, who: Owner) -> dict[str, dict]:
    secret = keys.create(who.workspace.id, user_id=who.user.id, name="k", now=clock.utcnow())
    told = app.test_client().get("/api/v1/channels", headers={"Authorization": f"Bearer {secret}"}).json
    return {channel["id"]: channel for channel in told["channels"]}


def _bot(who: Owner, public_id: str) -> dict[str, str]:
    """name -> text, of what the bot says; a channel's figures one a line, the network's in its second line."""
    text = answers.stats(User.get_by_id(who.user.id), public_id, now=clock.utcnow()).text
    parts = text.split("\n")[1:] if public_id else text.split("\n")[1].split(" · ")
    return dict(part.split(": ", 1) for part in parts)


def test_thirty_numbers_are_the_same_in_page_mini_app_bot_csv_and_api(app: Flask) -> None:
    who = owner("Aziza", now=clock.utcnow())
    channels = {title: _planted(who, title, n) for n, title in enumerate(("News", "Fun", "Shop"), 1)}
    lines, told, walked = _csv(app, who), _api(app, who), 0
    for title, channel in channels.items():
        path = f"/channels/{channel.public_id}"
        browser, mini_app = _seen_by(app, who, path, "browser"), _seen_by(app, who, path, "twa")
        said = _bot(who, channel.public_id)
        for key in KEYS:
            value = browser[key]
            figure = told[channel.public_id][key]
            assert value == mini_app[key] == float(lines[title][key]) == figure["value"], (title, key)
            step = figure["step"]
            unit = DEFINITIONS[key].unit
            shown = answers.spoken(Figure(figure["value"], unit, step), "en")
            assert said[DEFINITIONS[key].name].partition(" (")[0] == shown, (title, key)
            walked += 1
    browser, mini_app = (_seen_by(app, who, "/network", kind) for kind in ("browser", "twa"))
    said = _bot(who, "")
    for key in TOTALS:
        summed = sum(float(line[key]) for line in lines.values())
        assert browser[key] == mini_app[key] == summed == sum(c[key]["value"] for c in told.values()), key
        shown = said[DEFINITIONS[key].name].partition(" (")[0].lstrip("≈")
        assert float(re.sub(r"[,K]", "", shown)) == pytest.approx(summed / (1000 if "K" in shown else 1), abs=0.06), key
        walked += 1
    assert walked == 30
    assert len({browser[key] for key in TOTALS}) == 3, "different numbers, so that none stands for another"
