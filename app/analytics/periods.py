"""Days in a zone over hourly UTC rollups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.core.errors import Invalid

HOUR_MS = 3_600_000
CHOICES = (7, 30, 90, 365)
MAX_DAYS = 731
STALE_AFTER = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Span:
    """The days that somebody asks for: so many up to the last reading, or up to `end`, a day of the page's zone."""

    days: int = 30
    end: date | None = None

    @property
    def query(self) -> str:
        """The address's own words for it."""
        if self.end is None:
            return f"days={self.days}"
        return f"from={self.end - timedelta(days=self.days - 1)}&to={self.end}"

    def until(self, today: date) -> Span:
        """The part of the days that has come: it keeps its first day. Raises Invalid when none has."""
        if self.end is None or self.end <= today:
            return self
        days = self.days - (self.end - today).days
        if days < 1:
            raise Invalid("This period has not begun yet.", fields={"from": "range"})
        return Span(days, today)


def asked_days(span: Span, *, newest: datetime | None, timezone: str, now: datetime) -> tuple[date, date]:
    """(first, last) day: the one rule of what a period is, for every page, file, the API and the bot.

    They are days of the zone given: a channel's own on its pages, the workspace's where channels stand side by side.
    Without an end of its own a period ends on the day of `newest`, the workspace's last reading of any of its channels, so
    that a channel has the same days wherever it is shown; today where nothing was read.
    """
    today = local_day(now, timezone)
    span = span.until(today)
    last = span.end or (local_day(min(newest, now), timezone) if newest else today)
    return last - timedelta(days=span.days - 1), last


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


@lru_cache(maxsize=256)
def shifts(first_hour: int, last_hour: int, timezone: str) -> tuple[int, tuple[tuple[int, int], ...]]:
    """How UTC hours become local ones: the whole hours to add at `first_hour`, and (from hour, hours more) per change.

    A half-hour zone's hour is the one in which the UTC hour begins, so each hour has one place and sums are kept.
    """
    zone, found = ZoneInfo(timezone), []
    now_is = start = _offset(first_hour, zone)
    for day in range(first_hour, last_hour, 24):
        if _offset(min(day + 24, last_hour), zone) == now_is:
            continue
        for hour in range(day, min(day + 24, last_hour) + 1):
            if (offset := _offset(hour, zone)) != now_is:
                found.append((hour, offset - now_is))
                now_is = offset
    return start, tuple(found)


def _offset(hour: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone).utcoffset()
    return int(offset.total_seconds() // 3600) if offset else 0
