"""The activities of the billing queue: looks at subscriptions, charges, and the desks of gateways."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.billing.service import lifecycle
from app.billing.service.lifecycle import Desk
from app.boot import Runtime
from app.core import clock, db, telemetry
from workflows.contracts import (
    ADVANCE_SUBSCRIPTION,
    COLLECT_PAYMENT,
    RUN_DESK,
    DeskReport,
    DeskRequest,
    SubscriptionReport,
    SubscriptionRequest,
)

MOST_SKEW = timedelta(minutes=5)


class BillingActivities:
    """Bound to the process's runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._desk = Desk(runtime.gateways, runtime.settings.base_url)
        self._runtime = runtime

    @activity.defn(name=ADVANCE_SUBSCRIPTION)
    def advance_subscription(self, request: SubscriptionRequest) -> SubscriptionReport:
        """Do what is due by the row, and say what it waits for. Twice is harmless."""
        now = self.now()
        self._refuse_skew(now)
        with db.database.connection_context():
            found = lifecycle.advance(request.subscription_id, self._desk, now=now)
        if found is None:
            raise ApplicationError("there is no such subscription", type="NoSubscription", non_retryable=True)
        return SubscriptionReport(
            subscription=found.public_id,
            workspace_id=found.workspace_id,
            plan=found.plan,
            interval=found.interval,
            gateway=found.gateway,
            state=found.state,
            is_ending=found.is_ending,
            period_index=found.period_index,
            period_end_ms=_ms(found.period_end),
            dunning_step=found.dunning_step,
            next_action=found.next_action,
            next_action_ms=_ms(found.next_action_at),
            is_over=found.is_over,
            done=list(found.done),
            charge=found.charge,
            next_charge_ms=_ms(found.next_charge_at),
            last_charge=found.last_charge,
        )

    @activity.defn(name=COLLECT_PAYMENT)
    def collect_payment(self, request: SubscriptionRequest) -> None:
        """One step of the charge that is under way. Twice is harmless, at the same time too."""
        now = self.now()
        self._refuse_skew(now)
        with db.database.connection_context():
            lifecycle.collect(request.subscription_id, self._desk, self._runtime.collector, now=now)

    @activity.defn(name=RUN_DESK)
    def run_desk(self, request: DeskRequest) -> DeskReport:
        """All that a gateway is to be asked or told now."""
        now = self.now()
        with db.database.connection_context():
            done, next_at = self._runtime.desks.run(request.gateway, now)
        return DeskReport(done, _ms(next_at))

    @staticmethod
    def now() -> datetime:
        return clock.utcnow()

    @staticmethod
    def _refuse_skew(now: datetime) -> None:
        """A worker whose clock went wrong must end nobody's plan: Temporal's clock is held against it, and a try fails.

        The next try may be another worker's, and this one's again when its clock is right.
        """
        skew = now - activity.info().started_time
        if abs(skew) > MOST_SKEW:
            telemetry.log().error("the clocks of this worker and of Temporal differ", seconds=skew.total_seconds())
            raise ApplicationError(f"the worker's clock differs by {skew}", type="ClockSkew")


def _ms(at: datetime | None) -> int | None:
    return None if at is None else db.to_ms(at)
