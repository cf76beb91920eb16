"""The collector over a local HTTP server that serves hand-written pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from app.billing.service.limits import PlanLimits
from app.boot import Runtime
from app.core import clock, db, leases
from app.core.errors import Upstream
from app.core.settings import Settings
from app.readings import jobs
from app.readings.collectors.base import ChannelPage
from app.readings.collectors.preview_page import PreviewPages
from app.readings.service import (
    PostFacts,
    collecting,
    ensure_source,
    import_view_readings,
    record_posts,
    record_readings,
)
from tests.bot.conftest import Apply
from tests.bot.wire import CHAT_ID, FakeTelegram, standing
from tests.world import watch

PAGE = Path(__file__).parents[1] / "readings" / "collectors" / "fixtures" / "every_kind_2026.html"
WATCH = "SELECT state, failures, last_error FROM preview_watch"


class PreviewServer:
    """t.me on loopback: `pages[name]` is the HTML of /s/<name>; every request is written down."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.asked: list[tuple[str, float, str]] = []
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, time.monotonic(), self.headers["User-Agent"]))
                body = outer.pages.get(self.path.split("?")[0].removeprefix("/s/"), "").encode()
                self.send_response(200 if body else 503)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def tme() -> Iterator[PreviewServer]:
    server = PreviewServer()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def settings(runtime: Runtime, tme: PreviewServer, tmp_path: Path) -> Settings:
    return Settings(  # type: ignore[call-arg]
        _env_file=None, data_dir=tmp_path, telegram_preview_url=tme.url, preview_pages_per_minute=60
    )


def _follow(*names: str) -> None:
    watch(*names, now=clock.utcnow())


def _collect(settings: Settings, run_s: float = 0.95) -> int:
    """A run; as each page is followed by a second's pause, one page at most by default, also on a busy machine."""
    return jobs.collect_due(settings, on_turn=lambda: None, run_s=run_s)


def test_a_due_page_becomes_readings_with_their_precision(settings: Settings, tme: PreviewServer) -> None:
    tme.pages["field_notes"] = PAGE.read_text()
    _follow("field_notes")
    assert _collect(settings) == 1
    found = db.row("SELECT COUNT(*), MIN(views), MAX(step) FROM reading WHERE views IS NOT NULL")
    assert found and found[0] > 0 and found[1] > 0 and found[2] > 0
    assert db.row("SELECT value, step FROM subscriber_reading") == (12300, 100)
    assert db.row(WATCH) == ("ok", 0, None)
    assert "AnalyticBot" in tme.asked[0][2]
    (due_at,) = db.row("SELECT next_due_at FROM preview_watch") or (0,)
    assert db.moment(due_at) > clock.utcnow(), "the next look is planned"


def test_a_changed_layout_leaves_no_zeros_and_is_seen(settings: Settings, tme: PreviewServer) -> None:
    tme.pages["field_notes"] = PAGE.read_text().replace("tgme_widget_message_views", "tgme_eyes")
    _follow("field_notes")
    _collect(settings)
    assert db.row("SELECT COUNT(*) FROM reading") == (0,)
    assert db.row("SELECT COUNT(*) FROM subscriber_reading") == (0,)
    state, failures, error = db.row(WATCH) or ("", 0, "")
    assert (state, failures) == ("layout_changed", 1)
    assert error


def test_a_page_that_fails_backs_off_and_the_next_channel_is_read(settings: Settings, tme: PreviewServer) -> None:
    tme.pages["field_notes"] = PAGE.read_text()
    _follow("broken_one", "field_notes")
    assert _collect(settings, 1.6) == 2
    assert db.rows("SELECT state FROM preview_watch ORDER BY chat_id") == [("waiting",), ("ok",)]


def test_pages_are_asked_for_at_most_once_a_second(settings: Settings, tme: PreviewServer) -> None:
    _follow("first_one", "second_one", "third_one")
    assert _collect(settings, 2.5) == 3
    moments = [at for _, at, _ in tme.asked]
    assert min(later - earlier for earlier, later in zip(moments, moments[1:], strict=False)) >= 1.0


