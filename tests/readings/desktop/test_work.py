"""Handed-in exports: whole or nothing, once, whoever dies in the middle; private to their workspace."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.channels.service import connect
from app.core import clock, db
from app.core.errors import Conflict, Invalid
from app.readings import desktop_jobs
from app.readings import service as readings
from app.readings.desktop_models import DesktopImport
from app.readings.service.desktop import states, uploads, work
from tests.readings.desktop.files import CHAT_ID, export
from tests.world import Owner, owned_channel, owner

ROOT = Path(__file__).resolve().parents[3]


class Desk:
    """A workspace with a channel, and files handed in for it."""

    def __init__(self, data_dir: Path, name: str = "Aziza", *, chat_id: int = CHAT_ID) -> None:
        self.data_dir = data_dir
        self.who: Owner = owner(name, now=clock.utcnow())
        self.channel: Channel = owned_channel(self.who, "News", telegram_chat_id=chat_id, now=clock.utcnow())

    def hand_in(self, file: Path) -> DesktopImport:
        ref = channel_of(self.who.workspace.id, self.channel.public_id)
        assert ref is not None
        with tempfile.NamedTemporaryFile("w+b", dir=states.folder(self.data_dir), suffix=".part") as sent:
            sent.write(file.read_bytes())
            return uploads.take(
                sent,  # type: ignore[arg-type]
                workspace_id=self.who.workspace.id,
                channel=ref,
                data_dir=self.data_dir,
                user_id=self.who.user.id,
                now=clock.utcnow(),
            )

    def read(self) -> DesktopImport:
        desktop_jobs.read_exports(self.data_dir)
        return self.row()

    def row(self) -> DesktopImport:
        found = uploads.newest(self.who.workspace.id, self.channel.id)
        assert found is not None
        return found


@pytest.fixture
def desk(runtime: Runtime) -> Desk:
    return Desk(runtime.settings.data_dir)


def _facts() -> dict[str, list[tuple[Any, ...]]]:
    """Everything that an import leaves, without the numbers of rows."""
    return {
        "posts": db.rows("SELECT message_id, posted_at, text_length, text_hash FROM post ORDER BY message_id"),
        "readings": db.rows(
            "SELECT p.message_id, r.source_id, r.views, r.reactions FROM reading r JOIN post p ON p.id = r.post_id"
            " ORDER BY p.message_id, r.observed_at"
        ),
        "stats": db.rows(
            "SELECT p.message_id, s.feed_id, s.views, s.reactions FROM post_stat s JOIN post p ON p.id = s.post_id"
            " ORDER BY p.message_id, s.feed_id"
        ),
        "reactions": db.rows("SELECT COUNT(*) FROM reaction_count"),
    }


def test_a_file_is_read_once_and_the_same_file_again_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    file = export(tmp_path, clock.utcnow(), posts=450)
    desk.hand_in(file)
    row = desk.read()
    assert (row.state, row.total, row.done, row.posts, row.readings) == ("done", 450, 450, 450, 450)
    assert list(states.folder(desk.data_dir).iterdir()) == [], "the file is deleted"
    before = _facts()
    desk.hand_in(file)
    again = desk.read()
    assert (again.state, again.done, again.readings, again.observed_at) == ("done", 450, 0, row.observed_at)
    assert _facts() == before
    assert readings.check_feeds(now=clock.utcnow()).differences == 0


def test_an_old_file_does_not_beat_what_was_read_since(desk: Desk, tmp_path: Path) -> None:
    """Its counts are of its last message's moment, 400 days ago, and not of the day on which it was handed in."""
    now = clock.utcnow().replace(microsecond=0)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    posts = readings.record_posts(desk.channel.chat, [readings.PostFacts(1, now - timedelta(days=400, minutes=-10))])
    read_at = db.to_ms(now - timedelta(days=2))
    readings.record_readings(desk.channel.chat, [(posts[1], read_at, source, 9000, 155, 10)], now=now)
    desk.hand_in(export(tmp_path, now))
    row = desk.read()
    assert row.observed_at == now - timedelta(days=400) + timedelta(minutes=10 * 20)
    feed = channel_of(desk.who.workspace.id, desk.channel.public_id)
    assert feed is not None
    said = db.row("SELECT reactions, views FROM post_stat WHERE feed_id = ? AND post_id = ?", feed.feed_id, posts[1])
    assert said == (155, 9000)


