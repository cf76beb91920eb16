"""Boosts of channels, given and ended. Of the person nothing is kept."""

from __future__ import annotations

from datetime import UTC
from functools import partial

from app.readings.service import boosts
from app.readings.service.boosts import BoostFacts
from bot.dispatcher import Effect, Incoming, nothing


def chat_boost(incoming: Incoming) -> Effect:
    """A boost was added, or lasts longer than was told before."""
    told = incoming.update.chat_boost
    if told is None:
        return nothing
    facts = BoostFacts(
        told.boost.boost_id,
        str(told.boost.source.source),
        added_at=told.boost.add_date.astimezone(UTC),
        expires_at=told.boost.expiration_date.astimezone(UTC),
    )
    return partial(boosts.note_boost, told.chat.id, facts, now=incoming.now)


def removed_chat_boost(incoming: Incoming) -> Effect:
    told = incoming.update.removed_chat_boost
    if told is None:
        return nothing
    facts = BoostFacts(told.boost_id, str(told.source.source), removed_at=told.remove_date.astimezone(UTC))
    return partial(boosts.note_boost, told.chat.id, facts, now=incoming.now)
