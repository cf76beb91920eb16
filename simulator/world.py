"""The state of the simulated Telegram in memory, written through to the store."""

import random
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict
from typing import IO, Any

from simulator.clock import Clock
from simulator.model import Bot, Channel, Move, Post, PrivateMessage, User
from simulator.store import Store
from simulator.views import is_visible

CHANNEL_ID_BASE = -1_000_000_000_000
Doc = dict[str, Any]


class Refused(Exception):
    """A control request that a real person could not have made."""


class World:
    """Lookups and write-through; what people and bots do lives in `actions`."""

    def __init__(self, store: Store, clock: Clock, seed: int) -> None:
        self.store, self.clock, self.seed = store, clock, seed
        self.rng = random.Random(f"{seed}:live")
        self.users: dict[int, User] = {}
        self.bots: dict[int, Bot] = {}
        self.channels: dict[int, Channel] = {}
        self.chat_id_of: dict[str, int] = {}  # by username in small letters
        self.files: dict[str, Doc] = {}  # by file_unique_id
        self.emoji_sets: dict[str, Doc] = {}  # by name in small letters
        self.posts: dict[int, dict[int, Post]] = {}
        self.private: dict[tuple[int, int], dict[int, PrivateMessage]] = {}
        self.series: dict[int, tuple[list[int], list[int]]] = {}
        self.moves: dict[int, list[Move]] = {}
        self.life: dict[str, Any] = {"on": False, "interval_s": 45.0}

    def clear(self, clock: Clock) -> None:
        self.clock = clock
        for known in (self.users, self.bots, self.channels, self.chat_id_of, self.files, self.emoji_sets):
            known.clear()
        for history in (self.posts, self.private, self.series, self.moves):
            history.clear()
        self.life = {"on": False, "interval_s": 45.0}

    def load(self) -> None:
        for doc in self.store.load("user"):
            self.users[doc["id"]] = User(**doc)
        for doc in self.store.load("bot"):
            self.bots[doc["id"]] = Bot(**doc)
        for doc in self.store.load("channel"):
            self._know_channel(Channel(**doc))
        for doc in self.store.load("post"):
            self.posts.setdefault(doc["chat_id"], {})[doc["message_id"]] = Post(**doc)
        for doc in self.store.load("private"):
            message = PrivateMessage(**doc)
            self.private.setdefault((message.bot_id, message.user_id), {})[message.message_id] = message
        for doc in self.store.load("file"):
            self.files[doc["unique_id"]] = doc
        for doc in self.store.load("emoji_set"):
            self.emoji_sets[doc["name"].lower()] = doc
        for doc in self.store.load("move"):
            self.moves.setdefault(doc["chat_id"], []).append(Move(**doc))
        for moves in self.moves.values():
            moves.sort(key=lambda move: move.number)
        for chat_id, at, value in self.store.load_series():
            self.put_series_point(chat_id, at, value)
        _sort(self.posts.values())
        _sort(self.private.values())
        for chat_id, posts in self.posts.items():
            channel = self.channels[chat_id]
            channel.next_message_id = max(channel.next_message_id, max(posts) + 1)
        self.life.update(self.store.get("meta", "life") or {})

    def begin_run(self) -> None:
        """Each start has dice of its own: the same again would draw the people and ids that were drawn before."""
        runs = (self.store.get("meta", "runs") or {"count": 0})["count"]
        self.rng = random.Random(f"{self.seed}:live:{runs}" if runs else f"{self.seed}:live")
        self.store.put("meta", "runs", {"count": runs + 1})

    # --- lookups

    def channel(self, chat: object) -> Channel:
        found = self.find_channel(chat)
        if found is None:
            raise Refused(f"no such channel: {chat}")
        return found

    def find_channel(self, chat: object) -> Channel | None:
        text = str(chat)
        if text.lstrip("-").isdigit():
            return self.channels.get(int(text))
        chat_id = self.chat_id_of.get(text.removeprefix("@").lower())
        return None if chat_id is None else self.channels[chat_id]

    def user(self, user_id: object) -> User:
        found = self.users.get(int(str(user_id)))
        if found is None:
            raise Refused(f"no such user: {user_id}")
        return found

    def bot(self, bot_id: object | None = None) -> Bot:
        """The bot with this id; without one, the first, which is the service's."""
        wanted = next(iter(self.bots)) if bot_id is None else int(str(bot_id))
        if wanted not in self.bots:
            raise Refused(f"no such bot: {bot_id}")
        return self.bots[wanted]

    def bot_with(self, token: str) -> Bot | None:
        return next((bot for bot in self.bots.values() if bot.token == token), None)

    def post(self, chat_id: int, message_id: object) -> Post:
        found = self.posts.get(chat_id, {}).get(int(str(message_id)))
        if found is None or found.deleted_at is not None:
            raise Refused(f"no such message: {message_id}")
        return found

    def visible_posts(self, chat_id: int) -> list[Post]:
        now = self.clock.now()
        return [post for post in self.posts.get(chat_id, {}).values() if is_visible(post, now)]

    def subscribers(self, chat_id: int, moment: float | None = None) -> int:
        at, values = self.series.get(chat_id, ([], []))
        index = bisect_right(at, self.clock.now() if moment is None else moment) - 1
        return values[index] if index >= 0 else 0

    def admin_bots(self, channel: Channel) -> list[Bot]:
        return [bot for bot in self.bots.values() if channel.is_admin(bot.id)]

    # --- write-through

    def save_user(self, user: User) -> None:
        self.users[user.id] = user
        self.store.put("user", user.id, asdict(user))

    def save_emoji_set(self, doc: Doc) -> None:
        self.emoji_sets[doc["name"].lower()] = doc
        self.store.put("emoji_set", doc["name"].lower(), doc)

    def save_bot(self, bot: Bot) -> None:
        self.bots[bot.id] = bot
        self.store.put("bot", bot.id, asdict(bot))

    def save_channel(self, channel: Channel) -> None:
        self._know_channel(channel)
        self.store.put("channel", channel.chat_id, asdict(channel))

    def _know_channel(self, channel: Channel) -> None:
        self.channels[channel.chat_id] = channel
        if channel.username:
            self.chat_id_of[channel.username.lower()] = channel.chat_id

    def save_file(self, file: Doc, stream: IO[bytes]) -> None:
        self.store.write_file(file["sha256"], stream)
        self.change_file(file)

    def change_file(self, file: Doc) -> None:
        self.files[file["unique_id"]] = file
        self.store.put("file", file["unique_id"], file)

    def save_post(self, post: Post) -> None:
        self.save_posts([post])

    def save_posts(self, posts: list[Post]) -> None:
        for post in posts:
            self.posts.setdefault(post.chat_id, {})[post.message_id] = post
        self.store.put_many("post", ((f"{p.chat_id}/{p.message_id}", p.to_doc()) for p in posts))

    def save_private(self, message: PrivateMessage) -> None:
        self.private.setdefault((message.bot_id, message.user_id), {})[message.message_id] = message
        key = f"{message.bot_id}/{message.user_id}/{message.message_id}"
        self.store.put("private", key, message.to_doc())

    def add_move(self, chat_id: int, user_id: int, kind: str, link: str | None) -> None:
        """The ledger of who came and went, kept beside what bots are told."""
        moves = self.moves.setdefault(chat_id, [])
        move = Move(chat_id, len(moves), self.clock.now_s(), user_id, kind, link)
        moves.append(move)
        self.store.put("move", f"{chat_id}/{move.number}", asdict(move))

    def save_clock(self) -> None:
        self.store.put("meta", "clock", {**self.clock.to_doc()})

    def save_life(self) -> None:
        self.store.put("meta", "life", self.life)

    def add_subscribers(self, chat_id: int, points: list[tuple[int, int]]) -> None:
        for at, value in points:
            self.put_series_point(chat_id, at, value)
        self.store.add_series((chat_id, at, value) for at, value in points)

    def put_series_point(self, chat_id: int, at: int, value: int) -> None:
        times, values = self.series.setdefault(chat_id, ([], []))
        # Kept in order of time: recorded data reaches into the future, and clocks may be turned back.
        index = bisect_right(times, at)
        times.insert(index, at)
        values.insert(index, value)


def _sort(histories: Iterable[dict[int, Any]]) -> None:
    """By message id: the store returns them in the order of their keys as texts."""
    for history in histories:
        ordered = sorted(history.items())
        history.clear()
        history.update(ordered)
