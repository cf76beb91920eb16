"""Which sorts of posts reach more? (Only the jobs process: needs scipy.)

Reach is compared as a ratio of geometric means: the mean of the logarithms of a sort's views minus that of all other
posts, with Welch's 95 % interval for two samples of unequal variance (scipy.stats.ttest_ind), taken back by exp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

LEAST_POSTS = 20
_LENGTHS = ((1, "none"), (200, "short"), (500, "medium"), (1000, "long"))


@dataclass(frozen=True, slots=True)
class Sample:
    """A post as the comparison sees it; `weekday` 0 is Monday in the channel's zone."""

    views: int
    media: str
    text_length: int | None
    weekday: int


@dataclass(frozen=True, slots=True)
class Effect:
    """A sort of posts against the rest; no ratio where either has fewer than LEAST_POSTS."""

    aspect: str
    value: str
    posts: int
    rest: int
    ratio: float | None
    low: float | None
    high: float | None
    places: tuple[int, ...]


def effects(samples: Sequence[Sample]) -> list[Effect]:
    """Every media kind, length and weekday that occurs, each against all other posts. Posts without views say nothing."""
    known = [(n, sample) for n, sample in enumerate(samples) if sample.views > 0]
    found = []
    for aspect in ("kind", "length", "weekday"):
        groups: dict[str, list[int]] = {}
        for n, sample in known:
            value = _value(aspect, sample)
            if value is not None:
                groups.setdefault(value, []).append(n)
        everyone = {n for group in groups.values() for n in group}
        for value, places in sorted(groups.items()):
            rest = everyone.difference(places)
            found.append(_effect(aspect, value, samples, places, sorted(rest)))
    return found


def _value(aspect: str, sample: Sample) -> str | None:
    if aspect == "kind":
        return sample.media
    if aspect == "weekday":
        return str(sample.weekday)
    return None if sample.text_length is None else bucket(sample.text_length)


def bucket(length: int) -> str:
    """none, short (under 200), medium (under 500), long (under 1000) or longest."""
    return next((name for below, name in _LENGTHS if length < below), "longest")


def _effect(aspect: str, value: str, samples: Sequence[Sample], mine: Sequence[int], rest: Sequence[int]) -> Effect:
    if len(mine) < LEAST_POSTS or len(rest) < LEAST_POSTS:
        return Effect(aspect, value, len(mine), len(rest), None, None, None, tuple(mine))
    here, there = ([math.log(samples[n].views) for n in places] for places in (mine, rest))
    middle = math.fsum(here) / len(here) - math.fsum(there) / len(there)
    if max(here) == min(here) and max(there) == min(there):  # nothing varies, so no interval can be told
        return Effect(aspect, value, len(mine), len(rest), None, None, None, tuple(mine))
    interval = stats.ttest_ind(here, there, equal_var=False).confidence_interval(0.95)
    low, high = math.exp(interval.low), math.exp(interval.high)
    return Effect(aspect, value, len(mine), len(rest), math.exp(middle), low, high, tuple(mine))
