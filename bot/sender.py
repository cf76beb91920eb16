"""Sending notices through the bots' lines, within their shared budget."""

from __future__ import annotations

from functools import partial

from app.accounts.service import sessions
from app.core import clock
from app.notices import service as notices
from app.notices import texts
from app.telegram import service as telegram
from bot import keyboards
from bot.loop import Loop


class Sender(Loop):
    """Sends what is due, the oldest of each chat first."""

    idle_s = 0.3

    def turn(self) -> int:
        """Send what is due now; returns how many were sent."""
        return sum(self._send(notice) for notice in notices.due(clock.utcnow()))

    def _send(self, notice: notices.Queued) -> bool:
        bot = telegram.bot_by_id(notice.bot_id)
        if bot is None:
            notices.give_up(notice, "the bot is gone", now=clock.utcnow())
            return False
        line, settings = self._runtime.bots.telegram(bot), self._runtime.settings

        def complete(notice: notices.Queued) -> dict[str, str]:
            """A link that signs its reader in is made when it is sent: stored nowhere, and its five minutes are fresh."""
            links = {"add_url": settings.simulator_url or telegram.add_to_channel_url(bot.username)}
            if notice.template in texts.WITH_LINK and notice.user_id is not None:
                token = sessions.issue_ticket(notice.user_id, purpose=sessions.LINK, now=clock.utcnow())
                links["link"] = f"{settings.base_url}/login/link/{token}"
            return links

        mini_app = f"{settings.base_url}/twa" if settings.base_url.startswith("https://") else ""  # Telegram's rule
        buttons = partial(keyboards.keyboard, mini_app_url=mini_app)
        return notices.send(notice, line, complete=complete, keyboard=buttons, now=clock.utcnow())
