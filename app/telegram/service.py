"""Bots: registering one, opening its token, knowing its webhook secret. What a bot may send: budget.py."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from app.core import db, ids
from app.core.crypto import Sealer
from app.core.errors import Unauthenticated
from app.telegram.models import Bot
from app.telegram.port import Publisher, Telegram


@dataclass(frozen=True, slots=True)
class Bots:
    """Opens sealed tokens and makes lines to Telegram; composed in app.boot."""

    sealer: Sealer
    line: Callable[[str], Telegram]
    publishing_line: Callable[[str], Publisher]

    def token(self, bot: Bot) -> str:
        return self.sealer.open(bot.token_sealed, bound_to=f"bot.token:{bot.bot_id}")

    def webhook_secret(self, bot: Bot) -> str:
        return self.open_webhook_secret(bot.bot_id, bot.webhook_secret_sealed)

    @lru_cache(maxsize=256)  # noqa: B019  one Bots a process
    def open_webhook_secret(self, bot_id: int, sealed: str) -> str:
        return self.sealer.open(sealed, bound_to=f"bot.webhook_secret:{bot_id}")

    def telegram(self, bot: Bot) -> Telegram:
        return self.line(self.token(bot))

    def publisher(self, bot: Bot) -> Publisher:
        """The line of those that only publish; it is there at once."""
        return self.publishing_line(self.token(bot))


def register(
    sealer: Sealer,
    *,
    token: str,
    username: str,
    updates: str,
    workspace_id: int | None = None,
    storage_chat_id: int | None = None,
    now: datetime,
) -> Bot:
    """Keep a bot with its token sealed to its row; a second call takes the new token and name. Returns the bot."""
    bot_id = int(token.split(":", 1)[0])
    with db.write():
        bot = Bot.get_or_none(Bot.bot_id == bot_id)
        if bot is None:
            secret = sealer.seal(ids.secret_token(), bound_to=f"bot.webhook_secret:{bot_id}")
            bot = Bot(bot_id=bot_id, workspace_id=workspace_id, webhook_secret_sealed=secret, created_at=now)
            is_new = True
        else:
            is_new = False
        bot.token_sealed = sealer.seal(token, bound_to=f"bot.token:{bot_id}")
        bot.username, bot.updates, bot.deleted_at = username, updates, None
        bot.storage_chat_id = storage_chat_id or bot.storage_chat_id
        bot.save(force_insert=is_new)
    return bot


def service_bot() -> Bot | None:
    """The service's own bot, by which every workspace can connect."""
    found: Bot | None = (
        Bot.select().where(Bot.workspace_id.is_null(), Bot.deleted_at.is_null()).order_by(Bot.created_at).first()
    )
    return found


def bot_by_id(bot_id: int) -> Bot | None:
    found: Bot | None = Bot.get_or_none(Bot.bot_id == bot_id, Bot.deleted_at.is_null())
    return found


def is_own(bot_id: int) -> bool:
    """Whether a bot was brought by a workspace."""
    return db.row("SELECT 1 FROM bot WHERE bot_id = ? AND workspace_id IS NOT NULL", bot_id) is not None


def speaker(bot_id: int) -> int:
    """Who talks to people in a bot's matters: a workspace's own bot knows nobody, so the service's does."""
    service = service_bot() if is_own(bot_id) else None
    return service.bot_id if service else bot_id


_RIGHTS_ASKED = "post_messages+edit_messages+delete_messages+invite_users"


def add_to_channel_url(username: str) -> str:
    """Telegram's link that lets a person choose a channel and make the bot its administrator with the rights we ask."""
    return f"https://t.me/{username}?startchannel&admin={_RIGHTS_ASKED}"


def require_webhook_secret(bots: Bots, bot_id: int, given: str) -> None:
    """Constant-time comparison with the secret we told Telegram. Raises Unauthenticated, also for an unknown bot."""
    found = db.row("SELECT webhook_secret_sealed FROM bot WHERE bot_id = ? AND deleted_at IS NULL", bot_id)
    secret = bots.open_webhook_secret(bot_id, found[0]) if found else ids.secret_token()
    if not hmac.compare_digest(secret.encode(), given.encode()) or not found:
        raise Unauthenticated("This is not Telegram.", code="bad_secret")
