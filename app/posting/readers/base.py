"""The port of everything that can read a channel back, since a bot is told nothing of its own posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.readings.collectors.base import SeenPost


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look, for a workspace: the chat as Telegram and we know it, since a moment, after the last id we know."""

    workspace_id: int
    chat_id: int
    telegram_chat_id: int
    username: str | None
    bot_id: int
    since: datetime
    last_message_id: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a reader saw. `is_whole`: it saw everything since then, so what it did not see is not there."""

    posts: Sequence[SeenPost]
    is_whole: bool


class Reader(Protocol):
    """One way of looking. Returns None where it cannot look at all; raises Upstream when it cannot now."""

    @property
    def name(self) -> str: ...

    def look(self, place: Place) -> Look | None: ...
