"""No number without a source and a reading behind it: a crawler visits every page and asks the raw tables."""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, DictLoader
from pydantic import SecretStr
from pypdf import PdfReader

from app.accounts.service import keys, people
from app.analytics import annotations
from app.analytics.sharing import service as sharing
from app.billing.gateways.payme.link import Payme
from app.billing.service import orders, settling
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.channels.service import campaigns, invite_links
from app.channels.service.campaigns import Plan
from app.core import clock, db, ids
from app.core.policy import Role
from app.core.settings import Settings
from app.links import service as links
from app.media.service import library
from app.media.service import uploads as media_uploads
from app.readings import service as readings
from app.readings.service import boosts
from app.readings.service.boosts import BoostFacts
from tests.channels.audience import bot_in, move
from tests.media.files import kept, picture
from tests.posting import authored
from tests.web.crawler import PAGES, Answer, Crawler, Report
from tests.web.evidence import Evidence, gather
from tests.web.posted import posts_in_every_state
from tests.web.raw import Ask
from tests.world import Owner, owned_channel, owner, read_posts, watch, watched

SignIn = Callable[[Owner], FlaskClient]
MACHINES = {"ops.healthz", "ops.readyz", "ops.version", "ops.metrics", "static"}  # say nothing about a channel
MACHINES |= {"links.follow", "media.show"}  # lead away; hand out bytes that people sent
MACHINES |= {"oidc.begin", "oidc.come_back"}  # lead to the issuer and back; without one they are not there
MACHINES |= {"client_door.medium"}  # hands out bytes
MACHINES |= {"gateway_hooks.payme"}  # answers Payme
MACHINES |= {"admin.revenue", "admin.limits", "admin.prices"}  # not there for an owner: tests/admin
MACHINES |= {
    "protection.case",
    "protection.case_picture",
    "protection.evidence",
}  # of a copy: tests/protection/test_pages.py
MACHINES |= {"archive.show", "archive.plan", "archive.rebuild"}  # of an archive: tests/protection/archive
MACHINES |= {"cards.at_payme"}  # not there without Payme's contract for cards: tests/web/test_billing.py
MACHINES |= {"emoji.one_set", "emoji.picture"}  # of what Telegram told of a set: tests/posting/emoji/test_pages.py
MACHINES |= {"experiments.show"}  # of sixty measured posts, which its own tests make
READ = ("reading", "subscriber_reading", "reaction_count", "member_event", "bot_presence", "chat_boost")


