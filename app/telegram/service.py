"""Bots: registering one, opening its token, knowing its webhook secret, and the shared sending budget."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from app.core import db, ids
from app.core.crypto import Sealer
from app.core.errors import Unauthenticated
from app.telegram.models import Bot
from app.telegram.port import Telegram

# Official guidance (core.telegram.org/bots/faq): about 30 messages a second in all, 1 a second in one chat.
RATE_PER_BOT_S = 30.0
RATE_PER_CHAT_S = 1.0
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Bots:
    """Opens sealed tokens and makes lines to Telegram; composed in app.boot."""

    sealer: Sealer
    line: Callable[[str], Telegram]

    def token(self, bot: Bot) -> str:
        return self.sealer.open(bot.token_sealed, bound_to=f"bot.token:{bot.bot_id}")

    def webhook_secret(self, bot: Bot) -> str:
        return self.open_webhook_secret(bot.bot_id, bot.webhook_secret_sealed)

    @lru_cache(maxsize=256)  # noqa: B019  one Bots a process
    def open_webhook_secret(self, bot_id: int, sealed: str) -> str:
        return self.sealer.open(sealed, bound_to=f"bot.webhook_secret:{bot_id}")

    def telegram(self, bot: Bot) -> Telegram:
        return self.line(self.token(bot))


def register(
    sealer: Sealer, *, token: str, username: str, updates: str, workspace_id: int | None = None, now: datetime
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


def reserve_send(bot_id: int, chat_id: int, *, now: datetime) -> float:
    """Take one message of the bot's and the chat's budget; returns 0, or how many seconds to wait first."""
    with db.write():
        waits = [
            _wait(bot_id, "all", RATE_PER_BOT_S, now=now),
            _wait(bot_id, f"chat:{chat_id}", RATE_PER_CHAT_S, now=now),
        ]
        if max(waits) > 0:
            return max(waits)
        for scope in ("all", f"chat:{chat_id}"):
            db.execute(
                "UPDATE send_budget SET tokens = tokens - 1 WHERE bot_id = ? AND lane = ? AND scope = ?",
                *(bot_id, OTHER, scope),
            )
    return 0.0


def _wait(bot_id: int, scope: str, rate: float, *, now: datetime) -> float:
    """Refill one bucket (capacity: one second's worth) and say how long until it holds a token."""
    found = db.row(
        "SELECT tokens, refilled_at, not_before FROM send_budget WHERE bot_id = ? AND lane = ? AND scope = ?",
        *(bot_id, OTHER, scope),
    )
    if not found:
        db.execute(
            "INSERT INTO send_budget (bot_id, lane, scope, tokens, refilled_at) VALUES (?, ?, ?, ?, ?)",
            *(bot_id, OTHER, scope, rate, db.stamp(now)),
        )
        return 0.0
    tokens, refilled_at, not_before = float(found[0]), db.moment(found[1]), db.moment(found[2])
    tokens = min(rate, tokens + max((now - refilled_at).total_seconds(), 0) * rate)
    db.execute(
        "UPDATE send_budget SET tokens = ?, refilled_at = ? WHERE bot_id = ? AND lane = ? AND scope = ?",
        *(tokens, db.stamp(now), bot_id, OTHER, scope),
    )
    blocked = (not_before - now).total_seconds() if not_before else 0.0
    return max(blocked, 0.0 if tokens >= 1 else (1 - tokens) / rate)


def obey_retry_after(bot_id: int, seconds: float, *, now: datetime) -> None:
    """Telegram said 429: nobody sends by this bot before the time is over."""
    with db.write():
        _wait(bot_id, "all", RATE_PER_BOT_S, now=now)
        db.execute(
            "UPDATE send_budget SET not_before = ? WHERE bot_id = ? AND lane = ? AND scope = 'all'",
            *(db.stamp(now + timedelta(seconds=seconds)), bot_id, OTHER),
        )
