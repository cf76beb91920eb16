"""The owner's account through Telethon (MTProto). Imported by the jobs process only, and there when it is used."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from telethon import errors, events, utils
from telethon.sessions import StringSession
from telethon.tl import functions as f
from telethon.tl import types

from app.core.errors import Upstream
from app.readings.collectors.owner_session import mapping
from app.readings.collectors.owner_session.base import (
    MOST_A_CALL,
    AskedPassword,
    ChannelKey,
    Counters,
    FloodWait,
    HistoryPage,
    NativeStats,
    NotAllowed,
    OwnChannel,
    Person,
    QrCode,
    SessionRevoked,
    WrongAnswer,
)
from app.readings.collectors.owner_session.guard import Pace, ReadOnlyClient

Answer = TypeVar("Answer")
_MOST_DIALOG_PAGES = 20
_CALL_S = 60.0


def make_client(session: str, *, api_id: int, api_hash: str, signs_in: bool, pace: Pace) -> ReadOnlyClient:
    """A client that never waits out a flood by itself and hears updates only while it signs in."""
    return ReadOnlyClient(
        StringSession(session),
        api_id,
        api_hash,
        pace=pace,
        flood_sleep_threshold=0,
        raise_last_call_error=True,
        request_retries=2,
        receive_updates=signs_in,
        device_model="AnalyticBot",
    )


class TelethonAccount:
    """The port's adapter. It owns an event loop: use it in one thread."""

    def __init__(self, make: Callable[[], ReadOnlyClient]) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = self._run(self._made(make))
        self._was_scanned, self._hears_scans = asyncio.Event(), False

    async def _made(self, make: Callable[[], ReadOnlyClient]) -> ReadOnlyClient:
        return make()

    def connect(self) -> TelethonAccount:
        self._run(self._client.connect())
        return self

    def session(self) -> str:
        return str(self._client.session.save())

    def start_qr(self) -> QrCode | Person:
        if not self._hears_scans:
            self._client.add_event_handler(self._scanned, events.Raw(types.UpdateLoginToken))
            self._hears_scans = True
        return self._run(self._exported())

    async def _scanned(self, _update: Any) -> None:
        self._was_scanned.set()

    async def _exported(self) -> QrCode | Person:
        """A fresh code, or the person where one was accepted already (https://core.telegram.org/api/qr-login)."""
        self._was_scanned.clear()
        answer = await self._client(f.auth.ExportLoginTokenRequest(self._client.api_id, self._client.api_hash, []))
        if isinstance(answer, types.auth.LoginTokenMigrateTo):
            await self._client._switch_dc(answer.dc_id)
            answer = await self._client(f.auth.ImportLoginTokenRequest(answer.token))
        if isinstance(answer, types.auth.LoginTokenSuccess):
            await self._client._on_login(answer.authorization.user)
            return _person(answer.authorization.user)
        token = base64.urlsafe_b64encode(answer.token).decode().rstrip("=")
        return QrCode(f"tg://login?token={token}", answer.expires)

    def wait_qr(self, seconds: float) -> Person | None:
        found = self._run(self._accepted(seconds))
        return found if isinstance(found, Person) else None

    async def _accepted(self, seconds: float) -> QrCode | Person | None:
        try:
            await asyncio.wait_for(self._was_scanned.wait(), seconds)
        except TimeoutError:
            return None
        return await self._exported()

    def start_code(self, phone: str) -> str:
        sent = self._run(self._client.send_code_request(phone))
        return str(sent.phone_code_hash)

    def finish_code(self, phone: str, token: str, code: str) -> Person:
        return _person(self._run(self._client.sign_in(phone, code, phone_code_hash=token)))

    def finish_password(self, password: str) -> Person:
        return _person(self._run(self._client.sign_in(password=password)))

    def channels(self) -> tuple[OwnChannel, ...]:
        return mapping.own_channels(self._run(self._chats()).values())

    async def _chats(self) -> dict[int, Any]:
        """All chats of the account's list, page by page; only channels are looked at, and nothing of them is kept."""
        chats: dict[int, Any] = {}
        date, offset_id, peer = None, 0, types.InputPeerEmpty()
        for _ in range(_MOST_DIALOG_PAGES):
            request = f.messages.GetDialogsRequest(date, offset_id, peer, MOST_A_CALL, 0)
            answer = await self._client(request)
            chats.update({chat.id: chat for chat in answer.chats})
            last = _last_of(answer)
            if not isinstance(answer, types.messages.DialogsSlice) or last is None or len(answer.dialogs) < MOST_A_CALL:
                break
            date, offset_id, peer = last
        return chats

    def history(self, channel: ChannelKey, *, before: int | None = None, limit: int = MOST_A_CALL) -> HistoryPage:
        request = f.messages.GetHistoryRequest(_peer(channel), before or 0, None, 0, limit, 0, 0, 0)
        return mapping.history_page(self._ask(request), limit=limit)

    def counters(self, channel: ChannelKey, ids: Sequence[int]) -> tuple[Counters, ...]:
        request = f.messages.GetMessagesViewsRequest(_peer(channel), list(ids), increment=False)
        return mapping.counters_of(ids, self._ask(request))

    def stats(self, channel: ChannelKey) -> NativeStats | None:
        peer = types.InputChannel(channel.channel_id, channel.access_hash)
        full = self._ask(f.channels.GetFullChannelRequest(peer)).full_chat
        if not full.can_view_stats:
            return None
        return self._run(self._stats(peer, full.stats_dc))

    async def _stats(self, peer: Any, dc: int | None) -> NativeStats:
        """Statistics are answered only by the data centre that keeps them (stats_dc)."""
        is_home = dc is None or dc == self._client.session.dc_id
        sender = self._client._sender if is_home else await self._client._borrow_exported_sender(dc)
        try:
            answer = await self._client._call(sender, f.stats.GetBroadcastStatsRequest(peer))
            loaded = {}
            for kind, token in mapping.unfinished_graphs(answer).items():
                loaded[kind] = await self._client._call(sender, f.stats.LoadAsyncGraphRequest(token))
            return mapping.native_stats(answer, loaded)
        finally:
            if not is_home:
                await self._client._return_exported_sender(sender)

    def log_out(self) -> None:
        self._ask(f.auth.LogOutRequest())

    def close(self) -> None:
        try:
            self._loop.run_until_complete(self._disconnected())
        finally:
            self._loop.close()

    async def _disconnected(self) -> None:
        await self._client.disconnect()

    def _ask(self, request: Any) -> Any:
        return self._run(self._client(request))

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        try:
            return self._loop.run_until_complete(asyncio.wait_for(work, _CALL_S))
        except errors.RPCError as error:
            raise _ours(error) from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Upstream("Telegram does not answer.", retry_after_s=30) from error


