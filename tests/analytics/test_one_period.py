"""A period by name is the same days for a channel wherever it is shown, and every page and file says of which zone."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.service import keys, sessions
from app.analytics import build, periods
from app.analytics.build.beside import compare_page, watch_page
from app.analytics.pages import ChannelRow, Period
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.core import clock, db
from app.readings import service as readings
from app.web import create_app
from tests.world import Owner, owned_channel, owner, watched

ZONE = "Asia/Tashkent"
SILENT_DAYS = 6
FIGURES = ("views", "growth", "subscribers", "posts", "reach")


@dataclass(frozen=True)
class World:
    """An own channel that is read, one that was last read days ago, and a watched one that is read last of all."""

    who: Owner
    live: Channel
    silent: Channel
    rival: Channel
    now: datetime


def _read(channel: Channel, *, last: datetime, n: int) -> None:
    """A post a day over 50 days up to `last`, which goes on to gain, and a count of subscribers a day."""
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=last)
    days = range(1, 50)
    facts = [readings.PostFacts(day, last - timedelta(days=day)) for day in days]
    ids = readings.record_posts(channel.chat, facts)
    rows = [
        (ids[day], db.to_ms(at), source, (10 + n + day) * hours, day, 0)
        for day in days
        for hours in (6, 23)
        for at in [last - timedelta(days=day) + timedelta(hours=hours)]
    ]
    readings.record_readings(channel.chat, rows, now=last)
    for day in (0, *days):
        at = last - timedelta(days=day)
        readings.record_subscribers(channel.chat, source_id=source, value=1000 - n * day, step=0, observed_at=at)


@pytest.fixture
def world(runtime: Runtime) -> World:
    now = clock.utcnow().replace(microsecond=0)
    who = owner("Aziza", now=now)
    live, silent = (owned_channel(who, t, telegram_chat_id=c, now=now) for t, c in (("Live", -1001), ("Silent", -1002)))
    rival = watched(who, "rival_news", now=now)
    _read(live, last=now - timedelta(days=1), n=3)
    _read(silent, last=now - timedelta(days=SILENT_DAYS), n=5)
    _read(rival, last=now - timedelta(minutes=5), n=7)
    return World(who, live, silent, rival, now)


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return create_app(runtime)


def _client(app: Flask, who: Owner) -> FlaskClient:
    client = app.test_client()
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=clock.utcnow())
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    return client


def _places(world: World, channel: Channel, span: Span) -> dict[str, tuple[Period, ChannelRow]]:
    """The channel as each page has it."""
    workspace, now = world.who.workspace, world.now
    ref = channel_of(workspace.id, channel.public_id)
    assert ref is not None
    alone = build.channel_page(workspace.id, ref, span=span, now=now)
    compared = compare_page(workspace.id, [ref.public_id], timezone=ZONE, span=span, now=now)
    beside = watch_page(workspace.id, timezone=ZONE, span=span, now=now)
    network = build.network_page(workspace.id, "W", timezone=ZONE, span=span, is_demo=False, now=now)
    api_period, api_rows = build.channel_rows(workspace.id, timezone=ZONE, span=span, now=now)
    found = {
        "channel": (alone.period, [alone.channel]),
        "compare": (compared.period, compared.rows),
        "watch-list": (beside.period, (*beside.rows, *beside.own)),
        "network": (network.period, network.rows),
        "api": (api_period, api_rows),
    }
    return {
        place: (period, row)
        for place, (period, rows) in found.items()
        for row in rows
        if row.public_id == channel.public_id
    }


@pytest.mark.parametrize("days", periods.CHOICES)
@pytest.mark.parametrize("name", ["live", "silent", "rival"])
def test_a_channels_numbers_of_a_period_are_the_same_on_every_page(world: World, name: str, days: int) -> None:
    channel: Channel = getattr(world, name)
    found = _places(world, channel, Span(days))
    assert set(found) == {"channel", "compare", "watch-list", "network", "api"} - (
        {"network"} if name == "rival" else set()
    )
    assert len({(p.start, p.end, p.timezone) for p, _ in found.values()}) == 1, "one [start, end) for all"
    for key in FIGURES:
        assert len({getattr(row, key).value for _, row in found.values()}) == 1, key
    today = periods.local_day(world.now - timedelta(minutes=5), ZONE)
    assert found["channel"][0].end == today, "the day of the workspace's last reading"


def test_ends_of_their_own_would_tell_different_numbers(world: World) -> None:
    """The harm: the silent channel's days up to its own last reading are others than those of its network."""
    ref = channel_of(world.who.workspace.id, world.silent.public_id)
    assert ref is not None
    now = _places(world, world.silent, Span(7))["network"][1]
    own_end = periods.local_day(world.now - timedelta(days=SILENT_DAYS), ZONE)
    own = build.channel_page(world.who.workspace.id, ref, span=Span(7, own_end), now=world.now).channel
    assert own.views.value != now.views.value and own.posts.value != now.posts.value


