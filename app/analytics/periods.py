"""Days in a zone over hourly UTC rollups."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000
CHOICES = (7, 30, 90, 365)
STALE_AFTER = timedelta(days=2)


@lru_cache(maxsize=256)
def day_starts(end: date, days: int, timezone: str) -> tuple[int, ...]:
    """The first UTC hour (since 1970) of each of `days` local days up to `end`, and of the day after.

    An hour that straddles midnight in a half-hour zone belongs to the day in which it begins, so sums are kept.
    """
    zone = ZoneInfo(timezone)
    starts = [datetime.combine(end - timedelta(days=n), time(), zone) for n in range(days - 1, -2, -1)]
    return tuple(-int(-moment.astimezone(UTC).timestamp() // 3600) for moment in starts)


def days_ending(end: date, days: int) -> list[date]:
    return [end - timedelta(days=n) for n in range(days - 1, -1, -1)]


def local_day(moment: datetime, timezone: str) -> date:
    return moment.astimezone(ZoneInfo(timezone)).date()


def hour_moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def is_stale(last_reading_at: datetime | None, now: datetime) -> bool:
    return last_reading_at is not None and now - last_reading_at > STALE_AFTER
