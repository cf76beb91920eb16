"""From a day and a time of the wall clock to a moment, also where the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def moment(day: date, at: time, zone: str) -> datetime:
    """When the clocks of a zone show this, in UTC.

    A time that exists twice is its first; one that the clocks skip is the first moment after the gap.
    """
    local = datetime.combine(day, at, ZoneInfo(zone))  # fold 0: the first of two, and in a gap the offset before it
    found = local.astimezone(UTC)
    if found.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return found
    return _end_of_gap(local.replace(fold=1).astimezone(UTC), found, ZoneInfo(zone))


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The change of the clocks between two moments, to the second."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + ((after - before) // 2 // _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def minutes(at: time) -> int:
    """Minutes since midnight."""
    return at.hour * 60 + at.minute


def clock_time(text: str) -> time:
    """`9:05` or `09:05` as a time. Raises ValueError for anything else."""
    hours, colon, rest = text.strip().partition(":")
    if not colon or not (hours.isascii() and hours.isdigit() and rest.isascii() and rest.isdigit() and len(rest) == 2):
        raise ValueError(f"no time: {text!r}")
    return time(int(hours), int(rest))