def test_a_channel_that_was_last_read_before_the_period_leads_to_its_own_days(world: World, app: Flask) -> None:
    _read_gone = owned_channel(world.who, "Gone", telegram_chat_id=-1003, now=world.now)
    _read(_read_gone, last=world.now - timedelta(days=60), n=1)
    client, url = _client(app, world.who), f"/channels/{_read_gone.public_id}"
    page = client.get(f"{url}?days=30").text
    end = periods.local_day(world.now - timedelta(days=60), ZONE)
    link = f"{url}?from={end - timedelta(days=29)}&amp;to={end}"
    assert link in page and "No readings in this period" in page
    assert "No readings in this period" not in client.get(link.replace("&amp;", "&")).text


def test_pages_and_files_say_their_days_and_their_zone(world: World, app: Flask) -> None:
    client, who = _client(app, world.who), world.who
    Channel.update(timezone="America/New_York").where(
        Channel.workspace == who.workspace.id, Channel.id == world.live.id
    ).execute()
    url = f"/channels/{world.live.public_id}"
    for path, zone in (("/network", ZONE), ("/watchlist", ZONE), ("/compare", ZONE), (url, "America/New_York")):
        assert f'<span class="zone">{zone}</span>' in client.get(path).text, path
    files = ("/network.csv", "/network/days.csv", "/watchlist.csv", f"/compare.csv?c={world.live.public_id}")
    own = (f"{url}/days.csv", f"{url}/hours.csv", f"{url}/posts.csv")
    for path, zone in (*((f, ZONE) for f in files), *((f, "America/New_York") for f in own)):
        lines = list(csv.DictReader(io.StringIO(client.get(path).text)))
        end = periods.local_day(world.now - timedelta(minutes=5), zone)
        told = {(line["period_start"], line["period_end"], line["timezone"]) for line in lines}
        assert told == {(str(end - timedelta(days=29)), str(end), zone)}, path
    secret = keys.create(who.workspace.id, user_id=who.user.id, name="k", now=world.now)
    told_period = (
        app.test_client().get("/api/v1/channels", headers={"Authorization": f"Bearer {secret}"}).json["period"]
    )
    assert told_period["timezone"] == ZONE and date.fromisoformat(told_period["end"])


def test_a_day_of_the_file_is_the_day_of_the_chart(world: World, app: Flask) -> None:
    client, workspace = _client(app, world.who), world.who.workspace
    ref = channel_of(workspace.id, world.live.public_id)
    assert ref is not None
    alone = build.channel_page(workspace.id, ref, span=Span(30), now=world.now)
    network = build.network_page(workspace.id, "W", timezone=ZONE, span=Span(30), is_demo=False, now=world.now)
    drawn = {
        f"/channels/{ref.public_id}/days.csv": (alone.growth, alone.views_by_day, alone.reach_by_day),
        "/network/days.csv": (network.growth, network.views_by_day),
    }
    for path, series in drawn.items():
        lines = list(csv.DictReader(io.StringIO(client.get(path).text)))
        for key, points in zip(("subscribers", "views", "reach"), series, strict=False):
            assert [line[key] for line in lines] == ["" if p.value is None else str(p.value) for p in points], (
                path,
                key,
            )
            assert all(bool(line[key]) == bool(line[f"{key}_source"]) for line in lines)


def test_the_posts_file_says_ahead_how_many_lines_it_has(world: World, app: Flask) -> None:
    answer = _client(app, world.who).get(f"/channels/{world.live.public_id}/posts.csv?days=30")
    assert int(answer.headers["X-Total-Count"]) == len(list(csv.DictReader(io.StringIO(answer.text)))) > 20
