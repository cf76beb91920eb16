"""The check that every rollup equals its raw readings: daily for all chats, and after each import for one."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CHECK_ROLLUPS, KEEP_HOUSE, CheckReport, CheckRequest

_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1), maximum_attempts=10)


@workflow.defn(name="RollupCheck")
class RollupCheck:
    """Look, tell what was found, and look again when somebody said so meanwhile."""

    def __init__(self) -> None:
        self._asked_again = False

    @workflow.run
    async def run(self, request: CheckRequest) -> CheckReport:
        workflow.set_current_details(f"Comparing the rollups of {request.chat} with the raw readings.")
        report = await self._check(request)
        while self._asked_again:
            self._asked_again = False
            report = await self._check(request)
        return report

    @workflow.signal(name="look")
    def look(self) -> None:
        """New readings arrived; signals carry no data."""
        self._asked_again = True

    async def _check(self, request: CheckRequest) -> CheckReport:
        report = await workflow.execute_activity(
            CHECK_ROLLUPS,
            request,
            result_type=CheckReport,
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=_RETRY,
            summary=f"compare rollups of {request.chat}",
        )
        verdict = "**0 differences**" if not report.differences else f"**{report.differences} DIFFERENCES**"
        workflow.set_current_details(
            f"Chat: {request.chat}\n\n| feeds | readings | result |\n|---|---|---|\n"
            f"| {report.feeds} | {report.readings} | {verdict} |"
        )
        return report


@workflow.defn(name="Housekeeping")
class Housekeeping:
    """What is done once a day: the audit chains are anchored."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity(
            KEEP_HOUSE,
            result_type=int,
            start_to_close_timeout=timedelta(minutes=5),
            retry_policy=_RETRY,
            summary="anchor the audit chains",
        )