@pytest.fixture
def ask(database_url: str) -> Ask:
    """A reader beside the product, with a driver of its own."""

    def sqlite(sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            return connection.execute(sql).fetchall()

    def postgres(sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(database_url) as connection:
            return connection.execute(sql).fetchall()

    return sqlite if database_url.startswith("sqlite") else postgres


def _healthy(now: datetime, *, posts: int = 30) -> Owner:
    """Exact, rounded and mixed readings, reactions, a poll; a silent, a lost and a watched channel."""
    who = owner("Aziza", telegram_user_id=42, now=now)
    news = owned_channel(who, "News 24", telegram_chat_id=-1001, now=now)
    read_posts(news, posts=posts, now=now)
    _rounded(news, now)
    _audience(who, news, now)
    _boosts_and_notes(who, news, now)
    for message_id, clicks in ((1, 7), (2, 0)):
        link = links.make(
            who.workspace.id, "https://shop.example/", post_id=900 + message_id, channel_id=news.id, now=now
        )
        links.carried_by(who.workspace.id, 900 + message_id, news.id, message_id)
        for _ in range(clicks):
            links.follow(link.key, is_click=True, now=now)
    read_posts(owned_channel(who, "Second", telegram_chat_id=-1002, now=now), posts=3, now=now)
    owned_channel(who, "Silent", telegram_chat_id=-1003, now=now)
    lost = owned_channel(who, "Lost", telegram_chat_id=-1004, now=now)
    db.execute("UPDATE channel SET state = 'bot_removed' WHERE id = ?", lost.id)
    watch("somebody_else", now=now)
    read_posts(watched(who, "rival_news", now=now), posts=4, now=now)
    return who


def _audience(who: Owner, channel: Channel, now: datetime) -> None:
    """The bot is told who comes and goes, by a campaign's link and without."""
    bot_in(channel, at=now - timedelta(days=50))
    ref = channel_of(who.workspace.id, channel.public_id)
    assert ref is not None
    for name, spend, currency in (("Spring", "125.50", "USD"), ("Summer", "900", "USD")):
        plan = Plan(name, "@ads", "", "", spend, currency, "2026-01-01", "", "")
        campaigns.create(who.workspace.id, ref, plan, user_id=who.user.id, now=now - timedelta(days=45))
    for n, link in enumerate(invite_links.asked(now)):
        invite_links.made(link, f"https://t.me/+{n}", now=now)
    for n in range(40):
        came = now.replace(microsecond=0) - timedelta(days=n)  # Telegram tells whole seconds
        move(channel, f"p{n}", "join", at=came, link=f"https://t.me/+{n % 3}" if n % 3 else None)
        if n % 4 == 1:
            move(channel, f"p{n}", "leave", at=came + timedelta(hours=20 * (n % 9)))


def _boosts_and_notes(who: Owner, channel: Channel, now: datetime) -> None:
    """Three boosts are told, one of which ended; notes of the channel and of the network, with digits."""
    began = now.replace(microsecond=0) - timedelta(days=9)
    for n in range(3):
        at = began + timedelta(days=n)
        boosts.note_boost(-1001, BoostFacts(f"b{n}", "premium", at, at + timedelta(days=30)), now=now)
    boosts.note_boost(-1001, BoostFacts("b0", "premium", removed_at=began + timedelta(days=4)), now=now)
    for of, text in ((channel.id, "Ad 77 in @ads"), (None, "New prices: 900")):
        day = (now - timedelta(days=1)).date().isoformat()
        annotations.add(
            who.workspace.id, of, day=day, kind="ad", text=text, timezone="UTC", user_id=who.user.id, now=now
        )


def _rounded(channel: Channel, now: datetime) -> None:
    """The page rounds a large post; the bot counts the subscribers, Telegram names the reactions."""
    page = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    bot = readings.ensure_source(readings.BOT_UPDATES, now=now)
    posts = [
        readings.PostFacts(101, now - timedelta(hours=5), media="photo", text_length=1234),
        readings.PostFacts(102, now - timedelta(hours=2), media="poll", text_length=12),
    ]
    ids = readings.record_posts(channel.chat, posts)
    early, late = (db.to_ms((now - timedelta(minutes=m)).replace(microsecond=0)) for m in (240, 60))
    rows = [(ids[101], early, page, 12_300, 7, 50), (ids[101], late, page, 14_100, 11, 50)]
    readings.record_readings(channel.chat, [*rows, (ids[102], late, page, 900, None, 0)], now=now)
    counts = {"👍": (8, 0), "paid": (3, 0)}
    readings.record_reactions(ids[101], source_id=page, counts=counts, observed_at=db.from_ms(late))
    readings.record_subscribers(channel.chat, source_id=bot, value=1044, step=0, observed_at=now)


def _posts(who: Owner) -> str:
    """Posts in every state; returns the address of a client's door."""
    now = clock.utcnow()
    editor = people.create_user(name="Editor 2", timezone="Asia/Tashkent", now=now)
    people.add_member(who.workspace.id, editor.id, Role.EDITOR, now=now)
    (channel,) = Channel.select().where(Channel.workspace == who.workspace.id).order_by(Channel.id).limit(1)
    return f"/client/{posts_in_every_state(who, Owner(editor, who.workspace), channel, now=now)}"


def _files(app: Flask, who: Owner) -> str:
    """A picture with tags and an upload that waits; returns where a post's files are picked."""
    runtime, now = app.extensions["runtime"], clock.utcnow()
    row = kept(who, picture("PNG", 300, 200), "Spring 2026.png", runtime.settings.data_dir)
    library.tag(who.workspace.id, row.public_id, "sale 50, new", user_id=who.user.id, now=now)
    media_uploads.begin(
        *(who.workspace.id, "film 7.mp4", 48_000_000),
        sha256=None,
        most_bytes=50_000_000,
        data_dir=runtime.settings.data_dir,
        user_id=who.user.id,
        now=now,
    )
    return f"/posts/{ids.public_id()}/library"


def _bought(who: Owner) -> list[str]:
    """A plan that was paid for, and an order for the next period; returns the addresses of both."""
    settings = Settings(payme_merchant_id="m", payme_key=SecretStr("k"), _env_file=None)  # type: ignore[call-arg]
    made, now = [], clock.utcnow()
    for _ in range(2):
        made.append(orders.open_order(who.workspace.id, "network", "month", Payme(settings), user_id=None, now=now))
        if len(made) == 1:
            settling.settle(settling.begin(made[0].id, "1", now=now), now=now)
    return [f"/orders/{order.public_id}" for order in made]


def _crawl(app: Flask, client: FlaskClient, who: Owner, ask: Ask, *, more: Sequence[str] = ()) -> Report:
    secret = keys.create(who.workspace.id, user_id=who.user.id, name="Report 2026", now=clock.utcnow())

    def get(url: str, headers: Mapping[str, str]) -> Answer:
        path = url.partition("?")[0]
        key = {"Authorization": f"Bearer {secret}"} if path.startswith("/api/") else {}
        # these end a session or are for people without one
        visitor = app.test_client() if path.startswith(("/login", "/twa", "/s/", "/client/")) else client
        found = visitor.get(url, headers={**headers, **key})
        is_pdf = found.mimetype == "application/pdf"
        if found.mimetype.startswith("image/"):  # bytes that people sent
            return Answer(found.status_code, found.mimetype, "", None)
        text = PdfReader(io.BytesIO(found.data)).pages[0].extract_text() if is_pdf else found.text
        return Answer(found.status_code, found.mimetype, text, found.headers.get("Location"))

    evidence = gather(ask, who.workspace.id)
    links = _links(who, evidence)
    compared = "&".join(f"c={public_id}" for public_id in list(evidence.channels)[:4])
    return Crawler(get, evidence, seeds=(*PAGES, *links, *more, f"/compare?{compared}")).run()


def _links(who: Owner, evidence: Evidence) -> list[str]:
    """Read-only links to a channel and to the network, for a stranger to crawl."""
    for public_id in ("", *list(evidence.channels)[:1]):
        token = sharing.create(
            *(who.workspace.id, public_id or None), user_id=who.user.id, days=7, password="", now=clock.utcnow()
        )
        evidence.shared[token] = public_id
    return [f"/s/{token}" for token in evidence.shared]


def _everything_off(*, forget: bool) -> None:
    """Every source off; `forget`: and no reading was ever made."""
    db.execute("UPDATE source SET is_on = ?", False)
    for table in READ if forget else ():
        db.execute(f"DELETE FROM {table}")
    if forget:
        readings.rebuild(now=clock.utcnow())


def _endpoints(app: Flask, report: Report) -> set[str]:
    """The routes that the crawler found something behind."""
    adapter = app.url_map.bind("localhost")
    paths = {name.split(" ")[0].partition("?")[0] for name, status in report.visited.items() if status != 404}
    return {adapter.match(path)[0] for path in paths}


def test_every_number_of_a_living_network_is_backed_by_a_reading(app: Flask, sign_in: SignIn, ask: Ask) -> None:
    who = _healthy(clock.utcnow())
    report = _crawl(app, sign_in(who), who, ask, more=[_posts(who), *_bought(who), _files(app, who)])
    assert not report.problems, report.told()
    assert report.readings_claimed > 1000 and report.fragments > 50, report.told()
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert routes - MACHINES <= _endpoints(app, report)


def test_with_every_source_off_what_was_read_stays_and_says_its_age(app: Flask, sign_in: SignIn, ask: Ask) -> None:
    who = _healthy(clock.utcnow() - timedelta(days=3), posts=12)
    _everything_off(forget=False)
    evidence, client = gather(ask, who.workspace.id), sign_in(who)
    report = _crawl(app, client, who, ask)
    assert not report.problems, report.told()
    aged = [c.age_s for page in report.pages.values() for c in page.claims if c.age_s and c.sources != ("workspace",)]
    assert len(aged) > 100 and min(aged) >= 3 * 86_400 - 60
    assert "Numbers end at the last reading" in client.get("/network").text
    channel = next(iter(evidence.channels))
    assert client.get(f"/channels/{channel}").text.count("switched off") == 2


def test_with_every_source_off_and_nothing_read_there_is_no_number(app: Flask, sign_in: SignIn, ask: Ask) -> None:
    who = _healthy(clock.utcnow())
    _everything_off(forget=True)
    evidence, client = gather(ask, who.workspace.id), sign_in(who)
    report = _crawl(app, client, who, ask)
    assert not report.problems, report.told()
    assert report.readings_claimed == 0 and report.missing > 20
    for public_id in evidence.channels:
        text = client.get(f"/channels/{public_id}").text
        assert text.count("no source") >= 6 and "Nothing reads this yet" in text
        assert "No reading has arrived yet" in text


def test_a_workspace_without_channels_shows_no_number(app: Flask, sign_in: SignIn, ask: Ask) -> None:
    _healthy(clock.utcnow(), posts=3)
    who = owner("Bek", now=clock.utcnow())
    report = _crawl(app, sign_in(who), who, ask)
    assert not report.problems, report.told()
    assert report.numbers == 0
    assert "No channels yet" in sign_in(who).get("/network").text


def test_numbers_that_outlive_their_readings_are_found(app: Flask, sign_in: SignIn, ask: Ask) -> None:
    """The crawler is no rubber stamp: rollups left behind by deleted readings are numbers without a source."""
    who = owner("Aziza", now=clock.utcnow())
    read_posts(owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow()), posts=3, now=clock.utcnow())
    for table in READ:
        db.execute(f"DELETE FROM {table}")
    report = _crawl(app, sign_in(who), who, ask)
    assert any("no reading of it exists" in problem for problem in report.problems)
    assert any("a point without a reading" in problem for problem in report.problems)


FIGURE = '<data class="fig" value="{v}" data-unit="views" data-source="{s}" data-precision="exact" data-step="0"{more}>{v}</data>'
SEEN = ' data-observed-at="2026-01-01T00:00:00+00:00" data-age-s="60" data-readings="1"'
PLANTED = {
    "a naked number": ("<p>Your audience: 12,345 people</p>", "a number without source"),
    "a number in a hint": ('<p title="about 4000 readers">Much read</p>', "a number without source"),
    "a bare data element": ('<data value="7">7</data>', "a number without provenance"),
    "an invented source": (FIGURE.format(v=7, s="gut_feeling", more=SEEN), "which is no source"),
    "a reading that never was": (FIGURE.format(v=7, s="preview_page", more=SEEN), "nothing was read at"),
    "a number called no source": ('<data class="fig" value="5" data-source="none">5</data>', "no source, but a number"),
    "a drawn number": ("<svg><text>98%</text></svg>", "a number without source"),
    "a slip of the template": ("<p>{{ None }} posts</p>", "a slip of the template"),
    "a chart of nothing": (
        '<figure class="chart-card" id="chart_views_card"><div class="plot"><svg><rect class="pt" data-label="1 Jan"'
        ' data-tip="70"/></svg></div><div class="numbers"><table><tbody><tr><th>1 Jan</th><td>70</td></tr></tbody></table>'
        "</div></figure>",
        "a point without a reading",
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_number_is_found(app: Flask, sign_in: SignIn, ask: Ask, planted: str) -> None:
    """Each is planted into the network page of a person who has no channel, where no number may stand."""
    html, words = PLANTED[planted]
    who = owner("Bek", now=clock.utcnow())
    source = (app.jinja_env.loader or ChoiceLoader([])).get_source(app.jinja_env, "analytics/network.html")[0]
    overlay = DictLoader(
        {"analytics/network.html": source.replace("{% if not page.rows %}", html + "{% if not page.rows %}")}
    )
    app.jinja_env.loader = ChoiceLoader([overlay, app.jinja_env.loader])  # type: ignore[list-item]
    report = _crawl(app, sign_in(who), who, ask)
    assert any(words in problem for problem in report.problems), report.problems


LIES = {
    "clicks that nobody made": "<p>{{ 41 }} clicks on its counted links so far</p>",
    "posts that do not wait": "<p>17 posts are on hold</p>",
    "a time at which nothing is due": "<p>1 Jan 2031, 04:05</p>",
    "a number without any meaning": "<p>97</p>",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_on_the_page_of_a_post_is_found(app: Flask, sign_in: SignIn, ask: Ask, lie: str) -> None:
    who = owner("Bek", now=clock.utcnow())
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    authored.scheduled(who, authored.text("Hello"), channel, at=clock.utcnow() + timedelta(days=2))
    source = (app.jinja_env.loader or ChoiceLoader([])).get_source(app.jinja_env, "posting/post_state.html")[0]
    at = "{% if page.may_compose %}"
    assert at in source
    overlay = DictLoader({"posting/post_state.html": source.replace(at, LIES[lie] + at)})
    app.jinja_env.loader = ChoiceLoader([overlay, app.jinja_env.loader])  # type: ignore[list-item]
    problems = _crawl(app, sign_in(who), who, ask).problems
    assert problems and all(re.match(r"/posts/[\w-]{22}[:?]", problem) for problem in problems), problems


def test_reactions_that_the_bot_counted_name_the_bot(app: Flask, sign_in: SignIn, ask: Ask) -> None:
    now = clock.utcnow()
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    (post_id,) = read_posts(channel, posts=1, now=now)
    bot = readings.ensure_source(readings.BOT_UPDATES, now=now)
    readings.record_readings(channel.chat, [(post_id, db.to_ms(now.replace(microsecond=0)), bot, None, 11, 0)], now=now)
    report = _crawl(app, sign_in(who), who, ask)
    assert not report.problems, report.told()
