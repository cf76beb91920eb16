"""The radar's part of the jobs process: one scan at a time, a piece each minute, never the whole of it."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from peewee import InterfaceError, OperationalError

from app.core import clock, leases, telemetry
from app.core.retention import Rule
from app.core.settings import Settings
from app.protection.models import TheftScan
from app.protection.service import cases, scans

if TYPE_CHECKING:
    from app.protection.service.scanning import Desk

LEASE = "theft_radar"
_LEASE_S = 300  # longer than a channel of many pictures takes
_RUN_S = 40.0  # a thread of three: others' work comes each minute too

KEPT = (
    Rule("own_print", "post_id", "posted_at", timedelta(days=90)),
    Rule("theft_scan", "id", "wanted_at", timedelta(days=396)),
    Rule("theft_case", "id", "opened_at", timedelta(days=731)),
    Rule("marked_copy", "payload", "issued_at", timedelta(days=1096)),  # a leak may come up years later
)


def scan_due(settings: Settings, *, run_s: float = _RUN_S) -> int:
    """Want the scans that are due and go on with them for a while; returns how many ended."""
    scans.ask_for_due(now=clock.utcnow())
    holder, until = secrets.token_hex(8), time.monotonic() + run_s
    if not scans.is_any_wanted() or not _took(holder):
        return 0
    try:
        return _until(until, settings, holder)
    finally:
        leases.give_back(LEASE, holder)


def _took(holder: str) -> bool:
    return leases.take(LEASE, holder, now=clock.utcnow(), ttl_s=_LEASE_S)


def _until(until: float, settings: Settings, holder: str) -> int:
    # numpy, Pillow and an HTML parser: only where scans are
    from app.protection.service.scanning import Desk
    from app.protection.sources.preview_page import PreviewPosts
    from app.readings.jobs import preview_client

    ended = 0
    with preview_client(settings) as client:
        source = PreviewPosts(client, settings.telegram_preview_url)
        desk = Desk(source, settings.data_dir, lambda: time.monotonic() > until)
        while not desk.is_over() and _took(holder) and (scan := scans.next_wanted(now=clock.utcnow())):
            if not one_piece(scan, desk, now=clock.utcnow()):
                return ended
            ended += 1
    return ended


def one_piece(scan: TheftScan, desk: Desk, *, now: datetime) -> bool:
    """Go on with a scan; True when it ended. One that breaks us has failed, loudly, so that no other waits for it."""
    from app.protection.service import scanning  # numpy

    try:
        return scanning.advance(scan, desk, now=now)
    except (OperationalError, InterfaceError):
        raise  # the database, not the scan
    except Exception:  # noqa: BLE001  the edge: one workspace's scan must not keep all others from theirs
        telemetry.log().exception("a scan for copies broke", workspace=scan.workspace)
        scans.fail(scan, "defect", now=now)
        return True


def forget(data_dir: Path, *, now: datetime) -> dict[str, int]:
    """Erase evidence that has been kept long enough, and prints of others' posts; returns how many rows."""
    return {
        "theft_evidence": cases.forget_evidence(data_dir=data_dir, now=now),
        "seen_print": scans.forget_seen(now=now),
    }
