"""Making and ending invite links for the web, within the bots' shared budget.

Telegram is asked outside any transaction. A crash between its answer and our row leaves at most a link that nobody
uses; the row asks for another one then. No row ever has two addresses: the first to be kept stays.
"""

from __future__ import annotations

from app.channels.service import invite_links
from app.channels.service.invite_links import Asked
from app.core import clock, telemetry
from app.core.errors import Upstream
from app.telegram import budget
from app.telegram import service as telegram
from app.telegram.port import Telegram
from bot.loop import Loop


class LinkMaker(Loop):
    """Works off the links that are asked for, the oldest first."""

    def turn(self) -> int:
        """Do what is asked now; returns how many links Telegram answered for."""
        return sum(self._serve(link) for link in invite_links.asked(clock.utcnow()))

    def _serve(self, link: Asked) -> bool:
        bot, now = telegram.bot_by_id(link.bot_id), clock.utcnow()
        if bot is None:
            invite_links.failed(link, "the bot is gone", is_final=True, wait_s=None, now=now)
            return False
        if budget.reserve_send(link.bot_id, link.telegram_chat_id, now=now) > 0:
            return False
        try:
            _do(self._runtime.bots.telegram(bot), link)
        except Upstream as error:
            if error.retry_after_s:
                budget.obey_retry_after(link.bot_id, error.retry_after_s, now=now)
            invite_links.failed(link, error.message, is_final=error.permanent, wait_s=error.retry_after_s, now=now)
            return False
        return True


def _do(line: Telegram, link: Asked) -> None:
    if link.state == invite_links.REVOKING and link.url:
        line.revoke_invite_link(link.telegram_chat_id, link.url)
        invite_links.ended(link, now=clock.utcnow())
        return
    url = line.create_invite_link(link.telegram_chat_id, link.name)
    if not invite_links.made(link, url, now=clock.utcnow()):
        telemetry.log().warning("a link was made that nobody wants any more", link_id=link.id)
        line.revoke_invite_link(link.telegram_chat_id, url)
