"""The queue of the jobs process and its sign of life. Huey only wakes; what is due stands in rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from huey import SqliteHuey
from huey.serializer import SignedSerializer

from app.core import clock, leases, telemetry
from app.core.crypto import keyed_hash
from app.core.settings import Settings

_BEAT_S = 5.0
_STUCK_AFTER_S = 120.0


def make_huey(settings: Settings) -> SqliteHuey:
    """The queue in DATA_DIR. Messages are signed, since unpickling somebody else's is running their code."""
    secret = keyed_hash(settings.secret_key.get_secret_value(), "huey", "message")
    return SqliteHuey(
        "analyticbot",
        filename=str(settings.data_dir / "huey.sqlite3"),
        results=False,
        serializer=SignedSerializer(secret=secret),
    )


def wake_task(huey: SqliteHuey, work: Callable[[], object]) -> Callable[[], Any]:
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
