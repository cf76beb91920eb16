"""Finding out what became of a delivery whose outcome nobody saw. These runs are exactly the problems there are."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CONCLUDE_DELIVERY, DELIVERY_STATE, LOOK_FOR_DELIVERY, ResolveRequest

_LOOK_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1), maximum_attempts=8
)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
_STATE = SearchAttributeKey.for_keyword(DELIVERY_STATE)


@workflow.defn(name="ResolveDelivery")
class ResolveDelivery:
    """Two looks with a pause; found means sent, absent twice means one more try, else the owner decides."""

    @workflow.run
    async def run(self, request: ResolveRequest) -> str:
        first = await self._look(request, 1)
        if first == "absent":
            self._tell(f"Not there at the first look; a second one follows in {request.pause_s:g} s.", first)
            await workflow.sleep(timedelta(seconds=request.pause_s), summary="before the second look")
            first = await self._look(request, 2)
        if first in ("found", "settled"):
            self._tell("It is settled: see the delivery's log.", first)
            return first
        decided = await workflow.execute_activity(
            CONCLUDE_DELIVERY,
            request.delivery_id,
            result_type=str,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=_RETRY,
            summary="send again, or ask the owner",
        )
        words = {"absent": "It is not there: it is sent once more.", "unknown": "Nobody can tell: the owner is asked."}
        self._tell(words.get(decided, "It is settled."), decided)
        return decided

    @workflow.signal(name="look")
    def look(self) -> None:
        """Asked for again while running: the row is looked at anyway."""

    async def _look(self, request: ResolveRequest, number: int) -> str:
        try:
            return await workflow.execute_activity(
                LOOK_FOR_DELIVERY,
                request.delivery_id,
                result_type=str,
                start_to_close_timeout=timedelta(minutes=2),
                retry_policy=_LOOK_RETRY,
                summary=f"look {number}: ask the readers",
            )
        except ActivityError:
            return "blind"  # no reader could look for minutes

    def _tell(self, words: str, state: str) -> None:
        workflow.set_current_details(words)
        workflow.upsert_search_attributes([_STATE.value_set(state)])
