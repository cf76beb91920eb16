"""What one workspace brings, or a name that moved, changes nobody else's numbers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.analytics import build
from app.billing.service.limits import PlanLimits
from app.boot import Runtime
from app.channels.service import connect
from app.core import db, inbox
from app.core.errors import Invalid, Upstream
from app.readings import service as readings
from app.readings.collectors.base import ChannelPage, Count, SeenPost
from tests.world import Owner, chat_of, owner, watched


def _page(*, posted_at: datetime, now: datetime, chat_id: int = -1001, views: int = 1000) -> ChannelPage:
    post = SeenPost(500, None, posted_at, False, Count(views, 0), (), (), 3, None, False)
    return ChannelPage("shared1", chat_id, "Shared", Count(777, 0), (post,), now, None)


def _import(who: Owner, file: Path, line: str, now: datetime) -> None:
    file.write_text(f"channel,message_id,posted_at,snapshot_at,views\n{line}\n")
    readings.import_view_readings(file, None, workspace_id=who.workspace.id, actor="u", limits=PlanLimits(), now=now)


def test_an_import_cannot_move_everybodys_numbers(runtime: Runtime, now: datetime, tmp_path: Path) -> None:
    aziza, bek = owner("Aziza", now=now), owner("Bek", now=now)
    watched(aziza, "shared1", now=now)
    chat = chat_of(watched(bek, "shared1", now=now))
    _import(aziza, tmp_path / "r.csv", "shared1,500,2020-01-01T00:00:00Z,2020-01-02T00:00:00Z,3", now)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    readings.record_page(chat, _page(posted_at=now - timedelta(hours=1), now=now), source_id=source, now=now)
    public = db.row(
        "SELECT s.posted_at, s.views, (SELECT SUM(micro_views) FROM feed_hour h WHERE h.feed_id = s.feed_id)"
        " FROM post_stat s JOIN feed f ON f.id = s.feed_id WHERE f.workspace_id = 0"
    )
    assert public is not None
    assert (db.moment(public[0]), public[1], int(public[2])) == (now - timedelta(hours=1), 1000, 1000 * 10**6)
    assert readings.check_feeds(now=now).differences == 0


def test_a_name_that_moved_to_another_channel_is_refused(runtime: Runtime, now: datetime) -> None:
    chat = chat_of(watched(owner("Aziza", now=now), "shared1", now=now))
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    readings.record_page(chat, _page(posted_at=now, now=now), source_id=source, now=now)
    with pytest.raises(Upstream) as refusal:
        readings.record_page(chat, _page(posted_at=now, now=now, chat_id=-1002), source_id=source, now=now)
    assert refusal.value.code == "name_moved"


def test_a_channel_nobody_shows_takes_no_capacity_and_comes_back_with_its_import(
    runtime: Runtime, now: datetime, tmp_path: Path
) -> None:
    who = owner("Aziza", now=now)
    watched(who, "shared1", now=now)
    _import(who, tmp_path / "r.csv", "shared1,500,2025-01-01T00:00:00Z,2025-01-02T00:00:00Z,100", now)
    found = db.row("SELECT public_id FROM channel")
    assert found is not None and readings.due_page(now) is not None
    connect.disconnect(who.workspace.id, found[0], actor="u", now=now)
    assert readings.due_page(now) is None
    assert readings.utilisation(now, pages_per_minute=50)["preview_channels"] == 0
    watched(who, "shared1", now=now)
    assert [(t["posts"], t["views_latest_sum"]) for t in build.totals(who.workspace.id)] == [(1, 100)]


def test_absurd_counts_are_refused(runtime: Runtime, now: datetime, tmp_path: Path) -> None:
    who = owner("Aziza", now=now)
    for views in ("5000000000", "9" * 19):
        with pytest.raises(Invalid):
            _import(who, tmp_path / "r.csv", f"x1234,5,2025-01-01T00:00:00Z,2025-01-02T00:00:00Z,{views}", now)


def test_nothing_that_telegram_could_send_stops_the_intake(runtime: Runtime, now: datetime) -> None:
    odd = [
        {"update_id": 1, "message": {"chat": {"id": 2**70}, "text": "x"}},
        {"update_id": 2, "message": {"chat": {"id": 5}, "text": "\ud800"}},
        {"update_id": 3, "poll": "not even an object"},
        {"update_id": 4},
    ]
    assert inbox.store(7, odd, now=now) == 4
    assert [u.update_id for u in inbox.ready(now)] == [1, 2, 3, 4]
