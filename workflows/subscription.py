"""One workflow per subscription, as long as it lives. The row says what is due; here is only when to look, and what to show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from workflows import timers
    from workflows.contracts import (
        ADVANCE_SUBSCRIPTION,
        BILLING_STATE,
        COLLECT_PAYMENT,
        GATEWAY,
        NEXT_CHARGE_AT,
        PLAN,
        UNSAID,
        WORKSPACE_ID,
        SubscriptionReport,
        SubscriptionRequest,
    )

# A look does each thing once, whatever is repeated; it never gives up, since somebody pays.
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
_A_YEAR = timedelta(days=365)
_SHOWN = 12
_WORDS = (WORKSPACE_ID, PLAN, BILLING_STATE, GATEWAY)


@workflow.defn(name="Subscription")
class Subscription:
    """Look, rest until the next thing is due or somebody says "look", and look again, until the subscription is over."""

    @workflow.init
    def __init__(self, request: SubscriptionRequest) -> None:
        self._asked = True
        self._id = request.subscription_id
        self._looks = request.looks
        self._done: list[str] = []
        self._shown: tuple[object, ...] = ()

    @workflow.run
    async def run(self, request: SubscriptionRequest) -> None:
        began = workflow.now()
        while True:
            self._asked = False
            report = await self._look(request.subscription_id)
            self._tell(report)
            if report.is_over:
                return
            if not await self._collected(report):
                await self._rest(report)
            if workflow.now() - began >= _A_YEAR or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(SubscriptionRequest(request.subscription_id, self._looks))

    @workflow.signal(name="look")
    def look(self) -> None:
        """Something changed; signals carry no data."""
        self._asked = True

    async def _look(self, subscription_id: int) -> SubscriptionReport:
        self._looks += 1
        return await workflow.execute_activity(
            ADVANCE_SUBSCRIPTION,
            SubscriptionRequest(subscription_id),
            result_type=SubscriptionReport,
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=_RETRY,
            summary=f"do what is due (look {self._looks})",
        )

    async def _collected(self, report: SubscriptionReport) -> bool:
        """Go on with a charge whose time has come; False when there is none."""
        now_ms = int(workflow.now().timestamp() * 1000)
        if not report.charge or report.next_action_ms is None or report.next_action_ms > now_ms:
            return False
        await workflow.execute_activity(
            COLLECT_PAYMENT,
            SubscriptionRequest(self._id),
            start_to_close_timeout=timedelta(seconds=90),
            retry_policy=_RETRY,
            summary=report.charge,
        )
        return True

    async def _rest(self, report: SubscriptionReport) -> None:
        now_ms = int(workflow.now().timestamp() * 1000)
        wait_ms = timers.subscription_wait_ms(now_ms, report.next_action_ms)
        if self._asked or wait_ms == 0:
            return
        timeout = None if wait_ms is None else timedelta(milliseconds=wait_ms)
        summary = f"{report.next_action} at {_moment(report.next_action_ms)}"
        try:
            await workflow.wait_condition(lambda: self._asked, timeout=timeout, timeout_summary=summary)
        except TimeoutError:
            return

    def _tell(self, report: SubscriptionReport) -> None:
        """The subscription as a person reads it in the Temporal UI, from the details and from the search attributes."""
        if report.done:
            at = _moment(int(workflow.now().timestamp() * 1000))
            self._done = [*self._done, f"{at}: {', '.join(report.done)}"][-_SHOWN:]
        state = f"{report.state}, ends with its period" if report.is_ending else report.state
        lines = [
            f"**{state}** · {report.plan} by the {report.interval}, paid by {report.gateway}",
            "",
            "| period | paid until | next | when | dunning step |",
            "|---|---|---|---|---|",
            f"| {report.period_index + 1} | {_moment(report.period_end_ms)} | {report.next_action or '–'}"
            f" | {_moment(report.next_action_ms)} | {report.dunning_step} |",
            "",
            *([f"Last charge: {report.last_charge}", ""] if report.last_charge else []),
            *(f"- {line}" for line in reversed(self._done)),
        ]
        workflow.set_current_details("\n".join(lines))
        self._index(report)

    def _index(self, report: SubscriptionReport) -> None:
        values = (str(report.workspace_id), report.plan, report.state, report.gateway)
        charge_ms = report.next_action_ms if report.next_charge_ms == UNSAID else report.next_charge_ms
        if (*values, charge_ms) == self._shown:
            return
        self._shown = (*values, charge_ms)
        next_at, key = _datetime(charge_ms), SearchAttributeKey.for_datetime(NEXT_CHARGE_AT)
        words = [SearchAttributeKey.for_keyword(n).value_set(v) for n, v in zip(_WORDS, values, strict=True)]
        workflow.upsert_search_attributes([*words, key.value_set(next_at) if next_at else key.value_unset()])


def _datetime(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)


def _moment(at_ms: int | None) -> str:
    at = _datetime(at_ms)
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
