"""Every implemented method exists in aiogram with its types, and a real aiogram Bot can call it."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiogram.methods
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter, TelegramUnauthorizedError
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    InputPollOption,
    LabeledPrice,
    MenuButtonWebApp,
    WebAppInfo,
)

from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess

STRANGER_ID = 5
CALLS: dict[str, Callable[[Bot, int], Awaitable[Any]]] = {
    "getMe": lambda bot, chat: bot.get_me(),
    "getChat": lambda bot, chat: bot.get_chat(chat),
    "getChatMember": lambda bot, chat: bot.get_chat_member(chat, bot.id),
    "getChatAdministrators": lambda bot, chat: bot.get_chat_administrators(chat),
    "getChatMemberCount": lambda bot, chat: bot.get_chat_member_count("@news"),
    "createChatInviteLink": lambda bot, chat: bot.create_chat_invite_link(chat, name="spring", member_limit=5),
    "editChatInviteLink": lambda bot, chat: bot.edit_chat_invite_link(chat, _first_link(chat), name="autumn"),
    "revokeChatInviteLink": lambda bot, chat: bot.revoke_chat_invite_link(chat, _first_link(chat)),
    "sendMessage": lambda bot, chat: bot.send_message(OWNER_ID, "<b>Hi</b> & 😀", parse_mode="HTML", reply_markup=KEYS),
    "sendPhoto": lambda bot, chat: bot.send_photo(chat, BufferedInputFile(b"p", "p.jpg"), caption="Photo"),
    "sendVideo": lambda bot, chat: bot.send_video(chat, BufferedInputFile(b"v", "v.mp4")),
    "sendAnimation": lambda bot, chat: bot.send_animation(chat, BufferedInputFile(b"a", "a.mp4")),
    "sendDocument": lambda bot, chat: bot.send_document(chat, BufferedInputFile(b"d", "d.pdf")),
    "sendMediaGroup": lambda bot, chat: bot.send_media_group(
        chat, [InputMediaPhoto(media=BufferedInputFile(name, "p.jpg")) for name in (b"1", b"2")]
    ),
    "sendPoll": lambda bot, chat: bot.send_poll(chat, "Why?", ["So", InputPollOption(text="Not so")]),
    "copyMessage": lambda bot, chat: bot.copy_message(chat, chat, 1),
    "forwardMessage": lambda bot, chat: bot.forward_message(chat, chat, 1),
    "editMessageCaption": lambda bot, chat: bot.edit_message_caption(chat_id=chat, message_id=1, caption="New"),
    "editMessageMedia": lambda bot, chat: bot.edit_message_media(
        InputMediaDocument(media=BufferedInputFile(b"e", "e.pdf")), chat_id=chat, message_id=4
    ),
    "pinChatMessage": lambda bot, chat: bot.pin_chat_message(chat, 1),
    "unpinChatMessage": lambda bot, chat: bot.unpin_chat_message(chat, message_id=1),
    "getFile": lambda bot, chat: bot.get_file(FILE["id"]),
    "editMessageText": lambda bot, chat: bot.edit_message_text("changed", chat_id=OWNER_ID, message_id=2),
    "editMessageReplyMarkup": lambda bot, chat: bot.edit_message_reply_markup(
        chat_id=OWNER_ID, message_id=2, reply_markup=KEYS
    ),
    "deleteMessage": lambda bot, chat: bot.delete_message(OWNER_ID, 2),
    "setMyCommands": lambda bot, chat: bot.set_my_commands([BotCommand(command="start", description="Start")]),
    "setChatMenuButton": lambda bot, chat: bot.set_chat_menu_button(menu_button=MENU),
    "getUpdates": lambda bot, chat: bot.get_updates(),
    "setWebhook": lambda bot, chat: bot.set_webhook("http://127.0.0.1:9/hook", secret_token="abc"),
    "getWebhookInfo": lambda bot, chat: bot.get_webhook_info(),
    "deleteWebhook": lambda bot, chat: bot.delete_webhook(drop_pending_updates=True),
    "answerCallbackQuery": lambda bot, chat: bot.answer_callback_query(CALLBACK["id"], text="ok"),
    "createInvoiceLink": lambda bot, chat: bot.create_invoice_link(
        "Pro", "30 days", "order-1", "XTR", [LabeledPrice(label="Pro", amount=700)], subscription_period=2_592_000
    ),
    "answerPreCheckoutQuery": lambda bot, chat: bot.answer_pre_checkout_query(STARS["query"], True),
    "editUserStarSubscription": lambda bot, chat: bot.edit_user_star_subscription(OWNER_ID, STARS["charge"], True),
    "refundStarPayment": lambda bot, chat: bot.refund_star_payment(OWNER_ID, STARS["charge"]),
    "getStarTransactions": lambda bot, chat: bot.get_star_transactions(limit=10),
    "getStickerSet": lambda bot, chat: bot.get_sticker_set("Cats"),
    "getCustomEmojiStickers": lambda bot, chat: bot.get_custom_emoji_stickers(["42"]),
    "logOut": lambda bot, chat: bot.log_out(),
    "close": lambda bot, chat: bot.close(),
}


def _first_link(chat: int) -> str:
    return f"https://t.me/+SIM{-chat % 10**9}n1"


CALLBACK: dict[str, str] = {}
FILE: dict[str, str] = {}
STARS: dict[str, str] = {}
KEYS = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Press", callback_data="pressed")]])
MENU = MenuButtonWebApp(text="Open", web_app=WebAppInfo(url="https://example.com/twa"))


def with_bot(sim: SimulatorProcess, work: Callable[[Bot], Awaitable[Any]], token: str = TOKEN) -> Any:
    async def run() -> Any:
        session = AiohttpSession(api=TelegramAPIServer.from_base(sim.url))
        async with Bot(token, session=session) as bot:
            return await work(bot)

    return asyncio.run(run())


def test_the_bot_can_call_every_implemented_method(sim: SimulatorProcess) -> None:
    chat_id = sim.channel("news")["chat_id"]
    sim.control("message", user_id=OWNER_ID, text="/start")
    sim.control("emoji_set", name="Cats", title="Cats", emoji=[{"id": "42", "emoji": "👍"}])

    async def call_all(bot: Bot) -> dict[str, Any]:
        results = {}
        for name, call in CALLS.items():
            results[name] = await call(bot, chat_id)
            if name == "sendMessage":
                answer = sim.control("callback", user_id=OWNER_ID, data="pressed")
                CALLBACK["id"] = answer["callback_query_id"]
            if name == "createInvoiceLink":
                STARS["query"] = sim.control("stars/pay", user_id=OWNER_ID, link=results[name])["query_id"]
            if name == "answerPreCheckoutQuery":
                STARS["charge"] = sim.control("stars/charges")["charges"][0]["charge_id"]
            if name == "sendDocument":
                FILE["id"] = results[name].document.file_id
        return results

    results = with_bot(sim, call_all)
    assert results["sendMessage"].text == "Hi & 😀"
    assert [(e.type, e.offset, e.length) for e in results["sendMessage"].entities] == [("bold", 0, 2)]
    assert results["getChatMember"].can_post_messages is True
    assert results["createChatInviteLink"].name == "spring"
    assert results["editChatInviteLink"].name == "autumn" and results["revokeChatInviteLink"].is_revoked
    assert [update.event_type for update in results["getUpdates"]] == ["message", "callback_query"]
    came, gone = results["getStarTransactions"].transactions
    assert (came.id, came.source.invoice_payload, came.receiver) == (gone.id, "order-1", None) and gone.source is None
    (cat,) = results["getStickerSet"].stickers
    assert results["getCustomEmojiStickers"] == [cat] and (cat.custom_emoji_id, cat.emoji) == ("42", "👍")
    (charge,) = sim.control("stars/charges")["charges"]
    assert (charge["amount"], charge["state"], charge["is_refunded"]) == (700, "canceled", True)
    journaled = {entry["method"] for entry in sim.journal()}
    assert journaled >= set(CALLS)


def test_every_handler_is_an_aiogram_method_and_is_called_above() -> None:
    importlib.import_module("simulator.botapi.server")
    registry = importlib.import_module("simulator.botapi.registry")
    assert set(registry.HANDLERS) <= {name.lower() for name in aiogram.methods.__all__}
    assert set(registry.HANDLERS) == {name.lower() for name in CALLS}


def test_telegram_words_its_refusals(sim: SimulatorProcess) -> None:
    assert sim.api("getMe", token="1:wrong") == {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert sim.api("getNothing")["error_code"] == 404
    assert sim.api("getMe", nonsense=1)["error_code"] == 400
    empty = sim.api("sendMessage", chat_id=-1, text="x")
    assert empty["description"] == "Bad Request: chat not found"
    assert sim.api("sendMessage", chat_id="@news")["description"] == "Bad Request: message text is empty"


def test_a_bot_that_is_no_member_gets_nothing(sim: SimulatorProcess) -> None:
    sim.control("channels", username="other", title="Other", owner_id=OWNER_ID, subscribers=5)
    private = sim.control("channels", title="Hidden", owner_id=OWNER_ID, subscribers=5)["chat_id"]
    for chat, error in (("@other", TelegramForbiddenError), (private, TelegramBadRequest)):
        for method in ("get_chat", "get_chat_member_count", "get_chat_administrators"):
            with pytest.raises(error):
                with_bot(sim, lambda bot, method=method, chat=chat: getattr(bot, method)(chat))
    sim.control("post", chat="other", text="unseen")
    assert sim.api("getUpdates")["result"] == []
    sim.control("remove_bot", chat="news")
    assert "kicked" in sim.api("getChat", chat_id="@news")["description"]


def test_rights_are_enforced(sim: SimulatorProcess) -> None:
    sim.control("rights", chat="news", rights={"can_post_messages": False})
    refused = sim.api("sendMessage", chat_id="@news", text="x")
    assert refused["description"] == "Bad Request: need administrator rights in the channel chat"
    sim.control("users", id=STRANGER_ID, first_name="Stranger")
    assert sim.api("sendMessage", chat_id=STRANGER_ID, text="x")["error_code"] == 403


def test_errors_become_aiograms_exceptions(sim: SimulatorProcess) -> None:
    sim.control("faults", method="getMe", kind="429", times=1, retry_after=7)
    with pytest.raises(TelegramRetryAfter) as caught:
        with_bot(sim, lambda bot: bot.get_me())
    assert caught.value.retry_after == 7
    with pytest.raises(TelegramUnauthorizedError):
        with_bot(sim, lambda bot: bot.get_me(), token="2:other")
