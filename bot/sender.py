"""Sending notices through the bots' lines, within their shared budget."""

from __future__ import annotations

import threading

from app.accounts.service import sessions
from app.boot import Runtime
from app.core import clock
from app.notices import service as notices
from app.notices import texts
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
        line = self._runtime.bots.telegram(bot)
        return notices.send(notice, line, complete=self._complete, now=clock.utcnow())

    def _complete(self, notice: notices.Queued) -> dict[str, str]:
        """A link that signs its reader in is made when it is sent: it is stored nowhere and its five minutes are fresh."""
        if notice.template not in texts.WITH_LINK or notice.user_id is None:
            return {}
        token = sessions.issue_ticket(notice.user_id, purpose=sessions.LINK, now=clock.utcnow())
        return {"link": f"{self._runtime.settings.base_url}/login/link/{token}"}
