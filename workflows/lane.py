"""One long-lived workflow per sender. The database says what is due; here is only when to look, and what to show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from workflows import timers
    from workflows.contracts import (
        BACKLOG,
        LANE_STATE,
        NEXT_DUE_AT,
        RUN_LANE,
        LaneReport,
        LaneRequest,
    )

# Each attempt raises the lane's epoch, so repeating it is safe; it never gives up, since posts wait.
_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5))
# An attempt lives as long as its heartbeats: one that carries a large file takes as long as the file (app/telegram/large.py).
_LONGEST = timedelta(hours=3)
_STATE, _BACKLOG = SearchAttributeKey.for_keyword(LANE_STATE), SearchAttributeKey.for_int(BACKLOG)
_NEXT = SearchAttributeKey.for_datetime(NEXT_DUE_AT)
_SHOWN = 8


@workflow.defn(name="Lane")
class Lane:
    """Look, rest until shortly before the next thing is due or somebody says "look", and look again."""

    @workflow.init
    def __init__(self, request: LaneRequest) -> None:
        self._asked = True
        self._runs = request.runs
        self._results: list[str] = []
        self._shown: tuple[str, int] = ("", -1)

    @workflow.run
    async def run(self, request: LaneRequest) -> None:
        for _ in range(request.most):
            self._asked = False
            report = await self._attempt(request.sender_id)
            self._tell(report)
            await self._rest(report)
            if workflow.info().is_continue_as_new_suggested():
                break
        workflow.continue_as_new(LaneRequest(request.sender_id, self._runs, request.most))

    @workflow.signal(name="look")
    def look(self) -> None:
        """Something changed; signals carry no data."""
        self._asked = True

    async def _attempt(self, sender_id: int) -> LaneReport:
        self._runs += 1
        return await workflow.execute_activity(
            RUN_LANE,
            LaneRequest(sender_id),
            result_type=LaneReport,
            start_to_close_timeout=_LONGEST,
            heartbeat_timeout=timedelta(seconds=3),
            retry_policy=_RETRY,
            summary=f"send what is due (run {self._runs})",
        )

    async def _rest(self, report: LaneReport) -> None:
        now_ms = int(workflow.now().timestamp() * 1000)
        wait_ms = timers.lane_wait_ms(now_ms, report.next_ready_ms, report.blocked_until_ms)
        if self._asked or wait_ms == 0:
            return
        timeout = None if wait_ms is None else timedelta(milliseconds=wait_ms)
        summary = f"until shortly before {_moment(report.next_ready_ms)}"
        try:
            await workflow.wait_condition(lambda: self._asked, timeout=timeout, timeout_summary=summary)
        except TimeoutError:
            return

    def _tell(self, report: LaneReport) -> None:
        """The lane as a person reads it in the Temporal UI, from the details and from the search attributes."""
        state = _state(report)
        if report.sent or report.other:
            self._results = [*self._results, f"{_moment(report.at_ms)}: {report.sent} sent, {report.other} other"]
            self._results = self._results[-_SHOWN:]
        lines = [
            f"**{state}**",
            "",
            "| next | backlog | ETA of the backlog | epoch |",
            "|---|---|---|---|",
            f"| {_moment(report.next_ready_ms)} | {report.backlog} | {_moment(report.eta_ms)} | {report.epoch} |",
            "",
            *(f"- {line}" for line in reversed(self._results)),
        ]
        workflow.set_current_details("\n".join(lines))
        if (state, report.backlog) != self._shown:
            self._shown = (state, report.backlog)
            next_at = _datetime(report.next_ready_ms)
            following = _NEXT.value_set(next_at) if next_at else _NEXT.value_unset()
            workflow.upsert_search_attributes([_STATE.value_set(state), _BACKLOG.value_set(report.backlog), following])


def _state(report: LaneReport) -> str:
    if report.blocked_until_ms is not None:
        return "Telegram asks to wait"
    if report.backlog:
        return "working off a backlog"
    return "idle" if report.next_ready_ms is None else "on time"


def _datetime(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)


def _moment(at_ms: int | None) -> str:
    at = _datetime(at_ms)
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
