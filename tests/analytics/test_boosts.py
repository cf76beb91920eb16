"""Active boosts (app/analytics/definitions.py) on a fixture that was counted by hand."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from app.accounts.service import keys, sessions
from app.analytics.build.audience import audience_page, boosts_by_day
from app.analytics.definitions import DEFINITIONS
from app.analytics.pages import Figure
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import ChannelRef, channel_of
from app.core import clock
from app.readings.service.boosts import BoostFacts, note_boost
from app.web import create_app
from tests.channels.audience import bot_in, stand
from tests.world import Owner, owned_channel, owner, read_posts, watched

# days before now: (given, ends, taken back)
BOOSTS = {"a": (9, -20, None), "b": (8, 3, None), "c": (7, -5, 5), "d": (2, -30, None), "old": (None, None, 1)}


def _fixture(now: datetime) -> tuple[Owner, Channel, ChannelRef]:
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    bot_in(channel, at=now - timedelta(days=10))
    read_posts(channel, posts=2, now=now)
    for boost_id, moments in BOOSTS.items():
        added, ends, removed = (None if days is None else now - timedelta(days=days) for days in moments)
        note_boost(-1001, BoostFacts(boost_id, "premium", added, ends, removed), now=now)
    ref = channel_of(who.workspace.id, channel.public_id)
    assert ref is not None
    return who, channel, ref


def _tile(who: Owner, ref: ChannelRef, now: datetime, span: Span) -> Figure:
    return audience_page(who.workspace.id, ref, span=span, now=now).tiles["boosts"]


def test_boosts_are_what_their_definition_says(runtime: Runtime, now: datetime) -> None:
    who, _, ref = _fixture(now)
    found = _tile(who, ref, now, Span(7))
    assert (found.value, found.unit) == (2, DEFINITIONS["boosts"].unit), "a and d: b ran out, c was taken back"
    assert (found.sources, found.precision, found.readings) == (("bot_updates",), "exact", 6)
    assert found.observed_at == now - timedelta(days=1), "the removal of a boost from before the bot is told too"


@pytest.mark.parametrize(("days_ago", "by_hand"), [(0, 2), (3, 1), (6, 3), (8, 2)])
def test_a_period_in_the_past_tells_its_own_boosts(
    runtime: Runtime, now: datetime, days_ago: int, by_hand: int
) -> None:
    who, _, ref = _fixture(now)
    end = (now - timedelta(days=days_ago)).date()
    assert _tile(who, ref, now, Span(3, end)).value == by_hand
    period = audience_page(who.workspace.id, ref, span=Span(9), now=now).period
    by_day = boosts_by_day(who.workspace.id, ref, period, now=now)
    assert by_day[-1 - days_ago].value == by_hand, "page and file tell one number"


def test_there_is_no_source_before_the_first_is_told_nor_where_no_bot_is(runtime: Runtime, now: datetime) -> None:
    who, channel, ref = _fixture(now)
    before = (now - timedelta(days=11)).date()
    assert _tile(who, ref, now, Span(3, before)).value is None
    bek = owner("Bek", now=now)
    theirs = channel_of(bek.workspace.id, watched(bek, "news", now=now).public_id)
    assert theirs is not None and _tile(bek, theirs, now, Span(7)).value is None, "a watcher is told nothing"
    stand(channel, "left", at=now - timedelta(hours=2))
    assert _tile(who, ref, now, Span(7)).value is None, "what happened since is unknown"
    assert _tile(who, ref, now, Span(3, (now - timedelta(days=3)).date())).value == 1


def test_page_file_and_api_tell_the_same(runtime: Runtime, monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(clock, "utcnow", lambda: now)
    who, channel, _ = _fixture(now)
    app = create_app(runtime)
    client, url = _enter(app.test_client(), who), f"/channels/{channel.public_id}/audience"
    assert 'value="2" data-unit="boosts"' in client.get(url).text
    last = list(csv.DictReader(io.StringIO(client.get(f"{url}/days.csv").text)))[-1]
    assert (last["boosts"], last["boosts_source"], last["boosts_precision"]) == ("2", "bot_updates", "exact")
    secret = keys.create(who.workspace.id, user_id=who.user.id, name="k", now=now)
    answer = app.test_client().get("/api/v1/channels", headers={"Authorization": f"Bearer {secret}"}).json
    told = answer["channels"][0]["boosts"]
    assert (told["value"], told["sources"], told["observed_at"]) == (2, ["bot_updates"], last["boosts_observed_at"])


def _enter(client: FlaskClient, who: Owner) -> FlaskClient:
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=clock.utcnow())
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    return client
