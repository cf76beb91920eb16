"""The free time of the next week at which a channel's readers read most, by its own numbers and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.analytics import periods
from app.analytics import queries as numbers
from app.analytics.post_counts import count_posts
from app.analytics.post_queries import Which
from app.channels.queries import ChannelRef
from app.posting.planning.agenda import Agenda
from app.posting.planning.hours import Hours
from app.posting.planning.slots import is_free

LEAST_POSTS = 20
_WEEKS, _AHEAD, _LEAD = 12, timedelta(days=7), timedelta(minutes=5)
_STEP = timedelta(minutes=30)
Heat = Sequence[Sequence[int | None]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Views gained by local weekday and hour over twelve weeks (7 x 24, from Monday), and how many posts that were."""

    heat: Heat
    posts: int


@dataclass(frozen=True, slots=True)
class Best:
    """A moment, and how many times the views of a usual hour the hour after it has."""

    at: datetime
    times_usual: float


def measured(ref: ChannelRef, *, last_reading_at: datetime | None, now: datetime) -> Measured:
    """A channel's numbers over the twelve weeks up to its last reading."""
    last = periods.local_day(min(last_reading_at or now, now), ref.timezone)
    starts = periods.day_starts(last, _WEEKS * 7, ref.timezone)
    start, end = periods.hour_moment(starts[0]), periods.hour_moment(starts[-1])
    posts = count_posts(ref.feed_id, ref.id, start, end, which=Which(state="live"), sort="posted_at").live
    return Measured(numbers.views_by_weekhour(ref.feed_id, starts, ref.timezone), posts)


def best_free(heat: Heat, hours: Hours, channel_id: int, taken: Agenda, *, now: datetime) -> Best | None:
    """Of the free half hours of the next seven days that with the most expected views; None where none was read."""
    known = [views for day in heat for views in day if views is not None]
    usual = sum(known) / len(known) if known else 0
    if not usual:
        return None
    free = [at for at in _half_hours(now) if is_free(hours, channel_id, at, taken)]
    ranked = [(views, at) for at in free if (views := expected(heat, at, hours.zone)) is not None]
    if not ranked:
        return None
    views, at = max(ranked, key=lambda one: (one[0], -one[1].timestamp()))
    return Best(at, views / usual)


def _half_hours(now: datetime) -> Iterator[datetime]:
    at = (now + _LEAD).replace(minute=0, second=0, microsecond=0)
    while at <= now + _AHEAD:
        if at >= now + _LEAD:
            yield at
        at += _STEP


def expected(heat: Heat, at: datetime, zone: str) -> float | None:
    """The views that the hour after a moment usually has; None where one of its parts was never read."""
    after = [(at + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone)) for minutes in (0, 30)]
    halves = [heat[local.weekday()][local.hour] for local in after]
    return None if None in halves else sum(views for views in halves if views is not None) / 2
