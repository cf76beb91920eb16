"""Another time for posts: in one channel or all, by hand, by the queue and by the numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import Conflict, Invalid, NotFound
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.planning import moving
from app.posting.service import composing, planning, writing
from tests.posting.authored import ScriptedLine, actions, may_post, refusal, run_lane, scheduled, text
from tests.posting.planning.test_offers import MONDAY, _at, _rules
from tests.world import Owner, owned_channel, owner


@pytest.fixture
def second(who: Owner) -> Channel:
    channel = owned_channel(who, "Second", telegram_chat_id=-1002, now=MONDAY)
    may_post(channel)
    return channel


def _times(post: AuthoredPost) -> dict[int, datetime]:
    return {i: one.due_at for i, one in moving.standings(post.workspace, post.id).items()}


def _move(who: Owner, post: AuthoredPost, at: datetime, now: datetime = MONDAY, **more: Any) -> AuthoredPost:
    version = writing.post_of(who.workspace.id, post.public_id).version
    given = (who.workspace.id, post.public_id, more.pop("version", version), at)
    return moving.move(*given, user_id=who.user.id, now=now, **more)


def test_one_channel_is_moved_and_the_other_stays(who: Owner, news: Channel, second: Channel) -> None:
    post = scheduled(who, text("Both"), news, second, at=_at(3, 9), now=MONDAY, delete_after_s=3600)
    _move(who, post, _at(4, 10), channels=[second.public_id])
    assert _times(post) == {news.id: _at(3, 9), second.id: _at(4, 10)}
    assert [row[:2] for row in actions(post)] == [("publish", "waiting"), ("delete", "after")] * 2
    _move(who, post, _at(5, 10))
    assert set(_times(post).values()) == {_at(5, 10)}


def test_moving_one_channel_does_not_send_again_what_was_refused_in_the_other(
    who: Owner, news: Channel, second: Channel, line: ScriptedLine
) -> None:
    now = clock.utcnow()

    def refuse(chat: int, _what: Any) -> None:
        raise refusal("Bad Request: nothing to say")

    times = {second.id: now + timedelta(hours=2)}
    post = scheduled(who, text("Both"), news, second, at=now, now=now, due_by_channel=times)
    line.before = refuse
    run_lane(line, run_s=1)
    _move(who, post, now + timedelta(hours=3), now=now)
    assert [row[1] for row in actions(post)] == ["failed", "waiting"]


def test_what_is_out_or_seen_in_another_version_or_past_is_not_moved(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    now = clock.utcnow()
    post = scheduled(who, text("Out"), news, at=now, now=now)
    run_lane(line, run_s=1)
    with pytest.raises(Conflict) as told:
        _move(who, post, now + timedelta(hours=1), now=now)
    assert told.value.code == "not_movable"
    later = scheduled(who, text("Later"), news, at=now + timedelta(hours=5), now=now)
    with pytest.raises(Invalid):
        _move(who, later, now - timedelta(minutes=1), now=now)
    with pytest.raises(Conflict) as told:
        _move(who, later, now + timedelta(hours=1), now=now, version=99)
    assert told.value.code == "stale"
    with pytest.raises(NotFound):
        moving.move(
            owner("Bek", now=now).workspace.id, later.public_id, 1, now + timedelta(hours=1), user_id=1, now=now
        )


def test_quiet_hours_need_anyway(who: Owner, news: Channel) -> None:
    _rules(who, news, blackout=[("22:00", "07:00")])
    post = scheduled(who, text("Night"), news, at=_at(3, 9), now=MONDAY)
    with pytest.raises(Conflict) as told:
        _move(who, post, _at(3, 23))
    assert told.value.code == "needs_anyway" and _times(post) == {news.id: _at(3, 9)}
    _move(who, post, _at(3, 23), is_anyway=True)
    assert _times(post) == {news.id: _at(3, 23)}


def _form(*where: Channel, words: str = "Queued") -> Draft:
    return Draft(text=words, channels=tuple(channel.public_id for channel in where))


def _enqueue(who: Owner, draft: Draft) -> AuthoredPost:
    post = writing.create(who.workspace.id, {}, user_id=who.user.id, now=MONDAY)
    return moving.enqueue(who.workspace.id, post.public_id, 1, draft, user_id=who.user.id, now=MONDAY)


def test_the_queue_fills_slot_by_slot_in_each_channel_on_its_own(who: Owner, news: Channel, second: Channel) -> None:
    _rules(who, news, "11:00 19:30")
    _rules(who, second, "12:15")
    first = _enqueue(who, _form(news, second))
    assert _times(first) == {news.id: _at(2, 11), second.id: _at(2, 12, 15)}
    assert _times(_enqueue(who, _form(news))) == {news.id: _at(2, 19, 30)}
    assert _times(_enqueue(who, _form(second))) == {second.id: _at(3, 12, 15)}
    again = writing.post_of(who.workspace.id, first.public_id)
    moving.enqueue(
        who.workspace.id, first.public_id, again.version, _form(news, second), user_id=who.user.id, now=MONDAY
    )
    assert _times(first) == {news.id: _at(2, 11), second.id: _at(2, 12, 15)}  # its own place is free for it


def test_a_channel_without_slots_keeps_nothing_of_the_post(who: Owner, news: Channel) -> None:
    with pytest.raises(Invalid) as told:
        _enqueue(who, _form(news))
    assert set(told.value.fields) == {"when"} and db.row("SELECT COUNT(*) FROM due_action") == (0,)
    with pytest.raises(Invalid) as told:
        _enqueue(who, _form())
    assert set(told.value.fields) == {"channels"}


def test_the_best_slot_falls_back_to_the_queue_and_says_so(who: Owner, news: Channel) -> None:
    _rules(who, news)
    post = writing.create(who.workspace.id, {}, user_id=who.user.id, now=MONDAY)
    given = (who.workspace.id, post.public_id, 1, _form(news))
    made, offers = moving.put_on_best(*given, user_id=who.user.id, now=MONDAY)
    assert _times(made) == {news.id: _at(2, 11)} and not offers[0].is_measured


def test_moving_by_the_composer_keeps_the_time_in_top(who: Owner, news: Channel) -> None:
    post = scheduled(who, text("Ad"), news, at=_at(3, 9), now=MONDAY, top_minutes=60)
    composing.move(who.workspace.id, post.public_id, _at(3, 10), user_id=who.user.id, now=MONDAY)
    assert db.row("SELECT top_minutes FROM post_target") == (60,)


def test_words_changed_in_the_composer_leave_each_channels_time(who: Owner, news: Channel, second: Channel) -> None:
    """The form shows the last of the times; left as it is none of them moves, and another one is for all."""
    both = {news.id: _at(3, 9), second.id: _at(4, 10)}
    post = scheduled(who, text("Both"), news, second, at=_at(4, 10), now=MONDAY, due_by_channel=both)
    draft = planning.draft_of(writing.post_of(who.workspace.id, post.public_id), zone="UTC")
    _schedule(who, post, replace(draft, text="Other words"))
    assert _times(post) == both
    later = _at(5, 10).astimezone(UTC)
    _schedule(who, post, replace(draft, day=later.date().isoformat(), time=later.strftime("%H:%M")))
    assert set(_times(post).values()) == {later}


def _schedule(who: Owner, post: AuthoredPost, draft: Draft) -> None:
    version, due_at = writing.post_of(who.workspace.id, post.public_id).version, draft.due_at()
    assert due_at is not None
    given = (who.workspace.id, post.public_id, version, draft)
    composing.schedule(*given, due_at=due_at, user_id=who.user.id, now=MONDAY)
