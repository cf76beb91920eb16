"""Settings -> Runtime for one role: the only place that names concrete adapters, each imported by role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app.audit import service as audit
from app.billing.desks import Desks
from app.billing.gateways.registry import Gateways
from app.billing.gateways.stars import updates
from app.billing.gateways.stars.till import Till
from app.billing.service.cards import Vault
from app.billing.service.collecting import Collector
from app.billing.service.counter import DomainOrders
from app.billing.service.limits import PlanLimits, Stocks
from app.channels import queries as channels
from app.core import db, outbox, telemetry
from app.core.crypto import Sealer, keyed_hash
from app.core.policy import Limits
from app.core.settings import Settings, load_settings
from app.core.wake import waker
from app.mail import service as mail
from app.mail.post import Outgoing, Post
from app.media.ports import Remote, Uses
from app.media.service import room, store, work
from app.posting.queries.files import PostsWithFiles
from app.protection.archive.uses import PostsAndArchives
from app.telegram import service as telegram
from app.telegram.large import shared_disk
from app.telegram.port import Publisher, Telegram
from app.telegram.service import Bots

if TYPE_CHECKING:
    from app.billing.rates.base import RateSource
    from app.posting.readers.base import Reader

_READ_TIMEOUT_S = 15.0
# Who counts what a plan limits and what stays (billing, below them, cannot ask upwards).
STOCKS: Stocks = {
    "channels": channels.count_owned,
    "watched_channels": channels.count_watched,
    "media_mb": room.used_mb,
}


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a process needs beside the database: settings and the ports' adapters."""

    settings: Settings
    sealer: Sealer
    limits: Limits
    bots: Bots
    gateways: Gateways
    stocks: Stocks
    desks: Desks
    uses: Uses
    post: Post | None = None

    @property
    def till(self) -> Till:
        """What decides over payments in Stars."""
        return Till(DomainOrders(), *self.settings.secret_keys)

    @property
    def vault(self) -> Vault:
        """Where saved cards are kept."""
        return Vault(self.sealer, *self.settings.secret_keys)

    @property
    def collector(self) -> Collector:
        """What charges saved cards."""
        return Collector(self.desks.chargers, self.vault)

    def answer_update(self, bot_id: int, update: dict[str, Any], now: datetime) -> dict[str, Any] | None:
        """What Telegram is told at once about an update of the service's bot: whether a payment may go on."""
        bot = telegram.service_bot()
        if bot is None or bot.bot_id != bot_id:
            return None
        return updates.reply_to(self.till, update["pre_checkout_query"], now=now)

    def pseudonym(self, purpose: str, value: str) -> str:
        """A keyed hash of somebody's identifier."""
        return keyed_hash(self.settings.secret_key.get_secret_value(), purpose, value)


def boot(role: str, settings: Settings | None = None) -> Runtime:
    """Connect the database and compose the adapters of a role: web, worker, jobs, bot or cli."""
    settings = settings or load_settings()
    telemetry.configure(settings.log_format, process=role)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db.connect(settings.database_address)
    outbox.configure(settings.data_dir / "nudge.sock")
    audit.configure(*settings.secret_keys)
    mail.configure(is_set_up=bool(settings.mail_host))
    work.configure(waker(settings))
    store.configure(media_remote(settings))
    sealer = Sealer(settings.master_keys.get_secret_value())
    bots = Bots(sealer, *_telegram_lines(role, settings))
    desks, post = Desks(role, settings, sealer), _post(role, settings)
    return Runtime(
        settings,
        sealer,
        PlanLimits(),
        bots,
        Gateways(settings),
        STOCKS,
        desks,
        PostsAndArchives(PostsWithFiles()),
        post,
    )


def media_remote(settings: Settings) -> Remote | None:
    """Where files lie for good; None where that is the folder."""
    if not settings.media_s3_bucket:
        return None
    from app.media.service.bucket import Place, S3Bucket

    return S3Bucket(
        Place(
            settings.media_s3_bucket,
            settings.media_s3_endpoint,
            settings.media_s3_region,
            settings.media_s3_access_key.get_secret_value(),
            settings.media_s3_secret_key.get_secret_value(),
        )
    )


def _telegram_lines(role: str, settings: Settings) -> tuple[Callable[[str], Telegram], Callable[[str], Publisher]]:
    """How a token becomes a line to Telegram, and one that only publishes. The web process has neither."""
    if role == "web":
        return _no_line, _no_line

    disk = shared_disk(settings, store.folder(settings.data_dir))

    @lru_cache(maxsize=64)
    def line(token: str) -> Telegram:
        from app.telegram.adapter import AiogramTelegram  # aiogram costs 135 MiB and 4 s: only where it is used

        return AiogramTelegram(token, settings.telegram_api_url, disk)

    @lru_cache(maxsize=64)
    def publishing(token: str) -> Publisher:
        from app.telegram.publisher import HttpPublisher

        return HttpPublisher(token, settings.telegram_api_url, disk)

    return line, publishing


def delivery_readers(runtime: Runtime) -> Iterator[Reader]:
    """Who can look for a delivery whose outcome is unknown, in the order of asking: what costs nothing first."""
    import httpx  # costs 6 MiB, and the web process asks nobody

    from app.posting.readers.collected import CollectedPosts
    from app.posting.readers.forward import ForwardProbe
    from app.posting.readers.owner import OwnerAccountReader
    from app.posting.readers.preview import PreviewReader
    from app.readings.collectors.preview_page import PreviewPages

    yield CollectedPosts()
    with httpx.Client(timeout=_READ_TIMEOUT_S) as client:
        yield PreviewReader(PreviewPages(client, runtime.settings.telegram_preview_url))
    if runtime.settings.owner_sessions_enabled:
        yield OwnerAccountReader()
    yield ForwardProbe(runtime.bots)


def exchange_rates(settings: Settings) -> RateSource | None:
    """Who tells rates of exchange, for jobs and the command line; None where CBU_RATES_URL is empty."""
    if not settings.cbu_rates_url:
        return None
    from app.billing.rates.central_bank import CentralBank  # httpx: the web process asks nobody

    return CentralBank(settings.cbu_rates_url)


def _post(role: str, settings: Settings) -> Post | None:
    """What takes letters, for the worker alone; None where mail is not set up."""
    if not settings.mail_host:
        return None
    if role != "worker":
        return _NoPost()
    from app.mail.smtp import SmtpPost  # smtplib and email's policies: only where letters leave

    return SmtpPost(
        settings.mail_host,
        settings.mail_port,
        settings.mail_security,
        settings.mail_from,
        settings.mail_user,
        settings.mail_password.get_secret_value(),
    )


class _NoPost:
    def send(self, letter: Outgoing, *, now: datetime) -> None:
        raise RuntimeError("the worker alone sends letters; who else has one to send queues it")


def _no_line(_token: str) -> Telegram:
    raise RuntimeError("web calls Telegram never; bot and jobs do")
