"""Waking the jobs process after a commit. A wake that is lost is found by the sweep of whoever lost it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from app.core import telemetry
from app.core.settings import Settings


def waker(settings: Settings) -> Callable[[], None]:
    """What wakes who works on files, from any process."""

    @lru_cache(maxsize=1)
    def message() -> Callable[[], Any]:
        from app.core.jobs import make_waker_queue, wake_task  # huey: only where there is something to wake it for

        return wake_task(make_waker_queue(settings), lambda: None)

    def wake() -> None:
        from app.core.jobs import queue_errors  # as above

        try:
            message()()
        except queue_errors(settings) as error:  # the change stands already, and the sweep finds it
            telemetry.log().warning("the jobs process was not woken", error=type(error).__name__)

    return wake
