"""Who comes, who goes, how long they stay, and whether it adds up."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from app.analytics import audience_queries as queries
from app.analytics.audience_pages import AudiencePage
from app.analytics.build.audience import audience_page
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.channels.service import reconciling
from app.channels.service.presence import Presence
from app.channels.service.reconciling import Count, Day
from app.core import db
from app.readings import audience_jobs
from app.readings import service as readings
from tests.channels.audience import bot_in, move, stand
from tests.world import Owner, owned_channel, owner, watched

LINK = "https://t.me/+one"


def _channel(now: datetime, *, days: int = 60) -> tuple[Owner, Channel]:
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    bot_in(channel, at=now - timedelta(days=days))
    return who, channel


def _page(who: Owner, channel: Channel, now: datetime, days: int = 30) -> AudiencePage:
    ref = channel_of(who.workspace.id, channel.public_id)
    assert ref is not None
    return audience_page(who.workspace.id, ref, span=Span(days), now=now)


def test_joins_and_leaves_are_counted_by_the_channels_own_day(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now)
    late = datetime(2026, 2, 27, 20, 30, tzinfo=now.tzinfo)  # the 28th in Tashkent
    for n in range(3):
        move(channel, f"p{n}", "join", at=late)
    move(channel, "p0", "leave", at=now - timedelta(hours=1))
    page = _page(who, channel, now)
    joins = {p.day: p.value for p in page.joins}
    leaves = {p.day: p.value for p in page.leaves}
    assert (joins[date(2026, 2, 28)], joins[date(2026, 2, 27)], leaves[date(2026, 3, 1)]) == (3, 0, 1)
    assert [page.tiles[k].value for k in ("joins", "leaves", "net")] == [3, 1, 2]
    assert page.tiles["joins"].sources == ("bot_updates",)


def test_days_before_the_bot_came_are_no_zero(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now, days=3)
    move(channel, "p", "join", at=now - timedelta(days=1))
    page = _page(who, channel, now, days=7)
    assert [p.value is None for p in page.joins] == [True, True, True, False, False, False, False]
    assert page.since == now - timedelta(days=3)


def test_without_a_bot_there_is_no_source(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    page = _page(who, channel, now)
    assert page.since is None and page.tiles["joins"].value is None and not page.sources


def test_who_only_watches_a_channel_sees_nobodys_joins(runtime: Runtime, now: datetime) -> None:
    _, channel = _channel(now)
    move(channel, "p", "join", at=now - timedelta(days=1))
    bek = owner("Bek", now=now)
    page = _page(bek, watched(bek, "news", now=now), now)
    assert page.since is None and page.tiles["joins"].value is None and not page.cohorts and not page.sources


def test_a_person_counts_by_the_latest_join_only(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now)
    for days, kind, link in ((20, "join", LINK), (19, "leave", None), (10, "join", None)):
        move(channel, "p", kind, at=now - timedelta(days=days), link=link)
    page = _page(who, channel, now)
    ((kind, joined, here),) = [(s.kind, s.joined.value, s.here.value) for s in page.sources]
    assert (kind, joined, here) == ("public", 1, 1)
    assert page.tiles["joins"].value == 2, "both joins happened"
    assert sum(c.joined.value or 0 for c in page.cohorts) == 1


def test_a_joiner_too_young_for_an_age_counts_neither_way(runtime: Runtime, now: datetime) -> None:
    _, channel = _channel(now)
    for name, joined, stayed in (("a", 10, None), ("b", 8, 2), ("c", 3, None), ("d", 0.5, None)):
        at = now - timedelta(days=joined)
        move(channel, name, "join", at=at, link=LINK)
        if stayed:
            move(channel, name, "leave", at=at + timedelta(days=stayed))
    found = queries.stays(channel.chat, 7, since=now - timedelta(days=30), until=now, now=now)
    assert [queries.kept(found, age) for age in (1, 7, 30)] == [(3, 3), (2, 1), (0, 0)]


def test_ways_in_are_told_apart(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now)
    at = now - timedelta(days=2)
    move(channel, "a", "join", at=at, link="https://t.me/+foreign")
    move(channel, "b", "join", at=at, request=True)
    move(channel, "c", "join", at=at)
    page = _page(who, channel, now)
    assert sorted(s.kind for s in page.sources) == ["other_link", "public", "request"]
    assert {s.kept_24h.value for s in page.sources} == {100} and {s.kept_7d.value for s in page.sources} == {None}


def test_a_cohorts_cell_is_blank_until_its_whole_week_had_the_time(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now)  # Sunday, 1 March 2026, 17:00 in Tashkent
    monday = datetime(2026, 2, 9, 7, tzinfo=now.tzinfo)
    move(channel, "a", "join", at=monday)
    move(channel, "b", "join", at=monday + timedelta(days=6))
    move(channel, "b", "leave", at=monday + timedelta(days=15))
    (row,) = _page(who, channel, now).cohorts
    assert row.week == date(2026, 2, 9)
    assert [cell and cell.value for cell in row.kept[:3]] == [100, None, None]
    later = now + timedelta(days=1)
    (row,) = _page(who, channel, later).cohorts
    assert [cell and cell.value for cell in row.kept[:3]] == [100, 50, None]


NOON = datetime.fromisoformat("2026-02-10T00:00:00+00:00")
HERE = Presence(((NOON - timedelta(days=9), None),))
GONE = Presence(((NOON - timedelta(days=9), NOON + timedelta(hours=3)), (NOON + timedelta(hours=5), None)))


def _day(counted: int, *, joins: int = 5, leaves: int = 2, step: int = 0, blurred: int = 0) -> Day:
    end = Count(NOON + timedelta(days=1), counted, step)
    return Day(NOON.date(), Count(NOON, 1000, step), end, joins, leaves, blurred)


@pytest.mark.parametrize(
    ("day", "presence", "reason", "gap"),
    [
        (_day(1003), HERE, None, 0),
        (_day(1003), GONE, None, 0),
        (_day(1004), HERE, "unexplained", 1),
        (_day(1000), GONE, "bot_absent", -3),
        (_day(1040, step=50), HERE, "rounded", 37),
        (_day(1140, step=50), HERE, "unexplained", 137),
        (_day(1004, blurred=1), HERE, None, 1),
        (_day(1005), Presence(), "bot_absent", 2),
    ],
)
def test_a_day_that_does_not_add_up_says_why(day: Day, presence: Presence, reason: str | None, gap: int) -> None:
    assert (reconciling.reason_of(day, presence), day.gap) == (reason, gap)


def test_absences_are_the_time_between_the_stretches() -> None:
    assert GONE.absences(NOON, NOON + timedelta(days=1)) == [(NOON + timedelta(hours=3), NOON + timedelta(hours=5))]
    assert Presence().absences(NOON, NOON + timedelta(days=1)) == [(NOON, NOON + timedelta(days=1))]
    assert HERE.absences(NOON, NOON + timedelta(days=1)) == []


def test_the_job_keeps_a_gap_once_and_forgets_it_when_late_updates_explain_it(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now)
    bot = readings.ensure_source(readings.BOT_UPDATES, now=now)
    midnight = now.replace(hour=0)
    for days, value in ((1, 1000), (0, 1002)):
        at = midnight - timedelta(days=days, minutes=5)
        readings.record_subscribers(channel.chat, source_id=bot, value=value, step=0, observed_at=at)
    move(channel, "a", "join", at=midnight - timedelta(hours=9))
    assert [audience_jobs.reconcile_days(now=now) for _ in range(2)] == [1, 1]
    (gap,) = _page(who, channel, now).gaps
    assert (gap.day, gap.gap.value, gap.reason, gap.joins.value) == (date(2026, 2, 28), 1, "unexplained", 1)
    move(channel, "b", "join", at=midnight - timedelta(hours=8))
    assert audience_jobs.reconcile_days(now=now) == 0
    assert db.row("SELECT COUNT(*) FROM subscriber_reconciliation") == (0,)


def test_a_bot_that_was_away_explains_the_gap_with_the_time(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now)
    bot = readings.ensure_source(readings.BOT_UPDATES, now=now)
    midnight = now.replace(hour=0)
    for days, value in ((1, 1000), (0, 990)):
        at = midnight - timedelta(days=days, minutes=5)
        readings.record_subscribers(channel.chat, source_id=bot, value=value, step=0, observed_at=at)
    away, back = midnight - timedelta(hours=10), midnight - timedelta(hours=4)
    stand(channel, "left", at=away)
    stand(channel, "administrator", at=back)
    audience_jobs.reconcile_days(now=now)
    (gap,) = _page(who, channel, now).gaps
    assert (gap.reason, gap.gap.value, gap.absences) == ("bot_absent", -10, ((away, back),))
