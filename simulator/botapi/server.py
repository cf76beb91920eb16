"""The HTTP face of the Bot API: token, faults, limits, validation, envelope, journal."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField

from simulator.botapi import (
    account,
    callbacks,
    chats,
    copying,
    downloads,
    editing,
    emoji,
    pins,
    polling,
    polls,
    sending,
    stars,
    wire,
)
from simulator.botapi.access import is_private
from simulator.botapi.errors import ApiError
from simulator.botapi.registry import HANDLERS, SENDING, WRITING, Call
from simulator.clock import iso
from simulator.faults import API_KINDS, Fault
from simulator.model import Bot
from simulator.simulation import Simulation

TOPICS = (account, callbacks, chats, copying, downloads, editing, emoji, pins, polling, polls, sending, stars)
HANG_S = 600
DROPPED = ApiError(0, "connection aborted before acceptance")


@dataclass
class Asked:
    """One request as it came, with the monotonic time of its arrival."""

    bot: Bot
    name: str
    params: dict[str, Any]
    arrived: float


def add_routes(app: web.Application, sim: Simulation) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await serve(sim, request)

    app.router.add_route("*", r"/bot{token:[^/]+}/{method}", handle)
    downloads.add_file_routes(app, sim)


async def serve(sim: Simulation, request: web.Request) -> web.StreamResponse:
    arrived, name = time.monotonic(), request.match_info["method"]
    bot = sim.world.bot_with(request.match_info["token"])
    if bot is None:
        return _refusal(ApiError(401, "Unauthorized"))
    asked = Asked(bot, name, {}, arrived)
    fault = sim.faults.take(API_KINDS, name)
    try:
        asked.params = await wire.read_params(request)
        await _disturb(sim, bot, fault)
        result = await _call(sim, asked)
    except ApiError as error:
        _journal_refusal(sim, asked, error)
        sim.commit()
        return _dropped(request) if error is DROPPED else _refusal(error)
    if fault is not None and fault.kind == "slow":
        await asyncio.sleep(fault.delay_s)
    if fault is not None and fault.kind == "reset_after_accept":
        return _dropped(request)  # accepted and journaled, but the caller never learns
    return web.json_response({"ok": True, "result": result}, dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _refusal(error: ApiError) -> web.Response:
    return web.json_response(error.body(), status=error.code)


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _disturb(sim: Simulation, bot: Bot, fault: Fault | None) -> None:
    kind = fault.kind if fault else None
    if fault is not None and kind == "429":
        sim.limits.note(bot.id, fault.retry_after)
        raise _too_many(fault.retry_after)
    if kind == "500":
        raise ApiError(500, "Internal Server Error")
    if kind == "reset_before_accept":
        raise DROPPED
    if kind == "timeout":
        await asyncio.sleep(HANG_S)
        raise ApiError(504, "Gateway Timeout")


def _too_many(wait_s: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {wait_s}", {"retry_after": wait_s})


async def _call(sim: Simulation, asked: Asked) -> Any:
    """Accept the request: its effect and its journal line are committed together."""
    await wire.ready()
    call = Call(sim, asked.bot, wire.build(asked.name, asked.params))
    handler = HANDLERS.get(asked.name.lower())
    if handler is None:
        raise ApiError(404, f"Not Found: the simulator has no {asked.name} yet")
    chat_id = _limited_chat(call, asked.name) if sim.limits.is_on else None
    wait_s = sim.limits.retry_after(asked.bot.id, chat_id, asked.arrived) if chat_id is not None else 0
    if wait_s:
        raise _too_many(wait_s)
    result = await handler(call)
    if chat_id is not None:
        sim.limits.accepted(asked.bot.id, chat_id)
    _journal(sim, asked, wire.METHODS[asked.name.lower()].__api_method__, result=result)
    sim.commit()
    return result


async def made_in_reply(sim: Simulation, bot: Bot, told: dict[str, Any]) -> None:
    """The method that a webhook's reply holds; its outcome is told to nobody (docs, "Making requests when getting updates")."""
    asked = Asked(bot, str(told.pop("method")), told, time.monotonic())
    try:
        await _call(sim, asked)
    except ApiError as error:
        _journal_refusal(sim, asked, error)
        sim.commit()


def _limited_chat(call: Call, name: str) -> int | None:
    """The chat whose limits the request meets; None for methods that make no message, and for unknown chats."""
    if name.lower() not in SENDING:
        return None
    chat_id = call.method.chat_id
    if is_private(call, chat_id):
        return int(str(chat_id))
    channel = call.world.find_channel(chat_id)
    return channel.chat_id if channel else None


def _journal_refusal(sim: Simulation, asked: Asked, error: ApiError) -> None:
    name = WRITING.get(asked.name.lower())
    if name is not None:
        refused: dict[str, Any] = {"code": error.code, "description": error.description}
        _journal(sim, asked, name, refused=refused | (error.parameters or {}))


def _journal(sim: Simulation, asked: Asked, name: str, **outcome: Any) -> None:
    now = sim.world.clock.now()
    shown = {key: _shown(value) for key, value in asked.params.items()}
    entry = {"at": iso(now), "at_ms": int(now * 1000), "bot_id": asked.bot.id, "method": name, "params": shown}
    sim.world.store.add_journal(entry | outcome)


def _shown(value: Any) -> Any:
    if isinstance(value, FileField):
        return {"file_name": value.filename, "content_type": value.content_type}
    return value if isinstance(value, str | int | list | dict | float) else str(value)
