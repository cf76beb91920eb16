"""Whatever order, duplication and batching readings come in, the rollups equal the raw readings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.analytics import post_queries
from app.boot import Runtime
from app.channels.models import Chat
from app.core import db
from app.readings import raw
from app.readings import service as readings
from tests.conftest import NOW

_POSTS = 4
_HOUR_S = 3600
_step = st.sampled_from([0, 0, 10, 100])
_reactions = st.one_of(st.none(), st.integers(0, 90))
# (post, seconds after NOW, source, views, reactions, step)
_one = st.tuples(
    st.integers(0, _POSTS - 1),
    st.integers(0, 40 * 24 * 60).map(lambda minutes: minutes * 60),
    st.integers(0, 3),
    st.one_of(st.none(), st.integers(0, 5000)),
    _reactions,
    _step,
)
_anyhow = st.lists(_one, max_size=12)
# What a collector brings: (post, moment within the sweep, source, views beyond the sweep's own, reactions, step).
_later = st.lists(
    st.tuples(
        st.integers(0, _POSTS - 1),
        st.integers(0, 3),
        st.sampled_from([0, 0, 0, 1, 2, 3]),
        st.one_of(st.none(), st.integers(-60, 900)),
        _reactions,
        _step,
    ),
    min_size=1,
    max_size=8,
)
_edit = st.tuples(
    st.sampled_from(["photo", "deleted", "restored", "moved", "privately deleted", "privately restored"]),
    st.integers(0, _POSTS - 1),
)
_TABLES = ("reading", "private_deletion", "post", "post_stat", "feed_hour", "feed_stat", "feed", "chat", "source")
_events = st.lists(
    st.one_of(
        st.tuples(st.just("sweep"), _later),
        st.tuples(st.just("sweep"), _later),
        st.tuples(st.just("batch"), _anyhow),
        st.tuples(st.just("again"), st.none()),
        st.tuples(st.just("edit"), _edit),
    ),
    min_size=1,
    max_size=9,
)


@dataclass(frozen=True)
class _Stage:
    """A chat with a public and two private feeds, four sources (the last two private) and some posts."""

    chat: int
    sources: list[int]
    ids: dict[int | str, int]

    @staticmethod
    def fresh() -> _Stage:
        with db.write():
            for table in _TABLES:
                db.execute(f"DELETE FROM {table}")
        chat = Chat.create(title="x", username="x", created_at=NOW).id
        for workspace in (0, 1, 2):
            readings.ensure_feed(chat, workspace_id=workspace, now=NOW)
        kinds = (("a", 0), ("b", 0), ("import", 1), ("import", 2))
        sources = [readings.ensure_source(k, workspace_id=w, now=NOW) for k, w in kinds]
        posts = [readings.PostFacts(n + 1, NOW + timedelta(hours=7 * n)) for n in range(_POSTS)]
        return _Stage(chat, sources, readings.record_posts(chat, posts))

    def record(self, batch: list[tuple]) -> None:
        rows = [
            (self.ids[post + 1], db.to_ms(NOW) + at * 1000, self.sources[source], views, reactions, step)
            + (_told(views, reactions) if source >= 2 else ())
            for post, at, source, views, reactions, step in batch
        ]
        readings.record_readings(self.chat, rows, now=NOW)

    def edit(self, what: str, post: int) -> None:
        by = self.sources[2 + post % 2] if what.startswith("privately") else None
        if what.endswith("deleted"):
            readings.mark_deleted(self.ids[post + 1], at=NOW, source_id=by)
            return
        if what.endswith("restored"):
            readings.mark_standing(self.ids[post + 1], source_id=by)
            return
        hours = 7 * post + (3 if what == "moved" else 0)
        media = "photo" if what == "photo" else "text"
        readings.record_posts(self.chat, [readings.PostFacts(post + 1, NOW + timedelta(hours=hours), media=media)])


def _told(views: int | None, reactions: int | None) -> tuple[int | None, int | None]:
    """Forwards and comments, which private sources tell beside the views and reactions, now and then only one."""
    return None if views is None else views % 7, None if reactions is None else reactions % 5


def _swept(number: int, batch: list[tuple]) -> list[tuple]:
    """Readings of the sweep of this number: all later than those of the sweep before, most of them larger."""
    found = []
    for post, moment, source, more, reactions, step in batch:
        at = (number * 9 + 2 * moment) * _HOUR_S
        views = None if more is None else max(0, 700 * number + 40 * moment + more)
        found.append((post, at, source, views, reactions, step))
    return found


def _play(stage: _Stage, events: list[tuple]) -> None:
    played: list[list[tuple]] = []
    for number, (kind, what) in enumerate(events):
        if kind == "edit":
            stage.edit(*what)
        elif kind == "again":
            stage.record([reading for batch in played for reading in batch])
        else:
            played.append(_swept(number, what) if kind == "sweep" else what)
            stage.record(played[-1])


def test_rollups_equal_a_fresh_computation_after_random_batches(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = _counted(monkeypatch)

    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(_events)
    def holds(events: list[tuple]) -> None:
        stage = _Stage.fresh()
        _play(stage, events)
        found = readings.check_feeds(now=NOW)
        assert found.differences == 0, found.details
        assert found.feeds == 3
        for feed, workspace in db.rows("SELECT id, workspace_id FROM feed"):
            gained = db.row("SELECT COALESCE(SUM(micro_views), 0) FROM feed_hour WHERE feed_id = ?", feed)
            assert gained is not None and int(gained[0]) == _total_gain(workspace) * 1_000_000
        _assert_facts_of_posts_are_kept()
        _assert_engagement_is_of_the_latest_that_told_it()
        _assert_exactly_the_falls_are_marked()

    holds()
    assert taken["append"] > 100 and taken["go on"] > 50 and taken["merge"] > 50, taken


def _counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many readings went each way, so that the property is known to speak of both."""
    taken: Counter[str] = Counter()
    append, put = raw.append, raw.put

    def appending(batch: raw.Batch) -> None:
        known = db.row(f"SELECT COUNT(*) FROM reading WHERE post_id IN ({','.join(map(str, batch.post_ids))})")
        taken["go on" if known and known[0] else "append"] += len(batch)
        append(batch)

    def putting(batch: raw.Batch) -> None:
        taken["merge"] += len(batch)
        put(batch)

    monkeypatch.setattr(raw, "append", appending)
    monkeypatch.setattr(raw, "put", putting)
    return taken


