"""Falls among one post's readings, for pages: what `curves.falls` tells of many, without its arrays."""

from __future__ import annotations

from collections.abc import Sequence


def falls_of_post(readings: Sequence[tuple[int, int, int]]) -> list[bool]:
    """Which of the readings, each (unix seconds, views, step), lie below an earlier one by more than rounding explains."""
    found = [False] * len(readings)
    highest, coarsest = -1, 0
    for place in sorted(range(len(readings)), key=lambda n: (readings[n][0], readings[n][1], -readings[n][2])):
        _, views, step = readings[place]
        coarsest = max(coarsest, step)
        found[place] = views + coarsest < highest
        highest = max(highest, views)
    return found
