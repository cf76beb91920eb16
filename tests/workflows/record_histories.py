"""`python -m tests.workflows.record_histories`: store histories of the present version, for later versions to replay."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from temporalio import activity
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from app.core.settings import Settings
from workflows import devserver
from workflows.contracts import (
    CONCLUDE_DELIVERY,
    LOOK_FOR_DELIVERY,
    RUN_LANE,
    LaneReport,
    LaneRequest,
    ResolveRequest,
)
from workflows.lane import Lane
from workflows.resolve_delivery import ResolveDelivery
from workflows.worker import ensure_search_attributes

HISTORIES = Path(__file__).parent / "histories"
_looks = iter(["absent", "absent", "found", "blind"])
_reports = iter([(3, 0, None), (0, 2500, None), (0, 0, 5000), (1, None, None)])


@activity.defn(name=RUN_LANE)
def _run_lane(_request: LaneRequest) -> LaneReport:
    """A backlog, a post in some seconds, a wait that Telegram asks for, and then nothing."""
    import time

    now_ms = int(time.time() * 1000)
    backlog, ahead, wait = next(_reports, (0, None, None))
    next_ms = None if ahead is None else now_ms + 3000 + ahead
    return LaneReport(1, 2, 0, backlog, now_ms, next_ms, wait and now_ms + wait, None)


@activity.defn(name=LOOK_FOR_DELIVERY)
def _look(_delivery_id: int) -> str:
    return next(_looks)


@activity.defn(name=CONCLUDE_DELIVERY)
def _conclude(delivery_id: int) -> str:
    return "absent" if delivery_id == 1 else "unknown"


async def _store(client: Client, workflow_id: str, name: str, run_id: str | None = None) -> None:
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    (HISTORIES / f"{name}.json").write_text(history.to_json() + "\n")


async def record() -> None:
    """Run both workflows through their ways and keep what the server kept."""
    HISTORIES.mkdir(exist_ok=True)
    binary = devserver.binary(Settings(_env_file=None))  # type: ignore[call-arg]
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as env:
        await ensure_search_attributes(env.client)
        with ThreadPoolExecutor(4) as threads:
            async with Worker(
                env.client,
                task_queue="record",
                workflows=[Lane, ResolveDelivery],
                activities=[_run_lane, _look, _conclude],
                activity_executor=threads,
                max_concurrent_activities=4,
            ):
                await _run_all(env.client)


async def _run_all(client: Client) -> None:
    lane = await client.start_workflow(Lane.run, LaneRequest(1), id="lane", task_queue="record")
    await asyncio.sleep(12)
    await lane.signal("look")
    await asyncio.sleep(1)
    await _store(client, "lane", "lane-idle")
    short = await client.start_workflow(Lane.run, LaneRequest(2, most=1), id="short", task_queue="record")
    await short.signal("look")
    await asyncio.sleep(1)
    await _store(client, "short", "lane-continued", short.result_run_id)
    for number, name in ((1, "resolve-absent"), (2, "resolve-found"), (3, "resolve-asked")):
        request = ResolveRequest(number, pause_s=0.2)
        await client.execute_workflow(
            ResolveDelivery.run,
            request,
            id=name,
            task_queue="record",
            execution_timeout=timedelta(seconds=30),
        )
        await _store(client, name, name)


if __name__ == "__main__":
    asyncio.run(record())
