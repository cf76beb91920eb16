"""The archives' part of the jobs process: what is new each minute, and rebuilds a step at a time, all minute long."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from peewee import InterfaceError, OperationalError

from app.core import clock, leases, telemetry
from app.core.retention import Rule
from app.core.settings import Settings
from app.media.service import store
from app.protection.archive.models import Archive, Rebuild
from app.protection.archive.ports import Files
from app.protection.archive.service import advancing, fetching, filling, switching
from app.protection.archive.states import DEFECT, STUCK
from app.telegram import service as telegram
from app.telegram.large import shared_disk
from app.telegram.service import Bots

FILL_LEASE, REBUILD_LEASE = "archives", "rebuilds"
_FILL_LEASE_S, _REBUILD_LEASE_S = 120, 15  # longer than a file takes; than a step does
_FILL_S, _REBUILD_S = 40.0, 57.0  # of the minute until Huey starts the next run
_IDLE_S, _STUCK_S, _RETRY_S = 0.2, 5.0, 1.0

# A rebuild guards its posts by these rows: they go long after it has ended.
KEPT = (Rule("rebuild_post", "id", "handed_at", timedelta(days=731), also="state <> 'handed'"),)


def fill_archives(settings: Settings, bots: Bots, *, run_s: float = _FILL_S) -> int:
    """Take up what is new in every archive and fetch its files, for a while; returns how many files came."""
    archives = filling.on_archives()
    switching.erase_some()
    holder, until = secrets.token_hex(8), time.monotonic() + run_s
    if not archives or not leases.take(FILL_LEASE, holder, now=clock.utcnow(), ttl_s=_FILL_LEASE_S):
        return 0
    try:
        return _fill(archives, settings, bots, lambda: time.monotonic() > until or not _renew(holder))
    finally:
        leases.give_back(FILL_LEASE, holder)


def _renew(holder: str) -> bool:
    return leases.take(FILL_LEASE, holder, now=clock.utcnow(), ttl_s=_FILL_LEASE_S)


def _fill(archives: list[Archive], settings: Settings, bots: Bots, is_over: Callable[[], bool]) -> int:
    import httpx  # only where files are fetched

    came = 0
    with httpx.Client(trust_env=False) as client:
        files = partial(_files_of, client=client, settings=settings, bots=bots)
        bound = filling.most_bytes(is_local_server=settings.telegram_local_server)
        desk = fetching.Desk(files, settings.data_dir, is_over, bound)
        for archive in archives:
            if is_over():
                break
            came += fill_one(archive, desk, now=clock.utcnow())
    return came


def _files_of(bot_id: int, client: object, settings: Settings, bots: Bots) -> Files | None:
    from app.protection.archive.sources.bot_files import BotFiles  # httpx

    bot = telegram.bot_by_id(bot_id)
    disk = shared_disk(settings, store.folder(settings.data_dir))
    return BotFiles(client, bots.token(bot), settings.telegram_api_url, disk) if bot else None  # type: ignore[arg-type]


def fill_one(archive: Archive, desk: fetching.Desk, *, now: datetime) -> int:
    """The edge: one archive that breaks us keeps no other from being filled."""
    try:
        filling.fill(archive, is_over=desk.is_over, most_bytes=desk.most_bytes, now=now)
        return fetching.fetch(archive, desk, now=now)
    except (OperationalError, InterfaceError):
        raise  # the database, not the archive
    except Exception:  # noqa: BLE001  the edge: one archive must not keep all others from being filled
        telemetry.log().exception("filling an archive broke", archive=archive.id)
        return 0


def rebuild(*, run_s: float = _REBUILD_S) -> int:
    """Move all rebuilds on, post by post, until none is left or the minute is over; returns how many steps were taken.

    A process that was killed leaves its lease for some seconds; whoever comes waits for that instead of for a minute.
    """
    holder, until, steps, looked_at = secrets.token_hex(8), time.monotonic() + run_s, 0, 0.0
    while time.monotonic() < until and (found := advancing.active()):
        if not leases.take(REBUILD_LEASE, holder, now=clock.utcnow(), ttl_s=_REBUILD_LEASE_S):
            time.sleep(_RETRY_S)
            continue
        is_time = time.monotonic() - looked_at > _STUCK_S
        looked_at = time.monotonic() if is_time else looked_at
        moved = sum([step(one) for one in found if is_time or one.state != STUCK])
        steps += moved
        if not moved:
            time.sleep(_IDLE_S)
    leases.give_back(REBUILD_LEASE, holder)
    return steps


def step(one: Rebuild) -> bool:
    """The edge: one rebuild that breaks us waits for people, and no other for it."""
    try:
        return advancing.advance(one, now=clock.utcnow())
    except (OperationalError, InterfaceError):
        raise  # the database, not the rebuild
    except Exception:  # noqa: BLE001  the edge: one rebuild must not keep all others from moving
        telemetry.log().exception("a rebuild broke", rebuild=one.id)
        advancing.give_up(one, DEFECT, now=clock.utcnow())
        return False
