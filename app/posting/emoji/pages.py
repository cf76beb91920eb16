"""What the pages of custom emoji show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.channels.queries import channels_of
from app.core.errors import NotFound
from app.core.i18n import N_
from app.posting.emoji import queries
from app.posting.emoji.queries import Emoji, Room, Set
from app.posting.emoji.standing import standing_of


@dataclass(frozen=True, slots=True)
class Where:
    """What becomes of custom emoji in a channel: kept, plain or unknown, when that was seen, and whether there."""

    title: str
    word: str
    seen_at: datetime | None
    is_here: bool


@dataclass(frozen=True, slots=True)
class PalettePage:
    """The workspace's custom emoji, where Telegram keeps them, and the sets that it chooses from."""

    emoji: tuple[Emoji, ...]
    sets: tuple[Set, ...]
    where: tuple[Where, ...]
    room: Room
    may_change: bool
    typed: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class SetPage:
    """One set, with what of it is at hand."""

    set: Set
    emoji: tuple[Emoji, ...]
    room: Room
    may_change: bool
    error: str = ""

    @property
    def url(self) -> str:
        return f"/emoji/sets/{self.set.key}"

    @property
    def is_all_mine(self) -> bool:
        return all(one.is_mine for one in self.emoji)

    @property
    def has_room_for_all(self) -> bool:
        return self.room.left is None or sum(not one.is_mine for one in self.emoji) <= self.room.left


def palette_page(workspace_id: int, *, may_change: bool, typed: str, error: str, now: datetime) -> PalettePage:
    """The palette with all around it."""
    return PalettePage(
        emoji=tuple(queries.palette_of(workspace_id)),
        sets=tuple(queries.sets_of(workspace_id)),
        where=tuple(_where(workspace_id, now=now)),
        room=queries.room_of(workspace_id, now=now),
        may_change=may_change,
        typed=typed,
        error=error,
    )


def _where(workspace_id: int, *, now: datetime) -> Iterable[Where]:
    for ref in channels_of(workspace_id):
        if ref.relation == "owned" and ref.bot_id is not None and ref.telegram_chat_id is not None:
            found = standing_of(ref.bot_id, str(ref.telegram_chat_id), now=now)
            yield Where(ref.title, found.word, found.seen_at, found.is_here)


def set_page(workspace_id: int, key: str, *, may_change: bool, error: str, now: datetime) -> SetPage:
    """A set of the workspace's list. Raises NotFound."""
    found = queries.set_of(workspace_id, key)
    if found is None:
        raise NotFound(N_("There is no such set."))
    emoji = tuple(queries.emoji_of(workspace_id, key))
    return SetPage(found, emoji, queries.room_of(workspace_id, now=now), may_change, error)
