"""b3: Telegram's webhook, durable and deduplicated, over a Flask 204 without a database."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable

from app.telegram import service
from app.web import create_app
from bench import stats
from bench.world import NOW, World
from bench.wsgi_calls import Caller, hello_app

_POSTS = 60
_IDS = itertools.count(1)


def _update() -> bytes:
    number = next(_IDS)
    post = {"message_id": number, "date": 1772366400, "chat": {"id": -1001000, "type": "channel", "title": "Channel0"}}
    return json.dumps({"update_id": number, "channel_post": post | {"text": "A post of an ordinary length. " * 8}}).encode()


def rows(at: World) -> list[stats.Row]:
    at.enter()
    bots = at.runtime.bots
    bot = service.register(bots.sealer, token="7000001:bench", username="bench_bot", updates="webhook", now=NOW)
    headers = {"X-Telegram-Bot-Api-Secret-Token": bots.webhook_secret(bot)}
    ours = Caller(create_app(at.runtime), f"/hooks/telegram/{bot.bot_id}", "POST", headers)
    bare = Caller(hello_app(), "/hook", "POST", headers)
    for caller, status in ((ours, "200"), (bare, "204")):
        caller.send(_update())
        if not caller.status.startswith(status):
            raise RuntimeError(f"{caller.path} answered {caller.status}")
    wall: dict[str, list[float]] = {"ours": [], "bare": []}

    def measure(name: str, caller: Caller) -> Callable[[], float]:
        def once() -> float:
            at.enter()
            bodies = [_update() for _ in range(_POSTS)]
            started = time.perf_counter()
            used = stats.cpu(lambda: [caller.send(body) for body in bodies])
            wall[name].append((time.perf_counter() - started) / _POSTS)
            return used / _POSTS

        return once

    cpu = stats.rounds({"ours": measure("ours", ours), "bare": measure("bare", bare)})
    name = "Flask 204 without a database"
    detail = f"ours {stats.median(cpu['ours']) * 1e3:.3f} ms CPU, floor {stats.median(cpu['bare']) * 1e3:.3f} ms"
    return [
        stats.at_least("b3", "webhook POST, durable, requests per CPU-s", name, stats.ratio(cpu["bare"], cpu["ours"]), 0.4, detail),
        stats.informs("b3", "the same by the clock (waits for the disk)", name, stats.ratio(wall["bare"], wall["ours"])),
    ]
