"""kill -9 while saved cards are charged: one charge for each invoice, and all ledgers agree.

Small by default; the proof at full size is CHAOS_RENEWALS=500 CHAOS_CHARGE_KILLS=200.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.billing.service import ledger
from app.core import db
from e2e.stack import ROOT
from tests.billing import charged
from tests.billing.charged import GATEWAYS, Payer
from tests.billing.outside import Outside
from tests.chaos.charging import ChargingStack, read_back, read_money, soon
from tests.chaos.publishing import full
from tests.conftest import NOW
from tests.world import owner

RENEWALS, KILLS = full("CHAOS_RENEWALS", 30), full("CHAOS_CHARGE_KILLS", 4)
SEED = full("CHAOS_SEED", 20261127)
POINTS = ("recorded", "asking", "asked", "looked", "settled", "won")
CELLS = [*((point, gateway) for point in POINTS for gateway in GATEWAYS), ("kept", "payme")]
pytestmark = pytest.mark.timeout(240 + 12 * KILLS)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with Outside(tmp_path_factory.mktemp("outside")) as running:
        yield running


@pytest.fixture
def payer(database_url: str, tmp_path: Path, outside: Outside, request: pytest.FixtureRequest) -> Iterator[Payer]:
    with charged.booted(database_url, tmp_path, outside) as runtime:
        who = owner("Bobur", telegram_user_id=77, plan="free", now=NOW)
        yield charged.subscribed(runtime, outside, who, request.param)


@pytest.mark.parametrize(("point", "payer"), CELLS, indirect=["payer"])
def test_61_killed_at_any_step_a_card_is_charged_once(payer: Payer, point: str, tmp_path: Path) -> None:
    """Five places and three gateways, as the gateways' journals have it; beside these inside the settlement, and between
    a receipt of Payme's and its payment. What is looked up has lost its answer before."""
    end = payer.sub.period_end
    if point == "looked":
        payer.outside.faults(payer.gateway, after_commit=1)
    assert _worker(payer, end, crashpoint=f"charge.{point}:9") == -signal.SIGKILL
    for _ in range(2):
        assert _worker(payer, end) == 0
    found = _told_by_journals(payer, tmp_path)
    assert (found["charged"], found["twice"], found["lost"], found["wrong"]) == (1, 0, 0, 0)
    assert payer.payments() == [("succeeded", 1)] and payer.sub.period_start == end
    assert ledger.unbalanced() == []
    assert ledger.balance(ledger.clearing(payer.gateway), payer.sub.currency) == 2 * charged.PRICE[payer.gateway]


def _told_by_journals(payer: Payer, folder: Path) -> dict[str, object]:
    """What an independent program finds of this payer's second period."""
    sql = "SELECT gateway, public_id, amount_minor FROM checkout_order WHERE kind = 'next'"
    (folder / "wanted.json").write_text(json.dumps(db.rows(sql)))
    return read_money(
        payer.outside.folder / "simulator.payments" / "payments.jsonl",
        payer.outside.folder / "simulator.stripe" / "stripe.jsonl",
        folder / "wanted.json",
    )


def _worker(payer: Payer, first: datetime, *, crashpoint: str = "") -> int:
    """One life of the worker; returns its exit code."""
    settings = payer.runtime.settings
    told = {
        name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in payer.outside.settings.items()
    }
    payer.outside.turn_clock(first)
    command = [sys.executable, "-m", "tests.chaos.charge_once", str(payer.sub.id)]
    done = subprocess.run(
        [*command, str(first.timestamp()), "8"],
        cwd=ROOT,
        env={
            **os.environ,
            **told,
            "DATABASE_URL": settings.database_url,
            "DATA_DIR": str(settings.data_dir),
            "CRASHPOINT": crashpoint,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def _run(folder: Path, *, worker: tuple[str, ...] = ()) -> dict[str, object]:
    with ChargingStack(folder, worker=worker) as stack:
        runtime = stack.boot()
        stack.disturb(max(RENEWALS // 6, 1))
        stack.subscribe(runtime, RENEWALS, first=soon(), over_s=KILLS * 4)
        dice = random.Random(SEED)
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.1, 2.0))
            stack.kill("worker")
            stack.wait_until_up("worker")
        stack.wait_until_charged(timeout_s=240)
        found = read_back(stack)
        found["booked"], found["unbalanced"] = stack.booked(), stack.unbalanced()
        db.database.close()
        print(
            f"{RENEWALS} renewals, {KILLS} kills of the worker: {found['charged']} charged, {found['twice']} twice,"
            f" {found['lost']} lost; taken {found['taken']}, booked {found['booked']}"
        )
        return found


def test_killed_at_random_every_invoice_is_charged_once_and_the_ledgers_agree(tmp_path: Path) -> None:
    found = _run(tmp_path)
    assert (found["wanted"], found["charged"]) == (RENEWALS, RENEWALS)
    assert (found["twice"], found["lost"], found["foreign"], found["wrong"]) == (0, 0, 0, 0)
    assert found["taken"] == found["booked"] and found["unbalanced"] == 0


def test_with_the_compare_and_set_switched_off_cards_are_charged_twice(tmp_path: Path) -> None:
    twin = (sys.executable, str(ROOT / "tests" / "chaos" / "without_turns.py"))
    found = _run(tmp_path, worker=twin)
    assert int(str(found["twice"])) > 0 and found["taken"] != found["booked"]
