"""Real workflows over months, by time skipping: they tell exactly what the pure machine foretold.

`BILLING_LIVES` is how many subscriptions each gateway has, and `BILLING_MONTHS` for how long; `make proof` takes 50 and 24.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from app.accounts.service import people
from app.billing import periods
from app.billing.gateways.base import SavedCard
from app.billing.gateways.stars.till import Paid
from app.billing.service import orders, revenue, subscriptions
from app.billing.service.counter import DomainOrders
from app.boot import Runtime
from app.core import db
from tests.billing import buying, charged, machine
from tests.billing.machine import Life
from tests.billing.outside import Outside
from workflows.activities.billing import BillingActivities
from workflows.contracts import BILLING_QUEUE, SubscriptionRequest, subscription_id_of
from workflows.worker import billing_worker, ensure_search_attributes

LIVES = int(os.environ.get("BILLING_LIVES", "4"))
MONTHS = int(os.environ.get("BILLING_MONTHS", "14"))
pytestmark = pytest.mark.timeout(180 + LIVES * MONTHS)
PAYERS_QUEUE = "payers"
STARS, MONTH = 700, timedelta(days=30)
PRICES = {"payme": ("UZS", buying.PRO), "click": ("UZS", buying.PRO), "stripe": ("USD", 999), "stars": ("XTR", STARS)}
_CARDS = {"good": "visa", "poor": "insufficient_funds", "lost": "lost_card"}
_charges = count(1)


@dataclass(slots=True)
class Payer:
    """A workspace whose subscription lives as the machine said."""

    life: Life
    workspace_id: int
    user_id: int
    telegram_user_id: int
    first_order: str = ""
    card: str = ""


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
                "act", args=[number, act], start_to_close_timeout=timedelta(seconds=30), result_type=int
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


class Acts:
    """What payers do, through the same calls that the gateways and the pages make."""

    def __init__(self, runtime: Runtime, payers: list[Payer], outside: Outside) -> None:
        self._runtime, self._payers, self._outside = runtime, payers, outside

    @activity.defn
    def act(self, number: int, act: int) -> int:
        """One act of one payer. Returns the subscription's id."""
        payer = self._payers[number]
        now, kind = activity.info().current_attempt_scheduled_time, payer.life.acts[act].kind
        with db.database.connection_context():
            if kind == "cancel":
                subscriptions.cancel(payer.workspace_id, user_id=payer.user_id, now=now)
            elif kind == "undo_cancel":
                subscriptions.undo_cancel(payer.workspace_id, user_id=payer.user_id, now=now)
            elif kind in _CARDS:
                self._outside.control_stripe("card", payment_method=payer.card, card=_CARDS[kind])
            elif payer.life.gateway == "stripe":
                self._pay_at_stripe(payer, is_first=kind == "buy", now=now)
            elif payer.life.gateway == "stars":
                self._pay_in_stars(payer, is_first=kind == "buy", now=now)
            else:
                self._pay_by_order(payer, is_first=kind == "buy", now=now)
            sub = subscriptions.live(payer.workspace_id)
            assert sub is not None
        return int(sub.id)

    def _pay_by_order(self, payer: Payer, *, is_first: bool, now: datetime) -> None:
        gateway, charge = payer.life.gateway, next(_charges)
        public_id = self._ordered(payer, now=now) if is_first else _asked_for(payer.workspace_id)
        order = orders.any_order(public_id)
        if gateway == "payme":
            assert buying.bought_by_payme(order, f"{charge:024d}", now=now)["state"] == 2
        else:
            prepared = buying.prepare(order, charge, now=now)
            assert buying.complete(order, charge, prepared["merchant_prepare_id"], now=now)["error"] == 0

    def _pay_at_stripe(self, payer: Payer, *, is_first: bool, now: datetime) -> None:
        """As on Stripe's page: the order is paid, and the card is saved."""
        public_id = self._ordered(payer, now=now) if is_first else _asked_for(payer.workspace_id)
        payer.card, customer = self._outside.card("stripe")
        with db.write():
            till = DomainOrders(self._runtime.vault)
            order = till.held(public_id)
            assert order is not None
            till.settle(till.begin(order, f"page-{next(_charges)}", now=now), now=now)
            till.save_card(payer.workspace_id, SavedCard("stripe", payer.card, customer, "card"), now=now)

    def _pay_in_stars(self, payer: Payer, *, is_first: bool, now: datetime) -> None:
        if is_first:
            payer.first_order = self._ordered(payer, now=now)
        till, charge = self._runtime.till, f"charge-{next(_charges)}"
        payload = till.payload(payer.first_order)
        assert till.take(
            Paid(charge, payer.telegram_user_id, payload, "XTR", STARS, True, is_first, now + MONTH), now=now
        )

    def _ordered(self, payer: Payer, *, now: datetime) -> str:
        way = self._runtime.gateways.get(payer.life.gateway)
        made = orders.open_order(payer.workspace_id, "pro", payer.life.interval, way, user_id=payer.user_id, now=now)
        return str(made.public_id)


