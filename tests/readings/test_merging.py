"""One channel under two names or from two sources is one channel, and counts once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.analytics import build
from app.billing.service.limits import PlanLimits
from app.boot import Runtime
from app.channels.models import Chat
from app.channels.service import connect
from app.core import db
from app.readings import service as readings
from app.readings.collectors.base import ChannelPage, Count, SeenPost
from app.readings.service.onboard import connect_owned
from tests.world import Owner, owned_channel, owner, read_posts, watched

_TELEGRAM_ID = -1001234


@dataclass
class _Pages:
    """A source that shows one page whatever is asked."""

    page: ChannelPage

    def read(self, _username: str, *, before: int | None = None) -> ChannelPage:
        return self.page


def _import(who: Owner, folder: Path, *lines: str, now: datetime) -> None:
    file = folder / "recorded.csv"
    file.write_text("channel,message_id,posted_at,snapshot_at,views\n" + "\n".join(lines) + "\n")
    readings.import_view_readings(file, None, workspace_id=who.workspace.id, actor="u", limits=PlanLimits(), now=now)


def _lines(now: datetime, *views: int) -> list[str]:
    """News1's messages 1, 2 … posted by the hour, each read a day later."""
    times = [(now - timedelta(days=3) + timedelta(hours=n), v) for n, v in enumerate(views, 1)]
    return [
        f"News1,{n},{at:%Y-%m-%dT%H:%M:%SZ},{at + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ},{v}"
        for n, (at, v) in enumerate(times, 1)
    ]


def _page(now: datetime, *, name: str = "news1") -> ChannelPage:
    post = SeenPost(500, None, now - timedelta(hours=1), False, Count(70, 0), (), (), 3, None, False)
    return ChannelPage(name, _TELEGRAM_ID, "News", Count(900, 0), (post,), now, None)


def _collect(now: datetime, page: ChannelPage) -> int:
    due = readings.due_page(now)
    assert due is not None
    return readings.collect(due, _Pages(page), now=now, clock=lambda: now)


def test_recorded_data_and_a_later_watch_of_the_same_name_are_one_channel(
    runtime: Runtime, now: datetime, tmp_path: Path
) -> None:
    aziza, bek = owner("Aziza", now=now), owner("Bek", now=now)
    _import(aziza, tmp_path, *_lines(now, 100, 200), now=now)
    (before,) = db.row("SELECT public_id FROM channel") or ("",)
    watched(aziza, "NEWS1", now=now)
    watched(bek, "news1", now=now)
    _collect(now, _page(now))
    (hers,) = build.totals(aziza.workspace.id)
    (his,) = build.totals(bek.workspace.id)
    assert (hers["posts"], hers["views_latest_sum"], hers["subscribers_latest"]) == (3, 370, 900)
    assert (his["posts"], his["views_latest_sum"]) == (1, 70)  # what she brought stays hers
    assert db.rows("SELECT public_id FROM channel WHERE workspace_id = ?", aziza.workspace.id) == [(before,)]
    assert db.row("SELECT COUNT(*) FROM chat") == (1,)
    assert readings.check_feeds(now=now).differences == 0


def test_recorded_data_join_the_channel_when_the_bot_is_added(runtime: Runtime, now: datetime, tmp_path: Path) -> None:
    who = owner("Aziza", now=now)
    _import(who, tmp_path, *_lines(now, 100, 200), now=now)
    chat = connect.ensure_chat(connect.ChatFacts(_TELEGRAM_ID, "News", "news1"), now=now)
    channel = connect_owned(
        chat,
        workspace_id=who.workspace.id,
        actor="u",
        member_status="creator",
        bot_id=7,
        limits=PlanLimits(),
        is_simulated=False,
        pages_per_minute=50,
        now=now,
    )
    assert (channel.relation, channel.chat) == ("owned", chat.id)
    (total,) = build.totals(who.workspace.id)
    assert (total["posts"], total["views_latest_sum"]) == (2, 300)
    assert readings.check_feeds(now=now).differences == 0


def test_a_message_that_both_hold_keeps_the_readings_of_both(runtime: Runtime, now: datetime, tmp_path: Path) -> None:
    aziza, bek = owner("Aziza", now=now), owner("Bek", now=now)
    public = owned_channel(bek, "News1", telegram_chat_id=_TELEGRAM_ID, now=now)
    read_posts(public, posts=2, now=now)  # 150 and 300 views in the end
    _import(aziza, tmp_path, *_lines(now, 90, 200, 777), now=now)
    watched(aziza, "news1", now=now)
    (hers,), (his,) = build.totals(aziza.workspace.id), build.totals(bek.workspace.id)
    assert (his["posts"], his["views_latest_sum"]) == (2, 450)
    assert (hers["posts"], hers["views_latest_sum"]) == (3, 450 + 777)
    assert db.row("SELECT COUNT(*) FROM post") == (3,)
    assert db.row("SELECT COUNT(*) FROM reading") == (2 * 2 + 3,)
    assert readings.check_feeds(now=now).differences == 0


def test_a_renamed_channel_that_somebody_watches_by_its_new_name_is_recognised(runtime: Runtime, now: datetime) -> None:
    aziza, bek = owner("Aziza", now=now), owner("Bek", now=now)
    known = owned_channel(bek, "Old", telegram_chat_id=_TELEGRAM_ID, now=now)
    read_posts(known, posts=2, now=now)
    watched(aziza, "news1", now=now)
    assert _collect(now, _page(now)) == 1
    (chat,) = Chat.select()
    assert (chat.id, chat.username, chat.title) == (known.chat, "news1", "News")
    (hers,), (his,) = build.totals(aziza.workspace.id), build.totals(bek.workspace.id)
    assert hers == his and hers["posts"] == 3
    assert db.rows("SELECT chat_id, state FROM preview_watch") == [(known.chat, "ok")]
    assert readings.check_feeds(now=now).differences == 0


def test_who_watches_both_names_of_a_channel_keeps_one(runtime: Runtime, now: datetime) -> None:
    bek = owner("Bek", now=now)
    owned_channel(bek, "Old", telegram_chat_id=_TELEGRAM_ID, now=now)
    watched(bek, "news1", now=now)
    assert len(build.totals(bek.workspace.id)) == 2
    _collect(now, _page(now))
    assert len(build.totals(bek.workspace.id)) == 1
    assert db.rows("SELECT relation FROM channel WHERE deleted_at IS NULL") == [("owned",)]
