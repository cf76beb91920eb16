"""The jobs process's part in work on files: woken by Huey, bounded to so many at a time, swept each minute."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from peewee import InterfaceError, OperationalError

from app.core import clock, telemetry
from app.media import child
from app.media.service import store, work
from app.media.service.store import StoreAway
from app.media.service.work import Job, Why

Maker = Callable[[Job], None]
_OLD_S = 2 * 60 * 60  # longer than any work takes


class Workshop:
    """Works off what is asked for, `hands` jobs at a time, however many wake it."""

    def __init__(self, make: Maker, *, hands: int | None = None) -> None:
        self._make = make
        self._hands = threading.BoundedSemaphore(hands or os.cpu_count() or 1)

    def work_off(self) -> int:
        """Do what waits until nothing does; returns how many jobs this call ended. At once 0 while all hands are busy.

        What is asked for after the last look and before the hand is free again is seen by the next look.
        """
        done = 0
        while work.is_waiting() and self._hands.acquire(blocking=False):
            try:
                while (job := work.claim(now=clock.utcnow())) is not None:
                    self._do(job)
                    done += 1
            finally:
                self._hands.release()
        return done

    def sweep(self, data_dir: Path) -> None:
        """Each minute and at the start: what a killed process left is taken up, and what a lost wake left."""
        child.sweep(store.folder(data_dir), older_than_s=_OLD_S, now_s=clock.utcnow().timestamp())
        if work.sweep(now=clock.utcnow()):
            self.work_off()

    def _do(self, job: Job) -> None:
        """The edge: work that breaks us ends as failed, loudly, so that the work behind it goes on."""
        try:
            self._make(job)
        except (OperationalError, InterfaceError, StoreAway):
            raise  # the database or the store, not the file: the sweep takes it up again
        except Exception:  # noqa: BLE001  the edge: one file must not keep all others from being worked on
            telemetry.log().exception("work on a file broke", job=job.id, kind=job.kind)
            work.fail(job, Why(work.BROKE, {}), now=clock.utcnow())
