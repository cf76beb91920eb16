"""The jobs process's part in owners' accounts: lines to Telegram, one process at a time, the kill switch."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress

from peewee import InterfaceError, OperationalError

from app.core import clock, leases, telemetry
from app.core.crypto import Sealer
from app.core.errors import Upstream
from app.core.settings import Settings
from app.readings.collectors.owner_session.base import OpensAccount, OwnerAccount
from app.readings.collectors.owner_session.models import OwnerSession
from app.readings.service.owner_session import states, work

LEASE = "owner_sessions"
_LEASE_S = 120  # longer than the slowest unit of work
_RUN_S = 55.0
_IDLE_S = 1.0
_DEFECT_REST_S = 600.0


def telethon_accounts(settings: Settings) -> OpensAccount:
    """Lines to Telegram by Telethon. Raises ImportError where the extra `owner-session` is not installed."""
    from app.readings.collectors.owner_session.guard import (  # Telethon costs 40 MiB: only where it is used
        Pace,
        ReadOnlyClient,
    )
    from app.readings.collectors.owner_session.telethon import TelethonAccount, make_client

    api_id, api_hash = settings.telegram_api_id or 0, settings.telegram_api_hash.get_secret_value()

    def opened(session: str, *, signs_in: bool) -> OwnerAccount:
        def made() -> ReadOnlyClient:
            return make_client(session, api_id=api_id, api_hash=api_hash, signs_in=signs_in, pace=Pace())

        return TelethonAccount(made).connect()

    return opened


class OpenLines:
    """Lines of this run, by session."""

    def __init__(self, sealer: Sealer, opens: OpensAccount) -> None:
        self._sealer, self._opens = sealer, opens
        self._lines: dict[int, OwnerAccount] = {}

    def to(self, row: OwnerSession) -> OwnerAccount:
        if row.id not in self._lines:
            session = states.unseal(self._sealer, row, "session_sealed")
            self._lines[row.id] = self._opens(session, signs_in=row.state in states.WAITING)
        return self._lines[row.id]

    def drop(self, row: OwnerSession) -> None:
        line = self._lines.pop(row.id, None)
        if line is not None:
            with suppress(Upstream, OSError):
                line.close()

    def close(self) -> None:
        for line in self._lines.values():
            with suppress(Upstream, OSError):
                line.close()


def work_for_owners(
    settings: Settings, sealer: Sealer, *, opens: OpensAccount | None = None, run_s: float = _RUN_S
) -> int:
    """Work for about a minute on what owners' accounts have to do; returns how many units were done.

    With the kill switch thrown, or without Telegram's keys, nothing is asked and ended sessions are erased.
    """
    if not settings.owner_sessions_enabled or not (opens or states.is_configured(settings)):
        work.erase_ended(now=clock.utcnow())
        return 0
    if not work.sessions_at_work(clock.utcnow()):
        return 0
    holder, until = secrets.token_hex(8), time.monotonic() + run_s
    if not leases.take(LEASE, holder, now=clock.utcnow(), ttl_s=_LEASE_S):
        return 0
    lines = OpenLines(sealer, opens or telethon_accounts(settings))
    try:
        return _until(until, lines, sealer, holder)
    finally:
        lines.close()
        leases.give_back(LEASE, holder)


def _until(until: float, lines: OpenLines, sealer: Sealer, holder: str) -> int:
    done = 0
    while time.monotonic() < until and leases.take(LEASE, holder, now=clock.utcnow(), ttl_s=_LEASE_S):
        did = sum([one_unit(row, lines, sealer) for row in work.sessions_at_work(clock.utcnow())])
        done += did
        if not did:
            time.sleep(_IDLE_S)
    return done


def one_unit(row: OwnerSession, lines: work.Lines, sealer: Sealer) -> bool:
    """One unit of a session's work. One that breaks us rests, loudly, so that no other account waits for it."""
    try:
        return work.work_on(row, lines, sealer, clock=clock.utcnow)
    except (OperationalError, InterfaceError):
        raise  # the database, not the account
    except Exception as error:  # noqa: BLE001  the edge: one account must not keep all others from being read
        telemetry.log().exception("an owner's account broke the reader", session=row.public_id)
        lines.drop(row)
        work.rest(row, f"defect:{type(error).__name__}", _DEFECT_REST_S, now=clock.utcnow())
        return True
