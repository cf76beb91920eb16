"""b3: Telegram's webhook, durable and deduplicated, over a Flask 204 without a database, both behind granian."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

from app.core import db
from app.telegram import service
from bench import stats
from bench.served import Server, send, serve
from bench.world import NOW, World

_POSTS = 1500
_IDS = itertools.count(1)


def _body() -> bytes:
    number = next(_IDS)
    post: dict[str, object] = {"message_id": number, "date": 1772366400, "chat": {"id": -1001000, "type": "channel"}}
    post |= {"text": "A post of an ordinary length. " * 8}
    return json.dumps({"update_id": number, "channel_post": post}).encode()


def _request(path: str, secret: str) -> bytes:
    body = _body()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"X-Telegram-Bot-Api-Secret-Token: {secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def rows(at: World) -> list[stats.Row]:
    at.enter()
    bots = at.runtime.bots
    bot = service.register(bots.sealer, token="7000001:bench", username="bench_bot", updates="webhook", now=NOW)
    secret = bots.webhook_secret(bot)
    environ = {"DATABASE_URL": f"sqlite:///{at.path}", "DATA_DIR": str(at.path.parent), "LOG_FORMAT": "json"}
    wall: dict[str, list[float]] = {"ours": [], "bare": []}

    def measure(name: str, server: Server, path: str, status: bytes) -> Callable[[], float]:
        def once() -> float:
            used = server.cpu_s()
            took = send(server.port, _POSTS, lambda: _request(path, secret), status=status)
            wall[name].append(took / _POSTS)
            return (server.cpu_s() - used) / _POSTS

        return once

    with serve("app.wsgi:app", environ) as ours, serve("bench.hello:app", environ) as bare:
        measures = {
            "ours": measure("ours", ours, f"/hooks/telegram/{bot.bot_id}", b"200"),
            "bare": measure("bare", bare, "/hook", b"204"),
        }
        for warm in measures.values():
            warm()
        for times in wall.values():
            times.clear()
        cpu = stats.rounds(measures)
    at.enter()
    (stored,) = db.row("SELECT COUNT(*) FROM inbox") or (0,)
    if stored != (stats.ROUNDS + 1) * _POSTS:
        raise RuntimeError(f"{stored} updates are stored, not each once")
    name = "Flask 204 without a database, same server"
    detail = (
        f"ours {stats.median(cpu['ours']) * 1e3:.3f} ms CPU a request, floor {stats.median(cpu['bare']) * 1e3:.3f} ms"
    )
    per_s = f"ours {1 / stats.median(wall['ours']):,.0f}/s, floor {1 / stats.median(wall['bare']):,.0f}/s"
    return [
        stats.at_least("b3", "webhook POST, durable, CPU", name, stats.ratio(cpu["bare"], cpu["ours"]), 0.4, detail),
        stats.informs("b3", "requests/s by the clock", name, stats.ratio(wall["bare"], wall["ours"]), per_s),
    ]
