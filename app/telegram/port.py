"""What we ask of Telegram. Every method raises Upstream (temporary, with retry_after_s where told) or, when Telegram
refuses for good, Upstream with permanent=True and Telegram's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

ALLOWED_UPDATES = (
    "message",
    "callback_query",
    "channel_post",
    "edited_channel_post",
    "message_reaction_count",
    "chat_member",
    "my_chat_member",
    "chat_boost",
    "removed_chat_boost",
)


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """Who a token is."""

    bot_id: int
    username: str


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message: it sends `data` (at most 64 bytes) back, or opens `web_app` inside Telegram."""

    text: str
    data: str = ""
    web_app: str = ""


Keyboard = Sequence[Sequence[Button]]


class Telegram(Protocol):
    """One bot's line to Telegram."""

    def me(self) -> BotIdentity: ...

    def updates(self, *, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        """Raw updates by long polling; asking with an offset confirms everything before it."""

    def set_webhook(self, url: str, *, secret: str, allowed: Sequence[str]) -> None: ...

    def delete_webhook(self) -> None: ...

    def member_status(self, chat_id: int, user_id: int) -> str:
        """creator, administrator, member, restricted, left or kicked."""

    def member_count(self, chat_id: int) -> int: ...

    def send_message(self, chat_id: int, text: str, *, keyboard: Keyboard = ()) -> int:
        """Returns the message id. A time-out may have delivered it."""

    def create_invite_link(self, chat_id: int, name: str) -> str:
        """Make a link of its own name (at most 32 characters); returns its address. A time-out may have made it."""

    def revoke_invite_link(self, chat_id: int, url: str) -> None:
        """End a link of this bot's; doing so twice is no error."""

    def answer_callback(self, callback_id: str, text: str = "") -> None:
        """Ends the waiting that a pressed button shows."""

    def set_commands(self, commands: Sequence[tuple[str, str]], *, language: str) -> None:
        """The menu of commands, (command, what it does), for one language; "" is everybody else's."""