def test_only_its_workspace_sees_what_a_file_brings(desk: Desk, tmp_path: Path) -> None:
    other = Desk(desk.data_dir, "Bek", chat_id=-1002)
    watched = connect.watch(
        connect.ensure_chat(connect.ChatFacts(CHAT_ID, "News", "news"), now=clock.utcnow()),
        workspace_id=other.who.workspace.id,
        actor="u",
        feed_id=readings.ensure_feed(desk.channel.chat, now=clock.utcnow()),
        is_simulated=False,
        limits=_NoLimits(),
        now=clock.utcnow(),
    )
    desk.hand_in(export(tmp_path, clock.utcnow()))
    desk.read()
    mine = channel_of(desk.who.workspace.id, desk.channel.public_id)
    assert mine is not None and mine.feed_id != watched.feed
    seen = dict(db.rows("SELECT feed_id, COUNT(*) FROM post_stat GROUP BY feed_id"))
    assert seen.get(mine.feed_id) == 20 and not seen.get(watched.feed)
    assert uploads.newest(other.who.workspace.id, desk.channel.id) is None


class _NoLimits:
    def require(self, workspace_id: int, key: str, *, used: int, now: datetime) -> None: ...


@pytest.mark.parametrize(
    ("changes", "error", "at"),
    [
        ({"bad_at": 15}, "bad_message", 15),
        ({"type": "personal_chat"}, "not_a_channel", None),
        ({"id": 77}, "other_channel", None),
        ({"id": "x"}, "incomplete", None),
    ],
)
def test_a_bad_file_says_why_and_leaves_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], error: str, at: int | None
) -> None:
    monkeypatch.setattr(work, "BATCH", 5)
    before = _facts()
    desk.hand_in(export(tmp_path, clock.utcnow(), **changes))
    row = desk.read()
    assert (row.state, row.error, row.error_at, row.done) == ("failed", error, at, 0)
    assert _facts() == before and list(states.folder(desk.data_dir).iterdir()) == []


def test_a_file_that_was_cut_off_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    file = export(tmp_path, clock.utcnow(), posts=300)
    file.write_bytes(file.read_bytes()[:-200])
    desk.hand_in(file)
    assert (desk.read().error, db.row("SELECT COUNT(*) FROM post")) == ("not_json", (0,))


