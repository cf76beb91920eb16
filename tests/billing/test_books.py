"""Numbers without gaps, tax to the tiyin, books that always sum to nothing, revenue that always adds up."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import IntegrityError

from app.billing import states
from app.billing.models import BillingAccount
from app.billing.money_models import Invoice
from app.billing.service import (
    coupons,
    invoices,
    ledger,
    lifecycle,
    orders,
    payers,
    prices,
    recognising,
    revenue,
    settling,
    subscriptions,
    taxes,
)
from app.billing.service.lifecycle import Desk
from app.boot import Runtime
from app.core import db
from app.core.errors import AppError
from tests.billing import buying
from tests.billing.buying import at_once, order
from tests.conftest import NOW
from tests.world import Owner, owner

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIVES = int(os.environ.get("BOOKS_LIVES", "4"))  # of sixty acts each; the proof lives 167: ten thousand


class _Rollback(Exception):
    pass


def _issue(drafted: Invoice, account: BillingAccount, at: datetime) -> None:
    drafted.period_start, drafted.period_end = at, at + 30 * DAY
    invoices.finalise_paid(drafted, account, now=at)


def _finalise(who: Owner, *, fails: bool) -> None:
    price = prices.price_of("pro", "month", "UZS", now=NOW)
    try:
        with db.write():
            account: BillingAccount = payers.payer_of(who.workspace.id, now=NOW)
            _issue(invoices.draft(who.workspace.id, account, price, kind="plan", now=NOW), account, NOW)
            if fails:
                raise _Rollback
    except _Rollback:
        pass


def test_53_two_hundred_invoices_at_once_a_third_rolled_back_have_no_gap(runtime: Runtime, buyer: Owner) -> None:
    chance = random.Random(53)
    for _ in range(10):
        at_once([partial(_finalise, buyer, fails=chance.random() < 0.33) for _ in range(20)])
    numbers = [n for (n,) in db.rows("SELECT number FROM invoice ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1)) and 100 < len(numbers) < 170


def test_a_number_is_given_in_the_year_of_the_payers_clock(runtime: Runtime, buyer: Owner) -> None:
    price = prices.price_of("pro", "month", "UZS", now=NOW)
    new_year = datetime(2026, 12, 31, 19, 30, tzinfo=NOW.tzinfo)  # 00:30 in Tashkent
    for at in (NOW, new_year):
        with db.write():
            account = payers.payer_of(buyer.workspace.id, now=at)
            _issue(invoices.draft(buyer.workspace.id, account, price, kind="plan", now=at), account, at)
    assert db.rows("SELECT series, number FROM invoice ORDER BY id") == [("2026", 1), ("2027", 1)]


@pytest.mark.parametrize("total", [1, 7, 33_333, 99_999, 12_500_000, 10**13])
def test_54_tax_within_a_total_is_rounded_half_up_and_never_lost(total: int) -> None:
    tax = taxes.within(total, 1_200)
    net = total - tax
    assert abs(net * 12 - tax * 100) <= 112 / 2, "net and tax are twelve hundredths apart, to half a minor unit"
    assert taxes.within(total, 0) == 0


@given(prices_minor=st.integers(1, 10**10), percent=st.integers(0, 100))
def test_54_the_lines_of_an_invoice_sum_to_it_and_so_do_their_taxes(prices_minor: int, percent: int) -> None:
    """As `invoices.draft` makes them: the plan, and the discount beside it."""
    less = prices_minor * percent // 100
    total = taxes.within(prices_minor - less, 1_200)
    full = taxes.within(prices_minor, 1_200)
    lines = [(prices_minor, full), (-less, total - full)]
    assert sum(amount for amount, _ in lines) == prices_minor - less and sum(tax for _, tax in lines) == total
    assert abs((total - full) + taxes.within(less, 1_200)) <= 1, "a discount's tax is its own, to one minor unit"


def test_54_what_is_written_and_what_the_fiscal_register_gets_sum_to_what_is_asked_for(
    runtime: Runtime, buyer: Owner
) -> None:
    """Three plans' orders of 33,333 tiyin each, with a coupon of a third."""
    with db.write():
        db.execute("UPDATE plan_price SET amount_minor = 33333 WHERE currency = 'UZS' AND interval = 'month'")
        coupons.offered("THIRD", percent=33, now=NOW)
    way = runtime.gateways.get("payme")
    for number, plan in enumerate(("pro", "business", "network")):
        who = owner(f"Of {plan}", plan="free", now=NOW)
        of = orders.open_order(who.workspace.id, plan, "month", way, user_id=who.user.id, coupon="THIRD", now=NOW)
        found = db.row(
            "SELECT SUM(l.amount_minor), SUM(l.tax_minor), COUNT(*), MAX(i.total_minor), MAX(i.tax_minor) FROM invoice i"
            " JOIN invoice_line l ON l.invoice_id = i.id WHERE i.id = ?",
            of.invoice,
        )
        assert found is not None
        amount, tax, lines, total, total_tax = found
        assert (amount, tax, lines) == (total, total_tax, 2) and total == of.amount_minor == 33_333 - 10_999
        assert sum(line.amount_minor for line in orders.lines_of(of.id)) == of.amount_minor
        buying.bought_by_payme(of, f"{number:024d}")
    assert ledger.balance(ledger.TAX, "UZS") == -3 * taxes.within(33_333 - 10_999, 1_200) and buying.books_are_right()


