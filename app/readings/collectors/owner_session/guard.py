"""What may be sent to Telegram in an owner's name, and how often: every call of the adapter passes through here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from telethon import TelegramClient, utils
from telethon.tl import functions as f

from app.readings.collectors.owner_session.base import NotAllowed

EVERY_S = 1.0

_SIGNING = (
    *(f.auth.ExportLoginTokenRequest, f.auth.ImportLoginTokenRequest, f.auth.SendCodeRequest, f.auth.SignInRequest),
    *(f.auth.CheckPasswordRequest, f.auth.LogOutRequest, f.account.GetPasswordRequest),
    # another data centre of Telegram's: statistics live in one of their own
    *(f.auth.ExportAuthorizationRequest, f.auth.ImportAuthorizationRequest, f.help.GetConfigRequest),
)
_READS = (
    *(f.users.GetUsersRequest, f.updates.GetStateRequest, f.messages.GetDialogsRequest),
    *(f.messages.GetHistoryRequest, f.messages.GetMessagesViewsRequest, f.channels.GetFullChannelRequest),
    *(f.stats.GetBroadcastStatsRequest, f.stats.LoadAsyncGraphRequest),
)
ALLOWED: frozenset[type] = frozenset((*_SIGNING, *_READS))


def require_allowed(request: Any) -> None:
    """Raises NotAllowed for anything but a listed read, and for a look at counters that would add a view."""
    if type(request) not in ALLOWED:
        raise NotAllowed(f"{type(request).__name__} is not on the list of what may be asked.", code="not_on_the_list")
    if isinstance(request, f.messages.GetMessagesViewsRequest) and request.increment is not False:
        raise NotAllowed("Looking at counters must not add views.", code="not_on_the_list")


class Pace:
    """At most one call a second of one account, counted from when the account was opened."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        every_s: float = EVERY_S,
    ) -> None:
        self._monotonic, self._sleep, self._every_s = monotonic, sleep, every_s
        self._last = monotonic()  # opening it was a call too

    async def turn(self) -> None:
        """Wait until a second has gone by since the last call."""
        wait = self._last + self._every_s - self._monotonic()
        if wait > 0:
            await self._sleep(wait)
        self._last = self._monotonic()


class ReadOnlyClient(TelegramClient):
    """Telethon's client with our list and our pace before everything that it sends."""

    def __init__(self, *args: Any, pace: Pace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pace = pace

    async def _call(self, sender: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        for one in request if utils.is_list_like(request) else (request,):
            require_allowed(one)
        await self.pace.turn()
        return await super()._call(sender, request, *args, **kwargs)

    async def _on_login(self, user: Any) -> Any:
        """Telethon's own asks for the account's missed updates here: a person's messages, which are none of ours."""
        self._mb_entity_cache.set_self_user(user.id, user.bot, user.access_hash)
        self._authorized = True
        return user
