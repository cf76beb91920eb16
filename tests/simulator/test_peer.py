"""Somebody else's fake, telegram-test-api from npm, answers the same aiogram calls as ours does, but for its defects."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update

from tests.ports import free_port
from tests.simulator.process import OWNER_ID, ROOT, TOKEN, SimulatorProcess

PACKAGE = ROOT / "node_modules" / "telegram-test-api"
KEYS = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Press", callback_data="pressed")]])
Shape = Any

# Step -> (what the peer answers, why that is not what Telegram does). Ours must answer as the Bot API's pages say.
DEVIATIONS: dict[str, tuple[Shape, str]] = {
    "getMe": ("ClientDecodeError", "its User lacks is_bot, which the Bot API requires"),
    "sendMessage to a stranger": ("Message", "it knows no persons and refuses nobody"),
    "sendMessage with broken HTML": ("Message", "it parses no entities"),
    "editMessageText": (None, "result is null instead of the edited Message"),
    "editMessageText of no message": (None, "it edits nothing and says ok"),
    "editMessageReplyMarkup": (None, "result is null instead of the edited Message"),
    "deleteMessage": (None, "result is null instead of True"),
    "deleteMessage twice": ("TelegramAPIError", "it refuses as well, but with HTTP status 200 instead of 400"),
    "getUpdates with a press": (
        "ClientDecodeError",
        "its CallbackQuery lacks chat_instance, which the Bot API requires",
    ),
    "answerCallbackQuery": (None, "result is null instead of True"),
    "setWebhook": (None, "result is null instead of True"),
    "getUpdates again": ([], "what was fetched once is gone, whether it was confirmed by an offset or not"),
}
OURS = {
    "getMe": "User",
    "sendMessage to a stranger": "TelegramBadRequest",
    "sendMessage with broken HTML": "TelegramBadRequest",
    "editMessageText": {"text": "Changed", "chat": OWNER_ID, "chat_type": "private", "keys": 0},
    "editMessageText of no message": "TelegramBadRequest",
    "editMessageReplyMarkup": {"text": "Changed", "chat": OWNER_ID, "chat_type": "private", "keys": 1},
    "deleteMessage": True,
    "deleteMessage twice": "TelegramBadRequest",
    "getUpdates with a press": ["callback_query"],
    "answerCallbackQuery": True,
    "setWebhook": True,
    "getUpdates again": ["message"],
}


class Person:
    """Aziza, who writes to the bot and presses its button; each server has its own way to say so."""

    def __init__(self, url: str, says: Callable[[str], Any], presses: Callable[[int, str], str]) -> None:
        self.url, self.says, self.presses = url, says, presses


@pytest.fixture
def peer() -> Iterator[Person]:
    node = shutil.which("node") or str(Path(sys.executable).parent / "node")
    assert PACKAGE.is_dir(), "telegram-test-api is missing: run `make assets`. This contract is NOT skipped."
    port = free_port()
    command = [node, str(Path(__file__).with_name("peer.js")), str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    url = f"http://127.0.0.1:{port}"
    aziza = {"id": OWNER_ID, "first_name": "Aziza", "is_bot": False}
    chat = {"id": OWNER_ID, "first_name": "Aziza", "type": "private"}

    def tell(what: str, **body: Any) -> None:
        common = {"botToken": TOKEN, "from": aziza, "chat": chat, "date": int(time.time())}
        httpx.post(f"{url}/{what}", json=common | body, trust_env=False).raise_for_status()

    def presses(number: int, data: str) -> str:
        message = {"message_id": number, "chat": chat, "date": int(time.time()), "text": "Hello", "from": aziza}
        tell("sendCallback", message=message, data=data)
        return "1"

    yield Person(url, lambda text: tell("sendMessage", text=text), presses)
    os.killpg(server.pid, signal.SIGTERM)  # the wheel's node is a script that starts the real one
    server.wait(10)
    server.stdout.close()


@pytest.fixture
def ours(sim: SimulatorProcess) -> Person:
    return Person(
        sim.url,
        lambda text: sim.control("message", user_id=OWNER_ID, text=text),
        lambda number, data: str(
            sim.control("callback", user_id=OWNER_ID, message_id=number, data=data)["callback_query_id"]
        ),
    )


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook and what it was told."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(Update.model_validate_json(self.rfile.read(int(self.headers["Content-Length"]))).model_dump())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", got
    server.shutdown()
    server.server_close()


def _shape(answer: Any) -> Shape:
    """What a caller relies on: never numbers and times, which differ from server to server."""
    if isinstance(answer, Message):
        keys = len(answer.reply_markup.inline_keyboard) if answer.reply_markup else 0
        return {"text": answer.text, "chat": answer.chat.id, "chat_type": answer.chat.type, "keys": keys}
    if isinstance(answer, list):
        return [update.event_type for update in answer]
    return answer if answer is None or isinstance(answer, bool) else type(answer).__name__


async def _asked(call: Awaitable[Any], *, is_type_only: bool = False) -> Shape:
    try:
        answer = await call
    except AiogramError as refusal:
        return type(refusal).__name__
    return type(answer).__name__ if is_type_only else _shape(answer)


async def _story(bot: Bot, aziza: Person, hook: str, got: list[dict[str, Any]]) -> dict[str, Shape]:
    """The same calls in the same order; step -> shape of the answer."""
    seen: dict[str, Shape] = {"getMe": await _asked(bot.get_me())}
    aziza.says("/start")
    updates = await bot.get_updates()
    seen["getUpdates"] = [(_shape(u.message), u.message.from_user.id) for u in updates if u.message]
    seen["getUpdates again"] = await _asked(bot.get_updates())
    await bot.get_updates(offset=updates[-1].update_id + 1)
    seen["getUpdates confirmed"] = await _asked(bot.get_updates())

    sent = await bot.send_message(OWNER_ID, "Hello", reply_markup=KEYS)
    number = sent.message_id
    seen["sendMessage"] = _shape(sent)
    seen["sendMessage to a stranger"] = await _asked(bot.send_message(5, "x"), is_type_only=True)
    broken = bot.send_message(OWNER_ID, "<b>x", parse_mode="HTML")
    seen["sendMessage with broken HTML"] = await _asked(broken, is_type_only=True)

    query_id = aziza.presses(number, "pressed")
    seen["getUpdates with a press"] = await _asked(bot.get_updates())
    seen["answerCallbackQuery"] = await _asked(bot.answer_callback_query(query_id))

    seen["editMessageText"] = await _asked(bot.edit_message_text("Changed", chat_id=OWNER_ID, message_id=number))
    missing = bot.edit_message_text("x", chat_id=OWNER_ID, message_id=10**6)
    seen["editMessageText of no message"] = await _asked(missing)
    keys = bot.edit_message_reply_markup(chat_id=OWNER_ID, message_id=number, reply_markup=KEYS)
    seen["editMessageReplyMarkup"] = await _asked(keys)
    seen["deleteMessage"] = await _asked(bot.delete_message(OWNER_ID, number))
    seen["deleteMessage twice"] = await _asked(bot.delete_message(OWNER_ID, number))

    await bot.get_updates(offset=2**31 - 1)
    seen["setWebhook"] = await _asked(bot.set_webhook(hook))
    aziza.says("pushed")
    while not got:
        await asyncio.sleep(0.02)
    seen["webhook"] = (got[0]["message"]["text"], got[0]["message"]["chat"]["id"], got[0]["update_id"] > 0)
    seen["deleteWebhook"] = await _asked(bot.delete_webhook())
    seen["getUpdates after the webhook"] = await _asked(bot.get_updates())
    return seen


def _told(aziza: Person, hook: tuple[str, list[dict[str, Any]]]) -> dict[str, Shape]:
    async def run() -> dict[str, Shape]:
        session = AiohttpSession(api=TelegramAPIServer.from_base(aziza.url))
        async with Bot(TOKEN, session=session) as bot, asyncio.timeout(60):
            return await _story(bot, aziza, *hook)

    hook[1].clear()
    return asyncio.run(run())


def test_the_peer_and_the_simulator_answer_alike(
    peer: Person, ours: Person, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    theirs, mine = _told(peer, hook), _told(ours, hook)
    differing = {step for step in mine if mine[step] != theirs[step]}
    assert differing == set(DEVIATIONS), {step: (theirs[step], mine[step]) for step in differing ^ set(DEVIATIONS)}
    assert {step: theirs[step] for step in DEVIATIONS} == {step: answer for step, (answer, _) in DEVIATIONS.items()}
    assert {step: mine[step] for step in OURS} == OURS


def test_every_method_of_the_peer_is_in_that_story() -> None:
    """The package's own list of methods, so that a new version of it is noticed."""
    routes = {path.stem for path in (PACKAGE / "lib" / "routes" / "bot").glob("*.js")}
    methods = routes - {"index", "utils", "unknownMethod"}
    story = {step.split()[0] for step in {*OURS, "getUpdates", "sendMessage", "deleteWebhook"}}
    assert methods == story
