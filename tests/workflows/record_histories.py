"""`python -m tests.workflows.record_histories`: store histories of the present version, for later versions to replay."""

from __future__ import annotations

import asyncio
import shutil
import sys
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
    ADVANCE_SUBSCRIPTION,
    COLLECT_PAYMENT,
    CONCLUDE_DELIVERY,
    LOOK_FOR_DELIVERY,
    RUN_DESK,
    RUN_LANE,
    SEND_LETTERS,
    DeskReport,
    DeskRequest,
    LaneReport,
    LaneRequest,
    LettersReport,
    LettersRequest,
    ResolveRequest,
    SubscriptionReport,
    SubscriptionRequest,
)
from workflows.gateway_desk import GatewayDesk
from workflows.lane import Lane
from workflows.post_office import PostOffice
from workflows.resolve_delivery import ResolveDelivery
from workflows.subscription import Subscription
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


# What each subscription's looks report: (state, is ending, next action, days until it, is over, what was done).
_LATE = ("past_due", False, "remind", 2.0, False, ["lapsed"])
_ASKED = ("active", False, "lapse", 3.0, False, ["invite"])
_PAID = ("active", False, "invite", 27.0, False, [])
_CHARGED = ("active", False, "charge", 30.0, False, [])
_ASKING = ("active", False, "collect", 0.0, False, ["charge"])
_LIVES = {
    1: iter([_PAID, _ASKED, _LATE, *[(*_LATE[:5], ["remind"])] * 6, ("expired", False, None, 0.0, True, ["expire"])]),
    2: iter([_PAID, _ASKED] * 20),
    4: iter(
        [_CHARGED, _ASKING, (*_ASKING[:3], 0.001, *_ASKING[4:]), _CHARGED, ("canceled", False, None, 0.0, True, [])]
    ),
    3: iter([_PAID, ("paused", False, None, 0.0, False, []), ("canceled", False, None, 0.0, True, [])]),
}


@activity.defn(name=ADVANCE_SUBSCRIPTION)
def _advance(request: SubscriptionRequest) -> SubscriptionReport:
    """A look at one of three lives."""
    now_ms = int(activity.info().current_attempt_scheduled_time.timestamp() * 1000)
    state, is_ending, action, days, is_over, done = next(_LIVES[request.subscription_id])
    next_ms = now_ms + int(days * 86_400_000) if action else None
    number = request.subscription_id
    end_ms = now_ms + 30 * 86_400_000
    charge = "ask for payment 1 (attempt 1) at stripe" if action == "collect" else ""
    return SubscriptionReport(
        *(
            f"s{number}",
            number,
            "pro",
            "month",
            "payme",
            state,
            is_ending,
            0,
            end_ms,
            0,
            action,
            next_ms,
            is_over,
            done,
        ),
        charge=charge,
    )


@activity.defn(name=COLLECT_PAYMENT)
def _collect(_request: SubscriptionRequest) -> None:
    """A charge that has its outcome at the second look."""


_desks = iter([(["1 pages made"], 5.0), ([], None), (["2 events followed"], 3600.0)])


@activity.defn(name=RUN_DESK)
def _run_desk(_request: DeskRequest) -> DeskReport:
    done, seconds = next(_desks, ([], None))
    now_ms = int(activity.info().current_attempt_scheduled_time.timestamp() * 1000)
    return DeskReport(done, None if seconds is None else now_ms + int(seconds * 1000))


_turns = iter([(["1 sent"], None), (["1 queued"], 60.0), (["1 sent"], None)])


@activity.defn(name=SEND_LETTERS)
def _send_letters() -> LettersReport:
    """A letter that is taken, then one that is put off for a minute."""
    done, seconds = next(_turns, ([], None))
    now_ms = int(activity.info().current_attempt_scheduled_time.timestamp() * 1000)
    return LettersReport(done, None if seconds is None else now_ms + int(seconds * 1000))


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
    server = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent))
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=server) as env:
        await ensure_search_attributes(env.client)
        with ThreadPoolExecutor(2) as threads:
            async with Worker(
                env.client,
                task_queue="record",
                workflows=[Subscription, GatewayDesk, PostOffice],
                activities=[_advance, _collect, _run_desk, _send_letters],
                activity_executor=threads,
                max_concurrent_activities=2,
            ):
                await _run_subscriptions(env)
                await _run_post_office(env)


async def _run_subscriptions(env: WorkflowEnvironment) -> None:
    """One that is never paid again, one that lives for more than a year, one that is paused and cancelled."""
    client = env.client
    request = SubscriptionRequest(1)
    await client.execute_workflow(Subscription.run, request, id="expired", task_queue="record")
    await _store(client, "expired", "subscription-expired")
    year = await client.start_workflow(Subscription.run, SubscriptionRequest(2), id="year", task_queue="record")
    await env.sleep(timedelta(days=400))
    await _store(client, "year", "subscription-continued", year.first_execution_run_id)
    await _store(client, "year", "subscription-second-year")
    signalled = await client.start_workflow(
        Subscription.run, SubscriptionRequest(3), id="signalled", task_queue="record"
    )
    await env.sleep(timedelta(days=1))
    for _ in range(2):
        await signalled.signal("look")
        await env.sleep(timedelta(days=1))
    await _store(client, "signalled", "subscription-signalled")
    await client.execute_workflow(Subscription.run, SubscriptionRequest(4), id="charged", task_queue="record")
    await _store(client, "charged", "subscription-charged")
    desk = await client.start_workflow(GatewayDesk.run, DeskRequest("stripe"), id="desk", task_queue="record")
    await env.sleep(timedelta(minutes=1))
    await desk.signal("look")
    await env.sleep(timedelta(minutes=1))
    await _store(client, "desk", "desk-signalled")


async def _run_post_office(env: WorkflowEnvironment) -> None:
    office = await env.client.start_workflow(PostOffice.run, LettersRequest(), id="office", task_queue="record")
    await env.sleep(timedelta(minutes=1))
    await office.signal("look")
    await env.sleep(timedelta(minutes=5))
    await _store(env.client, "office", "letters-put-off")


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
