"""The definitions (app/analytics/definitions.py) on a fixture that was computed by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.analytics import build, periods
from app.analytics.definitions import DEFINITIONS
from app.analytics.pages import ChannelPage
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import ChannelRef, channel_of
from app.core import db
from app.core.errors import Invalid
from app.readings import service as readings
from tests.world import Owner, owned_channel, owner

NOW = datetime(2026, 3, 12, 18, tzinfo=UTC)
# three posts of the week and one before it; (age in hours, views, reactions) of each reading
POSTS = {
    1: (datetime(2026, 3, 8, 6, tzinfo=UTC), [(1, 100, 3), (24, 400, 9), (60, 700, 14)]),
    2: (datetime(2026, 3, 9, 6, tzinfo=UTC), [(2, 90, 1), (24, 300, 4), (48, 500, 6)]),
    3: (datetime(2026, 3, 12, 6, tzinfo=UTC), [(1, 70, 0), (6, 130, 1)]),  # younger than a day
    4: (datetime(2026, 3, 10, 6, tzinfo=UTC), [(1, 5000, 900), (24, 9000, 950)]),  # deleted
}
SUBSCRIBERS = 800


def _fixture(zone: str = "Asia/Tashkent") -> tuple[Owner, ChannelRef]:
    who = owner("Aziza", now=NOW)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=NOW)
    Channel.update(timezone=zone).where(Channel.workspace == who.workspace.id, Channel.id == channel.id).execute()
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    ids = readings.record_posts(channel.chat, [readings.PostFacts(n, at) for n, (at, _) in POSTS.items()])
    rows = [
        (ids[n], db.to_ms(at + timedelta(hours=age)), source, views, reactions, 0)
        for n, (at, curve) in POSTS.items()
        for age, views, reactions in curve
    ]
    readings.record_readings(channel.chat, rows, now=NOW)
    readings.record_subscribers(
        channel.chat, source_id=source, value=SUBSCRIBERS, step=0, observed_at=NOW - timedelta(hours=1)
    )
    readings.mark_deleted(ids[4], at=NOW)
    ref = channel_of(who.workspace.id, channel.public_id)
    assert ref is not None
    return who, ref


def _page(who: Owner, ref: ChannelRef) -> ChannelPage:
    return build.channel_page(who.workspace.id, ref, span=Span(7), now=NOW)


@pytest.mark.parametrize(
    ("key", "by_hand"),
    [
        ("reach", (700 + 500 + 130) / 3),
        ("err", 100 * (700 + 500 + 130) / 3 / 800),
        ("err24", 100 * (400 + 300) / 2 / 800),
        ("er", 100 * (14 + 6 + 1) / (700 + 500 + 130)),
        ("reactions", 14 + 6 + 1),
        ("posts", 3),
        ("subscribers", 800),
    ],
)
def test_a_number_is_what_its_definition_says(runtime: Runtime, key: str, by_hand: float) -> None:
    found = _page(*_fixture()).tiles[key]
    assert found.value == pytest.approx(by_hand, rel=1e-9, abs=1e-9)
    assert found.unit == DEFINITIONS[key].unit and found.sources == ("preview_page",)


def test_a_posts_own_rates(runtime: Runtime) -> None:
    who, ref = _fixture()
    first = build.post_page(who.workspace.id, ref, "1", now=NOW)
    assert first is not None
    assert (first.post.views_24h.value, first.post.er.value) == (400, pytest.approx(100 * 14 / 700, rel=1e-12))
    young = build.post_page(who.workspace.id, ref, "3", now=NOW)
    assert young is not None and young.post.views_24h.value is None


ZONES = ("UTC", "Asia/Tashkent", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "America/New_York")


@pytest.mark.parametrize("zone", ZONES)
def test_hours_days_and_the_heat_map_sum_to_the_views_gained_in_every_zone(runtime: Runtime, zone: str) -> None:
    who, ref = _fixture(zone)
    gained = 700 + 500 + 130 + 9000  # the deleted post's views were gained too
    content, overview = build.content_page(who.workspace.id, ref, span=Span(30), now=NOW), _page(who, ref)
    assert content.views.value == gained == overview.tiles["views"].value
    assert sum(v or 0 for v in content.by_hour) == gained
    assert sum(v or 0 for row in content.heat for v in row) == gained
    assert sum(p.value or 0 for p in overview.views_by_day) == gained


def test_an_hour_keeps_its_local_place_across_a_change_of_the_clocks(runtime: Runtime) -> None:
    first, last = (int(datetime(2026, 3, d, tzinfo=UTC).timestamp()) // 3600 for d in (7, 10))
    offset, changes = periods.shifts(first, last, "America/New_York")
    spring = int(datetime(2026, 3, 8, 7, tzinfo=UTC).timestamp()) // 3600
    assert (offset, changes) == (-5, ((spring, 1),))
    assert periods.shifts(first, last, "Asia/Kolkata") == (5, ()), "a half-hour zone's hours have one place each"


def test_the_change_is_against_the_days_before_and_missing_without_them(runtime: Runtime) -> None:
    who, ref = _fixture()
    page = build.channel_page(who.workspace.id, ref, span=Span(2, date(2026, 3, 10)), now=NOW)
    assert page.tiles["posts"].value == 1, "the post of the 9th; the one of the 10th is deleted"
    assert page.tiles["posts"].delta is None, "nothing was read before the 8th, so the days before are unknown"
    later = build.channel_page(who.workspace.id, ref, span=Span(2, date(2026, 3, 11)), now=NOW)
    assert later.tiles["posts"].value == 0 or later.tiles["posts"].value is None
    known = build.channel_page(who.workspace.id, ref, span=Span(1, date(2026, 3, 12)), now=NOW)
    assert known.tiles["views"].delta is not None
    today = known.tiles["views"].value
    yesterday = build.channel_page(who.workspace.id, ref, span=Span(1, date(2026, 3, 11)), now=NOW).tiles["views"].value
    assert today is not None and yesterday is not None
    assert known.tiles["views"].delta.value == today - yesterday


def test_a_period_in_the_past_tells_its_own_count_and_not_todays(runtime: Runtime) -> None:
    who, ref = _fixture()
    source = readings.ensure_source(readings.BOT_UPDATES, now=NOW)
    for days, value in ((6, 700), (3, 740)):
        readings.record_subscribers(
            ref.chat_id, source_id=source, value=value, step=0, observed_at=NOW - timedelta(days=days)
        )
    page = build.channel_page(who.workspace.id, ref, span=Span(2, date(2026, 3, 9)), now=NOW)
    count = page.tiles["subscribers"]
    assert (count.value, count.sources, count.observed_at) == (740, ("bot_updates",), NOW - timedelta(days=3))
    assert page.tiles["growth"].value == 40


def test_a_period_that_ends_in_the_future_keeps_its_first_day(runtime: Runtime) -> None:
    who, ref = _fixture()
    page = build.channel_page(who.workspace.id, ref, span=Span(10, date(2026, 3, 15)), now=NOW)
    assert (page.period.start, page.period.end, page.period.days) == (date(2026, 3, 6), date(2026, 3, 12), 7)
    with pytest.raises(Invalid):
        build.channel_page(who.workspace.id, ref, span=Span(2, date(2026, 4, 1)), now=NOW)