def test_the_pace_keeps_its_mean_and_never_falls_under_a_second() -> None:
    pauses = [jobs.Pace(50, chance=partial(min, drawn)).pause_s() for drawn in (0, 1000, 2000)]
    assert pauses == pytest.approx([1.08, 1.2, 1.32])
    assert jobs.Pace(60, chance=lambda _n: 0).pause_s() == 1.0


def test_only_one_collector_reads_at_a_time(settings: Settings, tme: PreviewServer) -> None:
    _follow("field_notes")
    assert leases.take(jobs.LEASE, "another process", now=clock.utcnow(), ttl_s=30)
    turns = list[int]()
    assert jobs.collect_due(settings, on_turn=lambda: turns.append(1), run_s=0.1) == 0
    assert (tme.asked, len(turns)) == ([], 2)
    leases.give_back(jobs.LEASE, "another process")
    assert _collect(settings) == 1


def test_a_source_that_is_switched_off_is_not_read(settings: Settings, tme: PreviewServer) -> None:
    _follow("field_notes")
    ensure_source("preview_page", now=clock.utcnow())
    db.execute("UPDATE source SET is_on = ?", False)
    assert _collect(settings, 0.1) == 0
    assert tme.asked == []


def test_gauges_say_how_late_the_source_is(settings: Settings) -> None:
    _follow("field_notes")
    db.execute("UPDATE preview_watch SET next_due_at = next_due_at - 90000")
    jobs.publish_gauges(settings, now=clock.utcnow())
    gauges = dict(db.rows("SELECT name, value FROM gauge"))
    assert gauges["preview_channels"] == 1
    assert 89 <= gauges["preview_late_seconds"] <= 92


class _Defective:
    source: ClassVar[str] = "preview_page"

    def read(self, channel: str, *, before: int | None = None) -> ChannelPage:
        raise ZeroDivisionError(channel)


def test_a_page_that_breaks_us_is_laid_aside_where_it_is_seen(settings: Settings) -> None:
    _follow("field_notes")
    assert jobs.collect_one(_Defective(), now=clock.utcnow())
    assert db.row(WATCH) == ("defect", 1, "ZeroDivisionError: field_notes")
    assert not jobs.collect_one(_Defective(), now=clock.utcnow())


def test_a_channel_that_lost_its_name_holds_up_nobody(settings: Settings, tme: PreviewServer) -> None:
    tme.pages["field_notes"] = PAGE.read_text()
    _follow("went_private", "field_notes")
    db.execute("UPDATE chat SET username = NULL WHERE username = 'went_private'")
    assert _collect(settings) == 1


def test_member_counts_of_owned_channels_are_exact(
    runtime: Runtime, owned: None, telegram: FakeTelegram, apply: Apply
) -> None:
    telegram.counts[CHAT_ID] = 1250
    time.sleep(1.1)  # readings are kept by the second
    assert jobs.read_member_counts(runtime.bots) == 1
    assert [value for (value,) in db.rows("SELECT value FROM subscriber_reading ORDER BY observed_at")] == [1234, 1250]
    assert db.row("SELECT DISTINCT step FROM subscriber_reading") == (0,)
    telegram.failures["member_count"] = [Upstream("Too Many Requests", retry_after_s=9)]
    assert jobs.read_member_counts(runtime.bots) == 0
    apply(standing(9, was="administrator", now_is="left"))
    assert jobs.read_member_counts(replace(runtime).bots) == 0


SUMMER = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)  # the page's own posts are too old to be followed by then
LOOKS_AN_HOUR, POINTS_AN_HOUR = 4, 3  # every 15 minutes; a post is read when it is 15, 30 and 60 minutes old


def _watched(now: datetime) -> int:
    watch("field_notes", now=now)
    (chat_id,) = db.row("SELECT id FROM chat WHERE username = 'field_notes'") or (0,)
    return int(chat_id)


