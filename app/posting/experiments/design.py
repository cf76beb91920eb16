"""The arithmetic of an experiment with two arms in one channel, pure and without numpy.

Views multiply rather than add up, so everything is reckoned on their logarithms: a difference is a ratio. Posts are
compared within a part of the day, since evenings are read otherwise than mornings (a randomised block design, each part
of the day a block; Montgomery, Design and Analysis of Experiments, ch. 4, with unequal numbers as in least squares).
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist, fmean
from zoneinfo import ZoneInfo

ALPHA, POWER = 0.05, 0.8
ARMS = ("A", "B")
LEAST_KNOWN, LOOKED_BACK_POSTS, LONGEST_DAYS = 20, 60, 60
EFFECTS = (5, 10, 15, 20, 30, 50)  # percent
_PART_H = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """A post's views at the age of 24 hours, in its part of the day (0: from midnight, 1: from 6 o'clock …)."""

    day_part: int
    views: int
    arm: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """B over A, less one: 0.12 is 12 % more. It lies between `low` and `high` with 95 % confidence."""

    change: float
    low: float
    high: float
    posts: int

    @property
    def is_proven(self) -> bool:
        return self.low > 0 or self.high < 0


def day_part(at: datetime, zone: str) -> int:
    """The quarter of the day, in the channel's zone."""
    return at.astimezone(ZoneInfo(zone)).hour // _PART_H


def arm_of(experiment: str, part: int, turn: int) -> str:
    """The arm of the post number `turn` (from 0) in its part of the day: A B, B A, A B …, or the other way round.

    Which comes first is decided by a hash of the experiment's public id, so by nobody.
    """
    is_swapped = hashlib.sha256(f"{experiment}:{part}".encode()).digest()[0] & 1
    is_second = turn % 4 in (1, 2)
    return ARMS[is_second ^ is_swapped]


def spread(known: Sequence[Seen]) -> float | None:
    """The standard deviation of the logarithms within parts of the day; None when too little is known."""
    blocks = _blocks(known)
    freedom = sum(len(block) - 1 for block in blocks.values())
    if len(known) < LEAST_KNOWN or freedom < LEAST_KNOWN // 2:
        return None
    squares = sum((x - fmean(block)) ** 2 for block in blocks.values() for x in block)
    return math.sqrt(squares / freedom)


def _blocks(known: Iterable[Seen]) -> dict[tuple[int, str], list[float]]:
    blocks: dict[tuple[int, str], list[float]] = defaultdict(list)
    for one in known:
        blocks[one.day_part, one.arm].append(math.log(max(one.views, 1)))
    return blocks


def needed_per_arm(deviation: float, smallest_percent: int) -> int:
    """Posts in each arm to find that difference with 80 % power at a level of 5 %, two-sided.

    The two-sample formula with Guenther's correction for the t distribution (The American Statistician 35, 1981).
    """
    normal = NormalDist()
    z_alpha, z_beta = normal.inv_cdf(1 - ALPHA / 2), normal.inv_cdf(POWER)
    difference = math.log1p(smallest_percent / 100)
    return max(math.ceil(2 * ((z_alpha + z_beta) * deviation / difference) ** 2 + z_alpha**2 / 4), 4)


def compare(seen: Sequence[Seen]) -> Result | None:
    """B against A within parts of the day; None when no part has both, or nothing tells how far posts scatter."""
    blocks = _blocks(seen)
    weights, difference = 0.0, 0.0
    for part in {part for part, _ in blocks}:
        a, b = (blocks.get((part, arm), []) for arm in ARMS)
        if a and b:
            weight = len(a) * len(b) / (len(a) + len(b))
            weights, difference = weights + weight, difference + weight * (fmean(b) - fmean(a))
    freedom = sum(len(block) - 1 for block in blocks.values())
    if not weights or freedom < 2:
        return None
    squares = sum((x - fmean(block)) ** 2 for block in blocks.values() for x in block)
    middle, error = difference / weights, math.sqrt(squares / freedom / weights)
    reach = t_quantile(1 - ALPHA / 2, freedom) * error
    return Result(math.expm1(middle), math.expm1(middle - reach), math.expm1(middle + reach), len(seen))


def t_quantile(p: float, freedom: int) -> float:
    """A quantile of Student's t, to 1 % from 3 degrees of freedom on (Abramowitz and Stegun 26.7.5)."""
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))
