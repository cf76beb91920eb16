"""Workspaces' own bots: asking Telegram whose a token is, and a thread for each bot that takes its updates in.

A bot that Telegram refuses, or that breaks something, ends its own thread and nobody else's; it is tried again later.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from app.boot import Runtime
from app.core import clock, db, telemetry
from app.core.errors import Upstream
from app.posting.bots import service as bots
from app.telegram import own_bots
from app.telegram.models import Bot
from bot.intake import Intake

_LOOK_S, _REST_S = 2.0, 300.0


@dataclass(slots=True)
class _Hearing:
    """A thread that hears one bot by the token that was sealed so."""

    sealed: str
    thread: threading.Thread
    stop: threading.Event = field(default_factory=threading.Event)
    ended_at: float | None = None

    def is_over(self, *, rest_s: float) -> bool:
        """Whether it ended so long ago that the bot is worth another try."""
        return self.ended_at is not None and time.monotonic() - self.ended_at >= rest_s


class OwnBots:
    """Keeps as many threads as there are own bots, at most `own_bots.MOST_HEARD`."""

    def __init__(
        self, runtime: Runtime, arrived: threading.Event, *, poll_s: int = 25, rest_s: float = _REST_S
    ) -> None:
        self._runtime, self._rest_s = runtime, rest_s
        self._intake = Intake(runtime, arrived, poll_s=poll_s)
        self._running: dict[int, _Hearing] = {}

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self.turn()
                stop.wait(_LOOK_S)
        finally:
            for hearing in self._running.values():
                hearing.stop.set()

    @property
    def heard(self) -> set[int]:
        """The bots that are heard now."""
        return {bot_id for bot_id, one in self._running.items() if one.ended_at is None and not one.stop.is_set()}

    def turn(self) -> None:
        """Answer the tokens that wait; end the threads of bots that are gone or have a new token, begin missing ones."""
        for wish in own_bots.waiting(clock.utcnow()):
            bots.check(self._runtime.bots, wish, updates=self._runtime.settings.telegram_updates, now=clock.utcnow())
        wanted = {bot.bot_id: bot for bot in own_bots.to_hear()}
        for bot_id, hearing in list(self._running.items()):
            bot = wanted.get(bot_id)
            if bot is None or bot.token_sealed != hearing.sealed or hearing.is_over(rest_s=self._rest_s):
                hearing.stop.set()
                del self._running[bot_id]
        for bot_id in wanted.keys() - self._running.keys():
            self._begin(wanted[bot_id])

    def _begin(self, bot: Bot) -> None:
        thread = threading.Thread(target=self._hear, args=(bot,), name=f"bot {bot.bot_id}", daemon=True)
        self._running[bot.bot_id] = _Hearing(bot.token_sealed, thread)
        thread.start()

    def _hear(self, bot: Bot) -> None:
        hearing = self._running[bot.bot_id]
        try:
            line = self._runtime.bots.telegram(bot)
            own_bots.note_trouble(bot.bot_id, None)
            self._intake.hear(bot, line, hearing.stop)
        except Upstream as error:
            telemetry.log().warning("an own bot is not heard", bot_id=bot.bot_id, error=error.message)
            own_bots.note_trouble(bot.bot_id, error.message)
        except Exception:  # noqa: BLE001  the edge: one workspace's bot must not end the others'
            telemetry.log().exception("the thread of an own bot died", bot_id=bot.bot_id)
        finally:
            hearing.ended_at = time.monotonic()
            db.database.close()
