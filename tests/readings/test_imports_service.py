"""Recorded data: identity, merging, idempotence, privacy; real data where the folder is at hand."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.analytics import build
from app.billing.service.limits import PlanLimits
from app.boot import Runtime
from app.core import db
from app.core.errors import Invalid
from app.readings import service as readings
from deploy.proof import recount
from tests.world import Owner, owned_channel, owner

_HEAD = "channel,post_uid,message_id,posted_at,snapshot_at,views,reactions\n"
_ROWS = (
    "News1,7,,2025-01-01T10:00:00Z,2025-01-01T12:00:00Z,10,1\n"
    "News1,8,55,2025-01-01T10:00:00Z,2025-01-01T12:00:00Z,20,\n"
    "News1,9,55,2025-01-01T10:00:00Z,2025-01-01T12:00:00Z,25,2\n"
    "News1,8,55,2025-01-01T10:00:00Z,2025-01-02T12:00:00Z,40,3\n"
    "News2,1,1,2025-01-01T10:00:00Z,2025-01-02T12:00:00Z,7,0\n"
)


def _load(who: Owner, file: Path, now: datetime) -> readings.Imported:
    return readings.import_view_readings(
        file, None, workspace_id=who.workspace.id, actor="operator", limits=PlanLimits(), now=now
    )


def test_an_import_merges_counts_once_and_is_idempotent(runtime: Runtime, now: datetime, tmp_path: Path) -> None:
    file, who = tmp_path / "r.csv", owner("Aziza", now=now)
    file.write_text(_HEAD + _ROWS)
    done = _load(who, file, now)
    assert (done.channels, done.read, done.merged, done.new) == (2, 5, 1, 4)
    before = build.totals(who.workspace.id)
    assert [(t["channel"], t["posts"], t["views_latest_sum"]) for t in before] == [("News1", 2, 50), ("News2", 1, 7)]
    assert _load(who, file, now).new == 0
    assert build.totals(who.workspace.id) == before
    assert readings.check_feeds(now=now).differences == 0


def test_imported_readings_show_in_their_workspace_only(runtime: Runtime, now: datetime, tmp_path: Path) -> None:
    aziza, bek = owner("Aziza", now=now), owner("Bek", now=now)
    owned_channel(aziza, "News1", telegram_chat_id=-1001, now=now)
    with db.write():
        readings.watch_public(
            "news1",
            workspace_id=bek.workspace.id,
            actor="u",
            limits=PlanLimits(),
            is_simulated=False,
            pages_per_minute=50,
            now=now,
        )
    file = tmp_path / "r.csv"
    file.write_text(_HEAD + _ROWS)
    _load(aziza, file, now)
    assert {t["channel"]: t["views_latest_sum"] for t in build.totals(aziza.workspace.id)}["news1"] == 50
    assert [(t["posts"], t["views_latest_sum"]) for t in build.totals(bek.workspace.id)] == [(0, 0)]
    assert db.row("SELECT COUNT(*) FROM chat WHERE LOWER(username) = 'news1'") == (1,)


def test_a_bad_row_stores_nothing(runtime: Runtime, now: datetime, tmp_path: Path) -> None:
    file, who = tmp_path / "r.csv", owner("Aziza", now=now)
    file.write_text(_HEAD + _ROWS + "News1,8,55,not a time,2025-01-01T12:00:00Z,20,\n")
    with pytest.raises(Invalid) as refusal:
        _load(who, file, now)
    assert "line 7" in refusal.value.fields
    assert db.row("SELECT COUNT(*) FROM reading") == (0,)


def test_a_row_from_the_future_is_left_out_and_said(runtime: Runtime, now: datetime, tmp_path: Path) -> None:
    file, who = tmp_path / "r.csv", owner("Aziza", now=now)
    file.write_text(_HEAD + _ROWS + "News1,8,55,2025-01-01T10:00:00Z,2099-01-01T12:00:00Z,99,3\n")
    done = _load(who, file, now)
    assert [(r.line, r.reason) for r in done.rejected] == [(7, "snapshot_at is in the future")]
    (last,) = db.row("SELECT MAX(observed_at) FROM reading") or (None,)
    assert db.moment(last) < now


def test_only_new_subscriber_counts_of_imported_channels_are_counted(
    runtime: Runtime, now: datetime, tmp_path: Path
) -> None:
    file, counts, who = tmp_path / "r.csv", tmp_path / "s.csv", owner("Aziza", now=now)
    file.write_text(_HEAD + _ROWS)
    head = "channel,observed_at,subscribers\n"
    counts.write_text(
        head
        + "News1,2025-01-01T10:00:00Z,100\nNews1,2025-01-02T10:00:00Z,110\nNews1,2025-01-02T10:00:00Z,120\n"
        + "Skipped,2025-01-01T10:00:00Z,5\nNews2,2099-01-01T10:00:00Z,5\n"
    )

    def load() -> int:
        return readings.import_view_readings(
            file, counts, workspace_id=who.workspace.id, actor="operator", limits=PlanLimits(), now=now
        ).subscribers

    assert [load(), load()] == [2, 0]
    counts.write_text(head + "News1,2025-01-01T10:00:00Z,90\nNews1,2025-01-02T10:00:00Z,130\n")
    assert load() == 1
    assert db.rows("SELECT value FROM subscriber_reading ORDER BY observed_at") == [(100,), (130,)]


def _export(**changed: object) -> str:
    message = {"id": 4, "type": "message", "date_unixtime": "1735725600", "text": "Hi", **changed}
    return json.dumps({"name": "Old news", "type": "public_channel", "id": 1234567890, "messages": [message]})


@pytest.mark.parametrize(
    "content",
    [
        _export(id=10**30),
        _export(reactions=[{"type": "emoji", "count": 10**30, "emoji": "x"}]),
        _export(reactions=[{"type": "emoji", "count": 1, "emoji": "x" * 99}]),
        _export().replace("Old news", "n" * 99),
        _export().replace("Old news", "n\\u0000"),
    ],
)
def test_an_export_that_no_database_can_hold_is_refused_in_words(
    runtime: Runtime, now: datetime, tmp_path: Path, content: str
) -> None:
    file, who = tmp_path / "result.json", owner("Aziza", now=now)
    file.write_text(content)
    with pytest.raises(Invalid):
        readings.import_desktop_export(
            file, workspace_id=who.workspace.id, actor="operator", limits=PlanLimits(), now=now
        )
    assert db.row("SELECT COUNT(*) FROM post") == (0,)


def test_an_export_s_posts_and_clock_from_the_future_are_left_out(
    runtime: Runtime, now: datetime, tmp_path: Path
) -> None:
    file, who = tmp_path / "result.json", owner("Aziza", now=now)
    file.write_text(_export(reactions=[]))
    late = (now + timedelta(days=999)).timestamp()
    os.utime(file, (late, late))

    def load() -> tuple[str, int, int]:
        return readings.import_desktop_export(
            file, workspace_id=who.workspace.id, actor="operator", limits=PlanLimits(), now=now
        )

    assert load() == ("Old news", 1, 1)
    (last,) = db.row("SELECT MAX(observed_at) FROM reading") or (None,)
    assert db.moment(last) <= now
    for second in ("0", str(int(late))):
        file.write_text(_export(id=5, date_unixtime=second))
        assert load() == ("Old news", 0, 0)


def test_a_file_with_a_long_name_is_a_source_like_another(runtime: Runtime, now: datetime, tmp_path: Path) -> None:
    file, who = tmp_path / ("r" * 200 + ".csv"), owner("Aziza", now=now)
    file.write_text(_HEAD + _ROWS)
    assert _load(who, file, now).new == 4


def test_the_recorded_channels_equal_an_independent_recount(runtime: Runtime, now: datetime) -> None:
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("ANALYTICBOT_SHARED", root.parent / "shared")) / "data/telegram"
    if not folder.exists():
        pytest.skip("the recorded data have no licence to stand in this repository and are not here")
    who = owner("Recorded", now=now)
    _load(who, folder / "view_snapshots.csv.gz", now)
    ours = {t["channel"]: (t["posts"], t["views_latest_sum"]) for t in build.totals(who.workspace.id)}
    assert ours == recount(folder / "view_snapshots.csv.gz") and len(ours) == 13
