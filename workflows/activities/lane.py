"""Activities of the lane queue: one attempt of a lane, and the questions about deliveries nobody saw the end of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Upstream
from app.posting.lane.run import LaneRun, Report
from app.posting.readers.base import Reader
from app.posting.service import resolving, senders, sweeping
from app.posting.service.rendering import Outlet
from app.telegram import service as telegram
from workflows.contracts import CONCLUDE_DELIVERY, LOOK_FOR_DELIVERY, RUN_LANE, LaneReport, LaneRequest


class LaneActivities:
    """Bound to the process's runtime; `readers` are made where they are asked."""

    def __init__(self, runtime: Runtime, readers: Callable[[Runtime], Iterable[Reader]]) -> None:
        self._runtime, self._readers = runtime, readers

    @activity.defn(name=RUN_LANE, no_thread_cancel_exception=True)
    def run_lane(self, request: LaneRequest) -> LaneReport:
        """One attempt: raises the epoch, sends what is due, and says how the lane stands."""
        with db.database.connection_context():
            bot_id = senders.bot_of(request.sender_id)
            bot = telegram.bot_by_id(bot_id) if bot_id is not None else None
            if bot is None:
                raise ApplicationError("the sender's bot is gone", type="NoBot", next_retry_delay=None)
            settings = self._runtime.settings
            outlet = Outlet(bot.bot_id, self._runtime.bots.publisher(bot), settings.data_dir, settings.base_url)
            report = LaneRun(request.sender_id, outlet, beat=_beat).run()
            return _told(report, request.sender_id)

    @activity.defn(name=LOOK_FOR_DELIVERY)
    def look_for_delivery(self, delivery_id: int) -> str:
        """Ask every reader that exists once."""
        with db.database.connection_context():
            try:
                return resolving.look(delivery_id, self._readers(self._runtime), now=clock.utcnow())
            except Upstream as error:
                raise ApplicationError(error.message, type="Upstream") from error

    @activity.defn(name=CONCLUDE_DELIVERY)
    def conclude_delivery(self, delivery_id: int) -> str:
        """Decide by what the looks found."""
        with db.database.connection_context():
            return resolving.conclude(delivery_id, now=clock.utcnow())


def _beat() -> None:
    """Tell Temporal that the attempt lives. Raises when it has been called off: here, and never amid a transaction."""
    activity.heartbeat()
    if activity.is_cancelled():
        raise CancelledError


def _told(report: Report, sender_id: int) -> LaneReport:
    now = clock.utcnow()
    eta = sweeping.eta_of(sender_id, report.backlog, now=now) if report.backlog else None
    return LaneReport(
        epoch=report.epoch,
        sent=report.sent,
        other=report.other,
        backlog=report.backlog,
        at_ms=db.to_ms(now),
        next_ready_ms=db.to_ms(report.next_ready_at) if report.next_ready_at else None,
        blocked_until_ms=db.to_ms(report.blocked_until) if report.blocked_until else None,
        eta_ms=db.to_ms(eta) if eta else None,
    )
