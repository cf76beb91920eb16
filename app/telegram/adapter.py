"""Telegram through aiogram's session and types. Imported by bot and jobs only (aiogram costs 135 MiB)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramAPIError, TelegramNetworkError, TelegramRetryAfter, TelegramServerError
from aiogram.methods import GetUpdates
from aiogram.types import (
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LabeledPrice,
    LinkPreviewOptions,
    WebAppInfo,
)

from app.core.errors import Upstream
from app.telegram.calls import Call
from app.telegram.large import SharedDisk
from app.telegram.port import (
    ALLOWED_UPDATES,
    NO_ANSWER,
    REFUSED,
    RETRY_AFTER,
    Button,
    CustomEmojiFacts,
    EmojiSetFacts,
    Keyboard,
    StarInvoice,
    StarTransaction,
)
from app.telegram.publisher import HttpPublisher

Answer = TypeVar("Answer")
_TIMEOUT_S = 20
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)  # a link that signs its reader in is nobody else's to open


class _Loop:
    """One event loop in a daemon thread, shared by all bots of the process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True, name="telegram").start()

    def run(self, call: Coroutine[Any, Any, Answer], *, timeout_s: float) -> Answer:
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(timeout_s)


class AiogramTelegram(HttpPublisher):
    """Implements telegram.port.Telegram for one token."""

    def __init__(self, token: str, api_url: str, disk: SharedDisk | None = None) -> None:
        super().__init__(token, api_url, disk)
        self._io = _Loop()
        self._token, self._api_url = token, api_url
        self._bot = self._io.run(self._make(), timeout_s=5)

    async def _make(self) -> Bot:
        session = AiohttpSession(api=TelegramAPIServer.from_base(self._api_url))
        return Bot(self._token, session=session)

    def updates(self, *, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        method = GetUpdates(offset=offset, timeout=timeout_s, allowed_updates=list(ALLOWED_UPDATES))
        return self._run(lambda: self._raw_updates(method, timeout_s), timeout_s=timeout_s + _TIMEOUT_S)

    async def _raw_updates(self, method: GetUpdates, timeout_s: int) -> list[dict[str, Any]]:
        """The raw JSON, since an unknown kind of update must be stored as it came."""
        session = await self._bot.session.create_session()  # type: ignore[attr-defined]
        url = self._bot.session.api.api_url(token=self._token, method="getUpdates")
        params = {"offset": method.offset, "timeout": timeout_s, "allowed_updates": json.dumps(method.allowed_updates)}
        try:
            async with session.post(url, data=params, timeout=aiohttp.ClientTimeout(total=timeout_s + 10)) as answer:
                body = json.loads(await answer.text())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Upstream("Telegram did not answer.") from error
        if not body.get("ok"):
            retry = (body.get("parameters") or {}).get("retry_after")
            is_token_dead = body.get("error_code") in (401, 404)
            words = str(body.get("description", "Telegram refused."))
            raise Upstream(words, permanent=is_token_dead, retry_after_s=retry)
        return list(body["result"])

    def set_webhook(self, url: str, *, secret: str, allowed: Sequence[str]) -> None:
        self._run(lambda: self._bot.set_webhook(url, secret_token=secret, allowed_updates=list(allowed)))

    def delete_webhook(self) -> None:
        self._run(lambda: self._bot.delete_webhook())

    def member_status(self, chat_id: int, user_id: int) -> str:
        return str(self._run(lambda: self._bot.get_chat_member(chat_id, user_id)).status)

    def member_count(self, chat_id: int) -> int:
        return int(self._run(lambda: self._bot.get_chat_member_count(chat_id)))

    def send_message(self, chat_id: int, text: str, *, keyboard: Keyboard = ()) -> int:
        markup = _markup(keyboard)
        sent = self._run(
            lambda: self._bot.send_message(chat_id, text, link_preview_options=_NO_PREVIEW, reply_markup=markup)
        )
        return int(sent.message_id)

    def answer_callback(self, callback_id: str, text: str = "") -> None:
        self._run(lambda: self._bot.answer_callback_query(callback_id, text=text or None))

    def set_commands(self, commands: Sequence[tuple[str, str]], *, language: str) -> None:
        listed = [BotCommand(command=command, description=text) for command, text in commands]
        self._run(lambda: self._bot.set_my_commands(listed, language_code=language or None))

    def create_invoice_link(self, invoice: StarInvoice) -> str:
        prices = [LabeledPrice(label=invoice.title, amount=invoice.stars)]
        return str(
            self._run(
                lambda: self._bot.create_invoice_link(
                    title=invoice.title,
                    description=invoice.description,
                    payload=invoice.payload,
                    currency="XTR",
                    prices=prices,
                    subscription_period=invoice.period_s,
                )
            )
        )

    def answer_pre_checkout(self, query_id: str, refusal: str = "") -> None:
        self._run_unless(
            ("query is too old", "query_id_invalid"),
            lambda: self._bot.answer_pre_checkout_query(query_id, not refusal, refusal or None),
        )

    def stop_star_renewal(self, user_id: int, charge_id: str, *, is_stopped: bool) -> None:
        self._run(lambda: self._bot.edit_user_star_subscription(user_id, charge_id, is_stopped))

    def refund_stars(self, user_id: int, charge_id: str) -> None:
        self._run_unless(("charge_already_refunded",), lambda: self._bot.refund_star_payment(user_id, charge_id))

    def star_transactions(self, *, offset: int) -> list[StarTransaction]:
        found = self._run(lambda: self._bot.get_star_transactions(offset=offset, limit=100))
        return [_transaction(one) for one in found.transactions]

    def create_invite_link(self, chat_id: int, name: str) -> str:
        return str(self._run(lambda: self._bot.create_chat_invite_link(chat_id, name=name)).invite_link)

    def revoke_invite_link(self, chat_id: int, url: str) -> None:
        self._run(lambda: self._bot.revoke_chat_invite_link(chat_id, url))

    def emoji_set(self, name: str) -> EmojiSetFacts:
        found = self._ask(Call("getStickerSet", {"name": name}))
        if found.get("sticker_type") != "custom_emoji":
            raise Upstream("This is a set of stickers, not of custom emoji.", code=REFUSED, permanent=True)
        return EmojiSetFacts(str(found["name"]), str(found["title"]), _emoji(found["stickers"]))

    def custom_emoji(self, emoji_ids: Sequence[str]) -> tuple[CustomEmojiFacts, ...]:
        return _emoji(self._ask(Call("getCustomEmojiStickers", {"custom_emoji_ids": list(emoji_ids)})))

    def _run_unless(self, harmless: Sequence[str], call: Any) -> None:
        """Run one call; a refusal in one of these words says that it was done already."""
        try:
            self._run(call)
        except Upstream as error:
            if not error.permanent or not any(words in error.message.lower() for words in harmless):
                raise

    def _run(self, call: Any, *, timeout_s: float = _TIMEOUT_S) -> Any:
        """Run one call and translate aiogram's errors."""
        try:
            return self._io.run(call(), timeout_s=timeout_s)
        except TelegramRetryAfter as error:
            raise Upstream("Telegram asks us to wait.", code=RETRY_AFTER, retry_after_s=error.retry_after) from error
        except (TelegramNetworkError, TelegramServerError, FutureTimeout) as error:
            raise Upstream("Telegram did not answer.", code=NO_ANSWER) from error
        except TelegramAPIError as error:
            raise Upstream(error.message, code=REFUSED, permanent=True) from error


def _emoji(stickers: Sequence[dict[str, Any]]) -> tuple[CustomEmojiFacts, ...]:
    """Stickers as custom emoji. One without a plain emoji could not be written (core.telegram.org/bots/api#sticker)."""
    return tuple(
        CustomEmojiFacts(str(one["custom_emoji_id"]), str(one["emoji"]), str(one.get("set_name", "")), _picture_of(one))
        for one in stickers
        if one.get("custom_emoji_id") and one.get("emoji")
    )


def _picture_of(sticker: dict[str, Any]) -> str:
    """Its still picture: Telegram's small one, else the sticker itself unless that is a film."""
    is_still = not sticker.get("is_animated") and not sticker.get("is_video")
    small = (sticker.get("thumbnail") or {}).get("file_id", "")
    return str(small or (sticker.get("file_id", "") if is_still else ""))


def _transaction(one: Any) -> StarTransaction:
    """aiogram's transaction as ours: money comes from a `source` and goes to a `receiver`."""
    partner = one.source or one.receiver
    person = getattr(partner, "user", None)
    return StarTransaction(
        charge_id=one.id,
        telegram_user_id=person.id if person else 0,
        payload=getattr(partner, "invoice_payload", None) or "",
        stars=one.amount,
        period_s=int(getattr(partner, "subscription_period", None) or 0),
        at=one.date,
        is_refund=one.source is None,
    )


def _markup(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    rows = [[_button(button) for button in row] for row in keyboard]
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def _button(button: Button) -> InlineKeyboardButton:
    if button.web_app:
        return InlineKeyboardButton(text=button.text, web_app=WebAppInfo(url=button.web_app))
    return InlineKeyboardButton(text=button.text, callback_data=button.data)
