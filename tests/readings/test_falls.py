"""A fall is told to those who may see both readings, and to nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.analytics import build, post_queries
from app.billing.service.limits import PlanLimits
from app.boot import Runtime
from app.channels.models import Chat
from app.channels.queries import channels_of
from app.channels.service import connect
from app.core import db
from app.readings import curves
from app.readings import service as readings
from app.readings.falls import falls_of_post
from app.readings.service.merging import merge
from tests.world import Owner, owned_channel, owner, read_posts, watched

_HOSTILE = 1_900_000_000


def _import(who: Owner, file: Path, views: int, *, now: datetime) -> None:
    """One line of News1's first message, read the minute it was posted."""
    at = now - timedelta(days=3) + timedelta(hours=1)
    lines = ["channel,message_id,posted_at,snapshot_at,views"]
    lines += [f"News1,1,{at:%Y-%m-%dT%H:%M:%SZ},{at + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ},{views}"]
    file.write_text("\n".join(lines) + "\n")
    readings.import_view_readings(file, None, workspace_id=who.workspace.id, actor="u", limits=PlanLimits(), now=now)


def _told(workspace_id: int) -> list[tuple[int, bool]]:
    """(views, is falling) of the first message's curve, as its page and its CSV have them."""
    found = db.row("SELECT id FROM post WHERE message_id = 1")
    assert found is not None
    return [(views, is_falling) for _, views, _, _, is_falling in post_queries.curve(found[0], workspace_id)]


def _marked() -> list[tuple[int, int]]:
    return [
        (int(v), int(f))
        for v, f in db.rows(
            "SELECT views, flag FROM reading WHERE post_id = (SELECT id FROM post WHERE message_id = 1) ORDER BY views"
        )
    ]


@pytest.mark.parametrize("is_first", [True, False])
def test_what_eve_imports_makes_nobody_elses_counts_fall(
    runtime: Runtime, now: datetime, tmp_path: Path, is_first: bool
) -> None:
    bek, eve = owner("Bek", now=now), owner("Eve", now=now)
    channel = owned_channel(bek, "News1", telegram_chat_id=-1001, now=now)
    watched(eve, "News1", now=now)
    if is_first:
        _import(eve, tmp_path / "r.csv", _HOSTILE, now=now)
    read_posts(channel, posts=1, now=now)
    if not is_first:
        _import(eve, tmp_path / "r.csv", _HOSTILE, now=now)
    assert _told(bek.workspace.id) == _told(0) == [(100, False), (150, False)]
    assert _told(eve.workspace.id) == [(_HOSTILE, False), (100, True), (150, True)]
    assert _marked() == [(100, 0), (150, 0), (_HOSTILE, 0)]
    assert readings.check_feeds(now=now).differences == 0
    (ref,) = channels_of(bek.workspace.id)
    page = build.post_page(bek.workspace.id, ref, "1", now=now)
    assert page is not None and [point.is_falling for point in page.curve] == [False, False]


def test_a_private_count_below_a_public_one_is_marked_for_its_workspace(
    runtime: Runtime, now: datetime, tmp_path: Path
) -> None:
    bek, eve = owner("Bek", now=now), owner("Eve", now=now)
    channel = owned_channel(bek, "News1", telegram_chat_id=-1001, now=now)
    watched(eve, "News1", now=now)
    read_posts(channel, posts=1, now=now)
    source = readings.ensure_source("import", name="late", workspace_id=eve.workspace.id, now=now)
    readings.ensure_feed(channel.chat, workspace_id=eve.workspace.id, now=now)
    readings.record_readings(channel.chat, [(1, db.to_ms(now), source, 40, None, 0)], now=now)
    assert _marked() == [(40, 1), (100, 0), (150, 0)]
    assert readings.check_feeds(now=now).differences == 0


def test_a_check_finds_a_wrong_mark_and_a_rebuild_mends_it(runtime: Runtime, now: datetime) -> None:
    channel = owned_channel(owner("Bek", now=now), "News1", telegram_chat_id=-1001, now=now)
    read_posts(channel, posts=2, now=now)
    with db.write():
        db.execute("UPDATE reading SET flag = 1 WHERE views = 150")
    found = readings.check_feeds(now=now)
    assert (found.differences, found.details) == (1, {"reading": 1})
    readings.rebuild(now=now)
    assert _marked() == [(100, 0), (150, 0)]
    assert readings.check_feeds(now=now).differences == 0


def test_merged_posts_are_marked_anew(runtime: Runtime, now: datetime) -> None:
    """Neither chat alone shows a fall; together they do."""
    kept = connect.ensure_chat(connect.ChatFacts(-1001, "News", "news1"), now=now)
    old = Chat.create(title="Old", username="old1", created_at=now)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    for chat, hours, views in ((kept, 1, 500), (old, 2, 300)):
        readings.ensure_feed(chat.id, now=now)
        ids = readings.record_posts(chat.id, [readings.PostFacts(1, now)])
        readings.record_readings(
            chat.id, [(ids[1], db.to_ms(now) + hours * 3_600_000, source, views, None, 0)], now=now
        )
    merge(old, kept, now=now)
    assert db.rows("SELECT views, flag FROM reading ORDER BY observed_at") == [(500, 0), (300, 1)]
    assert readings.check_feeds(now=now).differences == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 60), st.sampled_from([1, 10])), max_size=30))
def test_one_posts_falls_are_what_the_arrays_say(told: list[tuple[int, int, int]]) -> None:
    at, views, step = np.asarray(told, dtype=np.int64).reshape(-1, 3).T
    none = np.zeros_like(at)
    rows = curves.ReadingRows(none, at, views, none, step, none, none, none)
    assert falls_of_post(told) == curves.falls(rows).tolist()
