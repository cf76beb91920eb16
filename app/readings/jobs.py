"""Collecting what is due: public preview pages by the second, member counts every ten minutes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpx
from peewee import InterfaceError, OperationalError

from app.core import clock, db, leases, telemetry
from app.core.errors import Upstream
from app.core.settings import Settings
from app.readings.collectors.base import Collector
from app.readings.collectors.preview_page import PreviewPages
from app.readings.service import collecting, updates
from app.readings.service.versions import forget_texts as forget_texts
from app.telegram import budget
from app.telegram import service as telegram
from app.telegram.service import Bots

LEASE = "collector"
_LEASE_S = 30
_RUN_S = 59.0  # the next run waits for the lease a moment, so that no seconds of the source are lost
_IDLE_S = 1.0
_GAUGES_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast pages are asked for: never two within a second, and not in lockstep."""

    pages_per_minute: int
    chance: Callable[[int], int] = secrets.randbelow

    def pause_s(self) -> float:
        """Seconds between two requests: the mean by the setting, ten per cent to either side, one second at least."""
        return max(1.0, 60 / self.pages_per_minute * (0.9 + self.chance(2001) / 10_000))


def preview_client(settings: Settings) -> httpx.Client:
    """One connection to t.me that says who asks."""
    return httpx.Client(
        headers={"User-Agent": f"AnalyticBot/0.1 (+{settings.base_url})"}, timeout=httpx.Timeout(10.0, connect=5.0)
    )


def collect_due(settings: Settings, *, on_turn: Callable[[], None], run_s: float = _RUN_S) -> int:
    """Read due pages for about a minute, if nobody else does; returns how many were read."""
    holder, until = secrets.token_hex(8), time.monotonic() + run_s
    while not leases.take(LEASE, holder, now=clock.utcnow(), ttl_s=_LEASE_S):
        on_turn()  # another run is at it, or died at most a lease ago
        if time.monotonic() > until:
            return 0
        time.sleep(_IDLE_S)
    try:
        with preview_client(settings) as client:
            pages = PreviewPages(client, settings.telegram_preview_url)
            return _collect_until(until, pages, settings, holder, on_turn)
    finally:
        leases.give_back(LEASE, holder)


def _collect_until(until: float, pages: Collector, settings: Settings, holder: str, on_turn: Callable[[], None]) -> int:
    pace, read, gauges_at = Pace(settings.preview_pages_per_minute), 0, 0.0
    while time.monotonic() < until and leases.take(LEASE, holder, now=clock.utcnow(), ttl_s=_LEASE_S):
        on_turn()
        if time.monotonic() >= gauges_at:
            publish_gauges(settings, now=clock.utcnow())
            gauges_at = time.monotonic() + _GAUGES_EVERY_S
        asked_at = time.monotonic()
        if not collect_one(pages, now=clock.utcnow()):
            time.sleep(_IDLE_S)
            continue
        read += 1
        # A second after the answer, not after the question: however slowly that travelled, t.me sees the gap.
        time.sleep(max(1.0, asked_at + pace.pause_s() - time.monotonic()))
    return read


def collect_one(pages: Collector, *, now: datetime) -> bool:
    """Read the page that is due longest; False when none is. A page that breaks us is laid aside, loudly."""
    page = collecting.due_page(now)
    if page is None:
        return False
    try:
        collecting.collect(page, pages, now=now, clock=clock.utcnow)
    except (OperationalError, InterfaceError):
        raise  # the database, not the page
    except Exception as error:  # noqa: BLE001  the edge: one chat's page must not keep all others from being read
        telemetry.log().exception("a page broke the collector", chat_id=page.chat_id)
        collecting.lay_aside(page, "defect", f"{type(error).__name__}: {error}", now=now)
    return True


def publish_gauges(settings: Settings, *, now: datetime) -> None:
    """How full and how late the preview source is, for /metrics."""
    measured = collecting.utilisation(now, pages_per_minute=settings.preview_pages_per_minute)
    with db.write():
        for name, value in measured.items():
            leases.set_gauge(name, value, now=now)


def read_member_counts(bots: Bots, *, now: Callable[[], datetime] = clock.utcnow) -> int:
    """Ask Telegram for the exact subscribers of every owned channel our bots are in; returns how many answered.

    A bot that is told to wait asks no more in this round, nobody else's do by it either.
    """
    read, resting = 0, set[int]()
    for chat_id, telegram_chat_id, bot_id in db.rows(
        "SELECT DISTINCT c.chat_id, t.telegram_chat_id, c.bot_id FROM channel c JOIN chat t ON t.id = c.chat_id"
        " WHERE c.relation = 'owned' AND c.state != 'bot_removed' AND c.deleted_at IS NULL AND c.bot_id IS NOT NULL"
        " AND t.telegram_chat_id IS NOT NULL ORDER BY c.chat_id"
    ):
        bot = None if bot_id in resting else telegram.bot_by_id(bot_id)
        if bot is None:
            continue
        try:
            count = bots.telegram(bot).member_count(telegram_chat_id)
        except Upstream as error:
            telemetry.log().warning("no member count", chat_id=chat_id, error=error.message)
            if error.retry_after_s:
                budget.obey_retry_after(bot_id, error.retry_after_s, now=now())
            if not error.permanent:
                resting.add(bot_id)
            continue
        updates.note_member_count(chat_id, count, now=now())
        read += 1
    return read