def _asked_for(workspace_id: int) -> str:
    """The order that the payer was asked to pay: the newest that is open."""
    found = db.row(
        "SELECT public_id FROM checkout_order WHERE workspace_id = ? AND state = 'open' ORDER BY id DESC", workspace_id
    )
    assert found is not None, "a payer who pays was asked to"
    return str(found[0])


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
    until = asyncio.run(_months(runtime, outside, gateway, lived))
    for payer in lived:
        told = db.rows(
            "SELECT e.event FROM subscription_event e JOIN subscription s ON s.id = e.subscription_id"
            " WHERE s.workspace_id = ? AND e.at <= ? ORDER BY e.id",
            *(payer.workspace_id, db.stamp(until)),  # the server skips on until it hears that the world has ended
        )
        life = payer.life
        assert [name for (name,) in told] == [event.name for event in life.events], (life.gateway, life.acts)
        _periods_are_as_foretold(payer)
    _revenue_is_as_foretold([payer.life for payer in lived], gateway, until)
    assert buying.books_are_right()


async def _months(runtime: Runtime, outside: Outside, gateway: str, lived: list[Payer]) -> datetime:
    server = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent))
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=server) as env:
        await ensure_search_attributes(env.client)
        now = await env.get_current_time()
        since = datetime.fromtimestamp(int(now.timestamp()) + 60, UTC)
        until = since + timedelta(days=round(30.4375 * MONTHS))
        interval = machine.GATEWAYS[gateway][0]
        for life in machine.lives(gateway, LIVES, since=since, until=until, seed=5, interval=interval):
            lived.append(_payer(life, len(lived), since))
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
        return until


async def _world(client: Client, lived: list[Payer], until: datetime) -> None:
    moments = [[act.at.timestamp() for act in payer.life.acts] for payer in lived]
    await client.execute_workflow(World.run, args=[moments, until.timestamp()], id="world", task_queue=PAYERS_QUEUE)


def _payer(life: Life, number: int, now: datetime) -> Payer:
    telegram_user_id = 1_000 + number
    user = people.create_user(name=f"Payer {number}", timezone=life.zone, telegram_user_id=telegram_user_id, now=now)
    workspace = people.create_workspace(f"Workspace {number}", owner=user, timezone=life.zone, now=now)
    return Payer(life, workspace.id, user.id, telegram_user_id)


def _periods_are_as_foretold(payer: Payer) -> None:
    """Each period was paid by one invoice, with the bounds of the machine but for the milliseconds of a call."""
    invoiced = db.rows(
        "SELECT period_index, period_start, period_end FROM invoice WHERE workspace_id = ? AND state = 'paid' ORDER BY"
        " period_index",
        payer.workspace_id,
    )
    assert [index for index, _, _ in invoiced] == list(range(len(payer.life.periods)))
    for (_, start, end), foretold in zip(invoiced, payer.life.periods, strict=True):
        for is_, was_foretold in zip((start, end), foretold, strict=True):
            assert abs(db.moment(is_) - was_foretold) < timedelta(seconds=60)


def _revenue_is_as_foretold(lived: list[Life], gateway: str, until: datetime) -> None:
    """The movements in the database add up to those who are there, counted from the machine."""
    currency, price = PRICES[gateway]
    staying = [life for life in lived if life.ended_at is None]
    net = price - price * 12 // 112 if currency == "UZS" else price
    expected = periods.monthly_minor(net, machine.GATEWAYS[gateway][0]) * len(staying)
    assert abs(revenue.at(until, currency) - expected) <= len(staying)
