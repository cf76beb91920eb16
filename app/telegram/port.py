"""What we ask of Telegram. Every method raises Upstream (temporary, with retry_after_s where told) or, when Telegram
refuses for good, Upstream with permanent=True and Telegram's own words.

Codes of Upstream: `retry_after` (429, nothing was done), `refused` (permanent, nothing was done), `not_sent` (no
connection was made, nothing was done) and `no_answer` (whether it was done cannot be told)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from app.telegram.outgoing import Outgoing, Sent

ALLOWED_UPDATES = (
    "message",
    "callback_query",
    "pre_checkout_query",
    "subscription",
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


@dataclass(frozen=True, slots=True)
class StarInvoice:
    """A subscription to be paid in Stars every `period_s`; the payload (at most 128 bytes) comes back with each payment."""

    title: str
    description: str
    payload: str
    stars: int
    period_s: int


@dataclass(frozen=True, slots=True)
class StarTransaction:
    """A line of the bot's own list of transactions in Stars; a refund has the charge id of what it gives back."""

    charge_id: str
    telegram_user_id: int
    payload: str
    stars: int
    period_s: int
    at: datetime
    is_refund: bool


@dataclass(frozen=True, slots=True)
class CustomEmojiFacts:
    """A custom emoji: its id, the plain one that stands in its place, and the name of its set ("" without one).

    `picture_id`: this bot's file id of a still picture of it, "" where Telegram has none.
    """

    emoji_id: str
    plain: str
    set_name: str = ""
    picture_id: str = ""


@dataclass(frozen=True, slots=True)
class EmojiSetFacts:
    """A set of custom emoji, in its order."""

    name: str
    title: str
    emoji: tuple[CustomEmojiFacts, ...]


Keyboard = Sequence[Sequence[Button]]


RETRY_AFTER, REFUSED, NOT_SENT, NO_ANSWER = "retry_after", "refused", "not_sent", "no_answer"


class Publisher(Protocol):
    """What puts posts into chats and keeps them right, by one bot."""

    def me(self) -> BotIdentity:
        """Whose the token is; a permanent refusal means that it is nobody's."""

    def send(self, chat_id: int, what: Outgoing) -> tuple[Sent, ...]:
        """Send a message, or the messages of one album, by one call. Never repeated: see the codes above."""

    def edit(self, chat_id: int, message_id: int, what: Outgoing) -> None:
        """Make a message say `what`: its text or caption, entities and buttons. That it says so already is no error."""

    def delete_messages(self, chat_id: int, message_ids: Sequence[int]) -> None:
        """Delete messages; that one is gone already is no error."""

    def pin(self, chat_id: int, message_id: int, *, is_silent: bool) -> None: ...

    def unpin(self, chat_id: int, message_id: int) -> None:
        """That it is pinned no more is no error."""

    def forward(self, chat_id: int, message_id: int, *, to_chat_id: int) -> Sent | None:
        """Forward a message, and so learn what it holds; None when there is no such message."""


class Telegram(Publisher, Protocol):
    """One bot's line to Telegram."""

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

    def create_invoice_link(self, invoice: StarInvoice) -> str:
        """Make a link that opens the invoice inside Telegram; it may be paid by anybody, once and by its renewals."""

    def answer_pre_checkout(self, query_id: str, refusal: str = "") -> None:
        """Let a payment go on, or say why not. Telegram waits ten seconds; too late or twice is no error."""

    def stop_star_renewal(self, user_id: int, charge_id: str, *, is_stopped: bool) -> None:
        """Renew a subscription no more, or again; it is named by its first charge."""

    def refund_stars(self, user_id: int, charge_id: str) -> None:
        """Give a payment back whole; that it was done already is no error."""

    def star_transactions(self, *, offset: int) -> list[StarTransaction]:
        """At most a hundred of the bot's transactions with people, the oldest first, after `offset` of all; those of
        other kinds, such as withdrawals, have the payload "" and the person 0."""

    def emoji_set(self, name: str) -> EmojiSetFacts:
        """A set of custom emoji by its name; a set of other stickers, and none, is a permanent refusal."""

    def custom_emoji(self, emoji_ids: Sequence[str]) -> tuple[CustomEmojiFacts, ...]:
        """What at most two hundred custom emoji are; those that Telegram does not know are missing."""

    def download(self, file_id: str, *, most_bytes: int) -> bytes:
        """The bytes of a small file; a larger one than that is a permanent refusal."""
