"""Copies in the storage chat: who gets one, what Telegram's refusals do, and what a post is handed meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Upstream
from app.media.models import MediaFile
from app.media.service import copies, due, make, path_of, put_off, ready, want
from app.telegram import budget
from app.telegram import service as telegram_service
from app.telegram.outgoing import Outgoing, Sent
from bot.media import MediaMaker
from tests.bot.wire import FakeTelegram
from tests.conftest import NOW
from tests.media.files import kept, picture
from tests.world import Owner, owner

BOT, STORAGE = 7, -100777


class Storage(FakeTelegram):
    """Telegram that keeps what is sent to it and names each file."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[tuple[int, Outgoing, bytes]] = []

    def send(self, chat_id: int, what: Outgoing) -> tuple[Sent, ...]:
        self._maybe_fail("send")
        self.got.append((chat_id, what, Path(what.media[0].path).read_bytes()))
        number = len(self.got)
        return (Sent(number, NOW, media=what.kind, file_id=f"file{number}", file_unique_id=f"u{number}"),)


@pytest.fixture
def telegram() -> Storage:
    return Storage()


@pytest.fixture
def aziza(runtime: Runtime) -> Owner:
    """Her workspace posts by a bot with a storage chat."""
    telegram_service.register(runtime.sealer, token=f"{BOT}:x", username="TrueBot", updates="polling", now=NOW)
    db.execute("UPDATE bot SET storage_chat_id = ? WHERE bot_id = ?", STORAGE, BOT)
    return owner("Aziza", now=NOW)


def _wanted(who: Owner, data_dir: Path, shade: int = 0, now: datetime = NOW) -> MediaFile:
    row = kept(who, picture("PNG", shade=shade), f"{shade}.png", data_dir)
    want(who.workspace.id, [row.public_id], BOT, now=now)
    return row


def _rows(*columns: str) -> list[tuple[Any, ...]]:
    return db.rows(f"SELECT {', '.join(columns)} FROM media_copy ORDER BY media_id, bot_id")


def test_a_wanted_copy_is_made_once_and_then_sent_by_its_id(aziza: Owner, telegram: Storage, tmp_path: Path) -> None:
    row = _wanted(aziza, tmp_path)
    before = ready(aziza.workspace.id, [row.public_id], BOT, data_dir=tmp_path)[row.public_id]
    assert (before.kind, before.file_id, before.path) == ("photo", "", str(path_of(tmp_path, row.sha256)))
    (copy,) = due(NOW)
    assert make(copy, telegram, data_dir=tmp_path, now=NOW)
    ((chat_id, sent, content),) = telegram.got
    assert (chat_id, sent.kind, sent.is_silent, sent.media[0].name) == (STORAGE, "photo", True, "0.png")
    assert content == picture("PNG")
    want(aziza.workspace.id, [row.public_id], BOT, now=NOW + timedelta(days=1))
    assert due(NOW + timedelta(days=1)) == []
    assert _rows("state", "file_unique_id", "storage_chat_id", "message_id") == [("ready", "u1", STORAGE, 1)]
    after = ready(aziza.workspace.id, [row.public_id], BOT, data_dir=tmp_path)[row.public_id]
    assert (after.kind, after.file_id, after.path) == ("photo", "file1", "")


def test_a_copy_serves_only_its_bot_and_its_workspace(aziza: Owner, telegram: Storage, tmp_path: Path) -> None:
    row = _wanted(aziza, tmp_path)
    make(due(NOW)[0], telegram, data_dir=tmp_path, now=NOW)
    assert ready(aziza.workspace.id, [row.public_id], BOT + 1, data_dir=tmp_path)[row.public_id].file_id == ""
    bek = owner("Bek", now=NOW)
    assert ready(bek.workspace.id, [row.public_id], BOT, data_dir=tmp_path) == {}
    other = kept(aziza, picture("PNG", shade=5), "b.png", tmp_path)
    want(bek.workspace.id, [other.public_id], BOT, now=NOW)
    assert due(NOW) == []


@pytest.mark.parametrize("has_storage", [True, False])
def test_without_a_storage_chat_no_copy_is_wanted_and_posts_carry_the_bytes(
    aziza: Owner, tmp_path: Path, has_storage: bool
) -> None:
    if not has_storage:
        db.execute("UPDATE bot SET storage_chat_id = NULL")
    row = _wanted(aziza, tmp_path)
    assert len(_rows("state")) == has_storage
    assert ready(aziza.workspace.id, [row.public_id], BOT, data_dir=tmp_path)[row.public_id].path


def test_a_file_that_is_gone_is_not_handed_to_a_post_and_its_copy_fails(
    aziza: Owner, telegram: Storage, tmp_path: Path
) -> None:
    row = _wanted(aziza, tmp_path)
    path_of(tmp_path, row.sha256).unlink()
    assert ready(aziza.workspace.id, [row.public_id], BOT, data_dir=tmp_path) == {}
    assert not make(due(NOW)[0], telegram, data_dir=tmp_path, now=NOW)
    assert _rows("state", "error") == [("failed", "the file is gone")] and telegram.got == []


