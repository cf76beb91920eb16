"""Paired rounds in a shuffled order, and what they say: the median ratio with its bootstrap interval."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ROUNDS = 21
_SEED = 20261123


@dataclass(frozen=True, slots=True)
class Ratio:
    """A median of paired ratios and the 95 % bootstrap interval of that median."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report. `limit` is None for a line that only informs."""

    name: str
    what: str
    floor: str
    measured: str
    limit: str | None
    is_pass: bool | None
    detail: str = ""

    @property
    def verdict(self) -> str:
        return "info" if self.is_pass is None else "PASS" if self.is_pass else "FAIL"


def at_most(name: str, what: str, floor: str, ratio: Ratio, limit: float, detail: str = "") -> Row:
    return Row(name, what, floor, str(ratio), f"<= {limit}", ratio.median <= limit, detail)


def at_least(name: str, what: str, floor: str, ratio: Ratio, limit: float, detail: str = "") -> Row:
    return Row(name, what, floor, str(ratio), f">= {limit}", ratio.median >= limit, detail)


def informs(name: str, what: str, floor: str, measured: object, detail: str = "") -> Row:
    return Row(name, what, floor, str(measured), None, None, detail)


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process, all threads, user and system, that `work` costs."""
    before = time.process_time()
    work()
    return time.process_time() - before


def rounds(variants: Mapping[str, Callable[[], float]], count: int = ROUNDS) -> dict[str, list[float]]:
    """Measure every variant once per round, in an order shuffled anew (the same in every run)."""
    order, dice = list(variants), random.Random(_SEED)
    found: dict[str, list[float]] = {name: [] for name in order}
    for _ in range(count):
        dice.shuffle(order)
        for name in order:
            found[name].append(variants[name]())
    return found


def ratio(ours: Sequence[float], floor: Sequence[float]) -> Ratio:
    """Median of ours / floor over the rounds."""
    pairs = [a / b for a, b in zip(ours, floor, strict=True)]
    dice = random.Random(_SEED)
    medians = sorted(statistics.median(dice.choices(pairs, k=len(pairs))) for _ in range(4000))
    return Ratio(statistics.median(pairs), medians[100], medians[3899])


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
