"""Whether a bot's custom emoji stay custom in a chat: seen in what Telegram made of the bot's own messages.

A channel keeps them only for a bot with a username bought on Fragment; the Premium of the bot's owner covers private
chats and groups (core.telegram.org/bots/api-changelog, 9.4 of 2026-02-09). Nothing tells a bot which it is: Telegram
drops the entities in silence, and the message that it answers with shows what is left. So every message that is sent
with custom emoji is looked at, and what was seen holds for seven days; after that it is not known, the entities are
sent again and the answer is learnt anew. A trial in the bot's storage chat (trials.py) asks again after a day already.

An emoji that Telegram has no more is dropped everywhere. So plain is learnt only from one that Telegram told of lately,
and what a workspace's channel showed is no matter of other workspaces that post through the same bot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.core import db
from app.posting.content.telegram import Entity, read, render
from app.telegram.outgoing import Outgoing, Sent

KEPT, PLAIN, UNKNOWN = "kept", "plain", "unknown"
HOLDS = timedelta(days=7)
ALIVE = timedelta(days=8)  # so long an emoji counts as one that is there: sets are read again after seven days
_CUSTOM = "custom_emoji"


@dataclass(frozen=True, slots=True)
class Standing:
    """`word`: kept, plain or unknown. `seen_at`: when that was seen last; `is_here`: in this very chat."""

    word: str
    seen_at: datetime | None = None
    is_here: bool = False


def standing_of(bot_id: int, address: str, *, now: datetime) -> Standing:
    """What is known of a bot's custom emoji in a channel.

    What was seen there counts first; else what was seen last in the bot's storage chat or in another of its channels in
    the same workspace, since Telegram decides it by the bot and not by the channel. Plain here, and kept by a later
    trial, is not known: the next message tells.
    """
    found = db.rows(
        f"{_SEEN} ORDER BY s.seen_at DESC", *(bot_id, db.stamp(now - HOLDS), address, bot_id, _number(address))
    )
    here = next((row for row in found if row[2] == address), None)
    if here is None:
        return _standing(found[0], address) if found else Standing(UNKNOWN)
    is_doubted = not here[0] and any(is_kept and is_trial for is_kept, _, _, is_trial in found[: found.index(here)])
    return Standing(UNKNOWN) if is_doubted else _standing(here, address)


# what was seen here, by the bot's trial, or in a channel that the same workspace owns
_SEEN = (
    "SELECT s.is_kept, s.seen_at, s.address, CASE WHEN b.bot_id IS NULL THEN 0 ELSE 1 END FROM emoji_standing s"
    " LEFT JOIN bot b ON b.bot_id = s.bot_id AND CAST(b.storage_chat_id AS TEXT) = s.address"
    " WHERE s.bot_id = ? AND s.seen_at > ? AND (s.address = ? OR b.bot_id IS NOT NULL OR s.address IN ("
    "SELECT CAST(t.telegram_chat_id AS TEXT) FROM chat m JOIN channel mine ON mine.chat_id = m.id"
    " JOIN channel c ON c.workspace_id = mine.workspace_id JOIN chat t ON t.id = c.chat_id"
    " WHERE c.bot_id = ? AND c.relation = 'owned' AND c.deleted_at IS NULL"
    " AND mine.relation = 'owned' AND mine.deleted_at IS NULL AND m.telegram_chat_id = ?))"
)


def _number(address: str) -> int:
    """A channel's id at Telegram; 0, which none has, where it is not known."""
    return int(address) if address.removeprefix("-").isdigit() else 0


def _standing(seen: tuple[Any, ...], address: str) -> Standing:
    return Standing(KEPT if seen[0] else PLAIN, db.moment(seen[1]), seen[2] == address)


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


def learn(bot_id: int, address: str, what: Outgoing, messages: Sequence[Sent], *, now: datetime) -> bool:
    """Keep what Telegram made of the custom emoji of a call, inside the running transaction. False: it tells nothing.

    One that is left is proof enough: single ones also go when their set was deleted. That none is left proves something
    only when one of them is known to be there.
    """
    asked = {str(entity["custom_emoji_id"]) for entity in _custom_in(what.entities)}
    if not asked or not messages:
        return False
    is_kept = any(_custom_in(message.entities) for message in messages)
    if not is_kept and not _is_any_alive(asked, now=now):
        return False
    see(bot_id, address, is_kept=is_kept, now=now)
    return True


def _is_any_alive(emoji_ids: Collection[str], *, now: datetime) -> bool:
    found = db.row(
        f"SELECT 1 FROM custom_emoji WHERE emoji_id IN ({db.marks(emoji_ids)}) AND gone_at IS NULL AND known_at > ? LIMIT 1",
        *(*sorted(emoji_ids), db.stamp(now - ALIVE)),
    )
    return found is not None


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


def _custom_in(entities: Sequence[object]) -> list[dict[str, Any]]:
    return [entity for entity in entities if isinstance(entity, dict) and entity["type"] == _CUSTOM]
