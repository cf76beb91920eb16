"""Many recorded rows into one reading per post and moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from app.readings.collectors.imports.view_readings import RecordedReading

TELEGRAM_BEGAN = datetime(2013, 8, 14, tzinfo=UTC)
MOST_AHEAD = timedelta(hours=1)  # clocks differ; what is later comes from a wrong one


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A well-formed row that cannot be true; `line` is the file's."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class MergedReadings:
    """`readings` one per (identity, snapshot_at), ordered by post and time; read = kept + merged + rejected."""

    readings: tuple[RecordedReading, ...]
    read: int
    merged: int
    rejected: tuple[RejectedRow, ...]


def merge_readings(rows: Iterable[RecordedReading], *, now: datetime) -> MergedReadings:
    """Merge duplicates by the identity rule of the recorded data; the order of rows does not matter for counts.

    The same post at the same time keeps the larger number of each of its counts: counters of a post hardly ever fall,
    so the smaller one is the staler. Rejected is a reading older than its post, one more than an hour
    later than `now`, and one of a post older than Telegram. Never raises of itself; what the rows' own iterator
    raises passes through before anything is returned.
    """
    kept: dict[tuple[tuple[str, int | str], datetime], RecordedReading] = {}
    rejected: list[RejectedRow] = []
    read = 0
    for row in rows:
        read += 1
        if reason := _untrue(row, now):
            rejected.append(RejectedRow(row.line, reason))
            continue
        key = (row.identity, row.snapshot_at)
        kept[key] = _larger(kept[key], row) if key in kept else row
    ordered = tuple(sorted(kept.values(), key=_order))
    return MergedReadings(ordered, read, read - len(kept) - len(rejected), tuple(rejected))


def _untrue(row: RecordedReading, now: datetime) -> str:
    """Why a row cannot be true; empty when it can."""
    if row.snapshot_at < row.posted_at:
        return "snapshot_at is before posted_at"
    if row.snapshot_at > now + MOST_AHEAD:
        return "snapshot_at is in the future"
    return "posted_at is before Telegram's start" if row.posted_at < TELEGRAM_BEGAN else ""


def _larger(one: RecordedReading, other: RecordedReading) -> RecordedReading:
    winner = other if other.views > one.views else one
    return replace(
        winner,
        reactions=_more(one.reactions, other.reactions),
        forwards=_more(one.forwards, other.forwards),
        comments=_more(one.comments, other.comments),
    )


def _more(one: int | None, other: int | None) -> int | None:
    return max((count for count in (one, other) if count is not None), default=None)


def _order(row: RecordedReading) -> tuple[str, int, str, datetime]:
    """Posts with a message id after those without one, so that int and str need no comparison."""
    named = row.message_id is not None
    return row.channel, row.message_id or 0, "" if named else row.post_uid or "", row.snapshot_at
