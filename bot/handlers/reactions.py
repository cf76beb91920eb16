"""Anonymous reaction counts of channel posts."""

from __future__ import annotations

from datetime import UTC
from functools import partial

from aiogram.types import ReactionCount, ReactionTypeCustomEmoji, ReactionTypeEmoji

from app.readings.service import updates
from bot.dispatcher import Effect, Incoming, nothing


def reaction_count(incoming: Incoming) -> Effect:
    change = incoming.update.message_reaction_count
    if change is None:
        return nothing
    counts = {_name(one): one.total_count for one in change.reactions}
    return partial(
        updates.note_reactions,
        change.chat.id,
        change.message_id,
        counts,
        observed_at=change.date.astimezone(UTC),
        now=incoming.now,
    )


def _name(one: ReactionCount) -> str:
    """The character, `custom:<id>` or `paid`, as collectors name them."""
    if isinstance(one.type, ReactionTypeEmoji):
        return one.type.emoji
    return f"custom:{one.type.custom_emoji_id}" if isinstance(one.type, ReactionTypeCustomEmoji) else "paid"
