"""Whether a bot's custom emoji stay custom in a chat: seen in what Telegram made of the bot's own messages.

A channel keeps them only for a bot with a username bought on Fragment; the Premium of the bot's owner covers private
chats and groups (core.telegram.org/bots/api-changelog, 9.4 of 2026-02-09). Nothing tells a bot which it is: Telegram
drops the entities in silence, and the message that it answers with shows what is left. So every message that is sent
with custom emoji is looked at, and what was seen holds for seven days; after that it is not known, the entities are
sent again and the answer is learnt anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.core import db
from app.posting.content.telegram import Entity, read, render
from app.telegram.outgoing import Outgoing, Sent

KEPT, PLAIN, UNKNOWN = "kept", "plain", "unknown"
HOLDS = timedelta(days=7)
_CUSTOM = "custom_emoji"


@dataclass(frozen=True, slots=True)
class Standing:
    """`word`: kept, plain or unknown. `seen_at`: when that was seen last; `is_here`: in this very chat."""

    word: str
    seen_at: datetime | None = None
    is_here: bool = False


def standing_of(bot_id: int, address: str, *, now: datetime) -> Standing:
    """What is known of a bot's custom emoji in a channel.

    What was seen there counts first; else what was seen last in another channel of the bot, since Telegram decides it
    by the bot and not by the channel.
    """
    found = db.row(
        "SELECT is_kept, seen_at, address FROM emoji_standing WHERE bot_id = ? AND seen_at > ?"
        " ORDER BY CASE address WHEN ? THEN 0 ELSE 1 END, seen_at DESC LIMIT 1",
        *(bot_id, db.stamp(now - HOLDS), address),
    )
    if found is None:
        return Standing(UNKNOWN)
    return Standing(KEPT if found[0] else PLAIN, db.moment(found[1]), found[2] == address)


def as_it_goes(what: Outgoing, bot_id: int, address: str, *, now: datetime) -> Outgoing:
    """The call as it is sent: where custom emoji would be dropped they are plain from the start, as was told."""
    if not _custom_in(what.entities) or standing_of(bot_id, address, now=now).word != PLAIN:
        return what
    return replace(what, entities=without_custom(what.text, what.entities))


def without_custom(text: str, entities: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The entities of the same text with plain emoji, in the form that Telegram keeps: a look that a custom emoji had
    cut in two is one again."""
    left = [Entity.from_api(dict(entity)) for entity in entities if entity["type"] != _CUSTOM]
    return tuple(entity.to_api() for entity in render(read(text, left)).entities)


def learn(bot_id: int, address: str, what: Outgoing, messages: Sequence[Sent], *, now: datetime) -> None:
    """Keep what Telegram made of the custom emoji of a call, inside the running transaction; nothing without any.

    One that is left is proof enough: single ones also go when their set was deleted.
    """
    if not _custom_in(what.entities) or not messages:
        return
    is_kept = any(_custom_in(message.entities) for message in messages)
    see(bot_id, address, is_kept=is_kept, now=now)


def see(bot_id: int, address: str, *, is_kept: bool, now: datetime) -> None:
    """Keep what was seen in a chat, inside the running transaction."""
    db.execute(
        "INSERT INTO emoji_standing (bot_id, address, is_kept, seen_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (bot_id, address) DO UPDATE SET is_kept = excluded.is_kept, seen_at = excluded.seen_at",
        *(bot_id, address, is_kept, db.stamp(now)),
    )


def note_of(asked: Outgoing, sent: Outgoing, messages: Sequence[Sent]) -> str | None:
    """What the delivery's row says of custom emoji: `custom_emoji_plain` went out plain as was told,
    `custom_emoji_dropped` were dropped by Telegram."""
    if len(_custom_in(asked.entities)) > len(_custom_in(sent.entities)):
        return "custom_emoji_plain"
    kept = sum(len(_custom_in(message.entities)) for message in messages)
    return "custom_emoji_dropped" if len(_custom_in(sent.entities)) > kept else None


def _custom_in(entities: Sequence[object]) -> list[object]:
    return [entity for entity in entities if isinstance(entity, dict) and entity["type"] == _CUSTOM]
