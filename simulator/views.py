"""How views and reactions of a post grow. One function of time serves page, state and export."""

import math
from bisect import bisect_right
from collections.abc import Iterable

from simulator.model import Post

HOUR, DAY = 3600, 86400
# Share of the 30-day views by age: medians of 740 real curves, then slow growth of our own guess.
KNOTS: tuple[tuple[float, float], ...] = (
    (60, 0.004),
    (900, 0.045),
    (1800, 0.072),
    (HOUR, 0.11),
    (2 * HOUR, 0.175),
    (4 * HOUR, 0.26),
    (8 * HOUR, 0.31),
    (12 * HOUR, 0.345),
    (DAY, 0.41),
    (2 * DAY, 0.50),
    (3 * DAY, 0.56),
    (7 * DAY, 0.75),
    (14 * DAY, 0.90),
    (30 * DAY, 1.0),
    (90 * DAY, 1.05),
    (365 * DAY, 1.10),
)
AGES = [math.log(age) for age, _ in KNOTS]
SHARES = [share for _, share in KNOTS]
CADENCE_S = tuple(
    int(hours * HOUR) for hours in (0.25, 0.5, 1, 2, 4, 8, 12, 24, 36, 48, 72, 120, 168, 240, 336, 504, 720)
)


def share_at(age_s: float) -> float:
    """Median share of the 30-day views at an age, linear in log time."""
    if age_s <= KNOTS[0][0]:
        return SHARES[0] * max(age_s, 0.0) / KNOTS[0][0]
    position = math.log(age_s)
    index = bisect_right(AGES, position)
    if index == len(AGES):
        return SHARES[-1]
    left, right = AGES[index - 1], AGES[index]
    weight = (position - left) / (right - left)
    return SHARES[index - 1] + weight * (SHARES[index] - SHARES[index - 1])


def organic_views(post: Post, moment: float) -> int:
    """Views by the curve alone; `shape` bends the median curve and keeps its end points."""
    total = 0.0
    for start_age, amount, shape in post.curve:
        age = moment - post.date - start_age
        if age > 0:
            total += amount * float(share_at(age) ** shape)
    return int(total)


def views_at(post: Post, moment: float) -> int:
    base = post.recorded.last(moment)[0] if post.recorded is not None else organic_views(post, moment)
    extra = sum(difference for at, difference in post.adjustments if at <= moment)
    return max(0, base + extra)


def reactions_at(post: Post, moment: float) -> list[tuple[str, int]]:
    """Pairs of key and count, largest first. A key is an emoji, `custom:<id>` or `paid`."""
    fixed = [entry for entry in post.reaction_sets if entry["at"] <= moment]
    items: Iterable[tuple[str, int]]
    if fixed:
        items = [(str(key), int(count)) for key, count in fixed[-1]["items"]]
    elif post.recorded is not None:
        items = [("👍", post.recorded.last(moment)[1])]
    else:
        views = views_at(post, moment)
        items = [(str(key), int(views * share)) for key, share in post.reaction_mix]
    return sorted(((key, count) for key, count in items if count > 0), key=lambda item: -item[1])


def is_visible(post: Post, moment: float) -> bool:
    return post.date <= moment and (post.deleted_at is None or post.deleted_at > moment)
