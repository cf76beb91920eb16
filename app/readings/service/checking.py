"""Checking that every rollup equals its raw readings, while collecting goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from app.core import db
from app.core.clock import utcnow
from app.readings import curves, rollups, subscribers
from app.readings.models import RollupCheck
from app.readings.service.repair import blocks, feeds

Rows = Set[tuple[Any, ...]]
_TABLES = {
    "post_stat": ", ".join(name for name, _ in rollups.POST_STAT[1:]),
    "feed_hour": "hour, micro_views",
    "subscriber_hour": "hour, observed_at, value, step, source_id",
    "feed_stat": "posts, views, readings, last_reading_at, subscribers, subscribers_step, subscribers_source_id,"
    " subscribers_at, subscriber_readings",
}
_KEY_COLUMNS = {"post_stat": 1, "feed_hour": 1, "subscriber_hour": 1, "feed_stat": 0, "reading": 3}


@dataclass(slots=True)
class CheckResult:
    """What a check saw: feeds and readings compared, and how many rows differ, in all and by table.

    A row that says something else, is missing or is too much counts once. `reading` counts wrong marks of falls.
    """

    feeds: int = 0
    readings: int = 0
    differences: int = 0
    details: dict[str, int] = field(default_factory=dict)

    def note(self, table: str, stored: Rows, computed: Rows) -> None:
        differing = len({row[: _KEY_COLUMNS[table]] for row in stored ^ computed})
        if differing:
            self.details[table] = self.details.get(table, 0) + differing
            self.differences += differing


def check_feeds(chat_id: int | None = None, *, now: datetime, clock: Callable[[], datetime] = utcnow) -> CheckResult:
    """Compare the rollups with a fresh computation and keep what was found as a `rollup_check` row.

    It starts `now`; `clock` tells when it has finished.
    Each feed is compared within one snapshot of the database, so that no writer waits for the check.
    """
    result = CheckResult()
    for feed_id, feed_chat, workspace_id in feeds(chat_id):
        with db.snapshot():
            if db.row("SELECT 1 FROM feed WHERE id = ?", feed_id):
                _check_feed(result, feed_id, feed_chat, workspace_id)
    with db.write():
        RollupCheck.create(
            started_at=now,
            finished_at=clock(),
            feeds=result.feeds,
            readings=result.readings,
            differences=result.differences,
            details=result.details,
        )
    return result


def _check_feed(result: CheckResult, feed_id: int, chat_id: int, workspace_id: int) -> None:
    fresh = _Fresh(feed_id, chat_id, workspace_id)
    result.feeds += 1
    result.readings += fresh.readings
    for table, computed in fresh.rows().items():
        result.note(table, _stored(table, feed_id), computed)
    result.note("reading", fresh.marked, fresh.falls)


def _stored(table: str, feed_id: int) -> Rows:
    kept = " AND micro_views != 0" if table == "feed_hour" else ""
    return set(db.rows(f"SELECT {_TABLES[table]} FROM {table} WHERE feed_id = ?{kept}", feed_id))


class _Fresh:
    """What the rollups of a feed should say, computed in memory from the raw readings.

    `falls` of the feed's own sources are found the same way, and `marked` is what is stored of them.
    """

    def __init__(self, feed_id: int, chat_id: int, workspace_id: int) -> None:
        self._feed_id = feed_id
        self.posts = self.views = self.readings = 0
        self._last = -1
        self._post_stats: set[tuple[Any, ...]] = set()
        self._gained: Counter[int] = Counter()
        self.falls: set[rollups.Key] = set()
        self.marked: set[rollups.Key] = set()
        sources, own = rollups.visible_sources(workspace_id), rollups.own_sources(workspace_id)
        for block in blocks(chat_id):
            seen = rollups.visible(block.rows, sources)
            self._add(block, curves.rollup(seen, block.posted_at))
            self.falls |= rollups.falls(block, seen, own)
            self.marked |= rollups.marked(block, workspace_id)
        self._subscribers = subscribers.hours_of(chat_id, workspace_id)
        self._subscriber_readings = subscribers.count_readings(chat_id, workspace_id)

    def _add(self, block: rollups.PostBlock, found: curves.FeedRollup) -> None:
        posts, views, readings = rollups.sums(found)
        self.posts, self.views, self.readings = self.posts + posts, self.views + views, self.readings + readings
        self._last = max(self._last, int(found.observed_at.max(initial=-1)))
        columns = rollups.post_stats(self._feed_id, block, found, np.flatnonzero(found.readings))
        self._post_stats |= set(zip(*columns, strict=True))
        self._gained.update(dict(zip(found.hours.tolist(), found.gained.tolist(), strict=True)))

    def rows(self) -> dict[str, Rows]:
        """The rows of each table, without the feed."""
        hours = self._subscribers
        return {
            "post_stat": self._post_stats,
            "feed_hour": {(hour, gained) for hour, gained in self._gained.items() if gained},
            "subscriber_hour": {(hour, *reading) for hour, reading in hours.items()},
            "feed_stat": {self._card()},
        }

    def _card(self) -> tuple[Any, ...]:
        (last_at,) = rollups.moments(np.asarray([self._last]))
        newest: tuple[Any, ...] = (
            self._subscribers[max(self._subscribers)] if self._subscribers else (None, None, 0, None)
        )
        at, value, step, source = newest
        return self.posts, self.views, self.readings, last_at, value, step, source, at, self._subscriber_readings