def test_without_the_look_ahead_half_of_a_bad_file_would_be_stored(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = work.survey(export(tmp_path, clock.utcnow()))
    desk.hand_in(export(tmp_path, clock.utcnow(), bad_at=15))
    monkeypatch.setattr(work, "BATCH", 5)
    monkeypatch.setattr(work, "survey", lambda path, on_part: known)
    desk.read()
    assert db.row("SELECT COUNT(*) FROM post") == (10,), "the harm"


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"[1]", b'{"a": 1}', b"\x00\x01"])
def test_what_is_no_export_is_refused_at_the_door(desk: Desk, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(content)
    with pytest.raises(Invalid):
        desk.hand_in(file)
    assert db.row("SELECT COUNT(*) FROM desktop_import") == (0,)
    assert list(states.folder(desk.data_dir).iterdir()) == []


def test_a_second_file_waits_for_the_first(desk: Desk, tmp_path: Path) -> None:
    file = export(tmp_path, clock.utcnow())
    desk.hand_in(file)
    with pytest.raises(Conflict):
        desk.hand_in(file)
    assert len(list(states.folder(desk.data_dir).iterdir())) == 1


def test_a_file_that_breaks_the_reader_gives_up_and_others_go_on(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.hand_in(export(tmp_path, clock.utcnow()))
    monkeypatch.setattr(work, "record_seen", _break)
    row = desk.read()
    assert (row.state, row.error, row.done) == ("failed", "gave_up", 0)


def _break(*_: object, **__: object) -> int:
    raise RuntimeError("a defect of ours")


def test_a_channel_that_is_gone_and_files_nobody_waits_for_are_cleared(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.hand_in(export(tmp_path, clock.utcnow()))
    connect.disconnect(desk.who.workspace.id, desk.channel.public_id, actor="u", now=clock.utcnow())
    (states.folder(desk.data_dir) / "broken-off.part").write_bytes(b"{")
    assert desk.read().error == "channel_gone"
    later = clock.utcnow() + timedelta(hours=2)
    monkeypatch.setattr(clock, "utcnow", lambda: later)
    desktop_jobs.read_exports(desk.data_dir)
    assert list(states.folder(desk.data_dir).iterdir()) == []


def test_killed_in_the_middle_it_is_complete_and_nothing_is_doubled(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """kill -9 of a real reader three times; the next one goes on once the lease of the dead one has ended."""
    posts, started, now = 12_000, time.monotonic(), clock.utcnow()
    desk = Desk(runtime.settings.data_dir)
    desk.hand_in(export(tmp_path, now, posts=posts))
    killed_at = [_read_and_kill(runtime, desk, share * posts) for share in (0.1, 0.4, 0.7)]
    assert 0 < killed_at[0] < killed_at[1] < killed_at[2] < posts, killed_at
    desktop_jobs.read_exports(desk.data_dir, run_s=1)
    assert desk.row().done == killed_at[2], "the dead one's lease still holds"
    _let_lease_end()
    desktop_jobs.read_exports(desk.data_dir, run_s=600)
    row, took = desk.row(), time.monotonic() - started
    assert (row.state, row.done, row.posts, row.readings) == ("done", posts, posts, posts)
    counts = "SELECT COUNT(*), COUNT(DISTINCT p.message_id) FROM reading r JOIN post p ON p.id = r.post_id"
    assert db.row(counts) == (posts, posts)
    assert db.row("SELECT COUNT(*) FROM post") == (posts,)
    assert readings.check_feeds(now=now).differences == 0
    assert took < 600
    with capsys.disabled():
        print(f"\n{posts} posts of a Telegram Desktop export, killed at {killed_at}: {took:.0f} s")


def _read_and_kill(runtime: Runtime, desk: Desk, at: float) -> int:
    _let_lease_end()
    here = "tests.readings.desktop.reader"
    command = [sys.executable, "-m", here, runtime.settings.database_address, str(desk.data_dir)]
    child = subprocess.Popen(command, cwd=ROOT)
    until = time.monotonic() + 120
    while _done() < at and child.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    child.kill()
    assert child.wait(10) == -9, "the reader ended before it was killed"
    return _done()


def _done() -> int:
    return int((db.row("SELECT done FROM desktop_import") or (0,))[0])


def _let_lease_end() -> None:
    """As if half a minute had passed."""
    with db.write():
        db.execute("UPDATE lease SET until = ? WHERE name = ?", db.stamp(clock.utcnow()), desktop_jobs.LEASE)


def test_two_readers_of_one_file_store_each_message_once(desk: Desk, tmp_path: Path) -> None:
    """The lease keeps them apart; should it fail, the cursor moves for one of them only."""
    row = desk.hand_in(export(tmp_path, clock.utcnow()))
    stale = desk.row()
    work.go_on(row, desk.data_dir, is_ours=_until(2), clock=clock.utcnow)
    with db.write():
        db.execute("UPDATE desktop_import SET state = 'running'")
    assert not work.store_batch(stale, desk.channel.chat, (), source_id=1, now=clock.utcnow())


def _until(turns: int) -> Callable[[], bool]:
    left = iter([True] * turns)
    return lambda: next(left, False)
