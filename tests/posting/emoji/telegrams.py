"""Sets as Telegram tells them, and posts that hold custom emoji."""

from __future__ import annotations

from datetime import datetime

from app.core import db
from app.posting.emoji import palette, reading
from app.telegram.port import CustomEmojiFacts, EmojiSetFacts
from tests.world import Owner

CATS = "CatsOfTashkent"
FIRST = 5_368_324_170_671_202_286
PLAIN = ("👍", "🔥", "👨\u200d👩\u200d👧", "🇺🇿", "❤️", "👍🏽", "1️⃣")


def cats(count: int = 7, *, name: str = CATS, first: int = FIRST) -> EmojiSetFacts:
    """A set of so many, whose plain emoji come round and round."""
    emoji = (CustomEmojiFacts(str(first + n), PLAIN[n % len(PLAIN)], name) for n in range(count))
    return EmojiSetFacts(name, "Cats", tuple(emoji))


def known(who: Owner, found: EmojiSetFacts, *, now: datetime) -> list[str]:
    """The workspace asked for a set and Telegram told it; returns the ids of its emoji."""
    db.execute("UPDATE emoji_set SET read_at = NULL")
    if db.row("SELECT 1 FROM bot") is None:
        db.execute(
            "INSERT INTO bot (bot_id, username, token_sealed, webhook_secret_sealed, updates, created_at)"
            " VALUES (7, 'TheBot', '', '', 'polling', ?)",
            db.stamp(now),
        )
    palette.ask_for(who.workspace.id, f"https://t.me/addemoji/{found.name}", now=now)
    (wish,) = [one for one in reading.due(now) if one.key == found.name.lower()]
    reading.keep(wish, found, now=now)
    return [one.emoji_id for one in found.emoji]
