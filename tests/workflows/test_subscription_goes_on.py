"""What a subscription outlives: the version that runs it, a worker with a wrong clock, a Temporal whose file was deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from app.billing.service import lifecycle, orders, subscriptions
from app.billing.service.lifecycle import Desk
from app.boot import Runtime
from app.core import clock, db
from app.core.settings import Settings
from tests.billing import buying
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.workflows.temporal import until
from tests.world import owner
from workflows import devserver, dispatch
from workflows.activities import billing
from workflows.activities.billing import BillingActivities
from workflows.contracts import subscription_id_of
from workflows.worker import billing_worker, ensure_search_attributes, prepare

DAY = timedelta(days=1)
MANY = 12


def _bought(runtime: Runtime, name: str, number: int, *, days_ago: int) -> int:
    """A subscription whose first payment was so many days ago. Returns its id."""
    now = clock.utcnow() - days_ago * DAY
    who = owner(name, plan="free", now=now)
    buying.bought_by_payme(buying.order(runtime, who, "payme", now=now), f"{number:024d}", now=now)
    sub = subscriptions.live(who.workspace.id)
    assert sub is not None
    return int(sub.id)


def _events(subscription_id: int) -> list[str]:
    with db.database.connection_context():
        found = db.rows("SELECT event FROM subscription_event WHERE subscription_id = ? ORDER BY id", subscription_id)
    return [str(event) for (event,) in found]


async def _served(client: Client, runtime: Runtime, story: Awaitable[None]) -> None:
    with ThreadPoolExecutor(4) as threads:
        async with billing_worker(client, runtime, threads):
            await story


def test_a_second_worker_goes_on_where_the_first_stood(runtime: Runtime) -> None:
    """The timer that the first version set fires under the second, and what was signalled between the two is heard."""
    late = _bought(runtime, "Late", 1, days_ago=20)
    paying = _bought(runtime, "Paying", 2, days_ago=20)
    _ends_in(late, timedelta(seconds=6))
    _ends_in(paying, DAY)

    async def first(client: Client) -> None:
        await dispatch.deliver_due(client)
        await until("both were asked to pay", lambda: _events(late)[-1] == _events(paying)[-1] == "invite")

    async def second(client: Client) -> None:
        await until("the late one lapsed by the old timer", lambda: _events(late)[-1] == "lapsed", timeout_s=40)
        handle = client.get_workflow_handle(subscription_id_of(paying))
        for _ in range(200):
            if (await handle.fetch_history()).to_json().count('"EVENT_TYPE_ACTIVITY_TASK_COMPLETED"') > 1:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the look that was asked for between the two was never taken")

    async def run() -> None:
        binary = devserver.binary(Settings(_env_file=None))  # type: ignore[call-arg]
        async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as env:
            await ensure_search_attributes(env.client)
            await _served(env.client, runtime, first(env.client))
            await asyncio.to_thread(_pay_the_open_order, paying)
            await dispatch.deliver_due(env.client)
            await _served(env.client, runtime, second(env.client))

    asyncio.run(run())


def _ends_in(subscription_id: int, left: timedelta) -> None:
    """Its period is nearly over, whatever the month: who pays is due to be asked."""
    now = clock.utcnow()
    db.execute(
        "UPDATE subscription SET period_end = ?, next_action = 'invite', next_action_at = ? WHERE id = ?",
        *(db.stamp(now + left), db.stamp(now), subscription_id),
    )


def _pay_the_open_order(subscription_id: int) -> None:
    with db.database.connection_context():
        found = db.row(
            "SELECT public_id FROM checkout_order WHERE subscription_id = ? AND state = 'open'", subscription_id
        )
        assert found is not None
        buying.bought_by_payme(orders.any_order(found[0]), f"{99:024d}", now=clock.utcnow())


@pytest.mark.parametrize("is_guarded", [True, False])
def test_48_a_worker_a_year_ahead_ends_nobodys_plan(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """Its looks are refused until a clock that is right takes over; without the guard a plan that is paid for ends."""
    known = _bought(runtime, "Payer", 1, days_ago=5)
    if not is_guarded:
        monkeypatch.setattr(billing, "MOST_SKEW", timedelta(days=10_000))
    with monkeypatch.context() as ahead:
        ahead.setattr(BillingActivities, "now", staticmethod(lambda: clock.utcnow() + timedelta(days=365)))

        async def wrong(client: Client) -> None:
            await dispatch.deliver_due(client)
            if is_guarded:
                await until("a second try", lambda: tried["count"] > 1)
            else:
                await until("the plan was taken", lambda: "lapsed" in _events(known))

        tried = {"count": 0}
        refuse = BillingActivities._refuse_skew

        def counted(now: datetime) -> None:
            tried["count"] += 1
            refuse(now)

        ahead.setattr(BillingActivities, "_refuse_skew", staticmethod(counted))
        asyncio.run(_under_a_fresh_server(runtime, wrong))
    assert _events(known) == ["opened", "paid"] if is_guarded else "invite" in _events(known)


def test_48_a_clock_an_hour_back_asks_nobody_twice(runtime: Runtime) -> None:
    known = _bought(runtime, "Payer", 1, days_ago=20)
    now = clock.utcnow() + timedelta(hours=1)
    _ends_in(known, DAY)
    desk = Desk(runtime.gateways, runtime.settings.base_url)
    for at in (now, now - timedelta(hours=1), now):
        lifecycle.advance(known, desk, now=at)
    assert _events(known) == ["opened", "paid", "invite"]


async def _under_a_fresh_server(runtime: Runtime, story: Callable[[Client], Awaitable[None]]) -> None:
    binary = devserver.binary(Settings(_env_file=None))  # type: ignore[call-arg]
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as env:
        await prepare(env.client, runtime)
        await _served(env.client, runtime, story(env.client))


def test_a_temporal_that_forgot_everything_gets_all_subscriptions_back_from_rows(runtime: Runtime) -> None:
    known = [_bought(runtime, f"Payer {number}", number, days_ago=5) for number in range(MANY)]
    over = _bought(runtime, "Over", 99, days_ago=40)

    async def runs_all(client: Client) -> None:
        await dispatch.deliver_due(client)
        wanted = {subscription_id_of(number) for number in known}
        for _ in range(400):
            query = "WorkflowType = 'Subscription' AND ExecutionStatus = 'Running'"
            found = {run.id async for run in client.list_workflows(query)}
            if found == wanted:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"missing {wanted - found}, too many {found - wanted}")

    with db.write():
        db.execute(
            "UPDATE subscription SET ended_at = ?, next_action = NULL WHERE id = ?", db.stamp(clock.utcnow()), over
        )
    db.execute("DELETE FROM outbox WHERE topic = 'billing.subscription' AND key = ?", str(over))
    asyncio.run(_under_a_fresh_server(runtime, runs_all))
    asyncio.run(_under_a_fresh_server(runtime, runs_all))
    assert all(_events(number) == ["opened", "paid"] for number in known), "nothing happened twice"
