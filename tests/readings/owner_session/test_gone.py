"""Posts that the owner's account finds deleted: by their empty counters, and for the own workspace alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from telethon.tl import functions as f

from app.boot import Runtime
from app.channels.models import Channel
from app.core import db
from app.readings import service as readings
from app.readings.service.owner_session import looking, want_history
from tests.readings.owner_session.generated import GeneratedChannel, GeneratedTelegram
from tests.readings.owner_session.world import connected, news, work_until_idle
from tests.world import Owner, owner

POSTS = 260
LATER = timedelta(hours=30)


def _all_read(now: datetime) -> tuple[Owner, Channel, GeneratedTelegram]:
    """Aziza's account has read her whole channel; everybody's pages know its posts too."""
    channel = GeneratedChannel(posts=POSTS, first=now - POSTS * timedelta(minutes=40) - timedelta(minutes=1))
    who, telegram = owner("Aziza", telegram_user_id=42, now=now), GeneratedTelegram([channel])
    kept = news(who, now=now)
    connected(who, now=now)
    work_until_idle(telegram, clock=lambda: now)
    want_history(who.workspace.id, kept.public_id, user_id=who.user.id, now=now)
    work_until_idle(telegram, clock=lambda: now + timedelta(hours=1))
    page = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    posts = [int(i) for (i,) in db.rows("SELECT id FROM post WHERE chat_id = ? AND is_service = ?", kept.chat, False)]
    readings.record_readings(kept.chat, [(i, db.to_ms(now), page, 10, None, 0) for i in posts], now=now)
    return who, kept, telegram


def _gone(workspace_id: int) -> list[int]:
    """Message ids that a workspace's feed (0: everybody's) shows as deleted."""
    found = db.rows(
        "SELECT p.message_id FROM post_stat s JOIN feed f ON f.id = s.feed_id JOIN post p ON p.id = s.post_id"
        " WHERE f.workspace_id = ? AND s.is_deleted = ? ORDER BY 1",
        *(workspace_id, True),
    )
    return [int(i) for (i,) in found]


def test_an_empty_answer_marks_the_post_for_the_workspace_and_it_is_asked_no_more(
    runtime: Runtime, now: datetime
) -> None:
    who, channel, telegram = _all_read(now)
    telegram.channels[0].gone = {101, 103}
    work_until_idle(telegram, clock=lambda: now + LATER)
    assert _gone(who.workspace.id) == [101, 103]
    assert _gone(0) == [], "a private source tells nobody else"
    assert db.row("SELECT COUNT(*) FROM post WHERE deleted_at IS NOT NULL") == (0,)
    assert readings.check_feeds(now=now).differences == 0
    asked = len(telegram.named(f.messages.GetMessagesViewsRequest))
    assert asked
    work_until_idle(telegram, clock=lambda: now + 3 * LATER)
    again = [i for request in telegram.named(f.messages.GetMessagesViewsRequest)[asked:] for i in request.id]
    assert again and not {101, 103} & set(again)


def test_an_album_is_gone_with_its_last_message_and_not_before(runtime: Runtime, now: datetime) -> None:
    who, channel, telegram = _all_read(now)
    telegram.channels[0].gone = {90, 91}
    work_until_idle(telegram, clock=lambda: now + 3 * LATER)
    assert _gone(who.workspace.id) == []
    read = "SELECT MAX(r.observed_at) FROM reading r JOIN post p ON p.id = r.post_id WHERE p.message_id = 90"
    assert db.moment((db.row(read) or (None,))[0]) >= now + 3 * LATER - timedelta(minutes=1), (
        "its third message counts on"
    )
    telegram.channels[0].gone = {90, 91, 92}
    work_until_idle(telegram, clock=lambda: now + 10 * LATER)
    assert _gone(who.workspace.id) == [90]


def test_a_post_that_the_account_sees_again_stands(runtime: Runtime, now: datetime) -> None:
    who, channel, telegram = _all_read(now)
    telegram.channels[0].gone = {251}
    work_until_idle(telegram, clock=lambda: now + LATER)
    assert _gone(who.workspace.id) == [251]
    telegram.channels[0].gone = set()
    work_until_idle(telegram, clock=lambda: now + LATER + timedelta(hours=1))
    assert _gone(who.workspace.id) == []
    assert readings.check_feeds(now=now).differences == 0


def test_unmarked_it_would_count_in_every_average_for_ever(
    runtime: Runtime, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harm without the telling."""
    who, channel, telegram = _all_read(now)
    monkeypatch.setattr(looking, "mark_messages_deleted", lambda *_, **__: [])
    telegram.channels[0].gone = {101}
    work_until_idle(telegram, clock=lambda: now + LATER)
    assert _gone(who.workspace.id) == []
