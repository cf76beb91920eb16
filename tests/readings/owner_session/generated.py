"""A Telegram made of generated TL objects, below Telethon's client: every request and answer goes through its bytes.

Nothing here was recorded: no Telegram was reachable. The objects are those of layer 229, the client and the mapping are
the real ones; only the socket is missing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon import errors
from telethon.crypto import AuthKey
from telethon.extensions import BinaryReader
from telethon.tl import functions as f
from telethon.tl import types

from app.readings.collectors.owner_session.guard import Pace
from app.readings.collectors.owner_session.telethon import TelethonAccount, make_client

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
PERSON = 4242
CHANNEL = 1_700_000_001
TOKEN = b"generated login token"


def through_bytes(made: Any) -> Any:
    """The object as it arrives at the other side."""
    with BinaryReader(bytes(made)) as reader:
        return reader.tgread_object()


@dataclass
class GeneratedChannel:
    """`posts` messages: every 50th a service message, every 40th deleted, every 30th begins an album of three.

    `gone`: more that are deleted.
    """

    posts: int = 250
    channel_id: int = CHANNEL
    title: str = "News 24"
    every: timedelta = timedelta(minutes=40)
    first: datetime = FIRST
    more_views: int = 0
    admin: bool = True
    gone: set[int] = field(default_factory=set)

    def chat(self) -> Any:
        return types.Channel(
            id=self.channel_id,
            title=self.title,
            photo=types.ChatPhotoEmpty(),
            date=self.first,
            broadcast=True,
            creator=self.admin or None,
            access_hash=self.channel_id * 7,
            username="news24",
            participants_count=12_345,
        )

    def message(self, number: int) -> Any | None:
        if number % 40 == 0 or number in self.gone:
            return None
        peer, at = types.PeerChannel(self.channel_id), self.first + number * self.every
        if number % 50 == 0:
            return types.MessageService(
                id=number, peer_id=peer, date=at, action=types.MessageActionPinMessage(), post=True
            )
        return types.Message(
            id=number,
            peer_id=peer,
            date=at,
            message=f"Post {number} 👍" if number % 3 else "",
            post=True,
            views=self.views(number),
            forwards=number % 97,
            replies=types.MessageReplies(number % 13, 5, comments=True, channel_id=77),
            reactions=self.reactions(number),
            grouped_id=self.album(number),
            edit_date=at + timedelta(minutes=9) if number % 7 == 0 else None,
            media=types.MessageMediaPhoto(photo=types.PhotoEmpty(number)) if self.album(number) else None,
            fwd_from=types.MessageFwdHeader(at, from_id=types.PeerChannel(5)) if number % 11 == 0 else None,
        )

    def views(self, number: int) -> int:
        return 1000 + number * 7 + self.more_views

    @staticmethod
    def album(number: int) -> int | None:
        begins = number - number % 30
        return begins * 1000 if number >= 30 and number % 30 < 3 else None

    @staticmethod
    def reactions(number: int) -> Any | None:
        if number % 4 == 0:
            return None
        return types.MessageReactions(
            [
                types.ReactionCount(types.ReactionEmoji("👍"), number % 50 + 1),
                types.ReactionCount(types.ReactionCustomEmoji(10**15 + 1), 2),
                types.ReactionCount(types.ReactionPaid(), 3),
            ]
        )

    def post_ids(self) -> list[int]:
        """Ids of what counts as posts, newest first: service messages too, of an album only its first item."""
        seen, found = set[int](), []
        for number in range(1, self.posts + 1):
            message, album = self.message(number), self.album(number)
            if message is None or (album in seen and not isinstance(message, types.MessageService)):
                continue
            found.append(number)
            if album is not None and isinstance(message, types.Message):
                seen.add(album)
        return found[::-1]

    def messages(self, before: int, limit: int) -> list[Any]:
        found = (self.message(n) for n in range(min(before - 1, self.posts), 0, -1))
        return [m for m, _ in zip(_known(found), range(limit), strict=False)]


def _known(found: Iterator[Any]) -> Iterator[Any]:
    return (m for m in found if m is not None)


@dataclass
class GeneratedTelegram:
    """Answers what the adapter may ask. `fails`: request type -> errors to raise, one a call."""

    channels: list[GeneratedChannel] = field(default_factory=lambda: [GeneratedChannel()])
    password: bool = False
    scanned: bool = False
    signed_in: bool = True
    can_view_stats: bool = True
    asked: list[Any] = field(default_factory=list)
    fails: dict[type, list[type]] = field(default_factory=dict)
    at: list[float] = field(default_factory=list)
    clock: Callable[[], float] = lambda: 0.0

    def answer(self, request: Any) -> Any:
        self.asked.append(request)
        self.at.append(self.clock())
        if self.fails.get(type(request)):
            raise self._failure(self.fails[type(request)].pop(0), request)
        name = f"_{type(request).__name__.removesuffix('Request')}"
        return getattr(self, name)(request)

    @staticmethod
    def _failure(kind: type, request: Any) -> Exception:
        return kind(request, capture=77) if issubclass(kind, errors.FloodWaitError) else kind(request)

    def named(self, kind: type) -> list[Any]:
        return [request for request in self.asked if isinstance(request, kind)]

    def _of(self, peer: Any) -> GeneratedChannel:
        found = next((c for c in self.channels if c.channel_id == peer.channel_id), None)
        if found is None or peer.access_hash != found.channel_id * 7:
            raise errors.ChannelPrivateError(None)
        return found

    def _GetHistory(self, asked: Any) -> Any:
        channel = self._of(asked.peer)
        found = channel.messages(asked.offset_id or channel.posts + 1, asked.limit)
        return types.messages.ChannelMessages(1, channel.posts, found, [], [channel.chat()], [])

    def _GetMessagesViews(self, asked: Any) -> Any:
        channel = self._of(asked.peer)
        views = []
        for number in asked.id:
            m = channel.message(number)
            views.append(types.MessageViews(m.views, m.forwards, m.replies) if m else types.MessageViews())
        return types.messages.MessageViews(views, [], [])

    def _GetDialogs(self, _asked: Any) -> Any:
        foreign = GeneratedChannel(channel_id=5, title="Foreign", admin=False).chat()
        group = types.Chat(9, "Family", types.ChatPhotoEmpty(), 5, FIRST, 1, creator=True)
        return types.messages.Dialogs([], [], [foreign, group, *(c.chat() for c in self.channels)], [])

    def _GetFullChannel(self, asked: Any) -> Any:
        channel = self._of(asked.channel)
        settings = types.PeerNotifySettings()
        full = types.ChannelFull(
            *(channel.channel_id, "", 0, 0, 0, types.PhotoEmpty(1), settings, [], 1),
            can_view_stats=self.can_view_stats or None,
            participants_count=12_345,
        )
        return types.messages.ChatFull(full, [channel.chat()], [])

    def _GetBroadcastStats(self, _asked: Any) -> Any:
        pair, ready, none = types.StatsAbsValueAndPrev(1.0, 2.0), graph(), types.StatsGraphError("Not enough data")
        graphs = [ready, ready, none, hours_graph(), none, none, types.StatsGraphAsync("later"), ready, none]
        return types.stats.BroadcastStats(
            types.StatsDateRangeDays(FIRST, FIRST + timedelta(days=7)),
            *[pair] * 7,
            types.StatsPercentValue(1.0, 2.0),
            *graphs,
            *[none] * 3,
            [],
        )

    def _LoadAsyncGraph(self, asked: Any) -> Any:
        assert asked.token == "later"
        return graph("URL", "Followers")

    def _ExportLoginToken(self, _asked: Any) -> Any:
        if self.scanned and self.password:
            raise errors.SessionPasswordNeededError(None)
        if self.scanned:
            return types.auth.LoginTokenSuccess(self._authorization())
        return types.auth.LoginToken(datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30), TOKEN)

    def _SendCode(self, _asked: Any) -> Any:
        return types.auth.SentCode(types.auth.SentCodeTypeApp(5), "code hash")

    def _SignIn(self, asked: Any) -> Any:
        if asked.phone_code != "12345" or asked.phone_code_hash != "code hash":
            raise errors.PhoneCodeInvalidError(None)
        if self.password:
            raise errors.SessionPasswordNeededError(None)
        return self._authorization()

    def _authorization(self) -> Any:
        self.signed_in = True
        return types.auth.Authorization(types.User(PERSON, first_name="Aziza", access_hash=1))

    def _GetUsers(self, asked: Any) -> Any:
        if not self.signed_in:
            raise errors.AuthKeyUnregisteredError(None)
        return [types.User(PERSON, is_self=True, access_hash=1)]

    def _GetState(self, _asked: Any) -> Any:
        return types.updates.State(1, 1, FIRST, 1, 0)

    def _GetPassword(self, _asked: Any) -> Any:
        unknown, secure = types.PasswordKdfAlgoUnknown(), types.SecurePasswordKdfAlgoUnknown()
        return types.account.Password(
            unknown, secure, b"", has_password=True, current_algo=unknown, srp_B=b"b" * 256, srp_id=1
        )

    def _CheckPassword(self, _asked: Any) -> Any:
        if self.password:
            raise errors.PasswordHashInvalidError(None)
        return self._authorization()

    def _LogOut(self, _asked: Any) -> Any:
        self.signed_in = False
        return types.auth.LoggedOut()


def graph(*names: str) -> Any:
    """Two days of one or two named lines in Telegram's own JSON."""
    lines = names or ("Joined", "Left")
    days = [int((FIRST + timedelta(days=n)).timestamp() * 1000) for n in range(2)]
    columns = [["x", *days], *([f"y{n}", 10 + n, None] for n, _ in enumerate(lines))]
    body = {
        "columns": columns,
        "types": {"x": "x"} | {f"y{n}": "line" for n, _ in enumerate(lines)},
        "names": {f"y{n}": name for n, name in enumerate(lines)},
        "colors": {},
    }
    return types.StatsGraph(types.DataJSON(json.dumps(body)))


