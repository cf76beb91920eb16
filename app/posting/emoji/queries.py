"""Reads of palettes and sets for their pages and the picker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.billing.service import limits
from app.core import db
from app.posting.content.blocks import Span
from app.posting.content.inline import write_spans
from app.posting.emoji.palette import LIMIT


@dataclass(frozen=True, slots=True)
class Emoji:
    """A custom emoji. `number` is its place in its set, 0 when that is not known; `set_title` is "" then too."""

    emoji_id: str
    plain: str
    number: int
    set_title: str
    set_name: str
    is_gone: bool
    has_picture: bool
    is_mine: bool = True

    @property
    def markup(self) -> str:
        """What is typed to have it in a text."""
        return write_spans((Span(self.plain, emoji=self.emoji_id),))


@dataclass(frozen=True, slots=True)
class Set:
    """A set that a workspace chooses from: `state` is asked, read or refused; `count` is how many are in it."""

    key: str
    name: str
    title: str
    state: str
    error: str
    read_at: datetime | None
    count: int
    mine: int


@dataclass(frozen=True, slots=True)
class Room:
    """How many new custom emoji the month has had, and may have (None: as many as one likes)."""

    used: int
    limit: int | None

    @property
    def left(self) -> int | None:
        """How many more there may be; None: as many as one likes."""
        return None if self.limit is None else max(self.limit - self.used, 0)


_OF_PALETTE = (
    "SELECT e.emoji_id, e.plain, e.number, COALESCE(s.title, ''), COALESCE(s.name, ''), e.gone_at,"
    " i.emoji_id FROM palette_emoji p"
    " JOIN custom_emoji e ON e.emoji_id = p.emoji_id LEFT JOIN emoji_set s ON s.id = e.emoji_set_id"
    " LEFT JOIN emoji_picture i ON i.emoji_id = e.emoji_id AND i.state = 'ready'"
    " WHERE p.workspace_id = ? AND p.removed_at IS NULL"
)
MOST_SHOWN = 500  # what a page and the picker show at most; the newest of a palette that holds more


def palette_of(workspace_id: int) -> list[Emoji]:
    """A workspace's palette by sets, each in its order."""
    rows = db.rows(f"{_OF_PALETTE} ORDER BY p.id DESC LIMIT ?", workspace_id, MOST_SHOWN)
    found = [_emoji(row, is_mine=True) for row in rows]
    return sorted(found, key=lambda one: (one.set_title.casefold(), one.set_name, one.number, one.emoji_id))


def sets_of(workspace_id: int) -> list[Set]:
    """The sets that a workspace chooses from, the newest first."""
    rows = db.rows(
        "SELECT s.key, s.name, s.title, s.state, COALESCE(s.error, ''), s.read_at,"
        " (SELECT COUNT(*) FROM custom_emoji e WHERE e.emoji_set_id = s.id AND e.gone_at IS NULL),"
        " (SELECT COUNT(*) FROM custom_emoji e JOIN palette_emoji m ON m.emoji_id = e.emoji_id AND m.removed_at IS NULL"
        " AND m.workspace_id = p.workspace_id WHERE e.emoji_set_id = s.id)"
        " FROM palette_set p JOIN emoji_set s ON s.id = p.emoji_set_id WHERE p.workspace_id = ?"
        " ORDER BY p.asked_at DESC, s.id DESC",
        workspace_id,
    )
    return [_set(*row) for row in rows]


def _set(key: str, name: str, title: str, state: str, error: str, read_at: Any, count: int, mine: int) -> Set:
    return Set(key, name, title, state, error, db.moment(read_at) if read_at is not None else None, count, mine)


def set_of(workspace_id: int, key: str) -> Set | None:
    """One of the sets that a workspace chooses from, by its name in small letters."""
    return next((one for one in sets_of(workspace_id) if one.key == key), None)


def emoji_of(workspace_id: int, key: str) -> list[Emoji]:
    """What a set holds now, in its order, with what of it the workspace has."""
    rows = db.rows(
        "SELECT e.emoji_id, e.plain, e.number, s.title, s.name, e.gone_at, i.emoji_id, m.id FROM custom_emoji e"
        " JOIN emoji_set s ON s.id = e.emoji_set_id LEFT JOIN palette_emoji m ON m.emoji_id = e.emoji_id"
        " AND m.workspace_id = ? AND m.removed_at IS NULL"
        " LEFT JOIN emoji_picture i ON i.emoji_id = e.emoji_id AND i.state = 'ready'"
        " WHERE s.key = ? AND e.gone_at IS NULL ORDER BY e.number",
        *(workspace_id, key),
    )
    return [_emoji(row, is_mine=row[7] is not None) for row in rows]


def _emoji(row: tuple[Any, ...], *, is_mine: bool) -> Emoji:
    emoji_id, plain, number, title, name, gone_at, picture = row[:7]
    return Emoji(emoji_id, plain, number, title, name, gone_at is not None, picture is not None, is_mine)


def room_of(workspace_id: int, *, now: datetime) -> Room:
    """How much of the month's new custom emoji is used."""
    start, _ = limits.usage_period(workspace_id, now=now)
    used = db.row(
        "SELECT used FROM usage_counter WHERE workspace_id = ? AND key = ? AND period_start = ?",
        *(workspace_id, LIMIT, db.stamp(start)),
    )
    return Room(int(used[0]) if used else 0, limits.limit_of(workspace_id, LIMIT, now=now))
