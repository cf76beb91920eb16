"""What stands on the clocks of channels: publications past and to come, and what a moment would come too near to."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db
from app.posting.planning.stored_words import words_in
from app.posting.states import CALLED_OFF, FAILED, SENDS

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MOST_TOP = timedelta(days=7)
_MOST = 2_000
_MOST_READ = 1_000


@dataclass(frozen=True, slots=True)
class Booking:
    """A publication in a channel at a time; for `top` after it nothing else shall go out there."""

    channel_id: int
    post_id: int
    due_at: datetime
    top: timedelta


@dataclass(frozen=True, slots=True)
class Agenda:
    """The publications of some channels around some time."""

    bookings: tuple[Booking, ...]

    def of(self, channel_id: int) -> Iterable[Booking]:
        return (one for one in self.bookings if one.channel_id == channel_id)

    def near(self, channel_id: int, at: datetime, distance: timedelta) -> Booking | None:
        """A publication less than so far away, the nearest; at the very moment counts for any distance."""
        found = [one for one in self.of(channel_id) if abs(one.due_at - at) < max(distance, MINUTE)]
        return min(found, key=lambda one: abs(one.due_at - at), default=None)

    def on_top(self, channel_id: int, at: datetime) -> Booking | None:
        """A publication that is on top then and is to stay there."""
        return next((one for one in self.of(channel_id) if one.top and one.due_at <= at < one.due_at + one.top), None)

    def pushed_down(self, channel_id: int, at: datetime, top: timedelta) -> Booking | None:
        """A publication within so long after a moment."""
        return next((one for one in self.of(channel_id) if at <= one.due_at < at + top), None)


def agenda(
    workspace_id: int, channel_ids: Collection[int], since: datetime, until: datetime, *, but: int = 0
) -> Agenda:
    """What went out or is to go out from `since` to `until`, and what is still on top at `since`.

    `but`: a post that does not count, since it is the one to be planned. At most 2,000 publications are looked at.
    """
    rows = db.rows(
        "SELECT t.channel_id, a.post_id, a.due_at, t.top_minutes FROM due_action a JOIN post_target t"
        f" ON t.id = a.target_id WHERE a.workspace_id = ? AND a.due_at >= ? AND a.due_at < ?"
        f" AND a.kind IN ({db.marks(SENDS)}) AND a.state NOT IN (?, ?) AND a.post_id <> ?"
        f" AND t.channel_id IN ({db.marks(channel_ids)}) ORDER BY a.due_at LIMIT ?",
        *(workspace_id, db.stamp(since - MOST_TOP), db.stamp(until)),
        *(*SENDS, CALLED_OFF, FAILED, but, *channel_ids, _MOST),
    )
    bookings = (Booking(row[0], row[1], db.moment(row[2]), timedelta(minutes=row[3] or 0)) for row in rows)
    return Agenda(tuple(one for one in bookings if one.due_at + max(one.top, HOUR) > since))


def same_words(
    workspace_id: int, channel_id: int, channel: str, words: str, at: datetime, within: timedelta, *, but: int = 0
) -> datetime | None:
    """When a post of ours says the same words in a channel (`channel`: its public id) near a time; None for never.

    `words` as `stored_words.words_of` gives them.

    Of a busy channel the thousand publications to come last are read.
    """
    rows = db.rows(
        "SELECT a.due_at, r.content FROM due_action a JOIN post_target t ON t.id = a.target_id JOIN post_revision r"
        " ON r.post_id = a.post_id AND r.number = (SELECT MAX(n.number) FROM post_revision n WHERE n.post_id = a.post_id)"
        f" WHERE a.workspace_id = ? AND a.due_at >= ? AND a.due_at <= ? AND a.kind IN ({db.marks(SENDS)})"
        " AND a.state NOT IN (?, ?) AND a.post_id <> ? AND t.channel_id = ? ORDER BY a.due_at DESC LIMIT ?",
        *(workspace_id, db.stamp(at - within), db.stamp(at + within), *SENDS, CALLED_OFF, FAILED, but),
        *(channel_id, _MOST_READ),
    )
    for due_at, text in rows:
        doc = json.loads(text)
        if words_in(doc["variants"].get(channel, doc["base"])) == words:
            found: datetime = db.moment(due_at)
            return found
    return None


def same_words_collected(
    workspace_id: int, chat_id: int, text_hash: str, since: datetime, *, but: int = 0
) -> datetime | None:
    """When a post with exactly this text was last seen in a chat, whoever published it; not the post `but` itself."""
    found = db.row(
        "SELECT MAX(p.posted_at) FROM post p WHERE p.chat_id = ? AND p.posted_at >= ? AND p.text_hash = ?"
        " AND p.private_to IN (0, ?) AND p.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM delivery d"
        " JOIN delivery_message m ON m.delivery_id = d.id WHERE d.workspace_id = ? AND d.post_id = ?"
        " AND m.message_id = p.message_id)",
        *(chat_id, db.stamp(since), text_hash, workspace_id, workspace_id, but),
    )
    last: datetime | None = db.moment(found[0]) if found else None
    return last
