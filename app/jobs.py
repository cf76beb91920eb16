"""The jobs process: `huey_consumer app.jobs.huey -w 6 -k thread -m 0.2`. Importing this module boots it."""

from __future__ import annotations

import os

from huey import crontab

from app.accounts import jobs as accounts
from app.analytics import effect_jobs
from app.analytics.sharing import jobs as sharing
from app.audit import service as audit
from app.billing import jobs as billing
from app.billing.rates import jobs as rates
from app.boot import boot, exchange_rates
from app.channels import jobs as channels
from app.core import clock, retention, telemetry
from app.core.jobs import Pulse, make_huey, wake_task
from app.mail import jobs as mail
from app.media import jobs as media_jobs
from app.media import library_jobs
from app.media import service as media
from app.media.making import Maker
from app.notices import jobs as notices
from app.posting import jobs as posting
from app.posting.emoji import jobs as emoji
from app.posting.planning import jobs as planning
from app.protection import jobs as protection
from app.protection.archive import jobs as archives
from app.readings import audience_jobs, desktop_jobs, owner_jobs
from app.readings import jobs as readings
from app.telegram import large

KEPT = (
    *(*retention.KEPT, *mail.KEPT, *notices.KEPT, *accounts.KEPT, *channels.KEPT, *sharing.KEPT, *billing.KEPT),
    *(*library_jobs.KEPT, *protection.KEPT, *emoji.KEPT, *archives.KEPT),
)

_runtime = boot("jobs")
_bank = exchange_rates(_runtime.settings)
_pulse = Pulse()
huey = make_huey(_runtime.settings)
_HANDS = min(os.cpu_count() or 1, 3)  # of six threads: a long film must not keep the sweeps waiting
_workshop = media_jobs.Workshop(Maker(_runtime.settings.data_dir, _runtime.settings.secret_keys).make, hands=_HANDS)
wake_task(huey, _workshop.work_off)


@huey.on_startup()  # type: ignore[untyped-decorator]
def start_pulse() -> None:
    _pulse.start()


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def collect_due() -> None:
    """Each minute and, since Huey looks at its clock when it starts, at start-up."""
    readings.collect_due(_runtime.settings, on_turn=_pulse.turn)


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def read_through_owners() -> None:
    owner_jobs.work_for_owners(_runtime.settings, _runtime.sealer)


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def read_exports() -> None:
    desktop_jobs.read_exports(_runtime.settings.data_dir)


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def sweep_posts() -> None:
    planning.skip_missed()
    posting.sweep()


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def make_recurring_posts() -> None:
    planning.materialise()


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def expire_orders() -> None:
    billing.expire_orders()


@huey.periodic_task(crontab(minute="20"))  # type: ignore[untyped-decorator]
def recognise_revenue() -> None:
    billing.recognise_revenue()


@huey.periodic_task(crontab(minute="3-59/10"))  # type: ignore[untyped-decorator]
def read_exchange_rates() -> None:
    """A day's rates are asked for once; what failed, again."""
    rates.read_rates(_bank, now=clock.utcnow())


@huey.periodic_task(crontab(minute="*/10"))  # type: ignore[untyped-decorator]
def read_member_counts() -> None:
    readings.read_member_counts(_runtime.bots)


@huey.periodic_task(crontab(minute="40", hour="*/6"))  # type: ignore[untyped-decorator]
def reconcile_audience() -> None:
    audience_jobs.reconcile_days(now=clock.utcnow())


@huey.periodic_task(crontab(minute="5-59/10"))  # type: ignore[untyped-decorator]
def refresh_effects() -> None:
    effect_jobs.refresh_effects(now=clock.utcnow())


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def sweep_media_work() -> None:
    _workshop.sweep(_runtime.settings.data_dir)


@huey.periodic_task(crontab(minute="29"))  # type: ignore[untyped-decorator]
def clean_media() -> None:
    settings = _runtime.settings
    gone = library_jobs.clean(_runtime.uses, settings.data_dir, cache_bytes=settings.media_cache_mb * 1_000_000)
    telemetry.log().info("media cleaned", **gone)


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def scan_for_copies() -> None:
    protection.scan_due(_runtime.settings)


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def fill_archives() -> None:
    archives.fill_archives(_runtime.settings, _runtime.bots)


@huey.periodic_task(crontab())  # type: ignore[untyped-decorator]
def rebuild_channels() -> None:
    archives.rebuild()


@huey.periodic_task(crontab(minute="17", hour="3"))  # type: ignore[untyped-decorator]
def forget() -> None:
    gone = retention.sweep(KEPT, now=clock.utcnow())
    gone["audit_entry"] = audit.forget(now=clock.utcnow())
    gone["post_version_text"] = readings.forget_texts()
    gone["media_part"] = media.sweep_parts(_runtime.settings.data_dir, now=clock.utcnow())
    gone["telegram_outgoing"] = large.sweep(_runtime.settings.data_dir / "media", now=clock.utcnow())
    gone |= protection.forget(_runtime.settings.data_dir, now=clock.utcnow())
    telemetry.log().info("retention", **gone)
