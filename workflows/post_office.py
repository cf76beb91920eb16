"""One workflow for all letters: send what is due, rest until the next is. The rows say what is due."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from workflows import timers
    from workflows.contracts import SEND_LETTERS, LettersReport, LettersRequest

_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
_SHOWN, _MOST = 12, 500


@workflow.defn(name="PostOffice")
class PostOffice:
    """Send, rest until the next letter is due or somebody says "look", and send again."""

    @workflow.init
    def __init__(self, request: LettersRequest) -> None:
        self._asked = True
        self._runs = request.runs
        self._done: list[str] = []

    @workflow.run
    async def run(self, request: LettersRequest) -> None:
        turns = 0
        while turns < _MOST and not workflow.info().is_continue_as_new_suggested():
            turns += 1
            self._asked = False
            report = await self._send()
            self._tell(report)
            await self._rest(report)
        workflow.continue_as_new(LettersRequest(self._runs))

    @workflow.signal(name="look")
    def look(self) -> None:
        """A letter was queued; signals carry no data."""
        self._asked = True

    async def _send(self) -> LettersReport:
        self._runs += 1
        return await workflow.execute_activity(
            SEND_LETTERS,
            result_type=LettersReport,
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=_RETRY,
            summary=f"send letters (turn {self._runs})",
        )

    async def _rest(self, report: LettersReport) -> None:
        wait_ms = timers.subscription_wait_ms(int(workflow.now().timestamp() * 1000), report.next_ms)
        if self._asked or wait_ms == 0:
            return
        timeout = None if wait_ms is None else timedelta(milliseconds=wait_ms)
        try:
            await workflow.wait_condition(lambda: self._asked, timeout=timeout, timeout_summary="until the next is due")
        except TimeoutError:
            return

    def _tell(self, report: LettersReport) -> None:
        """What was done lately, for the person who reads: numbers, no address."""
        if report.done:
            self._done = [*self._done, f"{workflow.now():%Y-%m-%d %H:%M} UTC: {', '.join(report.done)}"][-_SHOWN:]
        workflow.set_current_details("\n".join(f"- {line}" for line in reversed(self._done)))
