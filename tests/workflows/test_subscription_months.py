"""Real workflows over months, by time skipping: they tell exactly what the pure machine foretold, and cost what it said.

`BILLING_LIVES` is how many subscriptions each gateway has, and `BILLING_MONTHS` for how long; `make proof` takes 50 and 24.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from app.billing.service import revenue, trials
from app.boot import Runtime
from app.core import db
from tests.billing import buying, charged, machine
from tests.billing.machine import Life
from tests.billing.outside import Outside
from tests.workflows.payers import Acts, Payer, newcomer, offer_coupons
from workflows.activities.billing import BillingActivities
from workflows.contracts import BILLING_QUEUE, SubscriptionRequest, subscription_id_of
from workflows.worker import billing_worker, ensure_search_attributes

LIVES = int(os.environ.get("BILLING_LIVES", "4"))
MONTHS = int(os.environ.get("BILLING_MONTHS", "14"))
pytestmark = pytest.mark.timeout(180 + LIVES * MONTHS)
PAYERS_QUEUE, _FEW = "payers", RetryPolicy(maximum_attempts=4)
CURRENCIES = {"payme": "UZS", "click": "UZS", "stripe": "USD", "stars": "XTR"}


@workflow.defn
class World:
    """All payers at once, and then the rest of the time."""

    @workflow.run
    async def run(self, payers: list[list[float]], until: float) -> None:
        await asyncio.gather(*(self._live(number, moments) for number, moments in enumerate(payers)))
        await _sleep_until(until)

    async def _live(self, number: int, moments: list[float]) -> None:
        for act, moment in enumerate(moments):
            await _sleep_until(moment)
            subscription: int = await workflow.execute_activity(
                "act",
                args=[number, act],
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=_FEW,  # an act that the rows do not allow is told, not tried for ever
                result_type=int,
            )
            if act:
                await workflow.get_external_workflow_handle(subscription_id_of(subscription)).signal("look")
                continue
            await workflow.start_child_workflow(
                "Subscription",
                SubscriptionRequest(subscription),
                id=subscription_id_of(subscription),
                task_queue=BILLING_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(moment - workflow.now().timestamp(), 0))


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with Outside(tmp_path_factory.mktemp("outside")) as running:
        yield running


@pytest.fixture
def by_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The activity's present is that of the server, which skips time."""
    monkeypatch.setattr(BillingActivities, "now", staticmethod(lambda: activity.info().current_attempt_scheduled_time))


@pytest.mark.parametrize("gateway", sorted(machine.GATEWAYS))
def test_real_workflows_tell_what_the_machine_foretold(
    database_url: str, tmp_path: Path, outside: Outside, by_its_clock: None, gateway: str
) -> None:
    with charged.booted(database_url, tmp_path, outside) as runtime:
        _tell_what_was_foretold(runtime, outside, gateway)


def _tell_what_was_foretold(runtime: Runtime, outside: Outside, gateway: str) -> None:
    lived: list[Payer] = []
    since, until = asyncio.run(_months(runtime, outside, gateway, lived))
    for payer in lived:
        told = db.rows(
            "SELECT e.event FROM subscription_event e JOIN subscription s ON s.id = e.subscription_id"
            " WHERE s.workspace_id = ? AND e.at <= ? ORDER BY e.id",
            *(payer.workspace_id, db.stamp(until)),  # the server skips on until it hears that the world has ended
        )
        life = payer.life
        assert [name for (name,) in told] == [event.name for event in life.events], (life.gateway, life.acts)
        _bills_are_as_foretold(payer, until)
        _trial_is_as_foretold(payer)
    _revenue_is_as_foretold([payer.life for payer in lived], gateway, since, until)
    _all_kinds_are_among([payer.life for payer in lived], gateway)
    assert buying.books_are_right()


def _all_kinds_are_among(lived: list[Life], gateway: str) -> None:
    """Plain, tried, with a coupon, and both; of many, trials that end in every way."""
    mixed = {(life.is_tried, life.coupon is not None) for life in lived}
    assert len(mixed) == (1 if gateway in machine.RENEWED_THERE else min(LIVES, 4))
    if LIVES >= 50 and gateway not in machine.RENEWED_THERE:
        assert {life.end_of_trial() for life in lived if life.is_tried} == machine.ends_of_trials(gateway)


