"""Making copies of files in the bots' storage chats, within their shared budget, so that a post needs no upload."""

from __future__ import annotations

from app.core import clock
from app.media import service as media
from app.telegram import budget
from app.telegram import service as telegram
from bot.loop import Loop

_LONG_WAIT_S = 3.0


class MediaMaker(Loop):
    """Works off the copies that are wanted, the longest wanted first."""

    def turn(self) -> int:
        """Make what is wanted now; returns how many copies were made."""
        return sum(self._serve(copy) for copy in media.due(clock.utcnow()))

    def _serve(self, copy: media.Copy) -> bool:
        bot, now = telegram.bot_by_id(copy.bot_id), clock.utcnow()
        if bot is None:
            return False
        wait_s = budget.reserve_send(copy.bot_id, copy.chat_id, now=now)
        if wait_s > _LONG_WAIT_S:
            media.put_off(copy, wait_s, now=now)
        if wait_s > 0:
            return False
        line = self._runtime.bots.telegram(bot)
        return media.make(copy, line, data_dir=self._runtime.settings.data_dir, now=now)
