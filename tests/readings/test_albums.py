"""An album is one post: whatever source its messages come from, in whatever order, and however often."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from app.boot import Runtime
from app.channels.models import Chat
from app.core import db
from app.readings import service as readings
from app.readings.collectors.base import ChannelPage, Count, ReactionCount, SeenPost, hash_text
from app.readings.service import albums, updates
from tests.conftest import NOW
from tests.world import owned_channel, owner

_CHAT = -1001
_POSTED = NOW - timedelta(hours=5)
_CAPTION = "Three pictures of a harvest"
_GROUP = "13000000000000001"
_VIEWS = {70: 500, 71: 480, 72: 510}


@pytest.fixture
def chat(runtime: Runtime) -> int:
    return owned_channel(owner("Aziza", now=NOW), "News", telegram_chat_id=_CHAT, now=NOW).chat


def _told(message_id: int, *, text: str = "", edited_at: datetime | None = None, update_id: int = 0) -> None:
    facts = readings.PostFacts(
        message_id,
        _POSTED,
        album_id=_GROUP,
        media="album",
        edited_at=edited_at,
        is_edited=edited_at is not None,
        text_length=len(text),
        text_hash=hash_text(text),
        text=text,
    )
    updates.note_post(_CHAT, facts, bot_id=7, update_id=update_id or message_id, now=NOW)


def _seen(message_id: int, **more: object) -> SeenPost:
    """A message of the album as an owner's session shows it: each with counters of its own."""
    text = _CAPTION if message_id == 70 else ""
    told: dict[str, object] = {"views": Count(_VIEWS[message_id], 0), "forwards": Count(message_id - 60, 0)}
    told |= {"reactions": (ReactionCount("👍", Count(9, 0)),) if message_id == 70 else (), **more}
    return SeenPost(
        message_id=message_id,
        origin_uid=None,
        posted_at=_POSTED,
        edited=False,
        media=("photo",),
        text_length=len(text),
        text_hash=hash_text(text),
        is_service=False,
        album_key=_GROUP,
        comments=Count(4 if message_id == 70 else 0, 0),
        **told,  # type: ignore[arg-type]
    )


def _session(chat_id: int, *seen: SeenPost, at: datetime = NOW) -> int:
    source = readings.ensure_source("owner_session", workspace_id=1, now=NOW)
    readings.ensure_feed(chat_id, workspace_id=1, now=NOW)
    return readings.record_seen(chat_id, seen, source_id=source, observed_at=at, now=NOW)


def _page(chat_id: int, *, at: datetime = NOW) -> int:
    shown = SeenPost(
        message_id=70,
        origin_uid=None,
        posted_at=_POSTED,
        edited=False,
        views=Count(500, 0),
        reactions=(),
        media=("album", "photo", "photo", "photo"),
        text_length=len(_CAPTION),
        text_hash=hash_text(_CAPTION),
        is_service=False,
        album_ids=(70, 71, 72),
    )
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    return readings.record_seen(chat_id, (shown,), source_id=source, observed_at=at, now=NOW)


def _assert_one_post(chat_id: int) -> int:
    ((post_id, *rest),) = db.rows("SELECT id, message_id, media, text_hash, text_length FROM post")
    assert rest == [70, "album", hash_text(_CAPTION), len(_CAPTION)]
    assert db.rows("SELECT message_id, post_id FROM album_item ORDER BY message_id") == [
        (message, post_id) for message in (70, 71, 72)
    ]
    found = readings.check_feeds(chat_id, now=NOW)
    assert found.differences == 0, found.details
    return int(post_id)


@pytest.mark.parametrize("order", list(permutations((70, 71, 72))))
def test_a_bot_s_album_is_one_post_in_whatever_order_its_messages_come(chat: int, order: tuple[int, ...]) -> None:
    for message in (*order, *order):
        _told(message, text=_CAPTION if message == 71 else "")
    _assert_one_post(chat)


def test_an_album_s_views_are_those_of_one_message_and_not_their_sum(chat: int) -> None:
    _session(chat, *(_seen(message) for message in (71, 72, 70)))
    _assert_one_post(chat)
    assert db.rows("SELECT views, reactions, forwards, comments FROM reading") == [(510, 9, 12, 4)]
    assert db.rows("SELECT SUM(views) FROM post_stat") == [(max(_VIEWS.values()),)]


