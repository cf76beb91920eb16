"""Pure arithmetic on view curves: from readings to hourly gains and post statistics.

A curve is the running maximum of a post's readings, linear between them. Hourly gains are
integers of a millionth view, so hours sum to the total exactly and the result depends on the set
of readings only, not on the order of their arrival.

numpy is imported here and nowhere in the web process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOUR_S = 3600
DAY_S = 86400
MICRO = 1_000_000
# A first reading up to this age may start the curve at (posted_at, 0); a later one leaves the past unknown.
ORIGIN_MAX_AGE_S = 2 * DAY_S
_POST_SHIFT = 1 << 41

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReadingRows:
    """Readings as equal-long int64 columns: post index, unix seconds, views, reactions (-1 unknown), step, source."""

    post: Ints
    at: Ints
    views: Ints
    reactions: Ints
    step: Ints
    source: Ints

    def only(self, mask: NDArray[np.bool_]) -> ReadingRows:
        return ReadingRows(*(getattr(self, name)[mask] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class FeedRollup:
    """What the readings of some posts mean in one feed.

    `hours`/`gained`: micro-views gained per UTC hour. The other columns have one entry per post index;
    -1 stands for unknown.
    """

    hours: Ints
    gained: Ints
    views: Ints
    views_24h: Ints
    reactions: Ints
    step: Ints
    source: Ints
    observed_at: Ints
    readings: Ints


def rows_from(columns: Sequence[Sequence[int] | Ints]) -> ReadingRows:
    """Build rows from six equal-long sequences in the order of ReadingRows."""
    return ReadingRows(*(np.asarray(column, dtype=np.int64) for column in columns))


def rollup(rows: ReadingRows, posted_at: Ints) -> FeedRollup:
    """Roll up the readings of `len(posted_at)` posts (`posted_at` in unix seconds, indexed by `rows.post`)."""
    count = len(posted_at)
    kept = _best_at_each_moment(rows.only(rows.views >= 0))
    peak = _running_maximum(kept)
    last = _last_of_each_post(kept.post)
    hours, gained = _hourly(*_segments(kept, peak, posted_at))
    return FeedRollup(
        hours=hours,
        gained=gained,
        views=_spread(count, kept.post[last], kept.views[last]),
        views_24h=_views_at(kept, peak, posted_at, DAY_S),
        reactions=_latest_reactions(rows, count),
        step=_spread(count, kept.post[last], kept.step[last], missing=0),
        source=_spread(count, kept.post[last], kept.source[last]),
        observed_at=_spread(count, kept.post[last], kept.at[last]),
        readings=np.bincount(rows.post, minlength=count).astype(np.int64),
    )


def nothing(count: int) -> FeedRollup:
    """The rollup of `count` posts without any reading."""
    none, zero, empty = np.full(count, -1), np.zeros(count, dtype=np.int64), np.empty(0, dtype=np.int64)
    return FeedRollup(empty, empty, none, none, none, zero, none, none, zero)


def falls(rows: ReadingRows) -> NDArray[np.bool_]:
    """Which readings lie below an earlier one by more than rounding explains; same order as `rows`."""
    order = np.lexsort((rows.views, rows.at, rows.post))
    views, post, step = rows.views[order], rows.post[order], rows.step[order]
    before = _shifted(_segmented_max(views, post), post, missing=-1)
    tolerance = _segmented_max(step, post)
    result = np.zeros(len(views), dtype=bool)
    result[order] = (views >= 0) & (views + tolerance < before)
    return result


def _best_at_each_moment(rows: ReadingRows) -> ReadingRows:
    """Sorted by post and time; at equal time exact beats rounded, then the larger wins."""
    order = np.lexsort((rows.source, rows.views, rows.step == 0, rows.at, rows.post))
    post, at = rows.post[order], rows.at[order]
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = (post[1:] != post[:-1]) | (at[1:] != at[:-1])
    return ReadingRows(*(getattr(rows, name)[order[is_last]] for name in rows.__slots__))


def _segmented_max(values: Ints, post: Ints) -> Ints:
    """Running maximum that starts anew with each post (rows sorted by post)."""
    return np.maximum.accumulate(values + post * _POST_SHIFT) - post * _POST_SHIFT


def _running_maximum(rows: ReadingRows) -> Ints:
    return _segmented_max(rows.views, rows.post)


def _shifted(values: Ints, post: Ints, *, missing: int) -> Ints:
    """The value of the row before within the same post."""
    result = np.full(len(values), missing, dtype=np.int64)
    same = post[1:] == post[:-1]
    result[1:][same] = values[:-1][same]
    return result


def _last_of_each_post(post: Ints) -> NDArray[np.bool_]:
    is_last = np.ones(len(post), dtype=bool)
    is_last[:-1] = post[1:] != post[:-1]
    return is_last


def _spread(count: int, index: Ints, values: Ints, *, missing: int = -1) -> Ints:
    result = np.full(count, missing, dtype=np.int64)
    result[index] = values
    return result


def _latest_reactions(rows: ReadingRows, count: int) -> Ints:
    known = rows.only(rows.reactions >= 0)
    order = np.lexsort((known.reactions, known.step == 0, known.at, known.post))
    return _spread(count, known.post[order], known.reactions[order])


def _segments(rows: ReadingRows, peak: Ints, posted_at: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Lines of the curves as (start, end, views at start, views at end), times in unix seconds."""
    is_first = np.ones(len(rows.post), dtype=bool)
    is_first[1:] = rows.post[1:] != rows.post[:-1]
    start, base = np.empty_like(rows.at), np.zeros_like(rows.at)
    start[1:], base[1:] = rows.at[:-1], peak[:-1]
    origin = posted_at[rows.post]
    has_origin = (rows.at - origin >= 0) & (rows.at - origin <= ORIGIN_MAX_AGE_S)
    start[is_first] = np.where(has_origin, origin, rows.at)[is_first]
    base[is_first] = np.where(has_origin, 0, peak)[is_first]
    gains = peak > base
    return start[gains], rows.at[gains], base[gains], peak[gains]


