"""Subscriber counts: exact beats rounded, and whatever order counts come in, the hours are the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.boot import Runtime
from app.channels.models import Chat
from app.core import db
from app.readings import service as readings
from tests.conftest import NOW

_EXACT, _STEP = 1_234_567, 10_000
_CENTRE = 50_000
# (minute, source, value, step)
_counts = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 300), st.sampled_from([0, 59, 60, 61, 119, 120, 121, 180])),
        st.integers(0, 2),
        st.integers(-3, 3).map(lambda n: _CENTRE + n * 500),
        st.sampled_from([0, 0, 1000, 1000, 500]),
    ),
    max_size=12,
)
_shuffled = _counts.flatmap(lambda counts: st.tuples(st.just(counts), st.permutations(counts)))


def _fresh() -> tuple[int, list[int]]:
    """(chat, sources) of a chat with everybody's feed and a workspace's; the last source is the workspace's."""
    with db.write():
        for table in ("subscriber_reading", "subscriber_hour", "feed_stat", "feed", "chat", "source"):
            db.execute(f"DELETE FROM {table}")
    chat = Chat.create(title="x", username="x", created_at=NOW).id
    for workspace in (0, 1):
        readings.ensure_feed(chat, workspace_id=workspace, now=NOW)
    kinds = (("bot_updates", 0), ("preview_page", 0), ("import", 1))
    return chat, [readings.ensure_source(kind, workspace_id=workspace, now=NOW) for kind, workspace in kinds]


def _record(*counts: tuple[int, int, int, int]) -> None:
    chat, sources = _fresh()
    for minute, source, value, step in counts:
        at = NOW + timedelta(minutes=minute)
        readings.record_subscribers(chat, source_id=sources[source], value=value, step=step, observed_at=at)


def _card() -> tuple[int, int]:
    found = db.row(
        "SELECT s.subscribers, s.subscribers_step FROM feed_stat s JOIN feed f ON f.id = s.feed_id"
        " WHERE f.workspace_id = 0"
    )
    assert found is not None
    return int(found[0]), int(found[1])


def _hours() -> list[tuple[int, int, int]]:
    """(hour after NOW, value, step) of everybody's feed."""
    found = db.rows(
        "SELECT h.hour, h.value, h.step FROM subscriber_hour h JOIN feed f ON f.id = h.feed_id"
        " WHERE f.workspace_id = 0 ORDER BY h.hour"
    )
    first = db.to_ms(NOW) // 3_600_000
    return [(hour - first, value, step) for hour, value, step in found]


def _rolled_up() -> list[tuple]:
    hours = "SELECT f.workspace_id, h.hour, h.observed_at, h.value, h.step, s.kind FROM subscriber_hour h"
    hours += " JOIN feed f ON f.id = h.feed_id JOIN source s ON s.id = h.source_id ORDER BY 1, 2"
    cards = "SELECT f.workspace_id, c.subscribers, c.subscribers_step, c.subscribers_at, c.subscriber_readings"
    cards += " FROM feed_stat c JOIN feed f ON f.id = c.feed_id ORDER BY 1"
    return [*db.rows(hours), *db.rows(cards)]


@pytest.mark.parametrize(
    ("counts", "card", "hours"),
    [
        pytest.param([(3, 1_230_000, _STEP)], (_EXACT, 0), [(0, _EXACT, 0)], id="agrees"),
        pytest.param([(3, 1_240_000, _STEP)], (_EXACT, 0), [(0, _EXACT, 0)], id="agrees above"),
        pytest.param([(60, 1_230_000, _STEP)], (_EXACT, 0), [(0, _EXACT, 0)], id="agrees an hour later"),
        pytest.param(
            [(61, 1_230_000, _STEP)], (1_230_000, _STEP), [(0, _EXACT, 0), (1, 1_230_000, _STEP)], id="too late"
        ),
        pytest.param([(3, 1_220_000, _STEP)], (1_220_000, _STEP), [(0, 1_220_000, _STEP)], id="disagrees"),
        pytest.param(
            [(3, 1_220_000, _STEP), (5, 1_230_000, _STEP)],
            (1_230_000, _STEP),
            [(0, 1_230_000, _STEP)],
            id="another disagreed between",
        ),
    ],
)
def test_a_rounded_count_that_agrees_with_a_recent_exact_one_does_not_replace_it(
    runtime: Runtime, counts: list[tuple[int, int, int]], card: tuple[int, int], hours: list[tuple[int, int, int]]
) -> None:
    later = [(minute, 1, value, step) for minute, value, step in counts]
    _record((0, 0, _EXACT, 0), *later)
    assert (_card(), _hours()) == (card, hours)
    _record(*later[::-1], (0, 0, _EXACT, 0))
    assert (_card(), _hours()) == (card, hours)
    assert readings.check_feeds(now=NOW).differences == 0


def test_an_exact_count_that_comes_late_silences_the_next_hour(runtime: Runtime) -> None:
    _record((70, 1, 1_230_000, _STEP), (50, 0, _EXACT, 0))
    assert (_card(), _hours()) == ((_EXACT, 0), [(0, _EXACT, 0)])


def test_an_exact_count_that_only_a_workspace_sees_silences_nobody_else(runtime: Runtime) -> None:
    _record((0, 2, _EXACT, 0), (3, 1, 1_230_000, _STEP))
    assert _card() == (1_230_000, _STEP)
    assert db.row("SELECT subscribers FROM feed_stat s JOIN feed f ON f.id = s.feed_id WHERE workspace_id = 1") == (
        _EXACT,
    )


@pytest.mark.parametrize("is_first", [True, False])
def test_of_one_source_at_one_moment_the_exact_count_stays(runtime: Runtime, is_first: bool) -> None:
    two = [(0, 1, _EXACT, 0), (0, 1, 1_240_000, _STEP)]
    _record(*(two if is_first else two[::-1]))
    assert db.rows("SELECT value, step FROM subscriber_reading") == [(_EXACT, 0)]


def test_the_order_of_arrival_changes_nothing(runtime: Runtime) -> None:
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(_shuffled)
    def holds(orders: tuple[list[tuple], list[tuple]]) -> None:
        found = []
        for counts in orders:
            _record(*counts)
            found.append(_rolled_up())
            check = readings.check_feeds(now=NOW)
            assert check.differences == 0, check.details
            readings.rebuild(now=NOW)
            assert _rolled_up() == found[-1]
        assert found[0] == found[1]

    holds()