def test_without_the_merge_an_album_is_counted_three_times(chat: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows the harm that the guard prevents."""
    monkeypatch.setattr(albums, "settle", lambda *_, **__: None)
    _session(chat, *(_seen(message) for message in (70, 71, 72)))
    assert db.rows("SELECT SUM(views) FROM post_stat") == [(sum(_VIEWS.values()),)]


@pytest.mark.parametrize("seed", range(12))
def test_bot_page_and_session_in_any_order_agree_on_one_post(chat: int, seed: int) -> None:
    dice = random.Random(seed)
    tellings: list[Callable[[], object]] = [
        lambda m=m: _told(m, text=_CAPTION if m == 70 else "") for m in (70, 71, 72)
    ]
    tellings += [lambda m=m: _session(chat, _seen(m), at=NOW + timedelta(seconds=m)) for m in (70, 71, 72)]
    tellings += [lambda n=n: _page(chat, at=NOW + timedelta(minutes=n)) for n in (5, 20)]
    tellings += [lambda: _reacted(71)]
    happened = tellings + dice.sample(tellings, 4)
    dice.shuffle(happened)
    for tell in happened:
        tell()
    _page(chat, at=NOW + timedelta(minutes=30))
    post_id = _assert_one_post(chat)
    assert {i for (i,) in db.rows("SELECT post_id FROM reading")} == {post_id}
    (views,) = db.row("SELECT views FROM post_stat s JOIN feed f ON f.id = s.feed_id WHERE f.workspace_id = 0") or (0,)
    assert views == 500


def _reacted(message_id: int) -> None:
    updates.note_reactions(_CHAT, message_id, {"👍": 3}, observed_at=NOW + timedelta(hours=1), now=NOW)


def test_rows_that_turn_out_to_be_one_album_are_merged_with_their_readings(chat: int) -> None:
    """As a database from before albums were merged has them: a row and readings of each message."""
    ids = readings.record_posts(chat, [readings.PostFacts(m, _POSTED, media="photo") for m in (70, 71, 72)])
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    at = db.to_ms(NOW)
    rows = [(ids[m], at + hour * 3_600_000, source, _VIEWS[m] + hour, None, 0) for m in ids for hour in (0, 1)]
    readings.record_readings(chat, rows, now=NOW)
    _reacted(72)
    _page(chat, at=NOW + timedelta(hours=2))
    _assert_one_post(chat)
    assert db.rows("SELECT views FROM reading WHERE views IS NOT NULL ORDER BY observed_at") == [(510,), (511,), (500,)]
    assert db.rows("SELECT emoji, count FROM reaction_count") == [("👍", 3)]
    assert db.row("SELECT posts, views FROM feed_stat") == (1, 500)


def test_what_is_told_of_any_message_of_an_album_is_told_of_the_post(chat: int) -> None:
    for message in (72, 70, 71):
        _told(message, text=_CAPTION if message == 70 else "")
    _reacted(72)
    _told(70, text=_CAPTION + "!", edited_at=NOW, update_id=200)
    _told(71, edited_at=NOW + timedelta(minutes=1), update_id=201)  # another picture: no caption is lost by it
    ((post_id, length),) = db.rows("SELECT id, text_length FROM post")
    assert length == len(_CAPTION) + 1
    assert db.rows("SELECT post_id, reactions FROM reading") == [(post_id, 3)]


def test_a_message_of_an_album_that_comes_after_the_edit_of_another_is_kept(chat: int) -> None:
    _told(71, text=_CAPTION, edited_at=NOW, update_id=9)
    _told(70)
    _told(72)
    _assert_one_post(chat)


def test_an_album_whose_first_message_was_deleted_stays_the_same_post(chat: int) -> None:
    _page(chat)
    left = SeenPost(
        71, None, _POSTED, False, Count(600, 0), (), ("album", "photo", "photo"), 0, None, False, album_ids=(71, 72)
    )
    page = ChannelPage("news", _CHAT, "News", None, (left,), NOW + timedelta(minutes=20), None)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    readings.record_page(Chat.get_by_id(chat), page, source_id=source, now=NOW)
    assert db.rows("SELECT message_id, deleted_at FROM post") == [(70, None)]
    assert db.rows("SELECT views FROM post_stat") == [(600,)]
