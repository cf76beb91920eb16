"""How long what Telegram told of sets is kept that nobody chooses from."""

from __future__ import annotations

from datetime import timedelta

from app.core.retention import Rule

_NOT_ASKED = timedelta(days=90)

KEPT = (
    Rule(
        *("emoji_picture", "emoji_id", "not_before", _NOT_ASKED),
        "NOT EXISTS (SELECT 1 FROM palette_emoji p WHERE p.emoji_id = emoji_picture.emoji_id) AND NOT EXISTS (SELECT 1"
        " FROM custom_emoji e JOIN palette_set s ON s.emoji_set_id = e.emoji_set_id"
        " WHERE e.emoji_id = emoji_picture.emoji_id)",
    ),
    Rule(
        *("custom_emoji", "emoji_id", "known_at", _NOT_ASKED),
        "NOT EXISTS (SELECT 1 FROM palette_emoji p WHERE p.emoji_id = custom_emoji.emoji_id)"
        " AND NOT EXISTS (SELECT 1 FROM palette_set s WHERE s.emoji_set_id = custom_emoji.emoji_set_id)"
        " AND NOT EXISTS (SELECT 1 FROM emoji_picture i WHERE i.emoji_id = custom_emoji.emoji_id)",
    ),
    Rule(
        *("emoji_set", "id", "asked_at", _NOT_ASKED),
        "NOT EXISTS (SELECT 1 FROM palette_set s WHERE s.emoji_set_id = emoji_set.id)"
        " AND NOT EXISTS (SELECT 1 FROM custom_emoji e WHERE e.emoji_set_id = emoji_set.id)",
    ),
)