def hours_graph() -> Any:
    """Views by hour of the day: x are hours, not moments."""
    body = {
        "columns": [["x", *range(24)], ["y0", *range(100, 124)]],
        "types": {"x": "x", "y0": "line"},
        "names": {"y0": "Views"},
    }
    return types.StatsGraph(types.DataJSON(json.dumps(body)))


class _Sender:
    """In place of Telethon's connection."""

    def __init__(self, telegram: GeneratedTelegram) -> None:
        self._telegram = telegram
        self.auth_key = AuthKey(b"k" * 256)

    def send(self, request: Any, ordered: bool = False) -> Any:
        future = asyncio.get_running_loop().create_future()
        came = through_bytes(request)
        while isinstance(came, f.InvokeWithoutUpdatesRequest):
            came = came.query
        try:
            answer = self._telegram.answer(came)
            future.set_result([through_bytes(a) for a in answer] if isinstance(answer, list) else through_bytes(answer))
        except errors.RPCError as error:
            future.set_exception(error)
        return future

    async def disconnect(self) -> None:
        return None


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def account_of(telegram: GeneratedTelegram, *, session: str = "", signs_in: bool = False) -> TelethonAccount:
    """The real adapter and the real client, talking to generated objects."""
    clock = Clock()
    telegram.clock = clock

    def made() -> Any:
        pace = Pace(monotonic=clock, sleep=clock.sleep)
        client = make_client(session, api_id=1, api_hash="h", signs_in=signs_in, pace=pace)
        client.session.set_dc(2, "127.0.0.1", 443)
        client.session.auth_key = AuthKey(b"k" * 256)
        client._sender = _Sender(telegram)
        return client

    return TelethonAccount(made)


def opens(telegram: GeneratedTelegram) -> Callable[..., TelethonAccount]:
    """The port's way to open an account, for the jobs process."""

    def opened(session: str, *, signs_in: bool) -> TelethonAccount:
        return account_of(telegram, session=session, signs_in=signs_in)

    return opened
