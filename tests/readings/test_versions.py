"""Edits of channels that we only watch: no words are kept, and a page that sees a text differently is no edit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.analytics import edits
from app.boot import Runtime
from app.channels.models import Channel, Chat
from app.channels.service import connect
from app.core import db
from app.readings import jobs
from app.readings import service as readings
from app.readings.collectors.base import ChannelPage, Count, SeenPost, hash_text, utf16_length
from app.readings.service import updates, versions
from tests.conftest import NOW
from tests.world import owned_channel, owner, watched

Show = Callable[..., None]
_POSTED = NOW - timedelta(hours=1)


@pytest.fixture
def channel(runtime: Runtime) -> Channel:
    return owned_channel(owner("Aziza", now=NOW), "News", telegram_chat_id=-1001, now=NOW)


@pytest.fixture
def show(channel: Channel) -> Show:
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)

    def page(text: str, *, minutes: int, edited: bool) -> None:
        at = NOW + timedelta(minutes=minutes)
        post = SeenPost(1, None, _POSTED, edited, Count(9, 0), (), (), utf16_length(text), hash_text(text), False)
        shown = ChannelPage("news", -1001, "News", None, (post,), at, None)
        readings.record_page(Chat.get_by_id(channel.chat), shown, source_id=source, now=at)

    return page


def _told(text: str, *, update_id: int, after_s: int | None = None) -> None:
    facts = readings.PostFacts(1, _POSTED, text_length=utf16_length(text), text_hash=hash_text(text), text=text)
    if after_s is not None:
        facts = replace(facts, edited_at=_POSTED + timedelta(seconds=after_s), is_edited=True)
    updates.note_post(-1001, facts, bot_id=7, update_id=update_id, now=NOW)


def _edits(shows_text: bool = True) -> list[tuple[object, ...]]:
    found = edits.edits_of(1, 0, shows_text=shows_text)
    return [(e.length_before, e.length_after, bool(e.parts), e.is_by, e.source) for e in found]


def test_an_edit_seen_on_a_page_is_kept_by_length_and_hash(show: Show) -> None:
    show("first", minutes=0, edited=False)
    show("the second", minutes=15, edited=True)
    show("the second", minutes=30, edited=True)
    show("the third one", minutes=45, edited=True)
    assert _edits() == [(10, 13, False, True, "preview_page"), (5, 10, False, True, "preview_page")]
    assert db.row("SELECT COUNT(*) FROM post_version WHERE text IS NOT NULL") == (0,)


def test_a_page_that_reads_a_text_differently_is_no_edit(show: Show) -> None:
    show("first", minutes=0, edited=False)
    show("first (read otherwise)", minutes=15, edited=False)
    assert _edits() == []


def test_where_the_bot_tells_of_edits_the_page_tells_none(show: Show) -> None:
    _told("first", update_id=10)
    show("first as pages have it", minutes=0, edited=False)
    _told("second", update_id=11, after_s=60)
    show("second as pages have it", minutes=15, edited=True)
    show("second as pages have it", minutes=30, edited=True)
    assert _edits() == [(5, 6, True, False, "bot_updates")]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1, 2, 0)])
def test_on_both_databases_versions_stand_in_their_order(channel: Channel, order: tuple[int, ...]) -> None:
    telling = [("first", 10, None), ("second", 11, 60), ("third", 12, 60)]
    for n in order:
        text, update_id, after_s = telling[n]
        _told(text, update_id=update_id, after_s=after_s)
    (versions,) = edits.versions_of(1, 0)
    assert [version.text for version in versions] == ["first", "second", "third"]


def test_a_bot_that_came_later_knows_only_the_length_of_what_stood_before(show: Show) -> None:
    show("first", minutes=0, edited=False)
    _told("second", update_id=11, after_s=60)
    assert _edits() == [(5, 6, False, False, "bot_updates")]


def _texts() -> list[str | None]:
    return [text for (text,) in db.rows("SELECT text FROM post_version ORDER BY id")]


def test_texts_stay_while_the_channel_is_connected_and_go_when_it_is_not(channel: Channel) -> None:
    for n, text in enumerate(("first", "second", "third")):
        _told(text, update_id=10 + n, after_s=60 * n or None)
    Channel.update(state=connect.BOT_REMOVED).where(Channel.workspace == channel.workspace).execute()
    assert jobs.forget_texts() == 0 and None not in _texts(), "a channel whose bot is away is still connected"
    connect.disconnect(channel.workspace, channel.public_id, actor="u", now=NOW)
    assert _texts() == ["first", "second", "third"]
    assert versions.forget_texts(batch=2) == 3
    assert _texts() == [None, None, None] and versions.forget_texts() == 0
    assert _edits() == [(6, 5, False, False, "bot_updates"), (5, 6, False, False, "bot_updates")], "lengths stay"


def test_who_only_watches_a_channel_keeps_no_texts_of_it(channel: Channel) -> None:
    _told("first", update_id=10)
    connect.disconnect(channel.workspace, channel.public_id, actor="u", now=NOW)
    watched(owner("Bek", now=NOW), "news", now=NOW)
    assert jobs.forget_texts() == 1 and _texts() == [None]


_DAILY = "from app import jobs; jobs.forget.call_local()"


def test_the_daily_job_forgets_texts(channel: Channel, runtime: Runtime) -> None:
    _told("first", update_id=10)
    connect.disconnect(channel.workspace, channel.public_id, actor="u", now=NOW)
    root = Path(__file__).parents[2]
    settings = runtime.settings
    env = {"DATABASE_URL": settings.database_url, "DATA_DIR": str(settings.data_dir), "DEMO": "1"}
    subprocess.run([sys.executable, "-c", _DAILY], cwd=root, env=os.environ | env, check=True, capture_output=True)
    assert _texts() == [None]
