"""The subscription's workflow with its real activity: months by time skipping, and on the dev server as the UI shows it."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from app.billing.service import orders, subscriptions
from app.boot import Runtime
from app.core import clock, db
from app.core.settings import Settings
from tests.billing import buying
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.workflows.temporal import until
from tests.world import Owner, owner
from workflows import devserver, dispatch
from workflows.activities.billing import BillingActivities
from workflows.contracts import BILLING_QUEUE, SubscriptionRequest, subscription_id_of
from workflows.subscription import Subscription
from workflows.worker import billing_worker, ensure_search_attributes

DAY = timedelta(days=1)
Story = Callable[[Client], Awaitable[None]]


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Bobur", plan="free", now=clock.utcnow())


def _buy(runtime: Runtime, who: Owner, payme_id: str, now: datetime) -> int:
    buying.bought_by_payme(buying.order(runtime, who, "payme", now=now), payme_id, now=now)
    sub = subscriptions.live(who.workspace.id)
    assert sub is not None
    return int(sub.id)


@pytest.fixture
def by_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The activity's present is that of the server, which skips time."""
    monkeypatch.setattr(BillingActivities, "now", staticmethod(lambda: activity.info().current_attempt_scheduled_time))


def test_months_go_by_as_the_rows_say(runtime: Runtime, who: Owner, by_its_clock: None) -> None:
    """Two renewals are paid, the third is not: the run ends by itself when the grace is over."""
    sub_id = _buy(runtime, who, "0" * 24, clock.utcnow())

    async def story() -> None:
        server = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent))
        async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=server) as env:
            await ensure_search_attributes(env.client)
            with ThreadPoolExecutor(4) as threads:
                async with billing_worker(env.client, runtime, threads):
                    handle = await env.client.start_workflow(
                        Subscription.run,
                        SubscriptionRequest(sub_id),
                        id=subscription_id_of(sub_id),
                        task_queue=BILLING_QUEUE,
                    )
                    for number in (1, 2):
                        await _paid_when_asked(env, number)
                        await handle.signal("look")
                    await handle.result()

    asyncio.run(story())
    happened = [event for (event,) in db.rows("SELECT event FROM subscription_event ORDER BY id")]
    assert happened == [
        *("opened", "paid"),
        *("invite", "paid", "invite", "paid"),
        *("invite", "lapsed", *["remind"] * 7, "grace_over"),
    ]
    assert buying.count("invoice WHERE state = 'paid'") == 3


async def _paid_when_asked(env: WorkflowEnvironment, number: int) -> None:
    for _ in range(80):
        found = await asyncio.to_thread(_open_order)
        if found:
            now = await env.get_current_time()
            await asyncio.to_thread(_pay, found, number, now)
            return
        await env.sleep(DAY)
    raise AssertionError("nobody was asked to pay")


def _open_order() -> str:
    with db.database.connection_context():
        found = db.row("SELECT public_id FROM checkout_order WHERE state = 'open'")
    return str(found[0]) if found else ""


def _pay(public_id: str, number: int, now: datetime) -> None:
    with db.database.connection_context():
        told = buying.bought_by_payme(orders.any_order(public_id), f"{number:024d}", now=now)
    assert told["state"] == 2


def test_a_payment_starts_its_workflow_and_a_person_can_read_it(runtime: Runtime, who: Owner) -> None:
    sub_id = _buy(runtime, who, "0" * 24, clock.utcnow())

    async def story(client: Client) -> None:
        await dispatch.deliver_due(client)
        handle = client.get_workflow_handle(subscription_id_of(sub_id))
        for _ in range(300):
            found = [run.id async for run in client.list_workflows("BillingState = 'active' AND Plan = 'pro'")]
            if found:
                break
            await asyncio.sleep(0.05)
        assert found == [subscription_id_of(sub_id)]
        described = await handle.describe()
        assert await described.static_summary() == f"Subscription {sub_id}"
        facts = {pair.key.name: pair.value for pair in described.typed_search_attributes}
        assert (facts["SubscriptionId"], facts["WorkspaceId"]) == (str(sub_id), str(who.workspace.id))
        assert (facts["Plan"], facts["BillingState"], facts["Gateway"]) == ("pro", "active", "payme")
        assert facts["NextChargeAt"] == _paid_until(), "not when the payer is reminded of it"
        details = await _details(handle)
        assert details.startswith("**active** · pro by the month, paid by payme")
        assert f"| 1 | {_paid_until():%Y-%m-%d %H:%M} UTC | invite |" in details
        assert "Last charge: payment 1 (attempt 1) at payme: succeeded" in details
        told = _payloads((await handle.fetch_history()).to_json())
        assert "Bobur" not in told and '"invite at 2' in told and "do what is due (look 1)" in told
        await asyncio.to_thread(_cancel, who)
        await dispatch.deliver_due(client)
        await until("its row waits for the end", lambda: _waits_for() == "end")
        described = await handle.describe()
        assert described.status == WorkflowExecutionStatus.RUNNING
        for _ in range(300):  # the row is written before the workflow hears of it
            if "NextChargeAt" not in {p.key.name for p in (await handle.describe()).typed_search_attributes}:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("nothing will be charged, and it says when")
        assert (await _details(handle)).startswith("**active, ends with its period**")

    _on_dev_server(runtime, story)


async def _details(handle: WorkflowHandle[Any, Any]) -> str:
    """The current details, as the Web UI asks for them."""
    told = await handle.query("__temporal_workflow_metadata")
    return str(told.current_details)


def _paid_until() -> datetime:
    found = db.row("SELECT period_end FROM subscription")
    assert found is not None
    return datetime.fromtimestamp(db.to_ms(db.moment(found[0])) / 1000, UTC)


def _payloads(history: str) -> str:
    """All that the server keeps of a run, as text."""
    return "\n".join(base64.b64decode(data).decode() for data in re.findall(r'"data": "([^"]+)"', history))


def _cancel(who: Owner) -> None:
    with db.database.connection_context():
        subscriptions.cancel(who.workspace.id, user_id=None, now=clock.utcnow())


def _waits_for() -> str:
    with db.database.connection_context():
        found = db.row("SELECT next_action FROM subscription")
    return str(found[0]) if found else ""


def _on_dev_server(runtime: Runtime, story: Story) -> None:
    async def run() -> None:
        binary = devserver.binary(Settings(_env_file=None))  # type: ignore[call-arg]
        async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as env:
            await ensure_search_attributes(env.client)
            with ThreadPoolExecutor(4) as threads:
                async with billing_worker(env.client, runtime, threads):
                    await story(env.client)

    asyncio.run(run())
