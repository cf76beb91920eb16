"""What sums and lines over several channels may say: no growth that is none, no precision that is none, one number."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

from app.accounts.service import keys, sessions
from app.analytics import build
from app.analytics.pages import ChannelPage, NetworkPage
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channels_of
from app.core import clock, db
from app.readings import service as readings
from app.web import create_app
from tests.world import Owner, owned_channel, owner, read_posts

DAYS = 30


def _network(who: Owner, now: datetime) -> NetworkPage:
    zone = who.workspace.timezone
    return build.network_page(who.workspace.id, "W", timezone=zone, span=Span(DAYS), is_demo=False, now=now)


def _channel(who: Owner, channel: Channel, now: datetime) -> ChannelPage:
    (ref,) = [c for c in channels_of(who.workspace.id) if c.public_id == channel.public_id]
    return build.channel_page(who.workspace.id, ref, span=Span(DAYS), now=now)


def _count(channel: Channel, value: int, at: datetime) -> None:
    source = readings.ensure_source(readings.BOT_UPDATES, now=at)
    readings.record_subscribers(channel.chat, source_id=source, value=value, step=0, observed_at=at)


def _read(channel: Channel, message_id: int, posted_at: datetime, *, views: int, step: int, at: datetime) -> None:
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=at)
    ids = readings.record_posts(channel.chat, [readings.PostFacts(message_id, posted_at)])
    readings.record_readings(
        channel.chat, [(ids[message_id], db.to_ms(at.replace(microsecond=0)), source, views, None, step)], now=at
    )


def test_a_channel_that_joins_later_takes_no_line_away_and_is_no_growth(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", now=now)
    old = [owned_channel(who, f"Old {n}", telegram_chat_id=-1001 - n, now=now) for n in range(3)]
    for channel in old:
        _count(channel, 1000, now - timedelta(days=40))
        _count(channel, 1010, now)
    _count(owned_channel(who, "New", telegram_chat_id=-1009, now=now), 50_000, now)
    page = _network(who, now)
    assert [point.value for point in page.growth] == [3000] * (DAYS - 1) + [3030]
    assert page.growth_without == ("New",)
    assert page.totals["subscribers"].value == 53_030


def test_a_sum_is_as_far_off_as_its_parts_together_and_a_mean_as_its_worst(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    for n in range(1, 5):
        _read(channel, n, now - timedelta(days=n), views=12_300, step=100, at=now)
    page = _channel(who, channel, now)
    assert (page.tiles["views"].step, page.tiles["reach"].step) == (400, 100)
    assert _network(who, now).totals["views"].step == 400


def test_an_older_rounded_post_that_gains_makes_the_gain_rounded(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    _read(channel, 1, now - timedelta(days=DAYS + 5), views=11_000, step=1000, at=now - timedelta(days=DAYS + 4))
    _read(channel, 1, now - timedelta(days=DAYS + 5), views=15_000, step=1000, at=now - timedelta(days=2))
    _read(channel, 2, now - timedelta(days=3), views=80, step=0, at=now)
    assert _channel(who, channel, now).tiles["views"].precision == "rounded"


def test_an_import_of_views_alone_is_among_the_sources(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    _read(channel, 1, now - timedelta(days=1), views=80, step=0, at=now - timedelta(hours=1))
    (source,) = _channel(who, channel, now).sources
    assert (source.key, source.last_at) == (readings.PREVIEW_PAGE, now - timedelta(hours=1))


def test_page_csv_and_api_say_the_same_numbers(runtime: Runtime) -> None:
    now = clock.utcnow()
    who = owner("Aziza", now=now)
    for n in range(3):
        read_posts(owned_channel(who, f"News {n}", telegram_chat_id=-1001 - n, now=now), posts=9, now=now)
    app = create_app(runtime)
    client, secret = app.test_client(), keys.create(who.workspace.id, user_id=who.user.id, name="k", now=now)
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=now)
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    lines = list(csv.DictReader(io.StringIO(client.get("/network.csv?days=30").text)))
    told = client.get("/api/v1/channels", headers={"Authorization": f"Bearer {secret}"}).json
    rows = _network(who, now).rows
    assert told["period"]["timezone"] == who.workspace.timezone == "Asia/Tashkent"
    for key in ("subscribers", "views", "reach", "posts"):
        shown = [getattr(row, key).value for row in rows]
        assert shown == [float(line[key]) for line in lines] == [c[key]["value"] for c in told["channels"]]
        assert all(shown)
