"""A workspace whose plan is paid by a saved card, and the moments at which it is charged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from app.billing.gateways.base import SavedCard
from app.billing.models import Subscription
from app.billing.money_models import CheckoutOrder
from app.billing.service import lifecycle, orders, subscriptions
from app.billing.service.counter import DomainOrders
from app.billing.service.lifecycle import Desk, Report
from app.boot import Runtime, boot
from app.core import db
from app.core.settings import Settings
from app.telegram import service as telegram
from tests.billing.outside import GOOD, Outside
from tests.conftest import NOW
from tests.world import Owner

GATEWAYS = ("payme", "click", "stripe")
Subscribe = Callable[..., "Payer"]
PRICE = {"payme": 12_500_000, "click": 12_500_000, "stripe": 999}
_refs = count(1)


@contextmanager
def booted(database_url: str, folder: Path, outside: Outside) -> Iterator[Runtime]:
    """The worker's runtime, its gateways the simulated ones."""
    settings = Settings(
        database_url=database_url,
        data_dir=folder,
        demo=True,
        _env_file=None,  # type: ignore[call-arg]
        **outside.settings,
    )
    runtime = boot("worker", settings)
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=NOW)
    yield runtime
    if not db.database.is_closed():
        db.database.close()


@dataclass(frozen=True, slots=True)
class Payer:
    """Somebody whose card is charged for a plan."""

    runtime: Runtime
    outside: Outside
    who: Owner
    gateway: str

    @property
    def sub(self) -> Subscription:
        found: Subscription = Subscription.get(Subscription.workspace == self.who.workspace.id)
        return found

    @property
    def desk(self) -> Desk:
        return Desk(self.runtime.gateways, "https://bot.example")

    def save_card(self, kind: str = GOOD, *, now: datetime = NOW) -> None:
        token, payer = self.outside.card(self.gateway, kind)
        self.runtime.vault.save(
            self.who.workspace.id, SavedCard(self.gateway, token, payer, f"Card {kind}"), user_id=None, now=now
        )

    def look(self, now: datetime) -> Report:
        """A look of the workflow's, without the charge."""
        found = lifecycle.advance(self.sub.id, self.desk, now=now)
        assert found is not None
        return found

    def charge(self, now: datetime) -> Report:
        """One step of the charge that is due, and a look."""
        if self.gateway == "click":
            self.outside.turn_clock(now)
        lifecycle.collect(self.sub.id, self.desk, self.runtime.collector, now=now)
        return self.look(now)

    def live(self, now: datetime, until: datetime, *, step: timedelta = timedelta(hours=1)) -> list[str]:
        """All that the workflow does between two moments; returns what was done."""
        done: list[str] = []
        while now <= until:
            report = self.look(now)
            done += report.done
            while report.charge and report.next_action_at is not None and report.next_action_at <= now:
                done.append("collect")
                report = self.charge(now)
                done += report.done
            now += step
        return done

    def payments(self) -> list[tuple[str, int]]:
        """(state, attempt) of each charge of a card."""
        return [
            (str(state), int(number))
            for state, number in db.rows(
                "SELECT state, attempt_no FROM payment WHERE method_id IS NOT NULL ORDER BY id"
            )
        ]


def subscribed(runtime: Runtime, outside: Outside, who: Owner, gateway: str, kind: str = GOOD) -> Payer:
    """Paid for the first month, with a card that is charged for the next."""
    payer = Payer(runtime, outside, who, gateway)
    first = order(payer)
    with db.write():
        till = DomainOrders()
        till.settle(till.begin(till.held_by_id(first.id), f"first-{next(_refs)}", now=NOW), now=NOW)
    payer.save_card(kind)
    return payer


def order(payer: Payer, *, plan: str = "pro", now: datetime = NOW) -> CheckoutOrder:
    way = payer.runtime.gateways.get(payer.gateway)
    return orders.open_order(payer.who.workspace.id, plan, "month", way, user_id=payer.who.user.id, now=now)


def is_paid_until(payer: Payer) -> datetime:
    sub = subscriptions.live(payer.who.workspace.id)
    assert sub is not None
    found: datetime = sub.period_end
    return found
