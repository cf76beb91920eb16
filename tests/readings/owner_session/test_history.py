"""A channel's whole history, interrupted as often as you like: complete, and nothing doubled."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.boot import Runtime, boot
from app.channels.models import Channel
from app.core import db, migrate
from app.core.errors import Conflict, NotFound
from app.core.settings import Settings
from app.readings import service as readings
from app.readings.collectors.owner_session.base import ChannelKey, NotAllowed
from app.readings.collectors.owner_session.models import HistoryImport
from app.readings.service.owner_session import history, wishes
from tests.conftest import NOW
from tests.readings.owner_session.generated import CHANNEL, GeneratedChannel, GeneratedTelegram, account_of
from tests.readings.owner_session.world import connected, news, own_source, work_until_idle
from tests.world import Owner, owned_channel, owner

ROOT = Path(__file__).parents[3]
LATER = NOW + timedelta(hours=20)


class Killed(BaseException):
    """Stands for a process that is gone: nothing of ours catches it."""


def _asked_for(telegram: GeneratedTelegram) -> tuple[Owner, Channel, HistoryImport]:
    """Aziza's account is connected, its channel was looked at, and she asks for the history."""
    who = owner("Aziza", telegram_user_id=42, now=NOW)
    channel = news(who, now=NOW)
    connected(who, now=NOW)
    work_until_idle(telegram, clock=lambda: NOW)
    asked = wishes.want_history(who.workspace.id, channel.public_id, user_id=who.user.id, now=NOW)
    return who, channel, asked


def _facts(channel: Channel, source_id: int) -> dict[str, list[Any]]:
    """Everything that an import leaves, without the moments at which it happened to run."""
    return {
        "posts": db.rows(
            "SELECT message_id, posted_at, media, text_length, text_hash, album_id, is_service FROM post"
            " WHERE chat_id = ? ORDER BY message_id",
            channel.chat,
        ),
        "readings": db.rows(
            "SELECT p.message_id, r.views, r.reactions, r.forwards, r.comments, r.step FROM reading r"
            " JOIN post p ON p.id = r.post_id WHERE p.chat_id = ? AND r.source_id = ? ORDER BY p.message_id, r.views",
            *(channel.chat, source_id),
        ),
        "reactions": db.rows(
            "SELECT p.message_id, r.emoji, r.count FROM reaction_count r JOIN post p ON p.id = r.post_id"
            " WHERE p.chat_id = ? ORDER BY p.message_id, r.emoji",
            channel.chat,
        ),
        "rollup": db.rows(
            "SELECT p.message_id, s.views, s.reactions, s.er_ppm, s.readings, s.step FROM post_stat s"
            " JOIN post p ON p.id = s.post_id JOIN feed f ON f.id = s.feed_id AND f.workspace_id <> 0"
            " WHERE p.chat_id = ? ORDER BY p.message_id",
            channel.chat,
        ),
        "card": db.rows(
            "SELECT s.posts, s.views, s.readings FROM feed_stat s JOIN feed f ON f.id = s.feed_id WHERE f.chat_id = ?"
            " ORDER BY f.workspace_id",
            channel.chat,
        ),
        "import": db.rows("SELECT state, done, posts, readings, total, next_before FROM history_import"),
    }


def _uninterrupted(posts: int) -> dict[str, list[Any]]:
    telegram = GeneratedTelegram([GeneratedChannel(posts=posts)])
    who, channel, _ = _asked_for(telegram)
    work_until_idle(telegram, clock=lambda: LATER)
    return _facts(channel, own_source(who.workspace.id))


def _in_a_fresh_database(tmp_path: Path, name: str) -> str:
    url = f"sqlite:///{tmp_path / name}"
    boot("web", Settings(database_url=url, data_dir=tmp_path, demo=True, _env_file=None))  # type: ignore[call-arg]
    migrate.up()
    return url


def test_a_history_killed_ten_times_is_complete_and_nothing_is_doubled(tmp_path: Path) -> None:
    """kill -9 at ten random moments of the import, each process a real one; then as if nothing had happened."""
    chance, posts = Random(8), 10_000
    _in_a_fresh_database(tmp_path, "whole.sqlite3")
    expected = _uninterrupted(posts)
    url = _in_a_fresh_database(tmp_path, "killed.sqlite3")
    who, channel, asked = _asked_for(GeneratedTelegram([GeneratedChannel(posts=posts)]))
    killed_at = []
    for attempt, share in enumerate(sorted(chance.uniform(0.02, 0.95) for _ in range(10)), start=1):
        killed_at.append(_run_and_kill(url, tmp_path, posts, attempt, at=int(share * posts), chance=chance))
    assert len(set(killed_at)) == 10 and killed_at[-1] < posts, killed_at
    subprocess.run(_command(url, tmp_path, posts, 11), check=True, cwd=ROOT)
    found = _facts(channel, own_source(who.workspace.id))
    for name, rows in expected.items():
        assert found[name] == rows, name
    assert found["import"][0][0] == "done" and len(found["readings"]) > 0.9 * posts
    assert readings.check_feeds(now=LATER).differences == 0


def _command(url: str, folder: Path, posts: int, attempt: int) -> list[str]:
    here = "tests.readings.owner_session.importer"
    return [sys.executable, "-m", here, url, str(folder), str(posts), str(attempt)]


def _run_and_kill(url: str, folder: Path, posts: int, attempt: int, *, at: int, chance: Random) -> int:
    """Start an importer, kill it a little after it has come to `at`; returns where it really was."""
    child = subprocess.Popen(_command(url, folder, posts, attempt), cwd=ROOT)
    until = time.monotonic() + 60
    while _done() < at and child.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.03))
    child.kill()
    assert child.wait(10) == -9, "the importer ended before it was killed"
    return _done()


