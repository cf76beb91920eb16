"""Stored effects as pages read them. No statistics here: the jobs process computed it all (effect_jobs.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db

FOUND, CHANCE, TOO_LITTLE = "found", "chance", "too_little"
FOUND_Q = 0.01  # app/analytics/causes.py says why


@dataclass(frozen=True, slots=True)
class PostCause:
    """Leaves after a post; `expected`, `p` and `q` are None where too little is known to judge."""

    key: str
    posted_at: datetime
    until: datetime
    media: str
    is_deleted: bool
    leaves: int
    expected: float | None
    p: float | None
    q: float | None
    events: int
    observed_at: datetime | None

    @property
    def excess(self) -> float | None:
        return None if self.expected is None else self.leaves - self.expected

    @property
    def verdict(self) -> str:
        if self.q is None:
            return TOO_LITTLE
        return FOUND if self.q <= FOUND_Q else CHANCE


@dataclass(frozen=True, slots=True)
class SortEffect:
    """A sort of posts against the rest of the channel's posts; no ratio where there are too few of either."""

    aspect: str
    value: str
    posts: int
    rest: int
    ratio: float | None
    low: float | None
    high: float | None
    basis: str
    sources: tuple[str, ...]
    readings: int
    observed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Computed:
    """When a channel's effects were last computed; None: not yet."""

    causes_at: datetime | None
    mix_at: datetime | None


def computed(channel_id: int) -> Computed:
    """When the jobs process last looked at a channel."""
    found = db.row("SELECT causes_at, mix_at FROM effect_run WHERE channel_id = ?", channel_id)
    return Computed(*map(db.moment, found)) if found else Computed(None, None)


def causes_of(bot_id: int, chat_id: int, start: datetime, end: datetime, *, limit: int) -> tuple[list[PostCause], int]:
    """The posts of a period with the most leaves above the expected, and how many were judged or waited for it."""
    where = "e.bot_id = ? AND e.chat_id = ? AND e.posted_at >= ? AND e.posted_at < ?"
    asked = (bot_id, chat_id, db.stamp(start), db.stamp(end))
    found = db.rows(
        "SELECT p.message_id, p.origin_uid, e.posted_at, e.until, p.media, p.deleted_at, e.leaves, e.expected, e.p, e.q,"
        f" e.events, e.observed_at FROM post_effect e JOIN post p ON p.id = e.post_id WHERE {where}"
        " ORDER BY CASE WHEN e.expected IS NULL THEN 1 ELSE 0 END, e.leaves - COALESCE(e.expected, 0) DESC, e.post_id"
        " LIMIT ?",
        *(*asked, limit),
    )
    counted = db.row(f"SELECT COUNT(*) FROM post_effect e JOIN post p ON p.id = e.post_id WHERE {where}", *asked)
    return [_cause(row) for row in found], int(counted[0]) if counted else 0


def _cause(row: tuple[Any, ...]) -> PostCause:
    message_id, uid, posted_at, until, media, deleted_at, leaves, expected, p, q, events, observed_at = row
    return PostCause(
        key=str(message_id) if message_id is not None else f"u-{uid}",
        posted_at=db.moment(posted_at),
        until=db.moment(until),
        media=str(media),
        is_deleted=deleted_at is not None,
        leaves=int(leaves),
        expected=expected,
        p=p,
        q=q,
        events=int(events),
        observed_at=db.moment(observed_at),
    )


def sorts_of(channel_id: int, days: int) -> list[SortEffect]:
    """What is stored of a channel's last so many days."""
    found = db.rows(
        "SELECT aspect, value, posts, rest, ratio, low, high, basis, sources, readings, observed_at FROM content_effect"
        " WHERE channel_id = ? AND days = ?",
        *(channel_id, days),
    )
    return [SortEffect(*row[:8], _kinds(row[8]), row[9], db.moment(row[10])) for row in found]  # type: ignore[call-arg]


def _kinds(text: str) -> tuple[str, ...]:
    return tuple(kind for kind in text.split(",") if kind)
