"""`python -m workflows.worker`: the Temporal worker and the outbox dispatcher, in one process."""

from __future__ import annotations

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.service import RPCError
from temporalio.worker import Worker

from app.boot import Runtime, boot
from app.core import clock, leases, telemetry
from workflows import dispatch
from workflows.activities.maintenance import check_rollups, keep_house
from workflows.contracts import (
    ALL_CHATS,
    DAILY_CHECK_CRON,
    DAILY_CHECK_SCHEDULE,
    MAINTENANCE_QUEUE,
    CheckRequest,
    rollup_check_id,
)
from workflows.rollup_check import Housekeeping, RollupCheck

_THREADS = 4
_BEAT_S = 5


async def connect(runtime: Runtime) -> Client:
    """Wait for Temporal; says so once a while, never silently."""
    settings, waited = runtime.settings, 0
    while True:
        try:
            return await Client.connect(settings.temporal_address, namespace=settings.temporal_namespace)
        except (RuntimeError, RPCError) as error:
            if waited % 10 == 0:
                telemetry.log().warning(
                    "waiting for Temporal", address=settings.temporal_address, error=str(error)[:120]
                )
            waited += 1
            await asyncio.sleep(1)


async def ensure_schedules(client: Client) -> None:
    """The daily check, in the zone-free hours of the night; after an outage it runs once, not for each missed day."""
    daily = Schedule(
        action=ScheduleActionStartWorkflow(
            RollupCheck.run,
            CheckRequest(ALL_CHATS),
            id=rollup_check_id(ALL_CHATS),
            task_queue=MAINTENANCE_QUEUE,
            static_summary="Daily check: every rollup against the raw readings",
        ),
        spec=ScheduleSpec(cron_expressions=[DAILY_CHECK_CRON]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=10)),
    )
    house = Schedule(
        action=ScheduleActionStartWorkflow(
            Housekeeping.run, id="housekeeping", task_queue=MAINTENANCE_QUEUE, static_summary="Daily housekeeping"
        ),
        spec=ScheduleSpec(cron_expressions=["50 23 * * *"]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=1)),
    )
    for name, schedule in ((DAILY_CHECK_SCHEDULE, daily), ("daily-housekeeping", house)):
        try:
            await client.create_schedule(name, schedule, trigger_immediately=True)
        except ScheduleAlreadyRunningError:
            continue


def worker(client: Client, threads: ThreadPoolExecutor, queue: str = MAINTENANCE_QUEUE) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[RollupCheck, Housekeeping],
        activities=[check_rollups, keep_house],
        activity_executor=threads,
        max_concurrent_activities=_THREADS,
        max_concurrent_workflow_tasks=8,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


async def _beat(client: Client, stop: asyncio.Event) -> None:
    """Say that worker and Temporal both live, and only then."""
    while not stop.is_set():
        try:
            await client.service_client.check_health(timeout=timedelta(seconds=3))
            await asyncio.to_thread(leases.beat, "worker", now=clock.utcnow())
        except RPCError as error:
            telemetry.log().warning("Temporal does not answer", error=str(error)[:120])
        await asyncio.sleep(_BEAT_S)


async def main() -> None:
    runtime, stop = boot("worker"), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await connect(runtime)
    await ensure_schedules(client)
    with ThreadPoolExecutor(_THREADS) as threads:
        async with worker(client, threads):
            telemetry.log().info("worker runs", queue=MAINTENANCE_QUEUE)
            tasks: list[asyncio.Task[Any]] = [
                asyncio.create_task(dispatch.run(client, runtime.settings.data_dir / "nudge.sock", stop)),
                asyncio.create_task(_beat(client, stop)),
            ]
            waiting: asyncio.Task[Any] = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            for task in tasks:
                task.cancel()
            for task in done - {waiting}:
                task.result()


if __name__ == "__main__":
    asyncio.run(main())
