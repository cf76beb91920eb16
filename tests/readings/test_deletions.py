"""Deleted posts: found out by their place on the page, kept, marked, and out of every average."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.analytics import build, post_queries
from app.analytics.build import rates
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel, Chat
from app.channels.queries import channel_of
from app.core import db
from app.readings import service as readings
from app.readings.collectors.base import ChannelPage, Count, SeenPost
from app.readings.service import deletions
from app.readings.service.deletions import StoodPost, Verdict, judge
from tests.conftest import NOW
from tests.world import owned_channel, owner

_LATER = NOW + timedelta(minutes=10)


def _stood(post_id: int, *message_ids: int, missing: datetime | None = None, gone: datetime | None = None) -> StoodPost:
    return StoodPost(post_id, frozenset(message_ids), missing, gone)


@pytest.mark.parametrize(
    ("post", "shown", "verdict"),
    [
        (_stood(1, 5), {4, 6}, "missing"),
        (_stood(1, 5, missing=NOW), {4, 6}, "gone"),
        (_stood(1, 5, missing=NOW + timedelta(seconds=1)), {4, 6}, None),
        (_stood(1, 5, missing=NOW), {4, 5, 6}, "standing"),
        (_stood(1, 5, gone=NOW), {4, 5, 6}, "standing"),
        (_stood(1, 5, gone=NOW), {4, 6}, None),
        (_stood(1, 5, gone=_LATER + timedelta(minutes=1)), {4, 5, 6}, None),
        (_stood(1, 5), {4, 5, 6}, None),
        (_stood(1, 5, missing=NOW), {6, 7}, None),
        (_stood(1, 5, missing=NOW), {3, 4}, None),
        (_stood(1, 5, missing=NOW), set(), None),
        (_stood(1, 5, 6, 7), {4, 6, 8}, None),
        (_stood(1, 5, 6, 7), {4, 8}, "missing"),
        (_stood(1, 5, 6, 7), {4, 5}, None),
    ],
)
def test_a_page_judges_what_stood_between_its_ends(post: StoodPost, shown: set[int], verdict: str | None) -> None:
    expected = {name: (1,) if name == verdict else () for name in ("standing", "missing", "gone")}
    assert judge([post], shown, at=_LATER) == Verdict(**expected)


@pytest.fixture
def channel(runtime: Runtime) -> Channel:
    return owned_channel(owner("Aziza", now=NOW), "News", telegram_chat_id=-1001, now=NOW)


def _page(channel: Channel, *message_ids: int, minutes: int, service: tuple[int, ...] = ()) -> None:
    at = NOW + timedelta(minutes=minutes)
    posts = tuple(
        SeenPost(
            i, None, NOW - timedelta(hours=1), False, None if i in service else Count(i * 100, 0), (), (), 3, None,
            i in service,
        )
        for i in message_ids
    )  # fmt: skip
    page = ChannelPage("news", -1001, "News", Count(1000, 0), posts, at, None)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    readings.record_page(Chat.get_by_id(channel.chat), page, source_id=source, now=at)


def _marks(column: str = "deleted_at") -> dict[int, datetime | None]:
    return {i: db.moment(at) for i, at in db.rows(f"SELECT message_id, {column} FROM post")}


def test_a_post_missing_from_two_pages_is_marked_and_one_that_comes_back_is_not(channel: Channel) -> None:
    _page(channel, 1, 2, 3, minutes=0)
    _page(channel, 1, 3, minutes=15)
    assert _marks() == {1: None, 2: None, 3: None}
    _page(channel, 1, 3, minutes=20)
    assert _marks() == {1: None, 2: None, 3: None}, "ten minutes have not passed"
    _page(channel, 1, 3, minutes=30)
    assert _marks() == {1: None, 2: NOW + timedelta(minutes=15), 3: None}
    preview = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    assert db.row("SELECT deleted_source_id FROM post WHERE message_id = 2") == (preview,)
    assert db.row("SELECT COUNT(*) FROM reading r JOIN post p ON p.id = r.post_id WHERE p.message_id = 2") == (1,)
    assert readings.check_feeds(now=NOW).differences == 0
    _page(channel, 1, 2, 3, minutes=45)
    assert _marks() == {1: None, 2: None, 3: None} == _marks("missing_since")
    assert db.row("SELECT COUNT(*) FROM post_stat WHERE is_deleted") == (0,)
    assert readings.check_feeds(now=NOW).differences == 0


def test_a_post_back_on_the_second_page_was_never_deleted(channel: Channel) -> None:
    _page(channel, 1, 2, 3, minutes=0)
    _page(channel, 1, 3, minutes=15)
    _page(channel, 1, 2, 3, minutes=30)
    _page(channel, 1, 3, minutes=45)
    assert _marks()[2] is None


def test_service_posts_are_neighbours_but_are_not_judged(channel: Channel) -> None:
    _page(channel, 1, 2, 3, 4, minutes=0, service=(1, 3, 4))
    for minutes in (15, 30):
        _page(channel, 1, 4, minutes=minutes, service=(1, 4))
    assert {i for i, at in _marks().items() if at} == {2}


def test_without_the_second_look_a_page_that_stumbled_once_deletes(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows the harm that the guard prevents."""
    monkeypatch.setattr(deletions, "SURE_AFTER", timedelta(0))
    _page(channel, 1, 2, 3, minutes=0)
    for minutes in (15, 15):
        _page(channel, 1, 3, minutes=minutes)
    assert _marks()[2] is not None


