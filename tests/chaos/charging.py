"""The billing side of the product under the supervisor of `make run`, with many cards that are to be charged.

Nothing of the product decides here what was charged: that is read_money.py, from the gateways' own journals.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from app.billing.gateways.base import SavedCard
from app.billing.service import orders
from app.billing.service.counter import DomainOrders
from app.boot import Runtime, boot
from app.core import clock, db
from app.core.settings import Settings
from deploy.local import simulated_payments
from e2e.stack import ROOT, wait_for
from tests.chaos.supervised import SupervisedStack
from tests.world import owner

GATEWAYS = ("payme", "click", "stripe")
READER = ROOT / "tests" / "chaos" / "read_money.py"
GOOD = "8600495473316478"
_MONTH = timedelta(days=31)


class ChargingStack(SupervisedStack):
    """Simulators, Temporal and the worker; `worker`: another program in its place, for the twin."""

    def __init__(self, folder: Path, *, worker: Sequence[str] = ()) -> None:
        super().__init__(folder, parts=())
        if worker:
            self._commands["worker"] = list(worker)

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "CLICK_SETTLES_S": "3"}

    def boot(self) -> Runtime:
        """The test's own way to the rows."""
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg]
            data_dir=self.folder,
            demo=True,
            **simulated_payments(self.payments_url, self.stripe_url),
        )
        return boot("worker", settings)

    def disturb(self, times: int) -> None:
        """So many answers of each gateway are lost after it took the money, and as many requests before."""
        lost = {f"{gateway}_{how}": times for gateway in ("payme", "click") for how in ("after_commit", "before")}
        self.http.post(f"{self.payments_url}/_control/faults", json=lost).raise_for_status()
        self.http.post(f"{self.stripe_url}/_control/faults", json={"after_commit": times, "before": times})

    def _card(self, gateway: str) -> tuple[str, str]:
        if gateway != "stripe":
            made = self.http.post(f"{self.payments_url}/_control/tokens", json={"gateway": gateway, "card": GOOD})
            return str(made.json()["token"]), ""
        ask = {"headers": {"Authorization": f"Bearer {simulated_payments('', '')['stripe_secret_key']}"}}
        payer = self.http.post(f"{self.stripe_url}/v1/customers", **ask).json()["id"]
        path = f"{self.stripe_url}/v1/payment_methods/pm_card_visa/attach"
        return str(self.http.post(path, data={"customer": payer}, **ask).json()["id"]), str(payer)

    def subscribe(self, runtime: Runtime, count: int, *, first: datetime, over_s: float) -> None:
        """So many plans with a saved card, whose periods end evenly over time."""
        for number in range(count):
            gateway = GATEWAYS[number % len(GATEWAYS)]
            ends = first + timedelta(seconds=over_s * number / count)
            token, payer = self._card(gateway)
            began = ends - _MONTH
            with db.write():
                who = owner(f"Payer {number}", plan="free", now=began)
                way = runtime.gateways.get(gateway)
                order = orders.open_order(who.workspace.id, "pro", "month", way, user_id=who.user.id, now=began)
                till = DomainOrders(runtime.vault)
                till.settle(till.begin(till.held_by_id(order.id), f"first-{number}", now=began), now=began)
                till.save_card(who.workspace.id, SavedCard(gateway, token, payer, "card"), now=began)
                db.execute(
                    "UPDATE subscription SET period_end = ?, next_action_at = ? WHERE workspace_id = ?",
                    *(db.stamp(ends), db.stamp(ends), who.workspace.id),
                )

    def wait_until_charged(self, *, timeout_s: float) -> None:
        """Until each plan has its second period, and no charge is without an outcome."""

        def is_done() -> bool:
            owed = "SELECT COUNT(*) FROM subscription WHERE period_index < 1"
            hanging = "SELECT COUNT(*) FROM payment WHERE state IN ('created', 'unknown')"
            return self.rows(owed)[0][0] == 0 and self.rows(hanging)[0][0] == 0

        wait_for("every card is charged", is_done, timeout_s=timeout_s, every_s=0.5)

    def wanted(self) -> list[tuple[str, str, int]]:
        """(gateway, order, amount) of each second period."""
        return [
            (str(gateway), str(order), int(amount))
            for gateway, order, amount in self.rows(
                "SELECT gateway, public_id, amount_minor FROM checkout_order WHERE kind = 'next'"
            )
        ]

    def unbalanced(self) -> int:
        """Entries of our ledger that do not sum to nothing."""
        sql = "SELECT COUNT(*) FROM (SELECT 1 FROM ledger_posting GROUP BY entry_id HAVING SUM(amount_minor) <> 0) AS e"
        return int(self.rows(sql)[0][0])

    def booked(self) -> dict[str, int]:
        """What our ledger says that each gateway took beyond the first periods, whichever payment it was booked under."""
        found = self.rows(
            "SELECT p.gateway, SUM(l.amount_minor) FROM payment p JOIN ledger_entry e ON e.kind = 'payment' AND"
            " e.reference = 'payment:' || p.id JOIN ledger_posting l ON l.entry_id = e.id AND l.ledger_account ="
            " 'clearing:' || p.gateway WHERE COALESCE(p.gateway_ref, '') NOT LIKE 'first-%' GROUP BY p.gateway"
        )
        return {str(gateway): int(amount) for gateway, amount in found}


def read_back(stack: ChargingStack) -> dict[str, object]:
    """What an independent program finds in the gateways' journals."""
    (stack.folder / "wanted.json").write_text(json.dumps(stack.wanted()))
    journals = stack.folder / "payments" / "payments.jsonl", stack.folder / "stripe" / "stripe.jsonl"
    return read_money(*journals, stack.folder / "wanted.json")


def read_money(payments: Path, stripe: Path, wanted: Path) -> dict[str, object]:
    """The journals of the gateways against what was due, by a program that knows nothing of the product."""
    command = [sys.executable, "-I", str(READER), str(payments), str(stripe), str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def soon() -> datetime:
    return clock.utcnow() + timedelta(seconds=8)
