"""What the channel's posts before this one had at the same ages: the band that a post's curve is judged against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from statistics import quantiles

from app.core import db

AGES_S = (900, 3_600, 10_800, 21_600, 43_200, 86_400, 259_200, 604_800, 2_592_000)
POSTS, LEAST_POSTS = 40, 10
_NEAR, _NEXT_TO = 2.0, 1.1


@dataclass(frozen=True, slots=True)
class Read:
    """One reading of a post's views at an age."""

    age_s: int
    views: int
    step: int
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Usual:
    """The quarter points of the views that `posts` earlier posts had at an age, and what they rest on."""

    age_s: int
    low: float
    middle: float
    high: float
    posts: int
    step: int
    sources: tuple[str, ...]
    at: datetime


def curves_before(
    feed_id: int, workspace_id: int, *, posted_at: datetime, limit: int = POSTS
) -> list[tuple[Read, ...]]:
    """The curves, visible to the workspace, of the feed's last read posts that were published before a moment."""
    found = db.rows(
        "SELECT o.post_id, o.posted_at, r.observed_at, r.views, r.step, s.kind FROM (SELECT post_id, posted_at"
        " FROM post_stat WHERE feed_id = ? AND posted_at < ? AND is_deleted = ? AND readings > 0"
        " ORDER BY posted_at DESC LIMIT ?) o JOIN reading r ON r.post_id = o.post_id"
        " JOIN source s ON s.id = r.source_id WHERE s.workspace_id IN (0, ?) AND r.views IS NOT NULL"
        " ORDER BY o.post_id, r.observed_at",
        *(feed_id, db.stamp(posted_at), False, limit, workspace_id),
    )
    return [
        tuple(
            Read(round((db.moment(at) - db.moment(began)).total_seconds()), int(views), int(step), kind, db.moment(at))
            for _, began, at, views, step, kind in of_post
        )
        for _, of_post in groupby(found, key=lambda row: row[0])
    ]


def views_at(curve: Sequence[Read], age_s: int) -> Read | None:
    """A post's views at an age, on the straight line between the readings around it; None where none is near.

    The number is the one that `readings.curves` stores at 24 hours, without its arrays: pages do without numpy.

    Counts never fall, so the highest so far stands. Near: one reading not before half the age and the next not after
    twice of it, or the next within a tenth of the age; before the first reading the line begins at nothing. The coarser
    step counts, the later reading names source and moment.
    """
    before, highest = None, 0
    for read in curve:
        highest = max(highest, read.views)
        known = Read(read.age_s, highest, read.step, read.source, read.at)
        if read.age_s < age_s:
            before = known
            continue
        if read.age_s == age_s:
            return known
        is_between = before is not None and before.age_s * _NEAR >= age_s and read.age_s <= age_s * _NEAR
        if not is_between and read.age_s > age_s * _NEXT_TO:
            return None
        before = before or Read(0, 0, 0, "", read.at)
        gained, length = highest - before.views, read.age_s - before.age_s
        views = before.views + gained * (age_s - before.age_s) // length
        return Read(age_s, views, max(before.step, read.step), read.source, read.at)
    return None


def usual_of(curves: Sequence[Sequence[Read]]) -> list[Usual]:
    """By age, the quarter points of the posts that were read around it; ages that fewer than LEAST_POSTS tell are left out.

    Quarter points as in Hyndman and Fan's definition 7 (1996), the default of most statistical tools.
    """
    found = []
    for age_s in AGES_S:
        known = [read for read in (views_at(curve, age_s) for curve in curves) if read]
        if len(known) < LEAST_POSTS:
            continue
        low, middle, high = quantiles([read.views for read in known], n=4, method="inclusive")
        sources = tuple(sorted({read.source for read in known}))
        step, at = max(read.step for read in known), max(read.at for read in known)
        found.append(Usual(age_s, low, middle, high, len(known), step, sources, at))
    return found
