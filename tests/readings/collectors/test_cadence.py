from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.readings.collectors.cadence import (
    AGES,
    LOOK_EVERY,
    POSTS_PER_PAGE,
    TOLERANCE,
    PageRequest,
    TrackedPost,
    lateness,
    next_due,
    next_request,
    pages_per_day,
    point_of,
)

T0 = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_there_are_seventeen_points_whose_windows_do_not_touch() -> None:
    assert len(AGES) == 17 and AGES[0] == 15 * MINUTE and AGES[-1] == 30 * DAY
    assert all(one * (1 + TOLERANCE) < next_ * (1 - TOLERANCE) for one, next_ in zip(AGES, AGES[1:], strict=False))


@pytest.mark.parametrize(
    ("taken", "age", "due"),
    [
        (None, 0 * MINUTE, 15 * MINUTE),
        (None, 20 * MINUTE, 15 * MINUTE),
        (13 * MINUTE, 14 * MINUTE, 15 * MINUTE),
        (14 * MINUTE, 14 * MINUTE, 30 * MINUTE),
        (15 * MINUTE, 16 * MINUTE, 30 * MINUTE),
        (HOUR, 9 * HOUR, 8 * HOUR),
        (9 * HOUR, 9 * HOUR, 12 * HOUR),
        (22 * DAY, 29 * DAY, 30 * DAY),
        (22 * DAY, 32 * DAY, 30 * DAY),
        (None, 34 * DAY, None),
        (28 * DAY, 28 * DAY, None),
    ],
)
def test_the_next_reading_of_a_post(taken: timedelta | None, age: timedelta, due: timedelta | None) -> None:
    assert next_due(T0, taken, T0 + age) == (None if due is None else T0 + due)


@given(st.lists(st.integers(1, 60 * 24 * 40), max_size=60))
def test_reading_when_due_always_comes_to_an_end(delays: list[int]) -> None:
    """However late each reading is, no post is asked for more often than it has points."""
    taken, now, readings = None, T0, 0
    for delay in [*delays, *[0] * 20]:
        due = next_due(T0, taken, now)
        if due is None:
            break
        now = max(now, due) + delay * MINUTE
        taken = now - T0
        readings += 1
    assert readings <= len(AGES) and next_due(T0, taken, now) is None


def test_a_reading_counts_for_the_point_within_a_tenth() -> None:
    assert point_of(14 * MINUTE) == 15 * MINUTE == point_of(16 * MINUTE)
    assert point_of(20 * MINUTE) is None and point_of(13 * HOUR) == 12 * HOUR
    assert lateness(T0, 10 * HOUR, T0 + 11 * HOUR) == pytest.approx(0.1)
    assert lateness(T0, 10 * HOUR, T0 + 9 * HOUR) == pytest.approx(-0.1)


def post(message_id: int, age: timedelta, read_at_age: timedelta | None = None) -> TrackedPost:
    posted_at = T0 - age
    return TrackedPost(message_id, posted_at, None if read_at_age is None else posted_at + read_at_age)


def test_an_idle_channel_is_looked_at_unless_a_bot_tells_us() -> None:
    assert next_request([], T0) == PageRequest(T0, None, ())
    assert next_request([], T0, looked_at=T0 - MINUTE) == PageRequest(T0 + 14 * MINUTE, None, ())
    assert next_request([], T0, look_every=None) is None
    assert next_request([post(1, 40 * DAY)], T0, look_every=None) is None


def test_one_request_takes_along_every_post_with_an_open_window() -> None:
    posts = [post(1, 24 * HOUR, 12 * HOUR), post(2, 11 * HOUR, 8 * HOUR), post(3, 2 * HOUR, 2 * HOUR)]
    assert next_request(posts, T0, look_every=None) == PageRequest(T0, None, (2, 1))


def test_an_older_post_is_asked_for_by_its_page() -> None:
    posts = [post(number, (101 - number) * DAY / 4, (101 - number) * DAY / 4) for number in range(60, 101)]
    posts[0] = post(60, 10.25 * DAY, 7 * DAY)
    request = next_request(posts, T0, look_every=None)
    assert request is not None
    assert (request.before, request.message_ids) == (61, (60,))


def test_a_post_behind_a_short_newest_page_is_not_waited_for() -> None:
    posts = [post(1, 24 * HOUR, 12 * HOUR), post(2, HOUR, HOUR)]
    request = next_request(posts, T0, look_every=None, newest_floor=2)
    assert request == PageRequest(T0, 2, (1,))


