"""When a channel posts by its own rules: queue slots, quiet hours and days, the least distance between two posts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.posting.planning.local_time import moment


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A place in the week's queue; weekday 0 is Monday."""

    weekday: int
    at: time


@dataclass(frozen=True, slots=True)
class Blackout:
    """Hours in which nothing goes out by itself; over midnight where `until` is not later than `since`."""

    since: time
    until: time

    def covers(self, at: time) -> bool:
        if self.since < self.until:
            return self.since <= at < self.until
        return at >= self.since or at < self.until


@dataclass(frozen=True, slots=True)
class Hours:
    """A channel's rules, in the times of `zone`."""

    zone: str
    slots: tuple[Slot, ...] = ()
    blackout: tuple[Blackout, ...] = ()
    quiet_days: frozenset[int] = frozenset()
    min_gap: timedelta = timedelta(0)

    def is_blackout(self, at: datetime) -> bool:
        """Whether the moment lies in the hours in which nothing goes out by itself."""
        local = at.astimezone(ZoneInfo(self.zone)).time()
        return any(one.covers(local) for one in self.blackout)

    def is_quiet_day(self, at: datetime) -> bool:
        """Whether it lies on a weekday on which nothing goes out by itself."""
        return at.astimezone(ZoneInfo(self.zone)).weekday() in self.quiet_days

    def is_open(self, at: datetime) -> bool:
        """Whether a post may go out then without anybody's saying so."""
        return not self.is_blackout(at) and not self.is_quiet_day(at)

    def slot_moments(self, since: datetime, *, days: int) -> Iterator[datetime]:
        """The slots' moments after `since`, in their order, over so many days."""
        first = since.astimezone(ZoneInfo(self.zone)).date()
        for number in range(days + 1):
            day = first + timedelta(days=number)
            of_day = {moment(day, slot.at, self.zone) for slot in self.slots if slot.weekday == day.weekday()}
            yield from (at for at in sorted(of_day) if at > since)
