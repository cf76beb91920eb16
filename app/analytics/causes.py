"""Did more people leave after a post than would have left without it? (Only the jobs process: needs numpy and scipy.)

A leave counts for the latest post before it, if that is at most two hours old. Expected is what the same hours of the
week bring when no post is near, shrunken towards the hour of the day, the weekday and the channel's overall rate, and
scaled by how the day around the post goes. Counts are taken as negative binomial with a dispersion estimated from the
channel itself, widened by how little is known of the expected number: scipy.stats.nbinom gives the chance of that many
leaves or more, scipy.stats.false_discovery_control (Benjamini and Hochberg 1995) the rate of false findings among all
posts judged together. Nobody assigned posts by lot: "after" is known, "because of" is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy import stats

WINDOW = timedelta(hours=2)
LOOK_BACK = timedelta(weeks=8)
METHOD, TOO_LITTLE = "nb-hours-1", "too little"
# At 0.05 the mean share of false findings by channel is about 4 %, but restless channels bring several at once: of all
# findings of 1,000 made-up channels 8 % were false. This line was drawn on those, for at most 5 % of all (2 % there).
FALSE_RATE = 0.01
_LEAST_LEAVES, _LEAST_DAYS = 30, 14
_LEAST_FREE_H = 2.0  # hours of a cell without a post near; with less, hours after innocent posts count too
_PRIOR_LEAVES = 8.0  # what the coarser rate weighs against a cell's own leaves
_AROUND_S = 12 * 3600
_SUSPECT_P = 0.01
_ROUNDS = 3
_MIN, _HOUR = 60, 3600
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Leaves in a post's window against what was expected; `p` and `q` are None where too little is known."""

    post_id: int
    posted_at: datetime
    until: datetime
    leaves: int
    expected: float | None
    p: float | None
    q: float | None

    @property
    def is_found(self) -> bool:
        return self.q is not None and self.q <= FALSE_RATE


def judge_posts(
    posts: Sequence[tuple[int, datetime]],
    leaves: Sequence[datetime],
    present: Sequence[Stretch],
    *,
    timezone: str,
    now: datetime,
) -> list[Verdict]:
    """Judge every post of the last weeks whose window has ended while the bot was there to be told of leaves.

    `posts`: (id, posted at); `present`: when the bot was there. Hours of the week are those of `timezone`.
    """
    begin = max(now - LOOK_BACK, min((a for a, _ in present), default=now))
    world = _World.of([p for p in posts if begin <= p[1] < now], leaves, present, begin, now, timezone)
    if world is None:
        return []
    judged = world.judged()
    if len(world.leaves) < _LEAST_LEAVES or world.is_present.sum() < _LEAST_DAYS * 1440 or not judged.any():
        return [world.verdict(n, None, None, None) for n in np.flatnonzero(judged)]
    expected, p = _tested(world, judged)
    q = np.ones_like(p)
    q[judged] = stats.false_discovery_control(p[judged], method="bh")
    return [world.verdict(n, float(expected[n]), float(p[n]), float(q[n])) for n in np.flatnonzero(judged)]