def _person(user: Any) -> Person:
    return Person(int(user.id))


def _peer(channel: ChannelKey) -> Any:
    return types.InputPeerChannel(channel.channel_id, channel.access_hash)


def _last_of(answer: Any) -> tuple[Any, int, Any] | None:
    """Where the next page of dialogs begins: the last one's date, message and peer."""
    chats = {utils.get_peer_id(one): one for one in (*answer.users, *answer.chats)}
    dates = {(utils.get_peer_id(m.peer_id), m.id): m.date for m in answer.messages if getattr(m, "date", None)}
    for dialog in reversed(answer.dialogs):
        peer_id = utils.get_peer_id(dialog.peer)
        if (peer_id, dialog.top_message) in dates and peer_id in chats:
            return dates[peer_id, dialog.top_message], dialog.top_message, utils.get_input_peer(chats[peer_id])
    return None


_WRONG = {
    errors.PhoneCodeInvalidError: ("wrong_code", "This is not the code that Telegram sent."),
    errors.PhoneCodeEmptyError: ("wrong_code", "This is not the code that Telegram sent."),
    errors.PhoneCodeExpiredError: ("old_code", "This code is too old. Ask for a new one."),
    errors.PasswordHashInvalidError: ("wrong_password", "This is not the account's second password."),
    errors.PhoneNumberInvalidError: ("wrong_phone", "Telegram knows no such phone number."),
    errors.PhoneNumberBannedError: ("wrong_phone", "Telegram has banned this phone number."),
    errors.PhoneNumberUnoccupiedError: ("wrong_phone", "No Telegram account has this phone number."),
}
_REFUSED = (
    errors.ForbiddenError,
    errors.ChatAdminRequiredError,
    errors.ChannelPrivateError,
    errors.ChannelInvalidError,
)


def _ours(error: errors.RPCError) -> Exception:
    """Telegram's errors in the port's words; the order matters, since Telethon's classes inherit from each other."""
    if isinstance(error, errors.FloodError):
        seconds = int(getattr(error, "seconds", 60))
        return FloodWait("Telegram asks us to wait.", retry_after_s=seconds)
    if isinstance(error, errors.SessionPasswordNeededError):
        return AskedPassword("The account has a second password.")
    if type(error) in _WRONG:
        code, sentence = _WRONG[type(error)]
        return WrongAnswer(sentence, code=code)
    if isinstance(error, (errors.UnauthorizedError, errors.AuthKeyError)):
        return SessionRevoked("Telegram says that this session has ended.")
    if isinstance(error, _REFUSED):
        return NotAllowed(f"Telegram does not let this account do that ({type(error).__name__}).")
    return Upstream(f"Telegram answered {type(error).__name__}.", permanent=isinstance(error, errors.BadRequestError))
