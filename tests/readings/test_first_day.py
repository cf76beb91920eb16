"""Views at 24 hours say what they rest on: the readings around that age, not the newest one."""

from __future__ import annotations

import csv
import io
import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts.service import sessions
from app.analytics import build
from app.analytics.pages import Figure
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel, Chat
from app.channels.queries import ChannelRef, channel_of
from app.core import clock, db, migrate
from app.readings import curves
from app.readings import service as readings
from app.web import create_app
from tests.conftest import NOW
from tests.world import Owner, owned_channel, owner

HOUR = 3600
POSTED = 1_000 * curves.DAY_S
UNKNOWN = (-1, 0, -1, -1)
One = tuple[int, int, int, int]  # age in seconds, views, step, source


def _found(told: list[One], since: curves.FeedRollup | None = None) -> tuple[curves.FeedRollup, tuple[int, ...]]:
    """The rollup of one post, and its (views, step, source, age of the reading) at 24 hours."""
    age, views, step, source = (np.asarray(c, dtype=np.int64) for c in zip(*told, strict=True))
    none, post = np.full(len(age), -1), np.zeros(len(age), dtype=np.int64)
    rows = curves.ReadingRows(post, POSTED + age, views, none, step, source, none, none)
    all_of = curves.rollup(rows, np.asarray([POSTED]), since)
    at = int(all_of.views_24h_at[0])
    told_of = (all_of.views_24h, all_of.views_24h_step, all_of.views_24h_source)
    return all_of, (*(int(c[0]) for c in told_of), at if at < 0 else at - POSTED)


@pytest.mark.parametrize(
    ("told", "by_hand"),
    [
        ([(20 * HOUR, 4800, 10, 1), (28 * HOUR, 5000, 0, 2), (90 * HOUR, 9000, 0, 2)], (4900, 10, 2, 28 * HOUR)),
        ([(20 * HOUR, 4800, 0, 1), (28 * HOUR, 5000, 100, 2)], (4900, 100, 2, 28 * HOUR)),
        ([(20 * HOUR, 4800, 100, 1), (24 * HOUR, 5000, 0, 2)], (5000, 0, 2, 24 * HOUR)),  # right at the age: it alone
        ([(25 * HOUR, 1000, 0, 3)], (960, 0, 3, 25 * HOUR)),  # on the line from the post's origin, which is exact
        ([(1 * HOUR, 40, 0, 3), (25 * HOUR, 1000, 0, 3)], (960, 0, 3, 25 * HOUR)),  # the next one is near
        ([(12 * HOUR, 500, 0, 3), (48 * HOUR, 2000, 0, 3)], (1000, 0, 3, 48 * HOUR)),  # both are near enough
        ([(48 * HOUR, 1000, 0, 3)], UNKNOWN),  # nobody knows how it grew in two days
        ([(11 * HOUR, 500, 0, 3), (30 * HOUR, 2000, 0, 3)], UNKNOWN),
        ([(20 * HOUR, 4800, 10, 1), (28 * HOUR, 4700, 0, 2)], (4800, 10, 1, 20 * HOUR)),  # the later one fell
        ([(9 * HOUR, 4800, 10, 1), (20 * HOUR, 4700, 0, 2), (28 * HOUR, 5000, 0, 2)], (4900, 10, 2, 28 * HOUR)),
        ([(20 * HOUR, 4800, 10, 1)], UNKNOWN),  # young
        ([(49 * HOUR, 4800, 10, 1)], UNKNOWN),  # read too late
    ],
)
def test_by_hand(told: list[One], by_hand: tuple[int, ...]) -> None:
    assert _found(told)[1] == by_hand


