"""The Central Bank's archive of rates, played by a process of its own: what it says is kept, and what is unclear is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from app.billing.rates import jobs, service
from app.billing.rates.base import Told
from app.billing.rates.central_bank import CentralBank
from app.boot import Runtime, exchange_rates
from app.core import db
from app.core.errors import Upstream
from tests.billing import buying
from tests.billing.outside import Outside

DAY = timedelta(days=1)
FRIDAY = date(2026, 3, 6)
NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)  # a Thursday: ten days before is a Monday


@pytest.fixture
def bank(outside: Outside) -> Iterator[CentralBank]:
    """Adapter and bank; what a test did to the bank is undone."""
    yield CentralBank(f"{outside.payments_url}/cbu/uz/arkhiv-kursov-valyut/json")
    _spoil(outside, rates_500=0, rates_garbage=0, rates_short=0, rates_before=0)


def _spoil(outside: Outside, **faults: int) -> None:
    httpx.post(f"{outside.payments_url}/_control/faults", json=faults).raise_for_status()


def _set(outside: Outside, day: date, currency: str, rate: str) -> None:
    given = {"day": str(day), "currency": currency, "rate": rate}
    httpx.post(f"{outside.payments_url}/_control/rates", json=given).raise_for_status()


def test_a_days_rates_are_read_to_the_last_digit(bank: CentralBank, outside: Outside) -> None:
    _set(outside, FRIDAY, "USD", "12021.22")
    _set(outside, FRIDAY, "EUR", "13951.123456")
    assert bank.on(FRIDAY) == [
        Told("USD", FRIDAY, 1, 12_021_220_000),
        Told("EUR", FRIDAY, 1, 13_951_123_456),
    ]
    assert bank.on(FRIDAY + DAY) == [Told("USD", FRIDAY + DAY), Told("EUR", FRIDAY + DAY)], "a Saturday"


def test_rates_of_before_under_their_own_date_mean_that_none_was_set(bank: CentralBank, outside: Outside) -> None:
    _spoil(outside, rates_before=1)
    told = bank.on(FRIDAY + 2 * DAY)
    assert [(one.day, one.uzs_micro is None) for one in told] == 2 * [(FRIDAY + 2 * DAY, True), (FRIDAY, False)]


@pytest.mark.parametrize("rate", ["0", "0.00", "-1", "1e5", "12 021.22", "12021,22", "", "1.1234567", "NaN"])
def test_what_is_no_rate_is_refused_and_never_read_as_one(bank: CentralBank, outside: Outside, rate: str) -> None:
    day = date(2026, 2, 3)
    _set(outside, day, "EUR", rate)
    with pytest.raises(Upstream, match="not understood: EUR at") as refused:
        bank.on(day)
    assert refused.value.permanent


@pytest.mark.parametrize("fault", ["rates_500", "rates_garbage", "rates_short"])
def test_an_answer_that_is_not_whole_says_nothing_at_all(bank: CentralBank, outside: Outside, fault: str) -> None:
    _spoil(outside, **{fault: 1})
    with pytest.raises(Upstream):
        bank.on(FRIDAY)
    assert len(bank.on(FRIDAY)) == 2


def test_the_job_asks_for_the_last_days_once_and_again_for_what_failed(
    runtime: Runtime, bank: CentralBank, outside: Outside
) -> None:
    _spoil(outside, rates_short=1)
    jobs.read_rates(bank, now=NOW)
    assert buying.count("exchange_rate") == 2 * 10, "the first of eleven days was not understood, the others were"
    assert db.row("SELECT value FROM gauge WHERE name = 'exchange_rate_days_missing'") == (1,)
    _spoil(outside, rates_500=1)
    jobs.read_rates(bank, now=NOW)
    assert buying.count("exchange_rate") == 2 * 10
    jobs.read_rates(bank, now=NOW)
    jobs.read_rates(bank, now=NOW)
    assert buying.count("exchange_rate") == 2 * 11
    assert db.row("SELECT value FROM gauge WHERE name = 'exchange_rate_days_missing'") == (0,)
    held = service.book_of(FRIDAY, FRIDAY + 2 * DAY).held("USD", FRIDAY + 2 * DAY)
    assert isinstance(held, Told) and held.day == FRIDAY, "a Sunday has Friday's"


def test_a_bank_that_is_down_is_asked_once_and_no_day_after_day(runtime: Runtime, outside: Outside) -> None:
    _spoil(outside, rates_500=2)
    jobs.read_rates(CentralBank(f"{outside.payments_url}/cbu/uz/arkhiv-kursov-valyut/json"), now=NOW)
    left = httpx.post(f"{outside.payments_url}/_control/faults", json={}).json()["rates_500"]
    _spoil(outside, rates_500=0)
    assert left == 1 and buying.count("exchange_rate") == 0


def test_without_an_address_nobody_is_asked(runtime: Runtime) -> None:
    nowhere = exchange_rates(runtime.settings.model_copy(update={"cbu_rates_url": ""}))
    assert nowhere is None
    jobs.read_rates(nowhere, now=NOW)
    assert buying.count("exchange_rate") == 0 == buying.count("gauge WHERE name = 'exchange_rate_days_missing'")
    found = exchange_rates(runtime.settings.model_copy(update={"cbu_rates_url": "http://127.0.0.1:9"}))
    assert found is not None and found.key == "cbu"
