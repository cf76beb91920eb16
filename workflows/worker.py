"""`python -m workflows.worker`: the Temporal worker and the outbox dispatcher, in one process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from app.billing.service import lifecycle
from app.boot import Runtime, boot, delivery_readers
from app.core import clock, db, leases, outbox, telemetry
from app.mail import service as mail
from app.posting.readers.base import Reader
from app.posting.service import sweeping
from workflows import codec, dispatch
from workflows.activities.billing import BillingActivities
from workflows.activities.lane import LaneActivities
from workflows.activities.mail import MailActivities
from workflows.activities.maintenance import check_rollups, keep_house
from workflows.contracts import (
    ALL_CHATS,
    BACKLOG,
    BILLING_QUEUE,
    DAILY_CHECK_CRON,
    DAILY_CHECK_SCHEDULE,
    DESK_TOPIC,
    KEYWORDS,
    LANE_QUEUE,
    MAIL_QUEUE,
    MAINTENANCE_QUEUE,
    MOMENTS,
    QUEUES,
    SUBSCRIPTION_TOPIC,
    CheckRequest,
    rollup_check_id,
)
from workflows.gateway_desk import GatewayDesk
from workflows.lane import Lane
from workflows.post_office import PostOffice
from workflows.resolve_delivery import ResolveDelivery
from workflows.rollup_check import Housekeeping, RollupCheck
from workflows.subscription import Subscription

_THREADS, _LANES, _BILLING, _MAIL = 4, 32, 4, 2
_BEAT_S = 3


async def connect(runtime: Runtime) -> Client:
    """Wait for Temporal; says so once a while, never silently."""
    settings, waited = runtime.settings, 0
    while True:
        try:
            return await Client.connect(
                settings.temporal_address,
                namespace=settings.temporal_namespace,
                data_converter=codec.sealed(runtime.sealer),
            )
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


def lane_worker(
    client: Client,
    runtime: Runtime,
    threads: ThreadPoolExecutor,
    queue: str = LANE_QUEUE,
    readers: Callable[[Runtime], Iterable[Reader]] = delivery_readers,
) -> Worker:
    """Lanes and resolvers. A workflow task waits two seconds, not ten, for a worker that was killed."""
    does = LaneActivities(runtime, readers)
    return Worker(
        client,
        task_queue=queue,
        workflows=[Lane, ResolveDelivery],
        activities=[does.run_lane, does.look_for_delivery, does.conclude_delivery],
        activity_executor=threads,
        max_concurrent_activities=_LANES,
        max_concurrent_workflow_tasks=8,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


def billing_worker(client: Client, runtime: Runtime, threads: ThreadPoolExecutor, queue: str = BILLING_QUEUE) -> Worker:
    """Subscriptions and desks; their workflows always run in the sandbox, since they are about money and seldom."""
    does = BillingActivities(runtime)
    return Worker(
        client,
        task_queue=queue,
        workflows=[Subscription, GatewayDesk],
        activities=[does.advance_subscription, does.collect_payment, does.run_desk],
        activity_executor=threads,
        max_concurrent_activities=_BILLING,
        max_concurrent_workflow_tasks=4,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


def mail_worker(client: Client, runtime: Runtime, threads: ThreadPoolExecutor, queue: str = MAIL_QUEUE) -> Worker:
    """Letters, apart from all else: a mail server that answers slowly holds up nobody."""
    return Worker(
        client,
        task_queue=queue,
        workflows=[PostOffice],
        activities=[MailActivities(runtime).send_letters],
        activity_executor=threads,
        max_concurrent_activities=_MAIL,
        max_concurrent_workflow_tasks=2,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


async def ensure_search_attributes(client: Client) -> None:
    """Register what workflows are found by; that they are known already is no error."""
    kinds = {name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for name in KEYWORDS}
    kinds |= {name: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME for name in MOMENTS}
    kinds |= {BACKLOG: IndexedValueType.INDEXED_VALUE_TYPE_INT}
    asked = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=kinds)
    try:
        await client.operator_service.add_search_attributes(asked)
    except RPCError as error:
        if error.status != RPCStatusCode.ALREADY_EXISTS:
            raise


def _reconcile(desks: Iterable[str]) -> None:
    """Whatever Temporal has forgotten, its file deleted or another cluster taken: rows say what must run."""
    with db.database.connection_context():
        now, subscriptions = clock.utcnow(), lifecycle.open_subscriptions()
        lanes, resolvers = sweeping.reconcile(now=now)
        for subscription_id in subscriptions:
            outbox.put(SUBSCRIPTION_TOPIC, str(subscription_id), now=now)
        for gateway in desks:
            outbox.put(DESK_TOPIC, gateway, now=now)
        mail.wake(now=now)
    telemetry.log().info("reconciled", lanes=lanes, resolvers=resolvers, subscriptions=len(subscriptions))


async def prepare(client: Client, runtime: Runtime) -> str:
    """Give Temporal what it must know of us, and everything that rows still want. Returns its namespace's id.

    A Temporal whose database was lost has a namespace with another id: then all of this is done again.
    """
    await ensure_schedules(client)
    await ensure_search_attributes(client)
    await asyncio.to_thread(_reconcile, runtime.desks)
    return await _namespace_id(client)


async def _namespace_id(client: Client) -> str:
    asked = DescribeNamespaceRequest(namespace=client.namespace)
    found = await client.workflow_service.describe_namespace(asked, timeout=timedelta(seconds=3))
    return str(found.namespace_info.id)


async def _beat(client: Client, runtime: Runtime, known: str, stop: asyncio.Event) -> None:
    """Say that worker and Temporal both live, and only then; prepare a Temporal that has forgotten us."""
    while not stop.is_set():
        try:
            if await _namespace_id(client) != known:
                telemetry.log().warning("Temporal has forgotten everything: preparing it again")
                known = await prepare(client, runtime)
            await asyncio.to_thread(leases.beat, "worker", now=clock.utcnow())
        except RPCError as error:
            telemetry.log().warning("Temporal does not answer", error=str(error)[:120])
        await asyncio.sleep(_BEAT_S)


async def _prepared(client: Client, runtime: Runtime) -> str:
    """As `prepare`, insisting: Temporal may listen before it works."""
    while True:
        try:
            return await prepare(client, runtime)
        except RPCError as error:
            telemetry.log().warning("Temporal is not ready", error=str(error)[:120])
            await asyncio.sleep(1)


async def main() -> None:
    runtime, stop = boot("worker"), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await connect(runtime)
    known = await _prepared(client, runtime)
    pools = [ThreadPoolExecutor(size) for size in (_THREADS, _LANES, _BILLING, _MAIL)]
    with pools[0] as threads, pools[1] as lanes, pools[2] as billing, pools[3] as letters:
        workers = worker(client, threads), lane_worker(client, runtime, lanes), billing_worker(client, runtime, billing)
        async with workers[0], workers[1], workers[2], mail_worker(client, runtime, letters):
            telemetry.log().info("worker runs", queues=QUEUES)
            tasks: list[asyncio.Task[Any]] = [
                asyncio.create_task(dispatch.run(client, runtime.settings.data_dir / "nudge.sock", stop)),
                asyncio.create_task(_beat(client, runtime, known, stop)),
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
