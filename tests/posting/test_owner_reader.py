"""An owner's connected account looks for a post whose outcome nobody saw: by the jobs process, asked at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Upstream
from app.posting.readers.owner import OwnerAccountReader
from app.posting.service import resolving
from app.readings.collectors.owner_session.models import OwnerChannel
from app.readings.service import owner_session
from tests.posting.authored import ScriptedLine, may_post, run_lane, scheduled, silence, text
from tests.readings.owner_session.generated import CHANNEL, GeneratedChannel, GeneratedTelegram
from tests.readings.owner_session.world import connected, news, work_until_idle
from tests.world import Owner, owner

STEP = timedelta(minutes=1)


@contextmanager
def jobs_at_work(telegram: GeneratedTelegram) -> Iterator[None]:
    """The jobs process beside us."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.1):
            work_until_idle(telegram, clock=clock.utcnow)
        db.database.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def unknown_post(who: Owner, words: str) -> int:
    channel = news(who, now=clock.utcnow())
    may_post(channel)

    def nobody_answers(_chat: int, _what: object) -> None:
        raise silence()

    scheduled(who, text(words), channel)
    run_lane(ScriptedLine(before=nobody_answers))
    (delivery_id,) = db.row("SELECT id FROM delivery WHERE state = 'unknown'") or (0,)
    return int(delivery_id)


@pytest.mark.parametrize(("words", "verdict"), [("Post 7 👍", "found"), ("Never taken", "absent")])
def test_the_account_finds_a_post_or_proves_that_it_is_not_there(runtime: Runtime, words: str, verdict: str) -> None:
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    connected(who, now=now)
    telegram = GeneratedTelegram([GeneratedChannel(posts=6, first=now - 7 * STEP, every=STEP)])
    delivery_id = unknown_post(who, words)
    work_until_idle(telegram, clock=clock.utcnow)
    assert db.row("SELECT COUNT(*) FROM post WHERE message_id = 7") == (0,), "read before Telegram had the post"
    if verdict == "found":
        telegram.channels[0].posts = 7
    with jobs_at_work(telegram):
        assert resolving.look(delivery_id, [OwnerAccountReader()], now=clock.utcnow()) == verdict
    assert db.rows("SELECT message_id FROM delivery_message") == ([(7,)] if verdict == "found" else [])


def test_an_account_that_does_not_look_in_time_proves_nothing(runtime: Runtime) -> None:
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    connected(who, now=now)
    delivery_id = unknown_post(who, "Never taken")
    work_until_idle(
        GeneratedTelegram([GeneratedChannel(posts=6, first=now - 7 * STEP, every=STEP)]), clock=clock.utcnow
    )
    with pytest.raises(Upstream):
        resolving.look(delivery_id, [OwnerAccountReader(wait_s=0.6)], now=clock.utcnow())


def test_nobody_looks_by_the_account_of_another_workspace(runtime: Runtime) -> None:
    now = clock.utcnow()
    bek, aziza = owner("Bek", telegram_user_id=43, now=now), owner("Aziza", telegram_user_id=42, now=now)
    delivery_id = unknown_post(aziza, "Post 7 👍")
    (chat_id,) = db.row("SELECT id FROM chat") or (0,)
    OwnerChannel.create(
        workspace=bek.workspace.id,
        session=connected(bek, now=now).id,
        chat_id=chat_id,
        channel_id=CHANNEL,
        access_hash=CHANNEL * 7,
        next_look_at=now,
        stats_due_at=now,
    )
    assert owner_session.want_look(bek.workspace.id, chat_id, now=now), "his account could"
    assert resolving.look(delivery_id, [OwnerAccountReader()], now=clock.utcnow()) == "blind"