@dataclass
class Channel:
    """A simulated channel and its reader; time jumps from request to request."""

    posted: list[datetime]
    look_every: timedelta | None
    page_size: int = POSTS_PER_PAGE
    jitter: Random = field(default_factory=lambda: Random(5))
    known: dict[int, TrackedPost] = field(default_factory=dict)
    taken: dict[int, list[datetime]] = field(default_factory=dict)
    requests: int = 0
    floor: int | None = None
    looked_at: datetime | None = None

    def run(self, until: datetime) -> None:
        now = self.posted[0]
        while now < until:
            if self.look_every is None:
                self._learn(now)
            request = next_request(
                self.known.values(),
                now,
                looked_at=self.looked_at,
                look_every=self.look_every,
                newest_floor=self.floor,
            )
            due = until if request is None else max(now, request.due_at)
            told = self._next_post_after(now) if self.look_every is None else None
            if told is not None and told < due:
                now = told
                continue
            # A queue and one request a second: up to 20 s late.
            now = due + timedelta(seconds=1 + self.jitter.random() * 19)
            if request is not None and now < until:
                self._read(request, now)

    def _next_post_after(self, now: datetime) -> datetime | None:
        live = self._live(now)
        return self.posted[live] if live < len(self.posted) else None

    def _live(self, now: datetime) -> int:
        return bisect_right(self.posted, now)

    def _learn(self, now: datetime) -> None:
        for number in range(len(self.known) + 1, self._live(now) + 1):
            self.known[number] = TrackedPost(number, self.posted[number - 1], None)

    def _read(self, request: PageRequest, now: datetime) -> None:
        self.requests += 1
        end = self._live(now) if request.before is None else request.before - 1
        page = range(max(1, end - self.page_size + 1), end + 1)
        if request.before is None:
            self.looked_at, self.floor = now, (page[0] if page else None)
        for number in page:
            tracked = self.known.get(number) or TrackedPost(number, self.posted[number - 1], None)
            self.known[number] = replace(tracked, last_read_at=now)
            self.taken.setdefault(number, []).append(now)

    def points_on_time(self, until: datetime) -> float:
        hits = wanted = 0
        for number, posted_at in enumerate(self.posted, 1):
            ages = [now - posted_at for now in self.taken.get(number, [])]
            for point in AGES:
                if posted_at + point * (1 + TOLERANCE) < until:
                    wanted += 1
                    hits += any(abs(age - point) <= point * TOLERANCE for age in ages)
        return hits / wanted


def simulate(posts_per_day: int, look_every: timedelta | None, days: int, page_size: int = POSTS_PER_PAGE) -> Channel:
    random = Random(posts_per_day)
    moments = sorted(T0 + random.random() * days * DAY for _ in range(posts_per_day * days))
    channel = Channel(moments, look_every, page_size)
    channel.run(T0 + days * DAY)
    return channel


@pytest.mark.parametrize("look_every", [LOOK_EVERY, None], ids=["looking", "told by a bot"])
@pytest.mark.parametrize(("posts_per_day", "days", "page_size"), [(1, 45, 20), (20, 12, 20), (20, 12, 13)])
def test_nineteen_of_twenty_points_are_on_time(
    posts_per_day: int, days: int, page_size: int, look_every: timedelta | None
) -> None:
    channel = simulate(posts_per_day, look_every, days, page_size)
    assert channel.points_on_time(T0 + days * DAY) >= 0.95


@pytest.mark.parametrize("look_every", [LOOK_EVERY, None], ids=["looking", "told by a bot"])
@pytest.mark.parametrize(("posts_per_day", "days"), [(1, 50), (5, 38)])
def test_the_estimate_of_pages_holds(posts_per_day: int, days: int, look_every: timedelta | None) -> None:
    channel = simulate(posts_per_day, look_every, days)
    assert channel.requests / days == pytest.approx(pages_per_day(posts_per_day, look_every=look_every), rel=0.3)


def test_the_estimate_grows_with_posts_and_an_empty_channel_costs_its_looks() -> None:
    assert pages_per_day(0) == 96 and pages_per_day(0, look_every=None) == 0
    rates = [pages_per_day(posts, look_every=None) for posts in (0.1, 1, 5, 20, 100)]
    assert rates == sorted(rates)
