"""b3: Telegram's webhook, durable and deduplicated, over a Flask 204 without a database."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable

from werkzeug.test import Client

from app.telegram import service
from app.web import create_app
from bench import stats
from bench.world import NOW, World
from bench.wsgi_calls import Caller, by_client, hello_app

_POSTS = 60
_IDS = itertools.count(1)


def _update() -> bytes:
    number = next(_IDS)
    post: dict[str, object] = {"message_id": number, "date": 1772366400, "chat": {"id": -1001000, "type": "channel"}}
    post |= {"text": "A post of an ordinary length. " * 8}
    return json.dumps({"update_id": number, "channel_post": post}).encode()


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
    sends = {
        "ours": ours.send,
        "bare": bare.send,
        "ours client": by_client(Client(ours.app), ours),
        "bare client": by_client(Client(bare.app), bare),
    }
    wall: dict[str, list[float]] = {send: [] for send in sends}

    def measure(name: str) -> Callable[[], float]:
        def once() -> float:
            at.enter()
            bodies = [_update() for _ in range(_POSTS)]
            started = time.perf_counter()
            used = stats.cpu(lambda: [sends[name](body) for body in bodies])
            wall[name].append((time.perf_counter() - started) / _POSTS)
            return used / _POSTS

        return once

    cpu = stats.rounds({name: measure(name) for name in sends})
    name = "Flask 204 without a database"
    detail = f"ours {stats.median(cpu['ours']) * 1e3:.3f} ms CPU, floor {stats.median(cpu['bare']) * 1e3:.3f} ms"
    return [
        stats.at_least("b3", "webhook POST, durable, CPU", name, stats.ratio(cpu["bare"], cpu["ours"]), 0.4, detail),
        stats.informs("b3", "both through a test client", name, stats.ratio(cpu["bare client"], cpu["ours client"])),
        stats.informs("b3", "by the clock, waits for the disk", name, stats.ratio(wall["bare"], wall["ours"])),
    ]