def test_silence_backs_off_ever_longer_until_it_is_enough(aziza: Owner, telegram: Storage, tmp_path: Path) -> None:
    _wanted(aziza, tmp_path)
    now, waits = NOW, []
    telegram.failures["send"] = [Upstream("Telegram did not answer.") for _ in range(copies.MOST_ATTEMPTS)]
    while found := due(now):
        assert not make(found[0], telegram, data_dir=tmp_path, now=now)
        (not_before,) = _rows("not_before")[0]
        waits.append((db.moment(not_before) - now).total_seconds())
        assert due(now) == []
        now = db.moment(not_before)
    assert waits[:4] == [15, 30, 60, 120] and max(waits[:-1]) == 900
    assert _rows("state", "error") == [("failed", "Telegram did not answer.")]


def test_told_to_wait_is_no_attempt_and_the_whole_bot_waits(aziza: Owner, telegram: Storage, tmp_path: Path) -> None:
    _wanted(aziza, tmp_path)
    telegram.failures["send"] = [Upstream("Telegram asks us to wait.", retry_after_s=60)]
    make(due(NOW)[0], telegram, data_dir=tmp_path, now=NOW)
    assert _rows("state", "attempts") == [("wanted", 0)]
    assert budget.blocked_until(BOT) == NOW + timedelta(seconds=60)
    assert due(NOW + timedelta(seconds=59)) == [] and len(due(NOW + timedelta(seconds=60))) == 1


def test_what_telegram_refuses_rests_an_hour_and_is_tried_again_when_it_is_wanted(
    aziza: Owner, telegram: Storage, tmp_path: Path
) -> None:
    row = _wanted(aziza, tmp_path)
    telegram.failures["send"] = [Upstream("PHOTO_INVALID_DIMENSIONS", permanent=True)]
    make(due(NOW)[0], telegram, data_dir=tmp_path, now=NOW)
    assert _rows("state", "error") == [("failed", "PHOTO_INVALID_DIMENSIONS")]
    for minutes, again in ((59, 0), (60, 1)):
        later = NOW + timedelta(minutes=minutes)
        want(aziza.workspace.id, [row.public_id], BOT, now=later)
        assert len(due(later)) == again
    make(due(later)[0], telegram, data_dir=tmp_path, now=later)
    assert _rows("state", "error") == [("ready", None)]


@pytest.mark.parametrize(
    "answer",
    [Sent(1, NOW), Sent(1, NOW, media="photo"), Sent(1, NOW, media="document", file_id="f", file_unique_id="u")],
)
def test_a_file_without_an_id_or_of_another_kind_is_no_copy_and_posts_carry_the_bytes(
    aziza: Owner, telegram: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Sent
) -> None:
    row = _wanted(aziza, tmp_path)
    monkeypatch.setattr(telegram, "send", lambda _chat, _what: (answer,))
    assert not make(due(NOW)[0], telegram, data_dir=tmp_path, now=NOW)
    assert _rows("state", "error", "file_id") == [("failed", f"Telegram keeps it as {answer.media}", None)]
    assert ready(aziza.workspace.id, [row.public_id], BOT, data_dir=tmp_path)[row.public_id].path


def test_a_slower_second_maker_changes_nothing(aziza: Owner, telegram: Storage, tmp_path: Path) -> None:
    _wanted(aziza, tmp_path)
    (copy,) = due(NOW)
    make(copy, telegram, data_dir=tmp_path, now=NOW)
    telegram.failures["send"] = [Upstream("refused", permanent=True)]
    make(copy, telegram, data_dir=tmp_path, now=NOW)
    put_off(copy, 60, now=NOW)
    assert _rows("state", "file_id", "error", "not_before") == [("ready", "file1", None, None)]


def _maker(runtime: Runtime, telegram: Storage) -> MediaMaker:
    return MediaMaker(
        replace(runtime, bots=telegram_service.Bots(runtime.sealer, lambda _token: telegram, lambda _token: telegram))
    )


def test_the_bot_process_makes_what_is_wanted_within_the_budget(
    runtime: Runtime, aziza: Owner, telegram: Storage, tmp_path: Path
) -> None:
    for shade in range(3):
        _wanted(aziza, tmp_path, shade)
    maker = _maker(runtime, telegram)
    assert maker.turn() == 1, "one message a second in a chat"
    assert [content for _, _, content in telegram.got] == [picture("PNG")], "the longest wanted first"
    assert len(due(clock.utcnow())) == 2


def test_a_bot_that_waits_long_does_not_hold_up_the_others(
    runtime: Runtime, aziza: Owner, telegram: Storage, tmp_path: Path
) -> None:
    telegram_service.register(runtime.sealer, token="8:x", username="OwnBot", updates="polling", now=NOW)
    db.execute("UPDATE bot SET storage_chat_id = -100888 WHERE bot_id = 8")
    for shade in range(20):
        _wanted(aziza, tmp_path, shade)
    row = kept(aziza, picture("PNG", shade=99), "b.png", tmp_path)
    want(aziza.workspace.id, [row.public_id], 8, now=NOW + timedelta(seconds=1))
    budget.obey_retry_after(BOT, 60, now=clock.utcnow())
    maker = _maker(runtime, telegram)
    assert [maker.turn(), maker.turn()] == [0, 1]
    assert [chat_id for chat_id, *_ in telegram.got] == [-100888]


def test_copies_of_a_bot_that_is_gone_wait_for_nobody(
    runtime: Runtime, aziza: Owner, telegram: Storage, tmp_path: Path
) -> None:
    _wanted(aziza, tmp_path)
    db.execute("UPDATE bot SET deleted_at = ?", db.stamp(NOW))
    assert _maker(runtime, telegram).turn() == 0 and telegram.got == []
