"""Two workspaces on one channel, one with its own account: what only that account read shows nowhere in the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient

from app.accounts.service import keys
from app.channels.models import Channel, Chat
from app.core import clock, db
from app.readings import service as readings
from app.readings.collectors.owner_session.models import NativeStat
from tests.readings.owner_session.generated import CHANNEL, GeneratedChannel, GeneratedTelegram
from tests.readings.owner_session.world import connected, news, own_source, work_until_idle
from tests.web.crawler import PAGES, Answer, Crawler
from tests.web.evidence import Evidence
from tests.world import Owner, owner, watched

SignIn = Callable[[Owner], FlaskClient]
EVERY = timedelta(minutes=40)
PUBLIC_VIEWS = 250  # what the page showed of each post; the account counts from eight million on
PRIVATE_VIEWS = 8_100_000


class Visit:
    """Every page, fragment, file and API answer that a person comes to, with what each said."""

    def __init__(self, app: Flask, client: FlaskClient, who: Owner) -> None:
        self._app, self._client = app, client
        self._secret = keys.create(who.workspace.id, user_id=who.user.id, name="Report", now=clock.utcnow())
        self.said: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        Crawler(self._get, Evidence({}, set(), (), "UTC"), seeds=PAGES).run()

    def _get(self, url: str, headers: Mapping[str, str]) -> Answer:
        path = url.partition("?")[0]
        key = {"Authorization": f"Bearer {self._secret}"} if path.startswith("/api/") else {}
        visitor = self._app.test_client() if path.startswith(("/login", "/twa")) else self._client
        found = visitor.get(url, headers={**headers, **key})
        self.said[f"{url} {headers.get('HX-Target', '')}"] = found.text
        if found.headers.get("ETag"):
            self.tags[url] = found.headers["ETag"]
        return Answer(found.status_code, found.mimetype, found.text, found.headers.get("Location"))

    def holds(self, numbers: set[int]) -> list[str]:
        """Where one of the numbers stands, in any of the ways in which the product writes numbers."""
        grouped = {f"{n:,}".replace(",", sep) for n in numbers for sep in (",", "\u00a0", "\u202f", " ")}
        plain = "|".join(map(str, sorted(numbers)))  # in files a comma follows: it must not hide the number
        spoken = re.compile(rf"(?<![\d.])(?:{plain})(?!\d)|(?<![\d,])(?:{'|'.join(sorted(grouped))})(?!,?\d)")
        return [url for url, text in self.said.items() if spoken.search(text)]


def _two_workspaces(now: datetime) -> tuple[Owner, Owner, Channel]:
    """Aziza owns the channel and connects her account; Bek watches the same channel by its public page."""
    generated = GeneratedChannel(posts=60, first=now - 60 * EVERY - timedelta(minutes=1), more_views=PRIVATE_VIEWS)
    telegram = GeneratedTelegram([generated])
    aziza, bek = owner("Aziza", telegram_user_id=42, now=now), owner("Bek", now=now)
    theirs = watched(bek, "News24", now=now)
    Chat.update(telegram_chat_id=-(10**12 + CHANNEL)).where(Chat.id == theirs.chat).execute()
    mine = news(aziza, now=now)
    assert mine.chat == theirs.chat
    _public_readings(mine, generated, now)
    connected(aziza, now=now)
    work_until_idle(telegram, clock=lambda: now)
    return aziza, bek, mine


def _public_readings(channel: Channel, generated: GeneratedChannel, now: datetime) -> None:
    """The public page shows half of the posts, rounded views, no forwards, no comments."""
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    ids = [n for n in generated.post_ids() if n % 2]
    facts = [readings.PostFacts(n, generated.first + n * EVERY) for n in ids]
    known = readings.record_posts(channel.chat, facts)
    at = db.to_ms((now - timedelta(minutes=1)).replace(microsecond=0))
    rows = [(known[n], at, source, PUBLIC_VIEWS + n, 2, 1) for n in ids]
    readings.record_readings(channel.chat, rows, now=now)
    readings.record_subscribers(channel.chat, source_id=source, value=12_000, step=100, observed_at=now)


def _private_numbers(workspace_id: int) -> set[int]:
    """What Aziza's account alone knows: views of every post, their sum, subscribers, Telegram's own graphs."""
    source = own_source(workspace_id)
    views = {int(v) for (v,) in db.rows("SELECT views FROM reading WHERE source_id = ?", source)}
    return views | {12_345, sum(views)}


def test_numbers_of_one_workspaces_account_show_nowhere_in_another(app: Flask, sign_in: SignIn) -> None:
    aziza, bek, _ = _two_workspaces(clock.utcnow())
    private = _private_numbers(aziza.workspace.id)
    assert len(private) > 50
    visit = Visit(app, sign_in(bek), bek)
    assert len(visit.said) > 40 and visit.holds(private) == []
    sources = [url for url, text in visit.said.items() if "owner_session" in re.sub(r"source_owner_session", "", text)]
    assert sources == []
    found = [url.partition(" ")[0].partition("?")[0] for url in Visit(app, sign_in(aziza), aziza).holds(private)]
    assert len(found) > 5, "the visitor finds them where they belong"
    assert any(path.endswith(".csv") for path in found) and any(path.startswith("/api/") for path in found)


def test_their_pages_share_no_etag_and_no_cache_may_keep_them(app: Flask, sign_in: SignIn) -> None:
    aziza, bek, mine = _two_workspaces(clock.utcnow())
    theirs = Channel.get(Channel.workspace == bek.workspace.id)
    one, other = sign_in(aziza), sign_in(bek)
    for path in ("/network", "/channels/{}", "/channels/{}/posts.csv", "/network.csv"):
        a, b = one.get(path.format(mine.public_id)), other.get(path.format(theirs.public_id))
        assert a.status_code == b.status_code == 200, path
        assert all("public" not in answer.headers["Cache-Control"] for answer in (a, b))
        tag = a.headers.get("ETag")
        assert tag is None or tag != b.headers.get("ETag"), path
        if tag:
            again = other.get(path.format(theirs.public_id), headers={"If-None-Match": tag})
            assert again.status_code == 200, path


def test_a_new_private_reading_does_not_even_move_the_others_version(app: Flask, sign_in: SignIn) -> None:
    now = clock.utcnow()
    aziza, bek, mine = _two_workspaces(now)
    theirs = Channel.get(Channel.workspace == bek.workspace.id)
    (before,) = db.rows("SELECT version FROM feed_stat WHERE feed_id = ?", theirs.feed)
    (post,) = db.row("SELECT MAX(id) FROM post WHERE chat_id = ?", mine.chat) or (0,)
    source = own_source(aziza.workspace.id)
    late = (now + timedelta(minutes=5)).replace(microsecond=0)
    readings.record_readings(mine.chat, [(post, db.to_ms(late), source, 9_900_000, 1, 0)], now=now)
    assert db.rows("SELECT version FROM feed_stat WHERE feed_id = ?", theirs.feed) == [before]


def test_were_the_source_public_the_visitor_would_find_the_numbers(app: Flask, sign_in: SignIn) -> None:
    """The harm: the same visit, with the one rule off that keeps a private source private."""
    aziza, bek, _ = _two_workspaces(clock.utcnow())
    private = _private_numbers(aziza.workspace.id)
    db.execute("UPDATE source SET workspace_id = 0 WHERE kind = 'owner_session'")
    readings.rebuild(now=clock.utcnow())
    assert len(Visit(app, sign_in(bek), bek).holds(private)) > 5


def test_the_page_of_the_account_and_its_graphs_are_the_workspaces_own(app: Flask, sign_in: SignIn) -> None:
    aziza, bek, mine = _two_workspaces(clock.utcnow())
    page = sign_in(aziza).get("/settings/own-account").text
    assert "News 24" in page or "News24" in page
    assert "Joined and left: Joined" in page and "100" in page
    stranger = sign_in(bek)
    theirs = stranger.get("/settings/own-account").text
    assert "Joined" not in theirs and "Connected" not in theirs
    assert NativeStat.select().where(NativeStat.workspace == bek.workspace.id).count() == 0
    assert stranger.post(f"/settings/own-account/history/{mine.public_id}").status_code == 404


def test_what_was_read_stays_in_the_workspace_when_the_account_goes(app: Flask, sign_in: SignIn) -> None:
    aziza, bek, mine = _two_workspaces(clock.utcnow())
    assert sign_in(aziza).post("/settings/own-account/disconnect").status_code == 303
    private = _private_numbers(aziza.workspace.id)
    assert Visit(app, sign_in(bek), bek).holds(private) == []
    assert Visit(app, sign_in(aziza), aziza).holds(private)