_told = st.lists(
    st.tuples(
        st.integers(1, 60).map(lambda h: h * HOUR), st.integers(0, 50), st.sampled_from([0, 10]), st.integers(1, 3)
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one[0],
).map(sorted)


def _recounted(told: list[One]) -> tuple[int, ...]:
    """The same in plain Python, reading by reading."""
    upto = next((n for n, (age, *_) in enumerate(told) if age >= curves.DAY_S), None)
    if upto is None:
        return UNKNOWN
    earlier, later = told[upto - 1][0] if upto else 0, told[upto][0]
    if 10 * later > 11 * curves.DAY_S and not (2 * earlier >= curves.DAY_S and later <= 2 * curves.DAY_S):
        return UNKNOWN
    age, views, step, source = max(told[: upto + 1], key=lambda one: (one[1], one[0]))
    if told[upto][0] == curves.DAY_S:
        return views, step, source, age
    _, low, low_step, _ = max(told[:upto], key=lambda one: (one[1], one[0]), default=(0, 0, 0, 0))
    start = told[upto - 1][0] if upto else 0
    value = low + (views - low) * (curves.DAY_S - start) // (told[upto][0] - start)
    return value, max(step, low_step), source, age


@settings(max_examples=400, deadline=None)
@given(_told, st.integers(1, 7))
def test_any_readings_say_what_a_recount_says_also_when_the_last_ones_come_later(told: list[One], cut: int) -> None:
    assert _found(told)[1] == _recounted(told)
    climbing = [(age, n * 10 + views % 10, step, source) for n, (age, views, step, source) in enumerate(told)]
    before, _ = _found(climbing[:cut])
    assert _found(climbing)[1] == (_found(climbing[cut:], before)[1] if climbing[cut:] else _found(climbing[:cut])[1])


def _read_channel() -> tuple[Owner, ChannelRef, Channel]:
    """Three posts: pages round them at 20 and 28 hours, the bot counts them exactly at 60; one is younger."""
    who = owner("Aziza", telegram_user_id=42, now=NOW)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=NOW)
    page, bot = (readings.ensure_source(kind, now=NOW) for kind in (readings.PREVIEW_PAGE, readings.BOT_UPDATES))
    posted = {n: NOW - timedelta(hours=62 + n) for n in (1, 2)} | {3: NOW - timedelta(hours=5)}
    ids = readings.record_posts(channel.chat, [readings.PostFacts(n, at) for n, at in posted.items()])
    ages = {1: ((20, 480, page, 10), (28, 500, page, 10), (60, 707, bot, 0))}
    ages |= {2: ages[1], 3: ((4, 77, bot, 0),)}
    rows = [
        (ids[n], db.to_ms(at + timedelta(hours=age)), source, views, None, step)
        for n, at in posted.items()
        for age, views, source, step in ages[n]
    ]
    readings.record_readings(channel.chat, rows, now=NOW)
    readings.record_subscribers(channel.chat, source_id=bot, value=1000, step=0, observed_at=NOW)
    ref = channel_of(who.workspace.id, channel.public_id)
    assert ref is not None
    return who, ref, channel


def _said(figure: Figure) -> tuple[object, ...]:
    return figure.value, figure.precision, figure.step, figure.sources, figure.observed_at


def test_a_post_read_exactly_since_still_says_that_its_first_day_is_rounded(runtime: Runtime) -> None:
    who, ref, _ = _read_channel()
    page = build.post_page(who.workspace.id, ref, "1", now=NOW)
    assert page is not None
    posted = NOW - timedelta(hours=63)
    assert _said(page.post.views) == (707, "exact", 0, ("bot_updates",), posted + timedelta(hours=60))
    day = (490, "rounded", 10, ("preview_page",), posted + timedelta(hours=28))
    assert _said(page.post.views_24h) == day
    young = build.post_page(who.workspace.id, ref, "3", now=NOW)
    assert young is not None and _said(young.post.views_24h) == (None, "exact", 0, (), None)


