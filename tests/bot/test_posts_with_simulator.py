"""An album, an edit and a deletion in the simulated Telegram, by its updates and its pages, into our database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.analytics import edits
from app.boot import Runtime
from app.core import clock, db
from app.readings import service as readings
from app.readings.collectors.preview_page import PreviewPages
from app.readings.service.collecting import DuePage
from tests.bot.connected import connect, hear
from tests.simulator.process import SimulatorProcess


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path / "sim") as process:
        process.control("clock", rate=0)
        yield process


@pytest.fixture
def runtime(sim: SimulatorProcess, database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """Aziza's channel is connected."""
    booted = connect(sim, database_url, tmp_path)
    yield booted
    db.database.close()


def _read_page(sim: SimulatorProcess, *, minutes_later: int) -> None:
    sim.control("clock", advance_s=60 * minutes_later)
    (chat_id,) = db.row("SELECT id FROM chat WHERE username = 'news'") or (0,)
    now = clock.utcnow() + timedelta(days=1)
    with httpx.Client(trust_env=False) as client:
        page = DuePage(chat_id, "news", None, now)
        readings.collect(page, PreviewPages(client, sim.url), now=now, clock=lambda: now)
    state = db.row("SELECT state, last_error FROM preview_watch")
    assert state == ("ok", None)


def test_an_album_an_edit_and_a_deletion(sim: SimulatorProcess, runtime: Runtime) -> None:
    (first,) = sim.control("post", chat="news", text="Before", views_30d=900)["message_ids"]
    album = sim.control("post", chat="news", text="Three pictures", album=3, views_30d=900)["message_ids"]
    (gone,) = sim.control("post", chat="news", text="A mistake", views_30d=900)["message_ids"]
    (after,) = sim.control("post", chat="news", text="Apples cost 9000", views_30d=900)["message_ids"]
    sim.control("clock", advance_s=30)
    sim.control("edit", chat="news", message_id=after, text="Apples cost 8000")
    hear(sim, runtime, last_first=True)
    _read_page(sim, minutes_later=60)
    assert [i for (i,) in db.rows("SELECT message_id FROM post ORDER BY 1")] == [first, album[0], gone, after]
    views = dict(db.rows("SELECT p.message_id, s.views FROM post p JOIN post_stat s ON s.post_id = p.id"))
    assert views[album[0]] == views[first], "the album counts once, not three times"
    (post_id,) = db.row("SELECT id FROM post WHERE message_id = ?", after) or (0,)
    (edit,) = edits.edits_of(post_id, 0, shows_text=True)
    assert "".join(part.text for part in edit.parts if part.op != "removed") == "Apples cost 8000"
    sim.control("delete", chat="news", message_id=gone)
    for _ in range(2):
        _read_page(sim, minutes_later=15)
    marked = db.rows("SELECT message_id FROM post WHERE deleted_at IS NOT NULL")
    assert marked == [(gone,)] and views[gone] > 0
    assert readings.check_feeds(now=clock.utcnow()).differences == 0
