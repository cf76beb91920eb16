"""Telegram's limits on sending, by the real monotonic clock: the simulated one may be turned."""

import math
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

BURST = 3  # messages that one chat takes at once before its rate counts
Key = tuple[int, ...]


@dataclass
class Window:
    """At most `most` in any `span_s` seconds."""

    span_s: float
    most: int
    times: deque[float] = field(default_factory=deque)

    def wait_s(self, now: float) -> float:
        while self.times and self.times[0] <= now - self.span_s:
            self.times.popleft()
        return 0.0 if len(self.times) < self.most else self.times[0] + self.span_s - now

    def add(self, now: float) -> None:
        self.times.append(now)


@dataclass
class Pace:
    """`rate` a second on average, `BURST` at once (generic cell rate algorithm)."""

    rate: float
    due: float = 0.0

    def wait_s(self, now: float) -> float:
        return max(0.0, self.due - now - (BURST - 1) / self.rate)

    def add(self, now: float) -> None:
        self.due = max(self.due, now) + 1 / self.rate


@dataclass
class Limits:
    """`violations` counts requests that came before a retry_after given to their bot or chat had ended."""

    is_on: bool = False
    per_bot_s: int = 30
    per_chat_s: float = 1.0
    per_channel_min: int = 20
    violations: int = 0
    refusals: int = 0

    def __post_init__(self) -> None:
        self._bots = defaultdict[Key, Window](lambda: Window(1.0, self.per_bot_s))
        self._chats = defaultdict[Key, Pace](lambda: Pace(self.per_chat_s))
        self._channels = defaultdict[Key, Window](lambda: Window(60.0, self.per_channel_min))
        # bot or (bot, chat) -> when the retry_after was given, and when it ends
        self._told: dict[Key, tuple[float, float]] = {}

    def retry_after(self, bot_id: int, chat_id: int, arrived: float) -> int:
        """Whole seconds until a further request may pass; 0 when this one may.

        `arrived` is when the request came: one under way when the refusal was made is refused, but no violation.
        """
        now = time.monotonic()
        told = [self._told[key] for key in ((bot_id,), (bot_id, chat_id)) if now < self._told.get(key, (0, 0))[1]]
        if told:
            self.violations += any(arrived > given for given, _ in told)
            self.refusals += 1
            return math.ceil(max(until for _, until in told) - now)
        waits = {key: self._wait_s(key, now) for key in ((bot_id,), (bot_id, chat_id))}
        longest = max(waits.values())
        for key, wait in waits.items():
            if wait > 0:
                self._told[key] = (now, now + math.ceil(wait))
        self.refusals += longest > 0
        return math.ceil(longest)

    def _wait_s(self, key: Key, now: float) -> float:
        if len(key) == 1:
            return self._bots[key].wait_s(now)
        of_chat = self._chats[key].wait_s(now)
        return max(of_chat, self._channels[key].wait_s(now)) if key[1] < 0 else of_chat

    def accepted(self, bot_id: int, chat_id: int) -> None:
        now = time.monotonic()
        self._bots[(bot_id,)].add(now)
        self._chats[(bot_id, chat_id)].add(now)
        if chat_id < 0:
            self._channels[(bot_id, chat_id)].add(now)

    def note(self, bot_id: int, retry_after: int) -> None:
        """A retry_after that came from a fault binds the bot like one of the limits' own."""
        now = time.monotonic()
        self._told[(bot_id,)] = (now, now + retry_after)

    def to_doc(self) -> dict[str, Any]:
        return {
            "on": self.is_on,
            "per_bot_s": self.per_bot_s,
            "per_chat_s": self.per_chat_s,
            "per_channel_min": self.per_channel_min,
            "violations": self.violations,
            "refusals": self.refusals,
        }