def test_an_invoice_keeps_the_rate_of_its_day(runtime: Runtime, buyer: Owner) -> None:
    with db.write():
        sql = "INSERT INTO tax_rate (country, rate_bp, valid_from) VALUES ('UZ', 1500, ?)"
        db.execute(sql, db.stamp(NOW + DAY))
    for at in (NOW, NOW + 2 * DAY):
        order(runtime, buyer, "payme", now=at)
    assert [bp for (bp,) in db.rows("SELECT tax_rate_bp FROM invoice ORDER BY id")] == [1_200, 1_500]
    assert taxes.rate_bp("USD", now=NOW) == 0 == taxes.rate_bp("XTR", now=NOW)


def test_the_ledger_takes_nothing_twice_and_nothing_that_does_not_balance(runtime: Runtime) -> None:
    with db.write():
        ledger.book("payment", "1", "UZS", {"a": 5, "b": -5}, now=NOW)
    with pytest.raises(ValueError, match="sum to 1"), db.write():
        ledger.book("payment", "2", "UZS", {"a": 5, "b": -4}, now=NOW)
    with pytest.raises(IntegrityError), db.write():
        ledger.book("payment", "1", "UZS", {"a": 5, "b": -5}, now=NOW)
    assert ledger.balance("a", "UZS") == 5 and buying.books_are_right()


class _Died(BaseException):
    """The process ends in the middle of a transaction: nothing catches it on the way."""


@contextmanager
def _dying(chance: random.Random) -> Iterator[None]:
    """One time in eight, a statement from now on is the last of its transaction."""
    left = chance.randint(1, 40) if chance.random() < 0.125 else 0
    real = db.execute

    def execute(sql: str, *params: object) -> int:
        nonlocal left
        left -= 1
        if left == 0:
            raise _Died
        return real(sql, *params)

    db.execute = execute if left else real  # type: ignore[assignment]
    try:
        yield
    finally:
        db.execute = real


class Life:
    """Random things that payers, gateways and time do to a few workspaces; every step may be refused, none may lie."""

    def __init__(self, runtime: Runtime, seed: int) -> None:
        self._runtime, self._chance, self.now = runtime, random.Random(seed), NOW
        self._desk = Desk(runtime.gateways, "https://bot.example")
        self._who = [owner(f"Payer {n}", plan="free", now=NOW) for n in range(3)]
        self._number = 0
        self._paid: list[str] = []

    def step(self) -> None:
        who = self._chance.choice(self._who)
        act = self._chance.choice(
            [self._buy, self._buy, self._buy, self._click, self._refund, self._cancel, self._next]
        )
        with suppress(AppError, _Died), _dying(self._chance):
            act(who)
        self.now += timedelta(hours=self._chance.choice([1, 20, 100, 400]))
        recognising.recognise(now=self.now)
        for sub_id in lifecycle.open_subscriptions():
            lifecycle.advance(sub_id, self._desk, now=self.now)

    def _buy(self, who: Owner) -> None:
        plan = self._chance.choice(["pro", "business", "network"])
        of = order(self._runtime, who, "payme", plan=plan, now=self.now)
        self._number += 1
        payme_id = f"{self._number:024d}"
        if buying.create(of, payme_id, at=self.now, now=self.now).get("state") == 1:
            late = self.now + timedelta(hours=self._chance.choice([0, 1, 13]))
            if buying.payme("PerformTransaction", id=payme_id, now=late).get("state") == 2:
                self._paid.append(payme_id)

    def _click(self, who: Owner) -> None:
        of = order(self._runtime, who, "click", now=self.now)
        self._number += 1
        prepared = buying.prepare(of, self._number, now=self.now).get("merchant_prepare_id", 0)
        error = self._chance.choice([0, 0, -1])
        for _ in range(2):
            buying.complete(of, self._number, prepared, error=error, now=self.now)

    def _refund(self, _who: Owner) -> None:
        if self._paid:
            payme_id = self._paid.pop(self._chance.randrange(len(self._paid)))
            buying.payme("CancelTransaction", id=payme_id, reason=5, now=self.now)

    def _cancel(self, who: Owner) -> None:
        change = self._chance.choice([subscriptions.cancel, subscriptions.undo_cancel])
        change(who.workspace.id, user_id=None, now=self.now)

    def _next(self, who: Owner) -> None:
        plan = self._chance.choice(["pro", "business", "network"])
        interval = self._chance.choice(["month", "year"])
        subscriptions.choose_next(who.workspace.id, plan, interval, user_id=None, now=self.now)


