"""The usual views at an age, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.analytics import build
from app.analytics.usual import LEAST_POSTS, Read, usual_of, views_at
from app.boot import Runtime
from app.channels.queries import channel_of
from app.core import db
from app.readings import curves
from app.readings import service as readings
from tests.world import owned_channel, owner

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def _curve(*told: tuple[int, int], step: int = 0) -> list[Read]:
    return [Read(age, views, step, "preview_page", _AT + timedelta(seconds=age)) for age, views in told]


@pytest.mark.parametrize(
    ("told", "age_s", "views"),
    [
        (((3600, 100),), 3600, 100),
        (((3000, 90), (4200, 110)), 3600, 100),  # halfway between
        (
            ((3000, 90), (3300, 80), (4200, 120)),
            3600,
            100,
        ),  # a fall does not bring the line down: 90 at 3300, 120 at 4200
        (((900, 30),), 900, 30),
        (((90, 10), (990, 110)), 900, 100),  # the reading before is far, but the next one is near
        (((990, 55),), 900, 50),  # before the first reading from nothing, which is near
        (((3000, 50),), 900, None),  # the first reading is too late to tell
        (((900, 30), (30_000, 900)), 3600, None),  # the next one too
        (((3500, 90),), 3600, None),  # nothing was read after it
        ((), 3600, None),
    ],
)
def test_views_at_an_age(told: tuple[tuple[int, int], ...], age_s: int, views: int | None) -> None:
    found = views_at(_curve(*told), age_s)
    assert (found.views if found else None) == views


_told = st.lists(
    st.tuples(st.integers(1, 60).map(lambda h: h * 3600), st.integers(0, 900)),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one[0],
).map(sorted)


@settings(deadline=None)
@given(_told)
def test_at_24_hours_it_is_the_number_that_the_rollup_keeps(told: list[tuple[int, int]]) -> None:
    age, views = np.asarray(told, dtype=np.int64).T
    none, post = np.full(len(age), -1), np.zeros(len(age), dtype=np.int64)
    rows = curves.ReadingRows(post, age, views, none, post, post, none, none)
    (kept,) = curves.rollup(rows, np.asarray([0])).views_24h.tolist()
    found = views_at(_curve(*told), curves.DAY_S)
    assert (found.views if found else -1) == kept


def test_the_coarser_step_and_the_later_reading_speak() -> None:
    found = views_at([*_curve((3000, 90), step=10), *_curve((4200, 110))], 3600)
    assert found is not None and (found.step, found.at) == (10, _AT + timedelta(seconds=4200))


def test_quarter_points_by_hand() -> None:
    """Of 10, 20 … 110 the quarter points of definition 7 are the 3.5th, 6th and 8.5th value: 35, 60, 85."""
    curves = [_curve((3600, 10 * n)) for n in range(1, 12)]
    (found,) = usual_of(curves)
    assert (found.age_s, found.low, found.middle, found.high, found.posts) == (3600, 35, 60, 85, 11)
    assert usual_of(curves[: LEAST_POSTS - 1]) == []


def test_a_post_stands_beside_those_before_it_and_not_beside_deleted_or_later_ones(
    runtime: Runtime, now: datetime
) -> None:
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    began = now - timedelta(days=3)
    facts = [readings.PostFacts(n, began + timedelta(hours=n)) for n in range(1, 16)]
    ids = readings.record_posts(channel.chat, facts)
    views = {n: 10 * n for n in range(1, 16)} | {12: 9_000, 13: 500, 15: 7_000}  # 12 is deleted, 13 looked at
    rows = [(ids[f.key], db.to_ms(f.posted_at + timedelta(hours=1)), source, views[int(f.key)], 0, 10) for f in facts]
    readings.record_readings(channel.chat, rows, now=now)
    readings.mark_deleted(ids[12], at=now)
    ref = channel_of(who.workspace.id, channel.public_id)
    assert ref is not None
    page = build.post_page(who.workspace.id, ref, "13", now=now)
    assert page is not None
    (row,) = page.usual
    assert (row.age_s, row.own.value, row.verdict, row.posts.value) == (3600, 500, "more", 11)
    assert (row.low.value, row.middle.value, row.high.value) == (35, 60, 85)
    assert (row.low.step, row.low.sources) == (10, ("preview_page",))
    early = build.post_page(who.workspace.id, ref, "5", now=now)
    assert early is not None and early.usual == ()
