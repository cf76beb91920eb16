"""Cards that Click keeps: its days and its months. The numbers in the names are those of facts/payments.md 5.4."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.billing.gateways.click.merchant import days_of, may_reverse
from app.billing.service import ledger, lifecycle, orders, returning, settling
from app.core import db
from app.core.errors import Conflict
from tests.billing import buying, charged
from tests.billing.charged import Payer
from tests.billing.outside import Outside
from tests.conftest import NOW
from tests.world import owner

TASHKENT = timedelta(hours=5)


@pytest.fixture
def payer(database_url: str, tmp_path: Path, outside: Outside) -> Iterator[Payer]:
    with charged.booted(database_url, tmp_path, outside) as runtime:
        who = owner("Bobur", telegram_user_id=77, plan="free", now=NOW)
        yield charged.subscribed(runtime, outside, who, "click")


def _local(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC) - TASHKENT  # type: ignore[misc, arg-type]


def test_22_a_payment_before_midnight_is_found_after_it(payer: Payer) -> None:
    """Click keeps payments by the day of Tashkent; the answer was lost ten seconds before midnight."""
    late, early = _local(2026, 5, 10, 23, 59, 50), _local(2026, 5, 11, 0, 0, 10)
    with db.write():
        db.execute("UPDATE subscription SET period_end = ?, next_action_at = ?", db.stamp(late), db.stamp(late))
    payer.outside.faults("click", after_commit=1)
    before = payer.outside.charges("click")
    payer.look(late)
    payer.charge(late)
    assert payer.payments() == [("unknown", 1)] and payer.outside.charges("click") - before == 1
    payer.charge(early)
    assert payer.payments() == [("succeeded", 1)] and payer.outside.charges("click") - before == 1


@pytest.mark.parametrize("is_guarded", [True, False])
def test_two_ways_to_hear_of_one_charge_are_one_payment(
    payer: Payer, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """Click calls us for a charge whose answer was lost. Without the guard its money would be taken for a second payment
    and owed back, though it came once."""
    if not is_guarded:
        monkeypatch.setattr(settling, "_TWO_WAYS", frozenset())
    end = payer.sub.period_end
    payer.outside.faults("click", after_commit=1)
    payer.look(end)
    payer.charge(end)
    assert payer.payments() == [("unknown", 1)]
    moved = payer.outside.money("click")[-1]
    of = orders.any_order(str(moved["order"]))
    called = {"click_paydoc_id": int(moved["reference"])}
    told = buying.prepare(of, 77, now=end, **called)
    assert buying.complete(of, 77, told["merchant_prepare_id"], now=end, **called)["error"] == 0
    payer.live(end + timedelta(minutes=1), end + timedelta(minutes=20), step=timedelta(minutes=1))
    is_owed = db.row("SELECT 1 FROM refund") is not None
    assert is_owed is not is_guarded and buying.as_paid(of) == ("paid", 1)
    assert (len(db.rows("SELECT 1 FROM payment WHERE order_id = ?", of.id)) == 1) is is_guarded


def test_22_a_payment_is_looked_for_on_its_day_and_the_next() -> None:
    assert [f"{day:%Y-%m-%d}" for day in days_of(_local(2026, 2, 28, 23, 59, 59))] == ["2026-02-28", "2026-03-01"]
    assert [f"{day:%Y-%m-%d}" for day in days_of(_local(2026, 3, 1))] == ["2026-03-01", "2026-03-02"]


@pytest.mark.parametrize(
    ("paid", "now", "may"),
    [
        (_local(2026, 3, 1), _local(2026, 3, 31, 23, 59), True),
        (_local(2026, 2, 28), _local(2026, 3, 1, 23, 59), True),
        (_local(2026, 2, 28), _local(2026, 3, 2), False),
        (_local(2025, 12, 31, 23), _local(2026, 1, 1, 10), True),
        (_local(2025, 3, 5), _local(2026, 3, 5), False),
        (_local(2026, 1, 31), _local(2026, 3, 1), False),
    ],
)
def test_19_a_payment_goes_back_in_its_month_or_on_the_first_of_the_next(
    paid: datetime, now: datetime, may: bool
) -> None:
    assert may_reverse(paid, now=now) is may


def test_19_what_click_would_refuse_is_not_asked_and_somebody_is_told(payer: Payer) -> None:
    end = payer.sub.period_end
    payer.look(end)
    payer.charge(end)
    (number, amount, settled) = db.row(
        "SELECT id, amount_minor, settled_at FROM payment WHERE method_id IS NOT NULL"
    ) or (0, 0, 0)
    returning.refund_part(number, amount, "asked", "a mistake", now=end)
    later = db.moment(settled) + timedelta(days=62)
    payer.runtime.desks.run("click", later)
    assert [(one.kind, one.detail) for one in ledger.differences()] == [
        ("refund", "the gateway's time for refunds is over")
    ]
    assert [one["money"] for one in payer.outside.money("click")][-1] == "charge", "nothing was reversed"
    assert db.rows("SELECT state FROM refund") == [("due",)], "it stays owed to the payer"


def test_a_payment_of_this_month_goes_back_once(payer: Payer) -> None:
    end = payer.sub.period_end
    payer.look(end)
    payer.charge(end)
    (number, amount) = db.row("SELECT id, amount_minor FROM payment WHERE method_id IS NOT NULL") or (0, 0)
    with pytest.raises(Conflict):
        returning.refund_part(number, amount - 1, "a part", "Click gives back whole payments only", now=end)
    for _ in range(2):
        returning.refund_part(number, amount, "asked", "a mistake", now=end)
        payer.runtime.desks.run("click", end + timedelta(hours=1))
    assert [one["money"] for one in payer.outside.money("click")][-2:] == ["charge", "refund"]
    assert db.rows("SELECT state FROM refund") == [("done",)]
    assert lifecycle.open_subscriptions() == [], "what was given back whole ends"


def test_57_a_tax_office_that_is_away_costs_nobody_the_plan_and_gets_its_receipt_later(payer: Payer) -> None:
    """Away for three hours: the plan is delivered, the receipt is tried again, somebody is told, and then it is there."""
    end = payer.sub.period_end
    payer.outside.faults("click", fiscal_away=1_000)
    payer.look(end)
    payer.charge(end)
    assert payer.sub.state == "active" and payer.sub.period_start == end, "the plan does not wait for the receipt"
    moment, tries = end, 0
    while moment < end + timedelta(hours=4):
        done, again = payer.runtime.desks.run("click", moment)
        assert "1 receipts handed in" not in done and again is not None
        tries, moment = tries + 1, max(again, moment + timedelta(minutes=1))
    assert 8 < tries < 30, "ever more seldom"
    assert [(one.kind, one.reference) for one in ledger.differences()] == [("fiscal", f"payment:{_charged()}")]
    payer.outside.faults("click", fiscal_away=0)
    done, _ = payer.runtime.desks.run("click", moment + timedelta(hours=1))
    assert "1 receipts handed in" in done
    (url, error) = db.row("SELECT qr_url, error FROM fiscal_receipt WHERE payment_id = ?", _charged()) or ("", "")
    assert str(url).startswith("https://ofd.example/") and error is None
    assert payer.runtime.desks.run("click", moment + timedelta(hours=2))[0] == [], "once"


def _charged() -> int:
    (number,) = db.row("SELECT id FROM payment WHERE method_id IS NOT NULL") or (0,)
    return int(number)