def _done() -> int:
    return int((db.row("SELECT done FROM history_import") or (0,))[0])


def _statements(monkeypatch: pytest.MonkeyPatch, die_at: int) -> None:
    """Let the process die at its n-th statement of SQL text."""
    count = itertools.count(1)
    execute = db.execute

    def counted(sql: str, *params: Any) -> int:
        if next(count) == die_at:
            raise Killed
        return execute(sql, *params)

    monkeypatch.setattr(db, "execute", counted)


@pytest.mark.parametrize("seed", range(3))
def test_dying_at_any_statement_leaves_nothing_half(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """On both databases: ten deaths, before, between and after cursor and readings of a batch."""
    chance = Random(seed)
    telegram = GeneratedTelegram([GeneratedChannel(posts=700)])
    who, channel, _ = _asked_for(telegram)
    source_id = own_source(who.workspace.id)
    deaths = 0
    for attempt in range(1, 11):
        with monkeypatch.context() as patch:
            _statements(patch, die_at=chance.randint(1, 120))
            try:
                work_until_idle(telegram, clock=lambda n=attempt: NOW + timedelta(hours=n), most=2)
            except Killed:
                deaths += 1
        cursor, done, stored = db.row("SELECT next_before, done, readings FROM history_import") or (0, 0, 0)
        read = db.row("SELECT COUNT(*) FROM reading WHERE source_id = ? AND observed_at > ?", source_id, db.stamp(NOW))
        assert read == (stored,), "the cursor and the readings tell different stories"
    assert deaths >= 5
    work_until_idle(telegram, clock=lambda: LATER)
    assert db.row("SELECT state, readings FROM history_import WHERE state = 'done'") is not None
    doubled = db.rows(
        "SELECT post_id, COUNT(*) FROM reading WHERE source_id = ? AND observed_at > ? GROUP BY post_id HAVING COUNT(*) > 1",
        *(source_id, db.stamp(NOW)),
    )
    assert doubled == []
    ids = db.rows("SELECT message_id FROM post WHERE chat_id = ? ORDER BY message_id DESC", channel.chat)
    assert [i for (i,) in ids] == telegram.channels[0].post_ids()
    assert readings.check_feeds(now=LATER).differences == 0


def test_a_cursor_that_moved_in_a_transaction_of_its_own_would_double(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harm that one transaction prevents: readings first, the process dies, the cursor never moves."""
    telegram = GeneratedTelegram([GeneratedChannel(posts=150)])
    who, _, asked = _asked_for(telegram)
    source_id = own_source(who.workspace.id)
    page = history_page(telegram)
    for hours in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(history, "_move", lambda *_, **__: True)  # what a later transaction would have done
            history.store_batch(asked, page, source_id=source_id, now=NOW + timedelta(hours=hours))
    doubled = db.rows(
        "SELECT post_id FROM reading WHERE source_id = ? AND observed_at > ? GROUP BY post_id HAVING COUNT(*) > 1",
        *(source_id, db.stamp(NOW)),
    )
    assert len(doubled) > 50


def history_page(telegram: GeneratedTelegram) -> Any:
    return account_of(telegram).history(ChannelKey(CHANNEL, CHANNEL * 7))


def test_a_batch_that_another_process_stored_meanwhile_is_dropped(runtime: Runtime) -> None:
    telegram = GeneratedTelegram([GeneratedChannel(posts=150)])
    who, _, asked = _asked_for(telegram)
    page, source_id = history_page(telegram), own_source(who.workspace.id)
    first = history.store_batch(asked, page, source_id=source_id, now=NOW + timedelta(hours=1))
    late = history.store_batch(asked, page, source_id=source_id, now=NOW + timedelta(hours=2))
    assert first > 50 and late == 0
    assert db.row("SELECT done, readings FROM history_import") == (page.seen, first)


def test_a_refused_import_stops_with_its_reason_and_goes_on_when_asked_again(runtime: Runtime, now: datetime) -> None:
    telegram = GeneratedTelegram([GeneratedChannel(posts=350)])
    who, channel, asked = _asked_for(telegram)
    work_until_idle(telegram, clock=lambda: LATER, most=3)
    history.stop(HistoryImport.get(HistoryImport.workspace == who.workspace.id), NotAllowed("no").code, now=LATER)
    before = db.row("SELECT state, last_error, next_before, done FROM history_import")
    assert before is not None and before[:2] == ("stopped", "not_allowed") and before[2] is not None
    again = wishes.want_history(who.workspace.id, channel.public_id, user_id=who.user.id, now=LATER)
    assert (again.next_before, again.done) == before[2:]
    work_until_idle(telegram, clock=lambda: LATER + timedelta(hours=1))
    assert db.row("SELECT state FROM history_import") == ("done",)


def test_only_a_channel_that_the_account_runs_can_be_imported(runtime: Runtime, now: datetime) -> None:
    who, _, _ = _asked_for(GeneratedTelegram())
    other = owner("Bek", now=now)
    with pytest.raises(NotFound):
        wishes.want_history(other.workspace.id, "A" * 22, user_id=other.user.id, now=now)
    unknown = owned_channel(who, "Unknown", telegram_chat_id=-1009, now=now)
    with pytest.raises(Conflict):
        wishes.want_history(who.workspace.id, unknown.public_id, user_id=who.user.id, now=now)
