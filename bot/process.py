"""The threads of the bot process: intake, consumer, sender. One that dies ends the process, loudly."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

from app.boot import Runtime
from app.core import telemetry
from bot.consumer import Consumer
from bot.emoji import EmojiReader
from bot.intake import Intake
from bot.links import LinkMaker
from bot.media import MediaMaker
from bot.own_bots import OwnBots
from bot.own_posts import OwnPosts
from bot.sender import Sender
from bot.stars import StarsDesk

_STOP_WAIT_S = 5


class BotProcess:
    """Runs until a signal or a crash; the supervisor starts it again."""

    def __init__(self, runtime: Runtime) -> None:
        self.stop, self.arrived = threading.Event(), threading.Event()
        self._crashed: str | None = None
        self._loops: dict[str, Callable[[threading.Event], None]] = {
            "intake": Intake(runtime, self.arrived).run,
            "consumer": Consumer(runtime, self.arrived).run,
            "sender": Sender(runtime).run,
            "links": LinkMaker(runtime).run,
            "media": MediaMaker(runtime).run,
            "emoji": EmojiReader(runtime).run,
            "own posts": OwnPosts().run,
            "stars": StarsDesk(runtime).run,
            "own bots": OwnBots(runtime, self.arrived).run,
        }

    def run(self) -> int:
        """Start the threads and wait; returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        threads = [
            threading.Thread(target=self._guard, args=(name, loop), name=name, daemon=True)
            for name, loop in self._loops.items()
        ]
        for thread in threads:
            thread.start()
        while not self.stop.wait(0.5):
            pass
        for thread in threads[1:]:  # the intake may hang in a long poll; what it did not store stays unconfirmed
            thread.join(_STOP_WAIT_S)
        return 1 if self._crashed else 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop.set()

    def _guard(self, name: str, loop: Callable[[threading.Event], None]) -> None:
        try:
            loop(self.stop)
        except Exception:  # noqa: BLE001  any crash of a thread ends the process, loudly
            telemetry.log().exception("bot thread died", thread=name)
            self._crashed = name
        finally:
            self.stop.set()
