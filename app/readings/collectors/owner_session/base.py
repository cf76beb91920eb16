"""The port to an owner's Telegram account: what may be asked of it, what it answers, and how it fails.

Every call is a read, or a step of signing in or out. One call a second at most; none adds a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core.errors import AppError, Upstream
from app.readings.collectors.base import Count, SeenPost

# Telegram answers at most this many messages a call (facts/telegram.md 3.1).
MOST_A_CALL = 100
GRAPHS = (
    "growth",
    "followers",
    "languages",
    "views_by_source",
    "new_followers_by_source",
    "top_hours",
)


class FloodWait(Upstream):
    """Telegram asks this account to be quiet for `retry_after_s` seconds."""

    default_code = "flood_wait"


class SessionRevoked(Upstream):
    """The account ended the session, or Telegram did: nothing can be read with it any more."""

    default_code = "session_revoked"
    default_permanent = True


class NotAllowed(Upstream):
    """Telegram refuses this to the account, or the call is not on our list of reads."""

    default_code = "not_allowed"
    default_permanent = True


class AskedPassword(AppError):
    """The account has a second password; Telegram wants it before it lets us in."""

    default_code = "asked_password"
    default_permanent = False


class WrongAnswer(AppError):
    """The code or the password is not the right one, or too old. `code`: wrong_code, old_code, wrong_password, wrong_phone."""

    default_code = "wrong_code"


@dataclass(frozen=True, slots=True)
class QrCode:
    """A tg://login address to show as a QR code, until it expires."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Whose account it is."""

    telegram_user_id: int


@dataclass(frozen=True, slots=True)
class ChannelKey:
    """How one account names a channel: the bare channel id, and a hash that works for this account only."""

    channel_id: int
    access_hash: int


@dataclass(frozen=True, slots=True)
class OwnChannel:
    """A broadcast channel that the account runs (creator or administrator)."""

    key: ChannelKey
    title: str
    username: str | None
    subscribers: Count | None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Up to 100 messages, the newest first.

    `seen` counts the messages in it (album items one by one), `gone` are ids that Telegram says are deleted. `total`
    is Telegram's count of all messages of the channel, `before` asks for the next older page; None: that was the oldest.
    """

    posts: tuple[SeenPost, ...]
    seen: int
    gone: tuple[int, ...]
    total: int | None
    before: int | None


@dataclass(frozen=True, slots=True)
class Counters:
    """What Telegram counts of one message; all None: it is deleted."""

    message_id: int
    views: Count | None
    forwards: Count | None
    comments: Count | None

    @property
    def is_deleted(self) -> bool:
        return self.views is None and self.forwards is None and self.comments is None


@dataclass(frozen=True, slots=True)
class Series:
    """A named line of a graph; None where Telegram says nothing."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """One of Telegram's own statistics graphs.

    `x` are unix milliseconds (`is_time`) or plain numbers such as hours. `error` is Telegram's word where it has none.
    """

    kind: str
    is_time: bool = True
    x: tuple[int, ...] = ()
    series: tuple[Series, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NativeStats:
    """Telegram's own statistics of a channel. `graphs` has one for each of GRAPHS that was answered."""

    since: datetime
    until: datetime
    graphs: tuple[Graph, ...]


class OwnerAccount(Protocol):
    """A session of an owner's account. Not for two threads.

    Any call raises FloodWait, SessionRevoked, NotAllowed, or Upstream (temporary) when Telegram does not answer.
    """

    def session(self) -> str:
        """The session as one secret string: whoever has it is the account. To be kept sealed."""
        ...

    def start_qr(self) -> QrCode | Person:
        """Ask for a code to show, again when it expires; the person where one was accepted already.

        Raises AskedPassword.
        """
        ...

    def wait_qr(self, seconds: float) -> Person | None:
        """Wait until a code is scanned and accepted; None when none was yet. Raises AskedPassword."""
        ...

    def start_code(self, phone: str) -> str:
        """Let Telegram send a login code to the account; returns the token to hand in with it. Raises WrongAnswer."""
        ...

    def finish_code(self, phone: str, token: str, code: str) -> Person:
        """Sign in. Raises AskedPassword, WrongAnswer."""
        ...

    def finish_password(self, password: str) -> Person:
        """Sign in with the second password. Raises WrongAnswer."""
        ...

    def channels(self) -> tuple[OwnChannel, ...]:
        """The broadcast channels that the account runs."""
        ...

    def history(self, channel: ChannelKey, *, before: int | None = None, limit: int = MOST_A_CALL) -> HistoryPage:
        """Messages older than `before`, or the newest ones."""
        ...

    def counters(self, channel: ChannelKey, ids: Sequence[int]) -> tuple[Counters, ...]:
        """Present counts of up to 100 messages, in their order, without counting as a view."""
        ...

    def stats(self, channel: ChannelKey) -> NativeStats | None:
        """Telegram's own statistics; None where it does not offer them for this channel."""
        ...

    def log_out(self) -> None:
        """End the session at Telegram."""
        ...

    def close(self) -> None:
        """Let go of the connection; the session stays."""
        ...


class OpensAccount(Protocol):
    """Makes a line to the account of a session ("" for one that signs in)."""

    def __call__(self, session: str, *, signs_in: bool) -> OwnerAccount: ...