@pytest.mark.parametrize("seed", range(LIVES))
def test_56_and_62_whatever_happens_books_and_revenue_add_up(runtime: Runtime, seed: int) -> None:
    """Every eighth transaction breaks off somewhere in it, as if the process had died there."""
    life = Life(runtime, seed)
    for _ in range(60):
        life.step()
    assert buying.books_are_right()
    states_of = dict(db.rows("SELECT state, COALESCE(SUM(amount_minor), 0) FROM payment GROUP BY state"))
    held = sum(ledger.balance(ledger.clearing(gateway), "UZS") for gateway in ("payme", "click"))
    assert held == states_of.get("succeeded", 0), "what the gateways hold is what was paid and not given back"
    deferred = db.row("SELECT SUM(deferred_minor), MIN(deferred_minor) FROM revenue_schedule") or (0, 0)
    assert -ledger.balance(ledger.DEFERRED, "UZS") == deferred[0] and deferred[1] >= 0, "what is owed in days to come"
    assert ledger.balance(ledger.RECEIVABLE, "UZS") == 0, "nothing is owed on an invoice that is paid when it is made"
    live = [s for s in _subscriptions() if s.state in (states.ACTIVE, states.PAST_DUE)]
    worth = sum(revenue.worth(sub, now=life.now) for sub in live)
    assert revenue.at(life.now + DAY, "UZS") == worth, "the movements sum to what is paid for now"
    moves = db.rows("SELECT kind, delta_minor FROM mrr_movement ORDER BY id")
    assert all((delta > 0) == (kind in ("new", "expansion", "reactivation")) for kind, delta in moves)
    numbers = db.rows(
        "SELECT series, COUNT(*), MIN(number), MAX(number) FROM invoice WHERE number IS NOT NULL GROUP BY series"
    )
    assert all((first, last) == (1, count) for _, count, first, last in numbers)
    plans = {w: p for w, p in db.rows("SELECT workspace_id, plan FROM workspace_plan")}
    assert all(plans[sub.workspace] == sub.plan or sub.switch_at is not None for sub in live), (
        "or it waits for its period"
    )
    assert buying.count("checkout_order WHERE deliveries > 1") == 0 and len(moves) > 3


def _subscriptions() -> list[subscriptions.Subscription]:
    from app.core.tenancy import unscoped

    with unscoped("a test of all of them"):
        return list(subscriptions.Subscription.select())


def test_without_the_compare_and_set_one_payment_is_delivered_twice(
    runtime: Runtime, buyer: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harm that the guard prevents: the callback comes twice, and the ledger's own key is all that is left."""
    of = order(runtime, buyer, "payme")
    with db.write():
        payment_id = settling.begin(of.id, "1", now=NOW)
    assert settling.settle(payment_id, now=NOW) is True and settling.settle(payment_id, now=NOW) is False
    assert buying.as_paid(of) == ("paid", 1)
    monkeypatch.setattr(settling, "_win", lambda *_, **__: True)
    with pytest.raises(IntegrityError):
        settling.settle(payment_id, now=NOW)
    monkeypatch.setattr(ledger, "book", lambda *_, **__: None)
    settling.settle(payment_id, now=NOW)
    assert buying.count("refund WHERE state = 'due'") == 1, "money is owed back that came once"


def test_an_invoice_with_a_number_is_never_void(runtime: Runtime, buyer: Owner) -> None:
    buying.bought_by_payme(order(runtime, buyer, "payme"), "1" * 24)
    paid: Invoice = Invoice.get(Invoice.workspace == buyer.workspace.id)
    with pytest.raises(ValueError, match="is paid"):
        invoices.void(paid, now=NOW)
