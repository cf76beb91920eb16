"""The HTTP face of the Bot API: token, faults, validation, envelope, journal."""

import asyncio
import json
from typing import Any

from aiohttp import web

from simulator.botapi import account, chats, messages, polling, wire
from simulator.botapi.errors import ApiError
from simulator.botapi.registry import HANDLERS, Call
from simulator.clock import iso
from simulator.faults import API_KINDS, Fault
from simulator.model import Bot
from simulator.simulation import Simulation

TOPICS = (account, chats, messages, polling)
HANG_S = 600


def add_routes(app: web.Application, sim: Simulation) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await serve(sim, request)

    app.router.add_route("*", r"/bot{token:[^/]+}/{method}", handle)


async def serve(sim: Simulation, request: web.Request) -> web.StreamResponse:
    name = request.match_info["method"]
    fault = None
    try:
        bot = _bot(sim, request.match_info["token"])
        fault = sim.faults.take(API_KINDS, name)
        if fault is not None:
            await _disturb(fault)
        result = await _call(sim, bot, name, await wire.read_params(request))
    except ApiError as error:
        sim.commit()
        return web.json_response(error.body(), status=error.code)
    if fault is not None and request.transport is not None:
        request.transport.abort()  # accepted and journaled, but the caller never learns
    return web.json_response({"ok": True, "result": result}, dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bot(sim: Simulation, token: str) -> Bot:
    for bot in sim.world.bots.values():
        if bot.token == token:
            return bot
    raise ApiError(401, "Unauthorized")


async def _disturb(fault: Fault) -> None:
    if fault.kind == "429":
        wait = fault.retry_after
        raise ApiError(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})
    if fault.kind == "500":
        raise ApiError(500, "Internal Server Error")
    if fault.kind == "timeout":
        await asyncio.sleep(HANG_S)
        raise ApiError(504, "Gateway Timeout")


async def _call(sim: Simulation, bot: Bot, name: str, params: dict[str, Any]) -> Any:
    await wire.ready()
    method = wire.build(name, params)
    handler = HANDLERS.get(name.lower())
    if handler is None:
        raise ApiError(404, f"Not Found: the simulator has no {name} yet")
    result = await handler(Call(sim, bot, method))
    shown = {
        key: value if isinstance(value, str | int | list | dict | float) else str(value)
        for key, value in params.items()
    }
    entry = {
        "at": iso(sim.world.clock.now()),
        "bot_id": bot.id,
        "method": wire.METHODS[name.lower()].__api_method__,
        "params": shown,
        "result": result,
    }
    sim.world.store.add_journal(entry)
    sim.commit()
    return result