def _hourly(start: Ints, end: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Cut lines at full hours; returns the hours touched (ascending) and the micro-views gained in each.

    A line gives its first hour and each full hour the floor of their share, and its last hour the rest. Full hours
    are added as a step up and a step down, then summed along, so a line costs the same however long it is.
    """
    if not len(start):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    first, last = start // HOUR_S, np.maximum(start, end - 1) // HOUR_S
    gain, length = (high - low) * MICRO, np.maximum(end - start, 1)
    inner = np.maximum(last - first - 1, 0)
    in_first = np.where(last > first, gain * ((first + 1) * HOUR_S - start) // length, gain)
    in_full = np.where(inner > 0, gain * HOUR_S // length, 0)
    in_last = gain - in_first - inner * in_full
    floor, size = int(first.min()), int(last.max() - first.min()) + 2
    steps = _summed(first + 1 - floor, in_full, size) - _summed(first + 1 + inner - floor, in_full, size)
    sums = np.cumsum(steps) + _summed(first - floor, in_first, size) + _summed(last - floor, in_last, size)
    touched = np.flatnonzero(sums)
    return touched + floor, sums[touched]


def _summed(index: Ints, values: Ints, size: int) -> Ints:
    """Sum of values per index; floats hold them exactly below 2**53."""
    return np.bincount(index, weights=values, minlength=size).astype(np.int64)


def _views_at(rows: ReadingRows, peak: Ints, posted_at: Ints, age_s: int) -> Ints:
    """Views of each post at an age, on the line between the readings around it; -1 where none surround it."""
    target = posted_at + age_s
    key = rows.post * _POST_SHIFT + rows.at
    right = np.searchsorted(key, np.arange(len(posted_at)) * _POST_SHIFT + target)
    inside = right < len(key)
    found = np.full(len(posted_at), -1, dtype=np.int64)
    posts = np.flatnonzero(inside)
    posts = posts[rows.post[right[posts]] == posts]
    at = right[posts]
    has_left = (at > 0) & (rows.post[at - 1] == posts)
    young = rows.at[at] - posted_at[posts] <= ORIGIN_MAX_AGE_S
    left_at = np.where(has_left, rows.at[at - 1], posted_at[posts])
    left_views = np.where(has_left, peak[at - 1], 0)
    length = np.maximum(rows.at[at] - left_at, 1)
    value = left_views + (peak[at] - left_views) * (target[posts] - left_at) // length
    known = has_left | young
    found[posts[known]] = value[known]
    return found
