"""Taking updates in: long polling into the inbox, or telling Telegram where our webhook is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from app.boot import Runtime
from app.core import clock, db, i18n, inbox, telemetry
from app.core.errors import Upstream
from app.telegram import service as telegram
from app.telegram.models import Bot
from app.telegram.port import ALLOWED_UPDATES, Telegram
from bot.handlers.private_chat import COMMANDS

Answer = TypeVar("Answer")
_POLL_S = 25
_MAX_WAIT_S = 30.0


class Intake:
    """The service's bot: registers it, then polls or sets its webhook. `arrived` wakes the consumer."""

    def __init__(self, runtime: Runtime, arrived: threading.Event, *, poll_s: int = _POLL_S) -> None:
        self._runtime, self._arrived, self._poll_s = runtime, arrived, poll_s

    def run(self, stop: threading.Event) -> None:
        token = self._runtime.settings.bot_token
        if not token:
            telemetry.log().warning("no bot is configured: set TELEGRAM_BOT_TOKEN; no updates will arrive")
            stop.wait()
            return
        line = self._runtime.bots.line(token)
        bot = self._insist(stop, lambda: self._register(token, line))
        if bot is None:
            return
        self._insist(stop, lambda: set_menu(line))
        self.hear(bot, line, stop)

    def hear(self, bot: Bot, line: Telegram, stop: threading.Event) -> None:
        """Take a bot's updates in until `stop`. Raises Upstream when Telegram refuses for good."""
        if self._runtime.settings.telegram_updates == "webhook":
            self._insist(stop, lambda: self._set_webhook(bot, line))
            stop.wait()
            return
        self._insist(stop, line.delete_webhook)
        while not stop.is_set():
            self._insist(stop, lambda: self.poll_once(bot.bot_id, line))

    def _register(self, token: str, line: Telegram) -> Bot:
        settings = self._runtime.settings
        username = line.me().username
        return telegram.register(
            self._runtime.sealer,
            token=token,
            username=username,
            updates=settings.telegram_updates,
            storage_chat_id=settings.telegram_storage_chat_id,
            now=clock.utcnow(),
        )

    def _set_webhook(self, bot: Bot, line: Telegram) -> None:
        url = f"{self._runtime.settings.base_url}/hooks/telegram/{bot.bot_id}"
        line.set_webhook(url, secret=self._runtime.bots.webhook_secret(bot), allowed=ALLOWED_UPDATES)

    def poll_once(self, bot_id: int, line: Telegram) -> int:
        """Fetch what is new and store it together with how far we came; returns how many updates were new."""
        name = f"updates:{bot_id}"
        found = db.row("SELECT value FROM cursor WHERE name = ?", name)
        updates = line.updates(offset=int(found[0]) if found else 0, timeout_s=self._poll_s)
        if not updates:
            return 0
        for update in updates:
            if "pre_checkout_query" in update:
                self._answer_pre_checkout(bot_id, line, update)
        updates.sort(key=lambda update: int(update["update_id"]))
        with db.write():
            new = inbox.store(bot_id, updates, now=clock.utcnow())
            db.execute(
                "INSERT INTO cursor (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                *(name, int(updates[-1]["update_id"]) + 1),
            )
        self._arrived.set()
        return new

    def _answer_pre_checkout(self, bot_id: int, line: Telegram, update: dict[str, Any]) -> None:
        """Telegram waits ten seconds: before the update is stored, and not behind its chat's others.

        A crash in between asks again, and is told the same. One that cannot be decided is Telegram's to give up.
        """
        try:
            told = self._runtime.answer_update(bot_id, update, clock.utcnow())
            if told is not None:
                line.answer_pre_checkout(told["pre_checkout_query_id"], told.get("error_message", ""))
        except (Upstream, KeyError, TypeError, ValueError) as error:
            telemetry.log().error("a question before a payment was not answered", error=repr(error))

    def _insist(self, stop: threading.Event, call: Callable[[], Answer]) -> Answer | None:
        """Call until Telegram answers, waiting as it asks or ever longer. Raises Upstream when it refuses for good."""
        wait_s = 0.5
        while not stop.is_set():
            try:
                return call()
            except Upstream as error:
                if error.permanent:
                    raise
                telemetry.log().warning("Telegram did not answer", error=error.message)
                stop.wait(error.retry_after_s or wait_s)
                wait_s = min(wait_s * 2, _MAX_WAIT_S)
        return None


def set_menu(line: Telegram) -> None:
    """The commands in the bot's menu, in each language that Telegram has a code for."""
    for language in ("", "ru", "uz"):
        said = [(command, i18n.say(language or "en", what)) for command, what in COMMANDS.items()]
        line.set_commands(said, language=language)
