"""Since when, and with which pauses, a bot of ours has been told of a channel's joins and leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core import db


@dataclass(frozen=True, slots=True)
class Presence:
    """The stretches in which a bot was administrator, oldest first; the last may still last (end None)."""

    stretches: tuple[tuple[datetime, datetime | None], ...] = ()

    @property
    def since(self) -> datetime | None:
        return self.stretches[0][0] if self.stretches else None

    def covers(self, start: datetime, end: datetime) -> bool:
        """Whether the bot was there all the time from `start` to `end`."""
        return any(a <= start and (b is None or b >= end) for a, b in self.stretches)

    def meets(self, start: datetime, end: datetime) -> bool:
        """Whether the bot was there at some time from `start` to before `end`."""
        return any(a < end and (b is None or b > start) for a, b in self.stretches)

    def absences(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """The parts of `start` to `end` in which the bot was not there."""
        gaps, at = [], start
        for begin, until in self.stretches:
            if begin > at:
                gaps.append((at, min(begin, end)))
            at = max(at, until or end)
            if at >= end:
                break
        return [(a, b) for a, b in (*gaps, (at, end)) if a < b and a < end]


def note(bot_id: int, chat_id: int, *, is_admin: bool, at: datetime) -> None:
    """Begin or end a stretch when a bot was made administrator or lost that; what changes nothing is passed over."""
    with db.write():
        if not is_admin:
            db.execute(
                "UPDATE bot_presence SET until = ? WHERE bot_id = ? AND chat_id = ? AND until IS NULL",
                *(db.stamp(at), bot_id, chat_id),
            )
            return
        open_now = "SELECT 1 FROM bot_presence WHERE bot_id = ? AND chat_id = ? AND until IS NULL"
        if db.row(open_now, bot_id, chat_id) is None:
            db.execute(
                "INSERT INTO bot_presence (bot_id, chat_id, since) VALUES (?, ?, ?)"
                " ON CONFLICT (bot_id, chat_id, since) DO UPDATE SET until = NULL",
                *(bot_id, chat_id, db.stamp(at)),
            )


def of(bot_id: int | None, chat_id: int) -> Presence:
    """A bot's stretches in a chat; none without a bot."""
    if bot_id is None:
        return Presence()
    found = db.rows(
        "SELECT since, until FROM bot_presence WHERE bot_id = ? AND chat_id = ? ORDER BY since", bot_id, chat_id
    )
    return Presence(tuple((db.moment(a), db.moment(b)) for a, b in found))
