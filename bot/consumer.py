"""Applying stored updates: in order per chat, each once, poison aside."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from peewee import InterfaceError, OperationalError

from app.boot import Runtime
from app.core import clock, db, inbox, leases, telemetry
from app.core.errors import Upstream
from app.core.inbox import StoredUpdate
from app.telegram import budget
from bot.dispatcher import Handler, prepare
from bot.handlers import HANDLERS

_IDLE_S = 0.2
_BEAT_S = 5.0
_WAIT_FOR_TELEGRAM_S = 5.0


class Consumer:
    """Works the inbox off; beats as `bot` only while it does."""

    def __init__(
        self, runtime: Runtime, arrived: threading.Event, *, handlers: Mapping[str, Handler] = HANDLERS
    ) -> None:
        self._runtime, self._arrived, self._handlers = runtime, arrived, handlers
        self._beat_at = 0.0

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._beat()
            self._arrived.clear()
            if not self.turn(stop):
                self._arrived.wait(_IDLE_S)

    def _beat(self) -> None:
        if time.monotonic() >= self._beat_at:
            leases.beat("bot", now=clock.utcnow())
            self._beat_at = time.monotonic() + _BEAT_S

    def turn(self, stop: threading.Event | None = None) -> int:
        """Apply what is ready; returns how many updates were done with. A chat that fails waits, the others go on."""
        done, waiting = 0, set[tuple[int, int]]()
        for stored in inbox.ready(clock.utcnow()):
            if stop is not None and stop.is_set():
                break
            self._beat()
            chat = (stored.bot_id, stored.chat_key)
            if chat in waiting:
                continue
            if self.apply(stored, now=clock.utcnow()):
                done += 1
            else:
                waiting.add(chat)
        return done

    def apply(self, stored: StoredUpdate, *, now: datetime) -> bool:
        """Apply one update; False when its chat has to wait."""
        try:
            effect = prepare(self._handlers, self._runtime, stored, now=now)
            with db.write():
                # First the mark, under which a second consumer finds nothing left to do; it commits with the effect.
                if inbox.mark_processed(stored, now=now):
                    effect()
        except (OperationalError, InterfaceError):
            raise  # the database, not the update: end loudly and start again
        except Upstream as error:
            if error.permanent:
                return _lay_aside(stored, error, now=now)
            _wait_for_telegram(stored, error, now=now)
            return False
        except Exception as error:  # noqa: BLE001  the edge: whatever an update breaks, the next ones must be applied
            return _lay_aside(stored, error, now=now)
        return True


def _lay_aside(stored: StoredUpdate, error: Exception, *, now: datetime) -> bool:
    """Back off or, after the last attempt, bury the update; True when the chat may go on."""
    is_dead = inbox.mark_failed(stored, f"{type(error).__name__}: {error}", now=now)
    log = telemetry.log()
    (log.error if is_dead else log.warning)(
        "update is a dead letter" if is_dead else "update failed",
        inbox_id=stored.id,
        kind=stored.kind,
        attempts=stored.attempts + 1,
        error_type=type(error).__name__,
    )
    return is_dead


def _wait_for_telegram(stored: StoredUpdate, error: Upstream, *, now: datetime) -> None:
    """Telegram is away or asks for patience: that is no fault of the update and uses up no attempt."""
    wait_s = error.retry_after_s or _WAIT_FOR_TELEGRAM_S
    with db.write():
        if error.retry_after_s:
            budget.obey_retry_after(stored.bot_id, error.retry_after_s, now=now)
        inbox.put_off(stored, until=now + timedelta(seconds=wait_s))
    telemetry.log().warning("update waits for Telegram", inbox_id=stored.id, wait_s=wait_s)
