"""Sending notices through the bots' lines, within their shared budget."""

from __future__ import annotations

import threading

from app.boot import Runtime
from app.core import clock
from app.notices import service as notices
from app.telegram import service as telegram

_IDLE_S = 0.3


class Sender:
    """Sends what is due, the oldest of each chat first."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if not self.turn():
                stop.wait(_IDLE_S)

    def turn(self) -> int:
        """Send what is due now; returns how many were sent."""
        return sum(self._send(notice) for notice in notices.due(clock.utcnow()))

    def _send(self, notice: notices.Queued) -> bool:
        bot = telegram.bot_by_id(notice.bot_id)
        if bot is None:
            notices.give_up(notice, "the bot is gone", now=clock.utcnow())
            return False
        return notices.send(notice, self._runtime.bots.telegram(bot), now=clock.utcnow())
