"""Still pictures of custom emoji, so that two with the same plain one can be told apart.

Telegram makes them small; they are kept as they come, shown by the browser only, and opened by nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db
from app.core.errors import Upstream
from app.telegram.port import CustomEmojiFacts, Telegram

WANTED, READY, NONE = "wanted", "ready", "none"
MOST_BYTES = 64 * 1024
MOST_ATTEMPTS = 5
_FIRST_WAIT_S = 5.0
_BEGINNINGS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture that is to be fetched, and by which bot's id of it."""

    emoji_id: str
    bot_id: int
    file_id: str
    attempts: int


def want(one: CustomEmojiFacts, bot_id: int) -> None:
    """Ask for an emoji's picture, inside the running transaction; nothing for one that is there or has none."""
    if one.picture_id:
        db.execute(
            "INSERT INTO emoji_picture (emoji_id, bot_id, file_id, state, attempts) VALUES (?, ?, ?, ?, 0)"
            " ON CONFLICT (emoji_id) DO UPDATE SET bot_id = excluded.bot_id, file_id = excluded.file_id,"
            " state = excluded.state, attempts = 0, not_before = NULL WHERE emoji_picture.state <> ?",
            *(one.emoji_id, bot_id, one.picture_id[:200], WANTED, READY),
        )


def due(now: datetime, *, limit: int = 5) -> list[Wanted]:
    """Pictures that can be fetched now, in the order of their sets."""
    found = db.rows(
        "SELECT p.emoji_id, p.bot_id, p.file_id, p.attempts FROM emoji_picture p JOIN custom_emoji e"
        " ON e.emoji_id = p.emoji_id WHERE p.state = ? AND (p.not_before IS NULL OR p.not_before <= ?)"
        " ORDER BY e.emoji_set_id, e.number LIMIT ?",
        *(WANTED, db.stamp(now), limit),
    )
    return [Wanted(*row) for row in found]


def fetch(wanted: Wanted, line: Telegram, *, now: datetime) -> bool:
    """Fetch a picture and keep it; False when there is none, or none yet."""
    try:
        data = line.download(wanted.file_id, most_bytes=MOST_BYTES)
    except Upstream as error:
        _failed(wanted, error, now=now)
        return False
    mime = mime_of(data)
    with db.write():
        db.execute(
            "UPDATE emoji_picture SET state = ?, mime = ?, data = ?, not_before = ? WHERE emoji_id = ?",
            *(READY if mime else NONE, mime or None, data if mime else None, db.stamp(now), wanted.emoji_id),
        )
    return bool(mime)


def _failed(wanted: Wanted, error: Upstream, *, now: datetime) -> None:
    is_over = error.permanent or wanted.attempts + 1 >= MOST_ATTEMPTS
    wait_s = error.retry_after_s or _FIRST_WAIT_S * 2**wanted.attempts
    with db.write():
        db.execute(
            "UPDATE emoji_picture SET state = ?, attempts = attempts + 1, not_before = ? WHERE emoji_id = ?",
            *(NONE if is_over else WANTED, db.stamp(now + timedelta(seconds=wait_s)), wanted.emoji_id),
        )


def mime_of(data: bytes) -> str:
    """What the bytes begin as: a picture that every browser shows; "" for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for beginning, mime in _BEGINNINGS if data.startswith(beginning)), "")


def picture_of(emoji_id: str) -> tuple[str, bytes] | None:
    """A picture with its kind (MIME); None where there is none."""
    found = db.row("SELECT mime, data FROM emoji_picture WHERE emoji_id = ? AND state = ?", emoji_id, READY)
    return (str(found[0]), bytes(found[1])) if found else None
