"""A doubtful moment is asked about before a post stands there: quiet hours, and another post's time in top."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.accounts.service import people
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.policy import Role
from app.posting.service import writing
from tests.posting.authored import may_post, scheduled, text
from tests.web.composer import Composer, words_in
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]
ZONE = ZoneInfo("Asia/Tashkent")


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    may_post(channel)
    return channel


def _day(days: int) -> date:
    return (clock.utcnow().astimezone(ZONE) + timedelta(days=days)).date()


def _at(days: int, time: str) -> datetime:
    return datetime.fromisoformat(f"{_day(days)}T{time}").replace(tzinfo=ZONE)


def _when(days: int, time: str) -> dict[str, str]:
    return {"day": _day(days).isoformat(), "time": time, "zone": "Asia/Tashkent"}


def _quiet_nights(client: FlaskClient, channel: Channel) -> None:
    rules = {"from_0": "23:00", "to_0": "07:00"}
    assert client.post(f"/channels/{channel.public_id}/posting", data=rules).status_code == 303


def _dues() -> list[datetime]:
    return [db.moment(row[0]) for row in db.rows("SELECT due_at FROM due_action WHERE kind = 'publish' ORDER BY id")]


def _anyway(html: str) -> str:
    """The address of the button that means it."""
    button = LexborHTMLParser(html).css_first("button[name=anyway]")
    return str(button.attributes["formaction"]) if button else ""


def test_quiet_hours_are_asked_about_once_and_nothing_typed_is_lost(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    _quiet_nights(client, news)
    composer, fields = Composer(client), {"text": "Good night", **_when(2, "23:30")}
    asked = composer.press("schedule", news, **fields)
    assert asked.status_code == 409 and "quiet hours" in words_in(asked.text)
    assert _anyway(asked.text) == f"{composer.url}/schedule" and "Good night" in asked.text
    assert _dues() == [] and not writing.is_known(composer.public_id), "half a post was kept"
    assert composer.press("schedule", news, anyway="1", **fields).status_code == 303
    assert _dues() == [_at(2, "23:30")]


def test_a_post_that_stands_there_already_is_changed_without_a_question(
    who: Owner, news: Channel, sign_in: SignIn
) -> None:
    client = sign_in(who)
    _quiet_nights(client, news)
    composer, fields = Composer(client), _when(2, "23:30")
    composer.press("schedule", news, text="Good night", anyway="1", **fields)
    again = Composer(client, f"{composer.url}/edit")
    assert again.press("schedule", news, text="Sleep well", **fields).status_code == 303
    assert again.press("schedule", news, text="Sleep well", **_when(3, "23:30")).status_code == 409


def test_time_in_top_is_set_seen_kept_and_cleared(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    composer = Composer(client)
    composer.press("schedule", news, text="An ad", top_minutes="1440", **_when(2, "12:00"))
    assert db.row("SELECT top_minutes FROM post_target") == (1440,)
    assert "Stays on top for 1 day" in words_in(client.get(composer.url).text)
    edit = client.get(f"{composer.url}/edit").text
    chosen = LexborHTMLParser(edit).css_first("#top_minutes option[selected]")
    assert chosen is not None and chosen.attributes["value"] == "1440"
    other, fields = Composer(client), {"text": "News of the day", **_when(3, "11:00")}
    assert other.press("schedule", news, **fields).status_code == 409
    again = Composer(client, f"{composer.url}/edit")
    again.press("schedule", news, text="An ad", top_minutes="", **_when(2, "12:00"))
    assert db.row("SELECT top_minutes FROM post_target") == (None,)
    assert other.press("schedule", news, **fields).status_code == 303


def test_what_would_be_pushed_down_is_asked_about_too(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    scheduled(who, text("Morning news"), news, at=_at(2, "13:00"))
    composer = Composer(client)
    asked = composer.press("schedule", news, text="An ad", top_minutes="120", **_when(2, "12:00"))
    assert asked.status_code == 409 and "would push this one down" in words_in(asked.text)


def test_publish_now_asks_while_another_post_is_to_stay_on_top(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    now = clock.utcnow()
    scheduled(who, text("An ad"), news, at=now - timedelta(minutes=5), now=now - timedelta(hours=1), top_minutes=60)
    composer = Composer(client)
    asked = composer.press("publish", news, text="Breaking")
    assert asked.status_code == 409 and _anyway(asked.text) == f"{composer.url}/publish"
    assert len(_dues()) == 1
    assert composer.press("publish", news, text="Breaking", anyway="1").status_code == 303
    assert len(_dues()) == 2


def test_the_posts_page_asks_before_it_moves_and_before_it_publishes(
    who: Owner, news: Channel, sign_in: SignIn
) -> None:
    client = sign_in(who)
    _quiet_nights(client, news)
    post = scheduled(who, text("Hello"), news, at=_at(2, "12:00"))
    scheduled(who, text("An ad"), news, at=clock.utcnow() - timedelta(minutes=5), top_minutes=60)
    moved = client.post(f"/posts/{post.public_id}/move", data={"day": str(_day(3)), "time": "23:30"})
    assert moved.status_code == 409 and "Move it anyway" in moved.text
    now = client.post(f"/posts/{post.public_id}/now")
    assert now.status_code == 409 and "Publish anyway" in now.text
    assert _dues()[0] == _at(2, "12:00")
    meant = client.post(f"/posts/{post.public_id}/move", data={"day": str(_day(3)), "time": "23:30", "anyway": "1"})
    assert meant.status_code == 303 and _dues()[0] == _at(3, "23:30")


def test_a_proposal_asks_its_writer_and_not_its_approver_and_stands_on_the_calendar(
    who: Owner, news: Channel, sign_in: SignIn
) -> None:
    owner_client = sign_in(who)
    _quiet_nights(owner_client, news)
    editor = people.create_user(name="Editor", timezone="Asia/Tashkent", now=clock.utcnow())
    people.add_member(who.workspace.id, editor.id, Role.EDITOR, now=clock.utcnow())
    composer = Composer(sign_in(Owner(editor, who.workspace)))
    fields = {"text": "Good night", **_when(2, "23:30")}
    asked = composer.press("schedule", news, **fields)
    assert asked.status_code == 409 and "Ask for approval anyway" in asked.text
    assert composer.press("schedule", news, anyway="1", **fields).status_code == 303
    for view in ("month", "week", "list"):
        html = owner_client.get(f"/posts/calendar?view={view}&at={_day(2)}").text
        assert "Good night" in html and "waits for approval" in words_in(html)
        assert "data-chip" not in html, "a proposal is not dragged"
    post = writing.post_of(who.workspace.id, composer.public_id)
    approved = owner_client.post(f"{composer.url}/approve", data={"version": str(post.version)})
    assert approved.status_code == 303 and _dues() == [_at(2, "23:30")]
    assert "data-chip" in owner_client.get(f"/posts/calendar?at={_day(2)}").text