async def _months(runtime: Runtime, outside: Outside, gateway: str, lived: list[Payer]) -> tuple[datetime, datetime]:
    server = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent))
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=server) as env:
        await ensure_search_attributes(env.client)
        now = await env.get_current_time()
        since = datetime.fromtimestamp(int(now.timestamp()) + 60, UTC)
        until = since + timedelta(days=round(30.4375 * MONTHS))
        interval = machine.GATEWAYS[gateway][0]
        for life in machine.lives(gateway, LIVES, since=since, until=until, seed=326, interval=interval):
            lived.append(newcomer(life, len(lived), since))
        offer_coupons(lived, now=since)
        with ThreadPoolExecutor(4) as threads:
            acts = Acts(runtime, lived, outside)
            async with (
                billing_worker(env.client, runtime, threads),
                Worker(
                    env.client,
                    task_queue=PAYERS_QUEUE,
                    workflows=[World],
                    activities=[acts.act],
                    activity_executor=threads,
                    workflow_runner=UnsandboxedWorkflowRunner(),
                ),
            ):
                await _world(env.client, lived, until)
        return since, until


async def _world(client: Client, lived: list[Payer], until: datetime) -> None:
    moments = [[act.at.timestamp() for act in payer.life.acts] for payer in lived]
    await client.execute_workflow(World.run, args=[moments, until.timestamp()], id="world", task_queue=PAYERS_QUEUE)


def _bills_are_as_foretold(payer: Payer, until: datetime) -> None:
    """Each period was paid by one invoice, with the bounds of the machine; its order cost what the machine said, less the
    coupon, and was paid by whom it said: what was free by nobody."""
    life, until_then = payer.life, (payer.workspace_id, db.stamp(until))
    ordered = db.rows(
        "SELECT i.period_index, o.price_minor, o.discount_minor, o.amount_minor, i.total_minor, i.period_start, i.period_end"
        " FROM invoice i JOIN checkout_order o ON o.invoice_id = i.id WHERE i.workspace_id = ? AND o.paid_at <= ?"
        " AND i.state = 'paid' ORDER BY i.period_index",
        *until_then,
    )
    told = [(one.period, one.price, one.discount, one.amount, one.amount) for one in life.bills]
    assert [one[:5] for one in ordered] == told, life.coupon
    for (*_, start, end), foretold in zip(ordered, life.periods, strict=True):
        assert _is_about(start, foretold[0]) and _is_about(end, foretold[1])
    paid = db.rows(
        "SELECT amount_minor, method_id IS NOT NULL FROM payment WHERE workspace_id = ? AND settled_at <= ?"
        " AND state = 'succeeded' ORDER BY id",
        *until_then,
    )
    by = [(one.amount, one.by == "card") for one in life.bills if one.by != "nobody"]
    assert [(amount, bool(by_card)) for amount, by_card in paid] == by
    _coupon_is_as_foretold(payer, until)


def _coupon_is_as_foretold(payer: Payer, until: datetime) -> None:
    """It is held from the first payment on, with a period less for each that it made cheaper."""
    left, since = payer.life.left, "checkout_order WHERE workspace_id = ? AND redemption_id IS NOT NULL AND paid_at > ?"
    if left is not None:
        left -= buying.count(since, payer.workspace_id, db.stamp(until))
    kept = db.rows("SELECT state, periods_left FROM coupon_redemption WHERE workspace_id = ?", payer.workspace_id)
    assert kept == ([("held", left)] if payer.life.is_redeemed else [])


def _trial_is_as_foretold(payer: Payer) -> None:
    """Two weeks that end at the anchor, in which no card is charged."""
    trial = payer.life.trial
    ((began, anchor),) = db.rows(
        "SELECT created_at, anchor_at FROM subscription WHERE workspace_id = ?", payer.workspace_id
    )
    if trial is not None:
        assert db.moment(anchor) - db.moment(began) == trials.LENGTH and _is_about(began, trial[0])
        charged_in_it = "payment WHERE workspace_id = ? AND method_id IS NOT NULL AND created_at < ?"
        assert buying.count(charged_in_it, payer.workspace_id, anchor) == 0


def _is_about(told: Any, foretold: datetime) -> bool:
    """The same moment but for the milliseconds of a call."""
    moment: datetime = db.moment(told)
    return abs(moment - foretold) < timedelta(seconds=60)


def _revenue_is_as_foretold(lived: list[Life], gateway: str, since: datetime, until: datetime) -> None:
    """At every month's end the movements in the database add up to those of the machine: net prices, less coupons."""
    for moment in (*(since + month * timedelta(days=30) for month in range(1, MONTHS)), until):
        foretold = sum(delta for life in lived for at, delta in life.moves if at <= moment)
        assert revenue.at(moment, CURRENCIES[gateway]) == foretold, moment
    assert revenue.at(until, CURRENCIES[gateway]) == sum(life.worth() for life in lived)