def test_a_deleted_post_is_kept_and_marked_and_out_of_reach_and_err(channel: Channel) -> None:
    _page(channel, 1, 2, 3, minutes=0)
    span = (channel.feed,), NOW - timedelta(days=1), NOW + timedelta(days=1)
    before = post_queries.posts_summaries(*span)[channel.feed]
    assert (before.posts, before.views) == (3, 600)
    version = db.row("SELECT version FROM feed_stat")
    gone = readings.mark_messages_deleted(
        channel.chat, [2, 99], at=NOW, source_id=readings.ensure_source(readings.BOT_UPDATES, now=NOW)
    )
    assert len(gone) == 1
    after = post_queries.posts_summaries(*span)[channel.feed]
    assert (after.posts, after.views, after.engaged_views) == (2, 400, 400)
    assert rates.err(after, (1000, 0)) == 20.0  # (100 + 300) / 2 of 1,000 subscribers
    ref = channel_of(channel.workspace, channel.public_id)
    assert ref is not None
    page = build.channel_page(channel.workspace, ref, span=Span(7), now=NOW)
    assert [day.value for day in page.reach_by_day if day.value is not None] == [200]
    post = post_queries.post_of(channel.feed, channel.chat, "2")
    assert post is not None and post["deleted_at"] == NOW and post["views"] == 200
    assert db.row("SELECT version FROM feed_stat") != version, "pages are not answered from before"
    assert readings.check_feeds(now=NOW).differences == 0


def test_an_album_is_deleted_when_its_last_message_is(channel: Channel) -> None:
    facts = [readings.PostFacts(i, NOW, album_id="9", media="album") for i in (70, 71)]
    readings.record_posts(channel.chat, facts)
    source = readings.ensure_source("owner_session", workspace_id=1, now=NOW)
    assert readings.mark_messages_deleted(channel.chat, [70], at=NOW, source_id=source) == []
    assert len(readings.mark_messages_deleted(channel.chat, [70, 71], at=NOW, source_id=source)) == 1


def _private_source(workspace_id: int) -> int:
    return readings.ensure_source("owner_session", workspace_id=workspace_id, now=NOW)


def _gone_by_feed() -> dict[int, bool]:
    """Workspace (0: everybody) -> whether its feed says that message 2 is deleted."""
    return {
        int(workspace): bool(is_gone)
        for workspace, is_gone in db.rows(
            "SELECT f.workspace_id, s.is_deleted FROM post_stat s JOIN feed f ON f.id = s.feed_id"
            " JOIN post p ON p.id = s.post_id WHERE p.message_id = 2"
        )
    }


def _versions() -> dict[int, int]:
    found = db.rows("SELECT f.workspace_id, s.version FROM feed_stat s JOIN feed f ON f.id = s.feed_id")
    return {int(workspace): int(version) for workspace, version in found}


def _read_by_two_workspaces(channel: Channel) -> None:
    for workspace_id in (1, 2):
        readings.ensure_feed(channel.chat, workspace_id=workspace_id, now=NOW)
    _page(channel, 1, 2, 3, minutes=0)


def test_what_a_private_source_finds_gone_is_gone_for_its_workspace_alone(channel: Channel) -> None:
    _read_by_two_workspaces(channel)
    before = _versions()
    for _ in range(2):
        readings.mark_messages_deleted(channel.chat, [2], at=NOW, source_id=_private_source(1))
    assert _gone_by_feed() == {0: False, 1: True, 2: False}
    assert _marks() == {1: None, 2: None, 3: None}
    moved = {workspace: version - before[workspace] for workspace, version in _versions().items()}
    assert moved == {0: 0, 1: 1, 2: 0}, "nobody else's pages even change their version"
    seen = {}
    for feed, workspace in db.rows("SELECT id, workspace_id FROM feed"):
        post = post_queries.post_of(feed, channel.chat, "2")
        assert post is not None
        seen[workspace] = post["deleted_at"]
    assert seen == {0: None, 1: NOW, 2: None}
    assert readings.check_feeds(now=NOW).differences == 0
    readings.rebuild(now=NOW)
    assert _gone_by_feed() == {0: False, 1: True, 2: False}


def test_were_the_source_public_everybody_would_learn_of_it(channel: Channel) -> None:
    """The harm: the same telling with the one rule off that keeps a private source private."""
    _read_by_two_workspaces(channel)
    db.execute("UPDATE source SET workspace_id = 0 WHERE id = ?", _private_source(1))
    (source,) = db.row("SELECT id FROM source WHERE kind = 'owner_session'") or (0,)
    readings.mark_messages_deleted(channel.chat, [2], at=NOW, source_id=source)
    assert _gone_by_feed() == {0: True, 1: True, 2: True}


def test_a_page_that_shows_the_post_later_puts_a_private_telling_right(channel: Channel) -> None:
    _read_by_two_workspaces(channel)
    readings.mark_messages_deleted(channel.chat, [2], at=_LATER, source_id=_private_source(1))
    _page(channel, 1, 2, 3, minutes=5)
    assert _gone_by_feed()[1], "the page is older than what was told"
    _page(channel, 1, 2, 3, minutes=15)
    assert not any(_gone_by_feed().values())
    assert readings.check_feeds(now=NOW).differences == 0


def test_pages_find_out_by_themselves_what_a_private_source_knew_before(channel: Channel) -> None:
    _read_by_two_workspaces(channel)
    readings.mark_messages_deleted(channel.chat, [2], at=NOW, source_id=_private_source(1))
    for minutes in (15, 30):
        _page(channel, 1, 3, minutes=minutes)
    assert _gone_by_feed() == {0: True, 1: True, 2: True}
    (post,) = db.row("SELECT id FROM post WHERE message_id = 2") or (0,)
    readings.mark_standing(post, source_id=_private_source(1))
    assert _gone_by_feed() == {0: True, 1: True, 2: True}, "a private source takes back only its own"
