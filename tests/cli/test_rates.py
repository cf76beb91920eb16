"""The operator's commands about rates of exchange, against a simulated bank."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.billing.outside import ROOT, Outside
from tests.billing.service import Service

_SETTLE = """
import sys
from app.billing.service import orders, settling
from app.boot import boot
from app.core import clock, db

boot("cli")
with db.write():
    payment = settling.begin(orders.any_order(sys.argv[1]).id, "1", now=clock.utcnow())
assert settling.settle(payment, now=clock.utcnow())
"""


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with Outside(tmp_path_factory.mktemp("outside")) as running:
        yield running


@pytest.fixture
def here(database_url: str, tmp_path: Path, bank: Outside) -> Service:
    """The command line alone; no web process is started."""
    found = Service(tmp_path, database_url)
    found.env["CBU_RATES_URL"] = f"{bank.payments_url}/cbu/uz/arkhiv-kursov-valyut/json"
    return found


def _lines(done: subprocess.CompletedProcess[str]) -> list[Any]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_days_are_fetched_once_and_what_stands_is_printed(here: Service) -> None:
    asked = ("rates", "--from", "2026-03-06", "--to", "2026-03-09")
    told = _lines(here.cli(*asked))
    assert [(one["day"][-2:], one["currency"], one["uzs"] is None) for one in told] == [
        *(("06", "EUR", False), ("06", "USD", False), ("07", "EUR", True), ("07", "USD", True)),
        *(("08", "EUR", True), ("08", "USD", True), ("09", "EUR", False), ("09", "USD", False)),
    ]
    assert {one["source"] for one in told} == {"cbu"} and 11_000 < float(told[1]["uzs"]) < 13_000
    here.env["CBU_RATES_URL"] = "http://127.0.0.1:9"
    assert _lines(here.cli(*asked)) == told, "what is known is asked of nobody"
    silent = here.cli(*asked, "--again")
    assert silent.returncode == 2 and silent.stderr.startswith("Error: The Central Bank says no rates of 2026-03-06")


def test_days_in_the_wrong_order_and_too_many_are_refused(here: Service) -> None:
    for days in (("2026-03-09", "2026-03-06"), ("2020-01-01", "2026-03-06")):
        done = here.cli("rates", "--from", days[0], "--to", days[1])
        assert done.returncode == 2 and "Traceback" not in done.stderr and "days" in done.stderr


def test_revenue_in_one_currency_is_a_gap_until_its_days_are_fetched(here: Service) -> None:
    assert _lines(here.cli("revenue", "--month", "2026-03", "--into", "USD")) == []
    order = _lines(here.cli("open-order", "--workspace", "W", "--plan", "pro", "--gateway", "payme"))[0]["order_id"]
    subprocess.run([sys.executable, "-c", _SETTLE, order], env=here.env, cwd=ROOT, check=True)
    month = _lines(here.cli("show-order", order))[0]["paid_at"][:7]
    own, gap = _lines(here.cli("revenue", "--month", month, "--into", "USD"))
    assert (gap["all_in"], gap["start"], gap["new"], gap["currency_effect"], gap["end"]) == ("USD", 0, None, None, None)
    (missing,) = gap["missing"]
    day = date.fromisoformat(missing.removeprefix("USD "))
    week = _lines(here.cli("rates", "--from", str(day - timedelta(days=7)), "--to", str(day)))
    rate = [Decimal(one["uzs"]) for one in week if one["currency"] == "USD" and one["uzs"]][-1]
    whole = _lines(here.cli("revenue", "--month", month, "--into", "USD"))[1]
    cents = int((own["end"] / rate).to_integral_value(ROUND_HALF_UP))
    assert (whole["start"], whole["new"], whole["currency_effect"], whole["end"]) == (0, cents, 0, cents)
    assert 900 < cents < 950 and whole["missing"] == []
