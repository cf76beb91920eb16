"""Reads on series: their days to come, and what became of those that were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.core import db
from app.posting.planning import recurrence
from app.posting.planning.local_time import clock_time, moment
from app.posting.planning.models import ACTIVE, MADE, PostSeries
from app.posting.planning.recurrence import Rule


@dataclass(frozen=True, slots=True)
class Occasion:
    """A day of a series that had its turn: the post made for it (public id), or why there is none."""

    day: date
    due_at: datetime
    state: str
    reason: str | None
    post: str | None


def rule_of(series: PostSeries) -> Rule:
    return recurrence.rule_of(series.rule)


def moment_of(series: PostSeries, day: date) -> datetime:
    """When the series goes out on a day."""
    return moment(day, clock_time(series.time), series.timezone)


def days_from(series: PostSeries, since: date) -> Iterator[date]:
    """The series' days from one on."""
    return recurrence.days(rule_of(series), series.starts_on, since=since, ends_on=series.ends_on, count=series.count)


def all_series(workspace_id: int) -> list[PostSeries]:
    """The workspace's series, the newest first."""
    return list(
        PostSeries.select().where(PostSeries.workspace == workspace_id).order_by(PostSeries.id.desc()).limit(200)
    )


def not_made_yet(workspace_id: int, channel: str, since: datetime, until: datetime) -> Iterator[datetime]:
    """Moments of active series for a channel (public id) between two, of days that have no post yet."""
    active = PostSeries.select().where(PostSeries.workspace == workspace_id, PostSeries.state == ACTIVE)
    for series in active:
        if channel not in series.plan["channels"] or series.next_on is None:
            continue
        first = max(since.astimezone(ZoneInfo(series.timezone)).date(), series.next_on)
        for day in days_from(series, first):
            at = moment_of(series, day)
            if at >= until:
                break
            if at > since:
                yield at


def occasions(workspace_id: int, series_id: int, *, limit: int) -> list[Occasion]:
    """The days that had their turn, the last first."""
    rows = db.rows(
        "SELECT o.day, o.due_at, o.state, o.reason, p.public_id FROM series_occurrence o LEFT JOIN authored_post p"
        " ON p.id = o.post_id WHERE o.workspace_id = ? AND o.series_id = ? ORDER BY o.day DESC LIMIT ?",
        *(workspace_id, series_id, limit),
    )
    return [Occasion(_day(row[0]), db.moment(row[1]), *row[2:]) for row in rows]


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def words_by_series(workspace_id: int) -> dict[int, dict[str, Any]]:
    """By series (id), the newest document of what it repeats."""
    rows = db.rows(
        "SELECT s.id, r.content FROM post_series s JOIN post_revision r ON r.post_id = s.post_id AND r.number ="
        " (SELECT MAX(n.number) FROM post_revision n WHERE n.post_id = s.post_id) WHERE s.workspace_id = ?",
        workspace_id,
    )
    return {row[0]: json.loads(row[1])["base"] for row in rows}


def next_by_series(workspace_id: int, *, now: datetime) -> dict[int, datetime]:
    """By series (id), when the next of its posts that are made goes out."""
    rows = db.rows(
        "SELECT series_id, MIN(due_at) FROM series_occurrence WHERE workspace_id = ? AND state = ? AND due_at > ?"
        " GROUP BY series_id",
        *(workspace_id, MADE, db.stamp(now)),
    )
    return {row[0]: db.moment(row[1]) for row in rows}