def _work_for_an_hour(tme: PreviewServer, start: datetime) -> list[str]:
    """An hour of turns, one every five seconds; returns what t.me was asked for."""
    with httpx.Client() as client:
        pages = PreviewPages(client, tme.url)
        for n in range(720):
            at = start + timedelta(seconds=5 * n)
            page = collecting.due_page(at)
            if page is not None:
                collecting.collect(page, pages, now=at, clock=partial(min, at, at))
    return [path for path, _, _ in tme.asked]


@pytest.mark.parametrize(
    ("message_id", "most"),
    [(900_000, LOOKS_AN_HOUR + POINTS_AN_HOUR), (1, 2 * LOOKS_AN_HOUR)],
    ids=["newer than the page", "older than the page: once after each look"],
)
def test_a_deleted_post_is_not_asked_for_again_and_again(
    settings: Settings, tme: PreviewServer, message_id: int, most: int
) -> None:
    tme.pages["field_notes"] = PAGE.read_text()
    chat_id = _watched(SUMMER)
    record_posts(
        chat_id, [PostFacts(message_id, SUMMER - timedelta(minutes=1))]
    )  # the bot told us, then it was deleted
    assert LOOKS_AN_HOUR <= len(_work_for_an_hour(tme, SUMMER)) <= most


@pytest.mark.parametrize("message_id", [2_000_000_000, 1])
def test_a_message_that_only_an_import_names_is_never_asked_for(
    settings: Settings, tme: PreviewServer, tmp_path: Path, message_id: int
) -> None:
    tme.pages["field_notes"] = PAGE.read_text()
    _watched(SUMMER)
    (workspace_id,) = db.row("SELECT id FROM workspace") or (0,)
    file = tmp_path / "readings.csv"
    file.write_text(
        "channel,message_id,posted_at,snapshot_at,views\n"
        f"field_notes,{message_id},{SUMMER - timedelta(minutes=9)},{SUMMER - timedelta(minutes=8)},5\n"
    )
    import_view_readings(file, None, workspace_id=workspace_id, actor="a", limits=PlanLimits(), now=SUMMER)
    assert db.row("SELECT COUNT(*) FROM chat") == (1,)
    assert _work_for_an_hour(tme, SUMMER) == ["/s/field_notes"] * LOOKS_AN_HOUR


def test_what_a_private_source_reads_delays_no_public_reading(settings: Settings) -> None:
    now = clock.utcnow().replace(microsecond=0)
    chat_id = _watched(now)
    public, private = ensure_source("preview_page", now=now), ensure_source("owner_session", workspace_id=7, now=now)
    ids = record_posts(chat_id, [PostFacts(50, now - timedelta(hours=3))])
    record_readings(chat_id, [(ids[50], db.to_ms(now - timedelta(hours=2)), public, 10, None, 0)], now=now)
    page = collecting.DuePage(chat_id, "x", None, now)
    nothing = ChannelPage("x", None, "x", None, (), None, None)
    before = collecting._tracked(page, nothing, now=now)
    record_readings(chat_id, [(ids[50], db.to_ms(now), private, 12, None, 0)], now=now)
    assert collecting._tracked(page, nothing, now=now) == before != []


def test_a_page_whose_clock_is_ahead_of_ours_is_dated_by_ours(settings: Settings, tme: PreviewServer) -> None:
    tme.pages["field_notes"] = PAGE.read_text()
    page_clock = datetime(2026, 5, 5, 16, 30, 11, tzinfo=UTC)
    ours = page_clock - timedelta(hours=2)
    _watched(ours)
    _work_for_an_hour(tme, ours)
    moments = {db.moment(at) for (at,) in db.rows("SELECT observed_at FROM reading")}
    assert min(moments) == ours and max(moments) < ours + timedelta(hours=1, minutes=1)
    (posted,) = db.row("SELECT MAX(posted_at) FROM post") or (None,)
    assert db.moment(posted) < ours + timedelta(hours=2)