def _assert_facts_of_posts_are_kept() -> None:
    differing = db.rows(
        "SELECT p.id FROM post p JOIN post_stat s ON s.post_id = p.id JOIN feed f ON f.id = s.feed_id"
        " WHERE s.posted_at <> p.posted_at OR s.media <> p.media OR s.is_deleted <> (p.deleted_at IS NOT NULL OR p.id IN"
        " (SELECT d.post_id FROM private_deletion d JOIN source o ON o.id = d.source_id AND o.workspace_id = f.workspace_id))"
    )
    assert differing == []


def _assert_engagement_is_of_the_latest_that_told_it() -> None:
    """Recount in plain Python: forwards and comments of a post in a feed, and its ER of the parts that are known."""
    for feed, workspace in db.rows("SELECT id, workspace_id FROM feed"):
        stats = db.rows(
            "SELECT post_id, views, reactions, forwards, comments, engagement_source_id, er_ppm FROM post_stat"
            " WHERE feed_id = ?",
            feed,
        )
        for post, views, reactions, forwards, comments, source, er_ppm in stats:
            told = db.row(
                "SELECT r.forwards, r.comments, r.source_id FROM reading r JOIN source s ON s.id = r.source_id"
                " WHERE r.post_id = ? AND s.workspace_id IN (0, ?) AND (r.forwards >= 0 OR r.comments >= 0)"
                " ORDER BY r.observed_at DESC, r.step = 0 DESC, COALESCE(r.forwards, -1) DESC,"
                " COALESCE(r.comments, -1) DESC LIMIT 1",
                *(post, workspace),
            )
            assert (forwards, comments, source) == (told or (None, None, None))
            parts = [part for part in (reactions, forwards, comments) if part is not None]
            assert er_ppm == (sum(parts) * 1_000_000 // views if parts and views else None)
            assert workspace or forwards is comments is None, "no public source tells them"


def _assert_exactly_the_falls_are_marked() -> None:
    """Recount in plain Python: below an earlier reading by more than the coarsest step so far, by what each audience
    may see. Its own sources' readings bear the mark; its curve says so of every one."""
    assert db.row("SELECT COUNT(*) FROM reading WHERE views IS NULL AND flag <> 0") == (0,)
    for workspace in (0, 1, 2):
        expected: Counter[tuple] = Counter()
        highest: dict[int, int] = {}
        coarsest: dict[int, int] = {}
        found = db.rows(
            "SELECT r.post_id, r.views, r.step, r.flag, r.observed_at, s.workspace_id FROM reading r"
            " JOIN source s ON s.id = r.source_id WHERE s.workspace_id IN (0, ?) AND r.views IS NOT NULL"
            " ORDER BY r.post_id, r.observed_at, r.views, r.step DESC",
            workspace,
        )
        for post, views, step, flag, at, owner in found:
            coarsest[post] = max(coarsest.get(post, 0), step)
            falls = views + coarsest[post] < highest.get(post, -1)
            highest[post] = max(highest.get(post, -1), views)
            expected[post, db.moment(at), views, step, falls] += 1
            assert owner != workspace or flag == int(falls)
        posts = [post for (post,) in db.rows("SELECT id FROM post")]
        assert expected == Counter(
            (p, at, v, s, f) for p in posts for at, v, s, _, f in post_queries.curve(p, workspace)
        )


def _total_gain(workspace: int) -> int:
    """Recount in plain Python: what each post gained from its origin (or first reading) to its maximum."""
    total = 0
    for post, posted in db.rows("SELECT id, posted_at FROM post"):
        found = db.rows(
            "SELECT r.observed_at, r.views, r.step FROM reading r JOIN source s ON s.id = r.source_id"
            " WHERE r.post_id = ? AND r.views IS NOT NULL AND s.workspace_id IN (0, ?)",
            *(post, workspace),
        )
        best: dict[int, tuple[bool, int]] = {}
        for at, views, step in found:
            moment = db.to_ms(db.moment(at))
            best[moment] = max(best.get(moment, (False, -1)), (step == 0, views))
        if best:
            curve = [best[moment][1] for moment in sorted(best)]
            age = min(best) - db.to_ms(db.moment(posted))
            base = 0 if 0 <= age <= 2 * 86_400_000 else curve[0]
            total += max(curve) - base
    return total


def test_a_check_finds_a_rollup_that_was_tampered_with(runtime: Runtime) -> None:
    chat = Chat.create(title="x", username="x", created_at=NOW).id
    readings.ensure_feed(chat, now=NOW)
    source = readings.ensure_source("a", now=NOW)
    ids = readings.record_posts(chat, [readings.PostFacts(1, NOW)])
    readings.record_readings(chat, [(ids[1], db.to_ms(NOW) + 3_600_000, source, 10, None, 0)], now=NOW)
    with db.write():
        db.execute("UPDATE feed_hour SET micro_views = micro_views + 1")
    assert readings.check_feeds(now=NOW).details == {"feed_hour": 1}
    readings.rebuild(now=NOW)
    assert readings.check_feeds(now=NOW).differences == 0


_CRASH = """
import os, sys
from datetime import UTC, datetime
from app.core import db
from app.readings import rollups, service
db.connect(sys.argv[1])
real = rollups.move
def dying(*args, **kwargs):
    real(*args, **kwargs)
    os.kill(os.getpid(), 9)
rollups.move = dying
now = datetime(2026, 3, 1, 12, tzinfo=UTC)
service.record_readings(1, [(1, db.to_ms(now) + 7_200_000, 1, 50, None, 0)], now=now)
"""


def test_a_crash_between_raw_rows_and_commit_leaves_nothing_half_done(runtime: Runtime) -> None:
    chat = Chat.create(title="x", username="x", created_at=NOW).id
    readings.ensure_feed(chat, now=NOW)
    readings.ensure_source("a", now=NOW)
    readings.record_posts(chat, [readings.PostFacts(1, NOW)])
    with db.write():
        if db.is_postgres():
            assert db.row("SELECT id FROM post") == (1,)
    root = Path(__file__).parents[2]
    died = subprocess.run(
        [sys.executable, "-c", _CRASH, runtime.settings.database_url],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert died.returncode == -9
    assert db.row("SELECT COUNT(*) FROM reading") == (0,)
    assert readings.check_feeds(now=NOW).differences == 0


@pytest.mark.parametrize(("values", "flagged"), [([10, 20, 15], [15]), ([10, 20, 30], [])])
def test_a_falling_count_is_kept_as_read_and_flagged(runtime: Runtime, values: list[int], flagged: list[int]) -> None:
    chat = Chat.create(title="x", username="x", created_at=NOW).id
    readings.ensure_feed(chat, now=NOW)
    source = readings.ensure_source("a", now=NOW)
    ids = readings.record_posts(chat, [readings.PostFacts(1, NOW)])
    for hour, views in enumerate(values, start=1):
        at = db.to_ms(NOW) + hour * 3_600_000
        readings.record_readings(chat, [(ids[1], at, source, views, None, 0)], now=NOW)
    assert [v for (v,) in db.rows("SELECT views FROM reading ORDER BY observed_at")] == values
    assert [v for (v,) in db.rows("SELECT views FROM reading WHERE flag = 1")] == flagged


def test_exact_beats_rounded_at_equal_time(runtime: Runtime) -> None:
    chat = Chat.create(title="x", username="x", created_at=NOW).id
    readings.ensure_feed(chat, now=NOW)
    rounded, exact = (readings.ensure_source(k, now=NOW) for k in ("page", "session"))
    ids = readings.record_posts(chat, [readings.PostFacts(1, NOW)])
    at = db.to_ms(NOW) + 3_600_000
    readings.record_readings(chat, [(ids[1], at, rounded, 4850, None, 10), (ids[1], at, exact, 4846, None, 0)], now=NOW)
    assert db.row("SELECT views, step, source_id FROM post_stat") == (4846, 0, exact)
