"""Pure arithmetic on view curves: from readings to hourly gains and post statistics.

A curve is the running maximum of a post's readings, linear between them. Hourly gains are
integers of a millionth view, so hours sum to the total exactly and the result depends on the set
of readings only, not on the order of their arrival.
"""

from __future__ import annotations

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
    """Readings as equal-long int64 columns: post index, unix seconds, counts (-1 unknown), step, source."""

    post: Ints
    at: Ints
    views: Ints
    reactions: Ints
    step: Ints
    source: Ints
    forwards: Ints
    comments: Ints

    def only(self, mask: NDArray[np.bool_]) -> ReadingRows:
        if mask.all():
            return self
        return self.at_places(mask)

    def at_places(self, places: Ints | NDArray[np.bool_]) -> ReadingRows:
        return ReadingRows(*(getattr(self, name)[places] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class FeedRollup:
    """What the readings of some posts mean in one feed.

    `hours`/`gained`: micro-views gained per UTC hour. The other columns have one entry per post index;
    -1 stands for unknown. `step`, `source` and `observed_at` are those of the views; reactions can come from another
    reading and have their own, and so do forwards and comments together (`engagement_*`), and views at the age of a
    day (`views_24h_*`, as `_views_at` finds them).
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
    reactions_step: Ints
    reactions_source: Ints
    reactions_at: Ints
    forwards: Ints
    comments: Ints
    engagement_step: Ints
    engagement_source: Ints
    engagement_at: Ints
    views_24h_step: Ints
    views_24h_source: Ints
    views_24h_at: Ints


@dataclass(frozen=True, slots=True)
class ViewsAtAge:
    """Views of each post at one age, with the rounding step, source and moment of what they rest on; -1 is unknown."""

    views: Ints
    step: Ints
    source: Ints
    at: Ints


def no_rows() -> ReadingRows:
    return ReadingRows(*(np.empty(0, dtype=np.int64) for _ in ReadingRows.__slots__))


def rollup(rows: ReadingRows, posted_at: Ints, since: FeedRollup | None = None) -> FeedRollup:
    """Roll up the readings of `len(posted_at)` posts (`posted_at` in unix seconds, indexed by `rows.post`).

    `since` is what earlier readings of these posts came to, when every one of `rows` is later than all of them and
    the latest views of each post were its highest. The result counts them in, but its hours hold only what `rows` add.
    """
    since = since or nothing(len(posted_at))
    known, is_plain = rows.only(rows.views >= 0), is_ascending(rows)
    kept = known if is_plain else _best_at_each_moment(known)
    peak = np.maximum(_segmented_max(kept.views, kept.post), since.views[kept.post])
    last = _last_of_each_post(kept.post)
    at_last = kept.post[last]
    reacted = _latest_reactions(rows, is_plain=is_plain)
    engaged = _latest_engagement(rows, is_plain=is_plain)
    hours, gained = _hourly(*_segments(kept, peak, posted_at, since))
    day_old = _views_at(kept, peak, posted_at, DAY_S, since)
    return FeedRollup(
        hours=hours,
        gained=gained,
        views=_replaced(since.views, at_last, kept.views[last]),
        views_24h=day_old.views,
        reactions=_replaced(since.reactions, reacted.post, reacted.reactions),
        step=_replaced(since.step, at_last, kept.step[last]),
        source=_replaced(since.source, at_last, kept.source[last]),
        observed_at=_replaced(since.observed_at, at_last, kept.at[last]),
        readings=since.readings + np.bincount(rows.post, minlength=len(posted_at)),
        reactions_step=_replaced(since.reactions_step, reacted.post, reacted.step),
        reactions_source=_replaced(since.reactions_source, reacted.post, reacted.source),
        reactions_at=_replaced(since.reactions_at, reacted.post, reacted.at),
        forwards=_replaced(since.forwards, engaged.post, engaged.forwards),
        comments=_replaced(since.comments, engaged.post, engaged.comments),
        engagement_step=_replaced(since.engagement_step, engaged.post, engaged.step),
        engagement_source=_replaced(since.engagement_source, engaged.post, engaged.source),
        engagement_at=_replaced(since.engagement_at, engaged.post, engaged.at),
        views_24h_step=day_old.step,
        views_24h_source=day_old.source,
        views_24h_at=day_old.at,
    )


def nothing(count: int) -> FeedRollup:
    """The rollup of `count` posts without any reading."""
    none, zero, empty = np.full(count, -1), np.zeros(count, dtype=np.int64), np.empty(0, dtype=np.int64)
    of_views, engagement, provenance = (none, none, none, zero, none, none, zero), (none, none), (zero, none, none)
    return FeedRollup(empty, empty, *of_views, *provenance, *engagement, *provenance, *provenance)


def falls(rows: ReadingRows) -> NDArray[np.bool_]:
    """Which readings lie below an earlier one by more than rounding explains; same order as `rows`.

    Depends on the set of `rows` only: pass what one audience may see, or others' readings make its counts fall.
    """
    order = slice(None) if is_ascending(rows) else np.lexsort((-rows.step, rows.views, rows.at, rows.post))
    views, post, step = rows.views[order], rows.post[order], rows.step[order]
    before = _shifted(_segmented_max(views, post), post, missing=-1)
    tolerance = _segmented_max(np.where(views >= 0, step, 0), post)  # the step is the views'
    result = np.zeros(len(views), dtype=bool)
    result[order] = (views >= 0) & (views + tolerance < before)
    return result


def is_ascending(rows: ReadingRows) -> bool:
    """Whether rows are sorted by post and time with one reading a moment, so that there is nothing to sort out."""
    same, later = rows.post[1:] == rows.post[:-1], rows.at[1:] > rows.at[:-1]
    return bool(((rows.post[1:] > rows.post[:-1]) | (same & later)).all())


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


def _shifted(values: Ints, post: Ints, *, missing: int) -> Ints:
    """The value of the row before within the same post."""
    result = np.full(len(values), missing, dtype=np.int64)
    same = post[1:] == post[:-1]
    result[1:][same] = values[:-1][same]
    return result


def _last_of_each_post(post: Ints) -> Ints:
    is_last = np.ones(len(post), dtype=bool)
    is_last[:-1] = post[1:] != post[:-1]
    return np.flatnonzero(is_last)


def _replaced(values: Ints, index: Ints, by: Ints) -> Ints:
    result = values.copy()
    result[index] = by
    return result


def _latest_reactions(rows: ReadingRows, *, is_plain: bool) -> ReadingRows:
    """One reading a post, of those that have any: the latest to know its reactions."""
    known = rows.only(rows.reactions >= 0)
    if not is_plain:
        known = known.at_places(np.lexsort((known.source, known.reactions, known.step == 0, known.at, known.post)))
    return known.at_places(_last_of_each_post(known.post))


def _latest_engagement(rows: ReadingRows, *, is_plain: bool) -> ReadingRows:
    """One reading a post, of those that tell forwards or comments: the latest that tells either."""
    is_told = np.maximum(rows.forwards, rows.comments) >= 0
    if not is_told.any():
        return no_rows()
    known = rows.only(is_told)
    if not is_plain:
        order = (known.source, known.comments, known.forwards, known.step == 0, known.at, known.post)
        known = known.at_places(np.lexsort(order))
    return known.at_places(_last_of_each_post(known.post))


def _segments(rows: ReadingRows, peak: Ints, posted_at: Ints, since: FeedRollup) -> tuple[Ints, Ints, Ints, Ints]:
    """Lines of the curves as (start, end, views at start, views at end), times in unix seconds."""
    is_first = np.ones(len(rows.post), dtype=bool)
    is_first[1:] = rows.post[1:] != rows.post[:-1]
    first = np.flatnonzero(is_first)
    start, base = np.empty_like(rows.at), np.empty_like(rows.at)
    start[1:], base[1:] = rows.at[:-1], peak[:-1]
    start[first], base[first] = _beginnings(rows.post[first], rows.at[first], peak[first], posted_at, since)
    gains = peak > base
    return start[gains], rows.at[gains], base[gains], peak[gains]


def _beginnings(post: Ints, at: Ints, peak: Ints, posted_at: Ints, since: FeedRollup) -> tuple[Ints, Ints]:
    """Where the first line of each post starts: at what was read before, else at its origin if it is young enough."""
    origin, left_at = posted_at[post], since.observed_at[post]
    has_origin = (at >= origin) & (at - origin <= ORIGIN_MAX_AGE_S)
    start, base = np.where(has_origin, origin, at), np.where(has_origin, 0, peak)
    goes_on = left_at >= 0
    return np.where(goes_on, left_at, start), np.where(goes_on, since.views[post], base)


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


def _views_at(rows: ReadingRows, peak: Ints, posted_at: Ints, age_s: int, since: FeedRollup) -> ViewsAtAge:
    """Views of each post at an age, on the line between the readings around it; -1 where none are near.

    Near: the next reading comes within a tenth of the age, or not after twice of it and one stands not before half of
    it: growth is far from linear, so a longer line would invent a number. A reading right at that age speaks alone.
    Between two the coarser step counts, and the later one gives source and moment. In place of a reading that fell, the
    one whose views the curve keeps speaks. The post's origin is exact.
    """
    target = posted_at + age_s
    key = rows.post * _POST_SHIFT + rows.at
    right = np.searchsorted(key, np.arange(len(posted_at)) * _POST_SHIFT + target)
    was_passed = since.observed_at >= target
    posts = np.flatnonzero((right < len(key)) & ~was_passed)
    posts = posts[rows.post[right[posts]] == posts]
    at, before = right[posts], since.observed_at[posts]
    has_left = (at > 0) & (rows.post[at - 1] == posts)
    left_at = np.where(has_left, rows.at[at - 1], np.where(before >= 0, before, posted_at[posts]))
    next_age, left_age = rows.at[at] - posted_at[posts], left_at - posted_at[posts]
    is_known = (10 * next_age <= 11 * age_s) | ((2 * left_age >= age_s) & (next_age <= 2 * age_s))
    posts, at, has_left, left_at = posts[is_known], at[is_known], has_left[is_known], left_at[is_known]
    left_views = np.where(has_left, peak[at - 1], np.maximum(since.views[posts], 0))
    length = np.maximum(rows.at[at] - left_at, 1)
    speaks = _speaking(rows, peak)
    left_step = np.where(has_left, rows.step[speaks[at - 1]], since.step[posts])
    by, is_between = speaks[at], rows.at[at] > target[posts]
    found = {
        "views": left_views + (peak[at] - left_views) * (target[posts] - left_at) // length,
        "step": np.where(is_between, np.maximum(rows.step[by], left_step), rows.step[by]),
        "source": rows.source[by],
        "at": rows.at[by],
    }
    earlier = (since.views_24h, since.views_24h_step, since.views_24h_source, since.views_24h_at)
    kept = (np.where(was_passed, told, unknown) for told, unknown in zip(earlier, (-1, 0, -1, -1), strict=True))
    return ViewsAtAge(*(_replaced(old, posts, new) for old, new in zip(kept, found.values(), strict=True)))


def _speaking(rows: ReadingRows, peak: Ints) -> Ints:
    """By reading the place of the one that its running maximum comes from, the latest of equal ones."""
    places = np.arange(len(peak))
    return places if (rows.views == peak).all() else np.maximum.accumulate(np.where(rows.views == peak, places, 0))
