"""The queue of the jobs process and its sign of life. Huey only wakes; what is due stands in rows."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

from huey import Huey, RedisHuey, SqliteHuey
from huey.serializer import SignedSerializer

from app.core import clock, leases, telemetry
from app.core.crypto import keyed_hash
from app.core.settings import Settings

_CONNECT_S, _ANSWER_S, _WAKE_S = 1.0, 5.0, 1.0
_BEAT_S = 5.0
_STUCK_AFTER_S = 120.0


def make_huey(settings: Settings, *, answer_s: float = _ANSWER_S) -> Huey:
    """The queue in DATA_DIR, or in the Redis that the settings name, which answers within so long; nothing is connected yet.

    Messages are signed, since unpickling somebody else's is running their code.
    """
    secret = keyed_hash(settings.secret_key.get_secret_value(), "huey", "message")
    how = {"name": "analyticbot", "results": False, "serializer": SignedSerializer(secret=secret)}
    if settings.huey_redis_url.get_secret_value():
        return RedisHuey(connection_pool=_redis_pool(settings, answer_s), **how)
    return SqliteHuey(filename=str(settings.data_dir / "huey.sqlite3"), **how)


def queue_errors(settings: Settings) -> tuple[type[Exception], ...]:
    """What the queue raises when it does not take a message."""
    if not settings.huey_redis_url.get_secret_value():
        return OSError, sqlite3.Error
    from redis.exceptions import RedisError  # only where it is set

    return OSError, RedisError


def answers(settings: Settings) -> bool:
    """Whether the queue's Redis does; True without one."""
    if not settings.huey_redis_url.get_secret_value():
        return True
    try:
        return bool(make_huey(settings).storage.conn.ping())
    except queue_errors(settings):
        return False


def make_waker_queue(settings: Settings) -> Huey:
    """The queue for who only wakes: a page waits for it, so not for long. What is lost is found by the sweep."""
    return make_huey(settings, answer_s=_WAKE_S)


def _redis_pool(settings: Settings, answer_s: float) -> Any:
    from redis import ConnectionPool, exceptions  # only where it is set
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return ConnectionPool.from_url(
        settings.huey_redis_url.get_secret_value(),
        socket_connect_timeout=_CONNECT_S,
        socket_timeout=answer_s,
        # a connection that Redis closed meanwhile is made anew; silence is not listened to twice
        retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
    )


def wake_task(huey: Huey, work: Callable[[], object]) -> Callable[[], Any]:
    """The message that wakes who works on files; of one name in every process, so that web may send what jobs runs."""

    @huey.task(name="wake_media", expires=60)  # type: ignore[untyped-decorator]
    def wake_media() -> None:
        work()

    return wake_media  # type: ignore[no-any-return]


class Pulse:
    """Beats as `jobs` while the work that must never rest takes its turns, due or not; silent when it hangs."""

    def __init__(self, *, beat_s: float = _BEAT_S, stuck_after_s: float = _STUCK_AFTER_S) -> None:
        self._beat_s, self._stuck_after_s = beat_s, stuck_after_s
        self._turned_at, self._started = time.monotonic(), threading.Lock()

    def turn(self) -> None:
        """The work has come round once more."""
        self._turned_at = time.monotonic()

    def start(self) -> None:
        """Start beating; further calls (each worker thread of the consumer makes one) change nothing."""
        if self._started.acquire(blocking=False):
            self._turned_at = time.monotonic()
            threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def beat_if_alive(self) -> bool:
        """Beat once, unless the work has not turned for too long."""
        if time.monotonic() - self._turned_at > self._stuck_after_s:
            telemetry.log().error("the collector hangs", since_s=round(time.monotonic() - self._turned_at))
            return False
        leases.beat("jobs", now=clock.utcnow())
        return True

    def _run(self) -> None:
        while True:
            self.beat_if_alive()
            time.sleep(self._beat_s)