def test_err24_is_as_exact_as_the_coarsest_first_day_and_names_its_sources(runtime: Runtime) -> None:
    who, ref, channel = _read_channel()
    at = NOW - timedelta(hours=63) + timedelta(hours=28)
    told = (pytest.approx(49.0), "rounded", 1.0, ("bot_updates", "preview_page"), at)
    (row,) = build.network_page(who.workspace.id, "W", timezone="UTC", span=Span(30), is_demo=False, now=NOW).rows
    tiles = build.channel_page(who.workspace.id, ref, span=Span(30), now=NOW).tiles
    assert _said(tiles["err24"]) == told == _said(row.err24)
    assert row.err24.readings == 6, "of the two posts that are a day old"
    assert tiles["err"].precision == "exact", "reach is of the newest readings, which the bot counted"


def test_the_file_of_posts_says_it_too(runtime: Runtime) -> None:
    who, ref, _ = _read_channel()
    client = create_app(runtime).test_client()
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=clock.utcnow())
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    text = client.get(f"/channels/{ref.public_id}/posts.csv?days=30&end={NOW:%Y-%m-%d}").text
    line = next(row for row in csv.DictReader(io.StringIO(text)) if row["post"] == "1")
    told = {key: line[key] for key in line if key.startswith("views")}
    assert "preview_page" in told["views_24h_source"] and told["views_24h_precision"] == "rounded", told
    assert told["views_precision"] == "exact", told


_NEW = ("views_24h_step", "views_24h_source_id", "views_24h_at")


def _readings_of_every_sort(*, seed: int) -> None:
    """Posts read by two public sources and a private one, often at the same moment, often falling, often at 24 hours."""
    dice = random.Random(seed)
    chat = Chat.create(title="x", username="x", created_at=NOW).id
    for workspace in (0, 1):
        readings.ensure_feed(chat, workspace_id=workspace, now=NOW)
    kinds = (("a", 0), ("b", 0), ("import", 1))
    sources = [readings.ensure_source(kind, workspace_id=workspace, now=NOW) for kind, workspace in kinds]
    ids = readings.record_posts(chat, [readings.PostFacts(n, NOW) for n in range(200)])
    rows = [
        (post, db.to_ms(NOW + timedelta(hours=hours)), source, hours * 10 + dice.randint(-150, 150), None, step)
        for post in ids.values()
        for hours, source, step in (
            (dice.choice((3, 20, 22, 24, 24, 26, 30, 50)), dice.choice(sources), dice.choice((0, 0, 10, 100)))
            for _ in range(dice.randint(1, 7))
        )
    ]
    rows = [(post, at, source, max(views, 0), None, step) for post, at, source, views, _, step in rows]
    readings.record_readings(chat, rows, now=NOW)


def test_0009_finds_for_stored_posts_what_a_rebuild_would(runtime: Runtime) -> None:
    _readings_of_every_sort(seed=24)
    shown = f"SELECT feed_id, post_id, views_24h, {', '.join(_NEW)} FROM post_stat ORDER BY 1, 2"
    computed = db.rows(shown)
    assert len({row[3:5] for row in computed}) > 8 and any(row[4] is None for row in computed)
    # what was drawn over a line of any length stood there before
    invented = db.execute(
        "UPDATE post_stat SET views_24h = 7 WHERE views_24h IS NULL AND EXISTS (SELECT 1 FROM reading r"
        " JOIN source o ON o.id = r.source_id JOIN feed f ON f.id = post_stat.feed_id"
        " AND o.workspace_id IN (0, f.workspace_id) WHERE r.post_id = post_stat.post_id AND r.observed_at >= ?)",
        db.stamp(NOW + timedelta(hours=24)),
    )
    assert invented > 10
    for column in _NEW:
        db.execute(f"ALTER TABLE post_stat DROP COLUMN {column}")
    db.execute("DROP TABLE private_deletion")
    db.execute("DELETE FROM schema_migration WHERE name LIKE '0009%'")
    assert migrate.up() == ["0009_first_day_provenance_and_private_deletions"]
    assert db.rows(shown) == computed
    assert readings.check_feeds(now=NOW).differences == 0
