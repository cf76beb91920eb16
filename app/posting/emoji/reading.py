"""What the bot process asks Telegram of sets and single custom emoji, and what is kept of its answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db
from app.core.errors import Upstream
from app.posting.emoji import pictures
from app.posting.emoji.palette import ASKED, READ, REFUSED
from app.telegram.port import CustomEmojiFacts, EmojiSetFacts

FRESH = timedelta(days=7)  # sets gain and lose emoji: one that somebody chooses from is read again
RESTS = timedelta(days=1)  # of one that was read before and could not be read again
MOST_ATTEMPTS = 8
_FIRST_WAIT_S, _LONGEST_WAIT_S = 2.0, 600.0


@dataclass(frozen=True, slots=True)
class Wish:
    """A set that is to be read, and by which bot."""

    id: int
    key: str
    name: str
    bot_id: int
    attempts: int


def due(now: datetime, *, limit: int = 5) -> list[Wish]:
    """Sets that are asked for, the longest first; then those that a workspace chooses from and that have grown old, or
    could not be read again when they had."""
    found = db.rows(
        "SELECT id, key, name, bot_id, attempts FROM emoji_set WHERE (not_before IS NULL OR not_before <= ?)"
        " AND (state = ? OR ((read_at < ? OR (read_at IS NOT NULL AND error IS NOT NULL)) AND EXISTS"
        " (SELECT 1 FROM palette_set p WHERE p.emoji_set_id = emoji_set.id)))"
        " ORDER BY CASE state WHEN ? THEN 0 ELSE 1 END, asked_at, id LIMIT ?",
        *(db.stamp(now), ASKED, db.stamp(now - FRESH), ASKED, limit),
    )
    return [Wish(*row) for row in found]


def keep(wish: Wish, found: EmojiSetFacts, *, now: datetime) -> None:
    """What Telegram says of a set: its emoji in their order; those that it has no more are marked as gone."""
    with db.write():
        for number, one in sorted(enumerate(found.emoji, 1), key=lambda item: item[1].emoji_id):  # as palette.use does
            _keep(one, wish.id, number, now=now)
            pictures.want(one, wish.bot_id)
        left = [one.emoji_id for one in found.emoji]
        db.execute(
            "UPDATE custom_emoji SET gone_at = ? WHERE emoji_set_id = ? AND gone_at IS NULL"
            f" AND emoji_id NOT IN ({db.marks(left)})",
            *(db.stamp(now), wish.id, *left),
        )
        db.execute(
            "UPDATE emoji_set SET name = ?, title = ?, state = ?, error = NULL, attempts = 0, not_before = NULL,"
            " read_at = ? WHERE id = ?",
            *(found.name[:64], found.title[:255], READ, db.stamp(now), wish.id),
        )


def _keep(one: CustomEmojiFacts, set_id: int | None, number: int, *, now: datetime) -> None:
    db.execute(
        "INSERT INTO custom_emoji (emoji_id, emoji_set_id, number, plain, known_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (emoji_id) DO UPDATE SET emoji_set_id = COALESCE(excluded.emoji_set_id, custom_emoji.emoji_set_id),"
        " number = CASE WHEN excluded.emoji_set_id IS NULL THEN custom_emoji.number ELSE excluded.number END,"
        " plain = excluded.plain, known_at = excluded.known_at, gone_at = NULL",
        *(one.emoji_id, set_id, number, one.plain[:64], db.stamp(now)),
    )


def note(found: Iterable[CustomEmojiFacts], *, now: datetime) -> None:
    """What Telegram says of single custom emoji, inside the running transaction. Their sets are read when asked for."""
    for one in sorted(found, key=lambda one: one.emoji_id):
        _keep(one, None, 0, now=now)


def failed(wish: Wish, error: Upstream, *, now: datetime) -> None:
    """Telegram did not tell it: tried again, later each time; a refusal is for good, in Telegram's words.

    One that was read before stays as it was read, and is tried again a day later.
    """
    is_over = error.permanent or wish.attempts + 1 >= MOST_ATTEMPTS
    wait_s = error.retry_after_s or min(_FIRST_WAIT_S * 2**wish.attempts, _LONGEST_WAIT_S)
    not_before = now + (RESTS if is_over else timedelta(seconds=wait_s))
    with db.write():
        db.execute(
            "UPDATE emoji_set SET state = CASE WHEN ? = 0 THEN ? WHEN read_at IS NULL THEN ? ELSE ? END, error = ?,"
            " attempts = ?, not_before = ? WHERE id = ?",
            *(int(is_over), ASKED, REFUSED, READ, error.message[:300]),
            *(0 if is_over else wish.attempts + 1, db.stamp(not_before), wish.id),
        )


def bot_is_gone(wish: Wish, error: Upstream, *, now: datetime) -> None:
    """The bot that was to read a set cannot ask any more: another one does, of those who choose from it or the service's
    own; without any it is refused."""
    other = _other_bot(wish)
    if other is None or wish.attempts + 1 >= MOST_ATTEMPTS:
        failed(wish, error, now=now)
        return
    with db.write():
        db.execute("UPDATE emoji_set SET bot_id = ?, attempts = attempts + 1 WHERE id = ?", other, wish.id)


def _other_bot(wish: Wish) -> int | None:
    found = db.row(
        "SELECT b.bot_id FROM bot b WHERE b.deleted_at IS NULL AND b.bot_id <> ? AND (b.workspace_id IS NULL OR EXISTS"
        " (SELECT 1 FROM palette_set p WHERE p.emoji_set_id = ? AND p.workspace_id = b.workspace_id))"
        " ORDER BY CASE WHEN b.workspace_id IS NULL THEN 0 ELSE 1 END, b.bot_id LIMIT 1",
        *(wish.bot_id, wish.id),
    )
    return None if found is None else int(found[0])


def put_off(wish: Wish, wait_s: float, *, now: datetime) -> None:
    """Leave a set until its bot may ask again, so that others' are not held up behind it."""
    with db.write():
        at = db.stamp(now + timedelta(seconds=wait_s))
        db.execute("UPDATE emoji_set SET not_before = ? WHERE id = ?", at, wish.id)