@dataclass(frozen=True, slots=True)
class _World:
    """Minutes since the beginning, each with its hour of the week and the post whose window it is in (-1: none)."""

    begin_s: int
    ids: list[int]
    starts: Floats
    ends: Floats
    leaves: Floats
    hour: Ints
    day: Ints
    owner: Ints
    is_present: NDArray[np.bool_]
    leave_minute: Ints
    leave_owner: Ints

    @classmethod
    def of(
        cls,
        posts: Sequence[tuple[int, datetime]],
        leaves: Sequence[datetime],
        present: Sequence[Stretch],
        begin: datetime,
        now: datetime,
        timezone: str,
    ) -> _World | None:
        first = int(begin.timestamp()) // _HOUR * _HOUR
        minutes = (int(now.timestamp()) - first) // _MIN
        if minutes <= 0 or not posts:
            return None
        ordered = sorted(posts, key=lambda post: (post[1], post[0]))
        starts = np.array([at.timestamp() for _, at in ordered]) - first
        ends = np.minimum(starts + WINDOW.total_seconds(), np.append(starts[1:], np.inf))
        told = np.array(sorted(at.timestamp() for at in leaves if begin <= at < now), dtype=float) - first
        hour, day = _local(first, minutes, timezone)
        there = np.zeros(minutes, dtype=bool)
        for a, b in present:
            there[max(0, int((a.timestamp() - first) // _MIN)) : max(0, int((b.timestamp() - first) // _MIN))] = True
        middle = np.arange(minutes, dtype=np.float64) * _MIN + _MIN / 2
        return cls(
            first,
            [post_id for post_id, _ in ordered],
            starts,
            ends,
            told,
            hour,
            day,
            _latest(middle, starts, ends),
            there,
            np.minimum((told // _MIN).astype(np.int64), minutes - 1),
            _latest(told, starts, ends),
        )

    def judged(self) -> NDArray[np.bool_]:
        """Posts whose window has ended within the bot's presence; one that the next post closed at once says nothing."""
        absent = np.concatenate([[0], np.cumsum(~self.is_present)])
        first = np.minimum((self.starts // _MIN).astype(np.int64), len(self.hour))
        last = np.minimum(np.where(np.isfinite(self.ends), self.ends, 0) // _MIN, len(self.hour)).astype(np.int64)
        is_over = self.ends <= len(self.hour) * _MIN
        found: NDArray[np.bool_] = is_over & (self.ends - self.starts >= _MIN) & (absent[last] == absent[first])
        return found

    def verdict(self, n: Any, expected: float | None, p: float | None, q: float | None) -> Verdict:
        at, until = (datetime.fromtimestamp(self.begin_s + float(s[n]), UTC) for s in (self.starts, self.ends))
        return Verdict(self.ids[n], at, until, int((self.leave_owner == n).sum()), expected, p, q)


def _latest(at: Floats, starts: Floats, ends: Floats) -> Ints:
    """The place of the post in whose window each moment is; -1 in none."""
    place = np.searchsorted(starts, at, side="right") - 1
    return np.where((place >= 0) & (at < ends[np.maximum(place, 0)]), place, -1).astype(np.int64)


def _local(first: int, minutes: int, timezone: str) -> tuple[Ints, Ints]:
    """Hour of the week (0-167) and number of the local day of each minute; a zone's part of an hour is not told apart."""
    zone = ZoneInfo(timezone)
    moments = [datetime.fromtimestamp(s, zone) for s in range(first, first + minutes * _MIN, _HOUR)]
    hours = np.array([m.weekday() * 24 + m.hour for m in moments], dtype=np.int64)
    days = np.array([m.date().toordinal() for m in moments], dtype=np.int64)
    return np.repeat(hours, 60)[:minutes], np.repeat(days - days.min(), 60)[:minutes]


def _tested(world: _World, judged: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(expected, p) by post. Posts that stand out are kept out of the baseline and the dispersion, and all is redone."""
    innocent = np.zeros(len(world.ids), dtype=bool)  # at first only time without posts speaks
    observed = _sums(world.leave_owner[world.leave_owner >= 0], len(world.ids))
    for _ in range(_ROUNDS):
        base = _Baseline.of(world, innocent)
        expected, doubt = base.windows(world)
        known = judged & innocent
        between = _dispersion_at_most(observed[known], expected[known]) if known.any() else 0.0
        dispersion = max(base.dispersion, between)
        size = 1 / (dispersion + doubt)
        p = stats.nbinom.sf(observed - 1, size, size / (size + np.maximum(expected, 1e-9)))
        innocent = ~(judged & (p < _SUSPECT_P))
    return expected, p


@dataclass(frozen=True, slots=True)
class _Baseline:
    """The rate of leaves by hour of the week, from minutes that may be used, and how much days and hours vary."""

    rate: Floats  # leaves a minute, by minute
    weight: Floats  # leaves behind the rate, by minute
    expected_before: Floats  # usable minutes' expected leaves, summed from the beginning
    leaves_before: Floats
    by_day: float
    dispersion: float

    @classmethod
    def of(cls, world: _World, innocent: NDArray[np.bool_]) -> _Baseline:
        free = world.is_present & (world.owner < 0)
        thin = _sums(world.hour[free], 168) < _LEAST_FREE_H * 60
        is_near = (world.owner >= 0) & innocent[np.maximum(world.owner, 0)]
        usable = free | (world.is_present & is_near & thin[world.hour])
        own = _sums(world.leave_minute[_may_count(world, thin, innocent)], len(world.hour)) * usable  # fmt: skip
        hourly, leaves = _cells(world.hour, usable, own)
        rate = hourly[world.hour]
        mean = rate * usable
        day_leaves, day_mean = (_sums(world.day, 0, w) for w in (own, mean))
        blocks = np.arange(len(world.hour), dtype=np.int64) // 60
        block_leaves, block_mean = (_sums(blocks, 0, w) for w in (own, mean))
        by_day = _dispersion(day_leaves[day_mean > 0], day_mean[day_mean > 0])
        return cls(
            rate,
            leaves[world.hour],
            np.concatenate([[0], np.cumsum(mean)]),
            np.concatenate([[0], np.cumsum(own)]),
            by_day,
            _dispersion_at_most(block_leaves[block_mean > 0], block_mean[block_mean > 0]),
        )

    def windows(self, world: _World) -> tuple[Floats, Floats]:
        """(expected leaves, relative variance of that expectation) by post."""
        inside = world.owner >= 0
        posts = len(world.ids)
        plain = _sums(world.owner[inside], posts, self.rate[inside])
        known = _sums(world.owner[inside], posts, self.weight[inside])
        minutes = np.maximum(1, _sums(world.owner[inside], posts))
        near = (world.starts - _AROUND_S) // _MIN, (world.starts + WINDOW.total_seconds() + _AROUND_S) // _MIN
        first, last = (np.clip(edge, 0, len(world.hour)).astype(np.int64) for edge in near)
        told = self.leaves_before[last] - self.leaves_before[first]
        mean = self.expected_before[last] - self.expected_before[first]
        spread = max(self.by_day, 1e-4)
        level = (told + 1 / spread) / (mean + 1 / spread)
        doubt = spread / (1 + spread * mean) + 1 / (known / minutes + _PRIOR_LEAVES)
        return plain * level, doubt


def _may_count(world: _World, thin: NDArray[np.bool_], innocent: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leaves that stand for the time without posts: in nobody's window, or an innocent post's where there is no other."""
    near = world.leave_owner >= 0
    allowed = innocent[np.maximum(world.leave_owner, 0)] & thin[world.hour[world.leave_minute]]
    found: NDArray[np.bool_] = ~near | allowed
    return found


def _cells(hour: Ints, usable: NDArray[np.bool_], leaves: Floats) -> tuple[Floats, Floats]:
    """(leaves a minute, leaves seen) by hour of the week: each level shrunken towards the coarser one above it."""
    minutes = _sums(hour, 168, usable.astype(np.float64)).reshape(7, 24)
    told = _sums(hour, 168, leaves).reshape(7, 24)
    overall = max(told.sum(), 0.5) / max(minutes.sum(), 1)
    of_day = _shrunken(told.sum(0), overall * minutes.sum(0))
    of_week = _shrunken(told.sum(1), (overall * of_day * minutes).sum(1))
    prior = overall * of_week[:, None] * of_day[None, :]
    return (prior * _shrunken(told, prior * minutes)).ravel(), told.ravel()


def _sums(place: Ints, places: int, weights: Floats | None = None) -> Floats:
    """How much (how many, without weights) falls to each place."""
    return np.bincount(place, weights=weights, minlength=places).astype(np.float64)


def _shrunken(told: Floats, expected: Floats) -> Floats:
    """The factor of a cell over what the coarser level expects of it."""
    found: Floats = (told + _PRIOR_LEAVES) / (expected + _PRIOR_LEAVES)
    return found


def _dispersion(told: Floats, mean: Floats) -> float:
    """By how much the variance passes a Poisson count's, over the squared mean: the method of moments."""
    squares = float((mean**2).sum())
    return max(0.0, float(((told - mean) ** 2 - mean).sum()) / squares) if squares > 0 else 0.0


def _dispersion_at_most(told: Floats, mean: Floats) -> float:
    """The dispersion and its own standard error: a channel is taken to be rather more restless than it looked."""
    squares, value = float((mean**2).sum()), _dispersion(told, mean)
    off = (told - mean) ** 2 - mean - value * mean**2
    return value + math.sqrt(float((off**2).sum())) / squares if squares > 0 else 0.0
