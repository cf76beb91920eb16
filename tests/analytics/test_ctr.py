"""CTR: clicks on a post's counted links for every hundred of its views, the same on every page and in every file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.analytics import build, post_queries
from app.analytics.pages import PostRow
from app.analytics.periods import Span
from app.analytics.post_counts import count_posts
from app.analytics.post_queries import AtLeast, Which
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import ChannelRef, channel_of
from app.core import clock, db
from app.links import service as links
from app.posting.content.blocks import Button, Content
from app.posting.content.draft import Draft
from app.posting.service import collecting, composing
from app.readings import service as readings
from tests.conftest import NOW
from tests.posting.authored import ScriptedLine, may_post, run_lane, scheduled, text
from tests.web.conftest import app, sign_in  # noqa: F401
from tests.world import Owner, owned_channel, owner

# message id: (views, clicks on its links); None: no source told it, or no counted link
POSTS = {1: (200, (3, 4)), 2: (1000, (30,)), 3: (None, (5,)), 4: (900, None), 5: (100, (0,)), 6: (0, (2,))}
SignIn = Callable[[Owner], FlaskClient]


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", now=NOW)


@pytest.fixture
def channel(who: Owner) -> Channel:
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=NOW)
    facts = [readings.PostFacts(n, NOW - timedelta(days=n)) for n in POSTS]
    ids, source = readings.record_posts(channel.chat, facts), readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    at = db.to_ms(NOW - timedelta(hours=1))
    rows = [(ids[n], at, source, views, 1, 0) for n, (views, _) in POSTS.items()]
    readings.record_readings(channel.chat, rows, now=NOW)
    for message_id, (_, clicks) in POSTS.items():
        for number, count in enumerate(clicks or ()):
            _clicked(channel, message_id, f"https://shop.example/{number}", count)
    return channel


def _clicked(channel: Channel, message_id: int, url: str, count: int, *, now: datetime = NOW) -> None:
    """An authored post (its id is ten times its message's) whose link was clicked."""
    post_id = 10 * message_id
    link = links.make(channel.workspace, url, post_id=post_id, channel_id=channel.id, now=now)
    links.carried_by(channel.workspace, post_id, channel.id, message_id)
    for _ in range(count):
        links.follow(link.key, is_click=True, now=now)


def _ref(channel: Channel) -> ChannelRef:
    found = channel_of(channel.workspace, channel.public_id)
    assert found is not None
    return found


def _page(channel: Channel, *, sort: str = "posted_at", order: str = "desc", least: str = "") -> list[int | None]:
    at_least = AtLeast("ctr", least) if least else None
    table = build.posts_page(
        channel.workspace,
        _ref(channel),
        span=Span(30),
        sort=sort,
        order=order,
        shown="all",
        offset=0,
        at_least=at_least,
        now=NOW,
    ).posts
    return [row.message_id for row in table.rows]


def _row(channel: Channel, message_id: int) -> PostRow:
    page = build.post_page(channel.workspace, _ref(channel), str(message_id), now=NOW)
    assert page is not None
    return page.post


def test_it_is_clicks_for_every_hundred_views_and_none_without_either(channel: Channel) -> None:
    found = {n: (_row(channel, n).clicks, _row(channel, n).ctr.value) for n in POSTS}
    assert found == {1: (7, 3.5), 2: (30, 3.0), 3: (5, None), 4: (None, None), 5: (0, 0.0), 6: (2, None)}
    assert _row(channel, 1).ctr.sources == ("preview_page", "links") and _row(channel, 1).ctr.step == 0


def test_of_rounded_views_it_says_by_how_much_it_can_be_off(channel: Channel) -> None:
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    (post_id,) = db.row("SELECT id FROM post WHERE message_id = 2") or (0,)
    readings.record_readings(channel.chat, [(post_id, db.to_ms(NOW), source, 1200, None, 100)], now=NOW)
    assert (_row(channel, 2).ctr.value, _row(channel, 2).ctr.step) == (2.5, 0.2)


def test_the_table_is_sorted_and_bounded_by_it_and_unknown_ones_come_last(channel: Channel) -> None:
    assert _page(channel, sort="ctr") == [1, 2, 5, 3, 4, 6]
    assert _page(channel, sort="ctr", order="asc") == [5, 2, 1, 3, 4, 6]
    assert _page(channel, least="3") == [1, 2]
    assert _page(channel, least="3.01") == [1]
    assert _page(channel, least="0") == [1, 2, 5]
    which = Which(bounds=(AtLeast("ctr", "3"),))
    counted = count_posts(channel.feed, channel.id, NOW - timedelta(days=30), NOW, which=which, sort="ctr")
    assert (counted.live, counted.unsorted, counted.unbounded) == (2, 0, 3)


def test_a_workspace_without_counted_links_is_offered_no_such_column(who: Owner) -> None:
    quiet = owned_channel(who, "Quiet", telegram_chat_id=-1002, now=NOW)
    assert "ctr" in post_queries.METRICS
    table = build.posts_page(
        who.workspace.id, _ref(quiet), span=Span(30), sort="posted_at", order="desc", shown="all", offset=0, now=NOW
    ).posts
    assert "ctr" not in table.metrics and "ctr" not in table.sort_urls


def test_the_links_of_another_workspace_in_the_same_channel_never_count(channel: Channel) -> None:
    bek = owner("Bek", now=NOW)
    his = Channel.create(
        **{
            name: getattr(channel, name)
            for name in ("chat", "feed", "relation", "state", "timezone", "is_simulated", "connected_at")
        }
        | {"workspace": bek.workspace.id, "public_id": "b" * 22, "relation": "watched"}
    )
    _clicked(his, 1, "https://shop.example/0", 50)
    assert _row(channel, 1).clicks == 7
    assert build.post_page(bek.workspace.id, _ref(his), "1", now=NOW).post.clicks == 50  # type: ignore[union-attr]


def test_page_table_and_file_say_the_same_and_a_click_changes_it(app: Flask, sign_in: SignIn) -> None:  # noqa: F811
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    may_post(channel)
    button = Button("Shop", "https://shop.example/", is_tracked=True)
    line = ScriptedLine()
    post = scheduled(who, Content(text("Buy it").blocks, buttons=((button,),)), channel)
    link = links.make(who.workspace.id, button.url, post_id=post.id, channel_id=channel.id, now=now)
    run_lane(line)
    assert collecting.collect_sent(now=clock.utcnow()) == 1
    (message_id, post_id) = db.row("SELECT message_id, id FROM post") or (0, 0)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    readings.record_readings(channel.chat, [(post_id, db.to_ms(clock.utcnow()), source, 40, None, 0)], now=now)
    client, path = sign_in(who), f"/channels/{channel.public_id}/posts"
    browser = {"User-Agent": "Mozilla/5.0 (Linux; Android 14)"}
    for clicks in (1, 2):
        assert app.test_client().get(f"/r/{link.key}", headers=browser).headers["Location"] == button.url
        tile = _figure(client.get(f"{path}/{message_id}").text, "a[href='/help#ctr']", ".tile")
        cell = _figure(client.get(f"{path}?sort=ctr&clicks={clicks}").text, "#posts_table tbody tr", "tr", last=True)
        (row,) = csv.DictReader(io.StringIO(client.get(f"{path}.csv").text))
        assert tile == cell == float(row["ctr"]) == 100 * clicks / 40
        assert row["clicks"] == str(clicks) and row["ctr_source"] == "preview_page+links"


def _figure(html: str, selector: str, around: str, *, last: bool = False) -> float:
    node = LexborHTMLParser(html).css_first(selector)
    while node is not None and not node.css_matches(around):
        node = node.parent
    assert node is not None
    found = [data.attributes.get("value") for data in node.css("data")]
    return float(found[-1 if last else 0] or "nan")


def test_what_is_sent_once_more_keeps_its_links_with_the_first(who: Owner, channel: Channel) -> None:
    links.carried_by(channel.workspace, 10, channel.id, 99)
    assert _row(channel, 1).clicks == 7


def test_a_link_that_an_edit_brings_into_a_post_counts_from_then_on(runtime: Runtime) -> None:
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    may_post(channel)
    post = scheduled(who, text("Soon"), channel)
    run_lane(ScriptedLine())
    collecting.collect_sent(now=clock.utcnow())
    assert db.row("SELECT COUNT(*) FROM tracked_link") == (0,)
    button = Button("Shop", "https://shop.example/", is_tracked=True)
    draft = Draft("Now", rest=Content(buttons=((button,),)), channels=(channel.public_id,))
    composing.schedule(
        *(who.workspace.id, post.public_id, post.version, draft),
        due_at=clock.utcnow(),
        user_id=who.user.id,
        now=clock.utcnow(),
    )
    run_lane(ScriptedLine())
    sent = db.row("SELECT message_id FROM delivery_message")
    assert sent is not None and db.rows("SELECT message_id FROM tracked_link") == [sent]
