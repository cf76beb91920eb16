"""The file behind the charts of the comparison: the same days, channels and numbers, each with its own provenance."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.channels.models import Channel
from app.core import clock
from app.readings import service as readings
from tests.world import Owner, owned_channel, owner, read_posts

SignIn = Callable[[Owner], FlaskClient]


@pytest.fixture
def mine(app: Flask) -> tuple[Owner, list[Channel]]:
    now = clock.utcnow()
    who = owner("Aziza", now=now)
    channels = [owned_channel(who, name, telegram_chat_id=-1000 - n, now=now) for n, name in enumerate("ABC")]
    for n, channel in enumerate(channels):
        read_posts(channel, posts=n + 1, now=now)
        for days, count in ((3, 1000), (0, 1100 + 100 * n)):
            _counted(channel, count, at=now - timedelta(days=days))
    return who, channels


def _counted(channel: Channel, count: int, *, at: datetime) -> None:
    source = readings.ensure_source(readings.BOT_UPDATES, now=at)
    readings.record_subscribers(channel.chat, source_id=source, value=count, step=0, observed_at=at)


def _lines(client: FlaskClient, url: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(url).text)))


def test_both_charts_lead_to_the_file_and_it_holds_their_numbers(
    mine: tuple[Owner, list[Channel]], sign_in: SignIn
) -> None:
    who, (a, _, c) = mine
    client = sign_in(who)
    tree = LexborHTMLParser(client.get(f"/compare?c={c.public_id}&c={a.public_id}&days=7").text)
    links = [link.attributes["href"] or "" for link in tree.css("figure.chart-card a.csv")]
    assert len(links) == 2 and len(set(links)) == 1
    lines = _lines(client, links[0])
    assert [line["channel"] for line in lines] == ["C"] * 7 + ["A"] * 7
    assert (lines[6]["subscribers"], lines[6]["subscribers_source"]) == ("1300", "bot_updates")
    assert float(lines[6]["growth_percent"]) == pytest.approx(30) and lines[6]["growth_percent_precision"] == "exact"
    assert float(lines[13]["growth_percent"]) == pytest.approx(10) and lines[13]["timezone"]
    assert lines[0]["growth_percent"] == "" == lines[0]["growth_percent_source"], "nothing was read on that day"


def test_strangers_channels_are_in_no_file(mine: tuple[Owner, list[Channel]], sign_in: SignIn) -> None:
    _, channels = mine
    stranger = sign_in(owner("Bek", now=clock.utcnow()))
    answer = stranger.get("/compare/days.csv", query_string={"c": [c.public_id for c in channels]})
    assert answer.status_code == 200 and len(answer.text.splitlines()) == 1
