"""Telegram Stars: what is asked before a payment, booked after it, renewed, stopped and given back.

The numbers in the names are those of facts/payments.md 5.4; the scenarios of aiogram-stars are told in our own words.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from functools import partial

import pytest

from app.billing import queries, timeline
from app.billing.gateways.stars import duties, statement, till
from app.billing.gateways.stars.till import Paid, Question, Till
from app.billing.money_models import CheckoutOrder
from app.billing.service import orders, subscriptions
from app.billing.service.counter import DomainOrders
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import db
from app.core.errors import Conflict, Invalid
from app.core.money import price
from app.telegram.port import StarTransaction
from tests.billing import buying
from tests.billing.buying import at_once, count
from tests.conftest import NOW
from tests.world import Owner, owner

BOBUR, STARS = 77, 700
MONTH = timedelta(days=30)
_numbers = itertools.count(1)


@pytest.fixture
def desk(runtime: Runtime) -> Till:
    return runtime.till


def ordered(runtime: Runtime, who: Owner, *, plan: str = "pro", now: datetime = NOW) -> CheckoutOrder:
    way = runtime.gateways.get("stars")
    return orders.open_order(who.workspace.id, plan, "days30", way, user_id=who.user.id, now=now)


def asks(desk: Till, of: CheckoutOrder, *, now: datetime = NOW, **other: object) -> str | None:
    asked = {"payload": desk.payload(of.public_id), "currency": "XTR", "amount": STARS, "telegram_user_id": BOBUR}
    return desk.decide(Question(f"q{next(_numbers)}", **(asked | other)), now=now)  # type: ignore[arg-type]


def paid(
    desk: Till, of: CheckoutOrder, charge: str, *, is_first: bool = True, at: datetime = NOW, amount: int = STARS
) -> Paid:
    payload = desk.payload(of.public_id)
    return Paid(charge, BOBUR, payload, "XTR", amount, True, is_first, at + MONTH)


def bought(runtime: Runtime, who: Owner, charge: str = "first", *, now: datetime = NOW) -> CheckoutOrder:
    of = ordered(runtime, who, now=now)
    assert runtime.till.take(paid(runtime.till, of, charge, at=now), now=now)
    return of


def renewed(desk: Till, of: CheckoutOrder, charge: str, *, now: datetime) -> bool:
    return desk.take(paid(desk, of, charge, is_first=False, at=now), now=now)


def test_a_payment_is_asked_about_taken_and_delivered_once(runtime: Runtime, buyer: Owner, desk: Till) -> None:
    of = ordered(runtime, buyer)
    assert asks(desk, of) is None
    payment = paid(desk, of, "c1")
    assert desk.take(payment, now=NOW) and not desk.take(payment, now=NOW)
    assert buying.as_paid(of) == ("paid", 1) and plan_of(buyer.workspace.id) == "pro"
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and (sub.period_start, sub.period_end) == (NOW, NOW + MONTH)
    assert count("ledger_entry WHERE kind = 'payment' AND currency = 'XTR'") == 1 and buying.books_are_right()
    assert db.row("SELECT tax_minor, total_minor FROM invoice WHERE id = ?", of.invoice) == (0, STARS)
    assert db.row("SELECT delta_minor FROM mrr_movement") == (710,), "700 * 365 / 360, rounded half up"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"amount": STARS - 1}, till.UNKNOWN),
        ({"currency": "USD"}, till.UNKNOWN),
        ({"payload": "x" * 55}, till.UNKNOWN),
        ({"payload": "é.é"}, till.UNKNOWN),
        ({"telegram_user_id": 4711}, till.NOT_YOURS),
    ],
)
def test_35_what_does_not_fit_is_refused_before_anything_is_paid(
    runtime: Runtime, buyer: Owner, desk: Till, other: dict[str, object], told: str
) -> None:
    assert asks(desk, ordered(runtime, buyer), **other) == told
    assert count("payment") == 0


def test_35_a_signature_of_somebody_else_is_worth_nothing(runtime: Runtime, buyer: Owner, desk: Till) -> None:
    of = ordered(runtime, buyer)
    forged = Till(DomainOrders(), "another key").payload(of.public_id)
    assert asks(desk, of, payload=forged) == till.UNKNOWN
    assert asks(desk, of, payload=of.public_id) == till.UNKNOWN, "the order's number alone is no payload"
    assert not desk.take(Paid("c1", BOBUR, forged, "XTR", STARS, True, True, None), now=NOW)
    assert db.rows("SELECT kind, reference FROM difference") == [("foreign", "c1")] and count("payment") == 0


def test_35_a_stale_order_and_a_paid_one_are_refused_and_repetitions_are_told_the_same(
    runtime: Runtime, buyer: Owner, desk: Till
) -> None:
    of = ordered(runtime, buyer)
    question = Question("again", BOBUR, desk.payload(of.public_id), "XTR", STARS)
    assert desk.decide(question, now=NOW) is None
    assert asks(desk, of, now=of.expires_at) == till.OVER
    orders.expire(now=of.expires_at)
    assert asks(desk, of, now=of.expires_at) == till.OVER
    assert desk.decide(question, now=of.expires_at) is None, "as it was told before"
    other = bought(runtime, buyer, now=NOW)
    assert asks(desk, other) == till.DONE


def test_36_the_same_payment_in_many_processes_at_once_is_one_period(
    runtime: Runtime, buyer: Owner, desk: Till
) -> None:
    of = ordered(runtime, buyer)
    payment = paid(desk, of, "c1")
    assert sorted(at_once([partial(desk.take, payment, now=NOW)] * 8)) == [False] * 7 + [True]
    assert buying.as_paid(of) == ("paid", 1) and count("star_payment") == 1 and buying.books_are_right()


def test_37_a_renewal_that_comes_days_late_continues_without_a_gap(runtime: Runtime, buyer: Owner, desk: Till) -> None:
    of = bought(runtime, buyer)
    late = NOW + MONTH + timedelta(days=2)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None
    subscriptions.lapse(sub, now=late)
    assert renewed(desk, of, "c2", now=late) and not renewed(desk, of, "c2", now=late)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and (sub.state, sub.period_index) == ("active", 1)
    assert (sub.period_start, sub.period_end) == (NOW + MONTH, NOW + 2 * MONTH)
    assert renewed(desk, of, "c3", now=NOW + 2 * MONTH)
    assert count("invoice WHERE state = 'paid'") == 3 and count("checkout_order") == 3 and buying.books_are_right()


def test_renewals_keep_the_price_that_they_began_with(runtime: Runtime, buyer: Owner, desk: Till) -> None:
    of = bought(runtime, buyer)
    with db.write():
        db.execute("UPDATE plan_price SET amount_minor = 900 WHERE plan_id = 'pro' AND currency = 'XTR'")
    assert renewed(desk, of, "c2", now=NOW + MONTH)
    assert db.rows("SELECT total_minor FROM invoice ORDER BY id") == [(STARS,), (STARS,)]


def test_38_a_second_subscription_is_refused_and_what_slips_through_goes_back_once(
    runtime: Runtime, buyer: Owner, desk: Till
) -> None:
    one, two = ordered(runtime, buyer), ordered(runtime, buyer)
    assert asks(desk, one) is None and asks(desk, two) is None
    assert desk.take(paid(desk, one, "c1"), now=NOW)
    assert asks(desk, two) in (till.NOT_NOW, till.OVER)
    assert desk.take(paid(desk, two, "c2"), now=NOW)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and sub.period_index == 0, "one period, not two"
    (due,) = duties.refunds_due()
    assert (due.charge_id, due.telegram_user_id) == ("c2", BOBUR)
    assert duties.renewals_to_tell() == [duties.Renewal("c2", BOBUR, is_stopped=True)], "it must not renew either"
    desk.orders.refund_sent(due.refund_id, now=NOW)
    desk.orders.refund_sent(due.refund_id, now=NOW)
    desk.refunded("c2", now=NOW)
    assert duties.refunds_due() == [] and count("ledger_entry WHERE kind = 'refund'") == 1
    assert count("refund") == 1 and plan_of(buyer.workspace.id) == "pro" and buying.books_are_right()
    assert db.row("SELECT SUM(amount_minor) FROM ledger_posting WHERE ledger_account = 'clearing:stars'") == (STARS,)


def test_without_the_look_before_it_a_second_payment_would_be_a_second_period(
    runtime: Runtime, buyer: Owner, desk: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = ordered(runtime, buyer), ordered(runtime, buyer)
    monkeypatch.setattr(DomainOrders, "can_deliver", lambda self, order: True)
    assert desk.take(paid(desk, one, "c1"), now=NOW) and desk.take(paid(desk, two, "c2"), now=NOW)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and sub.period_index == 1


def test_39_a_failed_renewal_is_late_and_a_later_success_heals_it(runtime: Runtime, buyer: Owner, desk: Till) -> None:
    of = bought(runtime, buyer)
    at = NOW + MONTH + timedelta(minutes=5)
    desk.changed(desk.payload(of.public_id), "failed", now=at)
    desk.changed(desk.payload(of.public_id), "failed", now=at)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and (sub.state, sub.past_due_at) == ("past_due", NOW + MONTH)
    assert renewed(desk, of, "c2", now=at + timedelta(hours=3))
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and (sub.state, sub.period_start) == ("active", NOW + MONTH)


def test_who_is_late_may_begin_anew_and_the_old_renewals_are_stopped(
    runtime: Runtime, buyer: Owner, desk: Till
) -> None:
    of = bought(runtime, buyer)
    at = NOW + MONTH + timedelta(days=1)
    desk.changed(desk.payload(of.public_id), "failed", now=at)
    second = ordered(runtime, buyer, now=at)
    assert asks(desk, second, now=at) is None and desk.take(paid(desk, second, "c2", at=at), now=at)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and (sub.state, sub.period_start) == ("active", NOW + MONTH)
    assert duties.renewals_to_tell() == [duties.Renewal("first", BOBUR, is_stopped=True)]
    duties.renewal_told(duties.renewals_to_tell()[0])
    assert duties.renewals_to_tell() == []


def test_40_a_refund_of_telegrams_own_ends_the_plan_and_is_booked_once(
    runtime: Runtime, buyer: Owner, desk: Till
) -> None:
    of = bought(runtime, buyer)
    desk.refunded("first", now=NOW)
    desk.refunded("first", now=NOW)
    assert buying.as_paid(of)[0] == "taken_back" and plan_of(buyer.workspace.id) == "free"
    assert count("credit_note") == 1 and count("ledger_entry WHERE kind = 'refund'") == 1 and buying.books_are_right()
    assert duties.renewals_to_tell() == [duties.Renewal("first", BOBUR, is_stopped=True)]
    desk.refunded("nobody's", now=NOW)
    assert db.rows("SELECT kind, reference FROM difference") == [("refund", "nobody's")]


@pytest.mark.parametrize(("minor", "told"), [(700, "700\xa0★"), (1, "1\xa0★"), (10_000, "10,000\xa0★")])
def test_41_stars_have_no_decimals(minor: int, told: str) -> None:
    assert price(minor, "XTR", "en") == told


def test_cancelling_here_is_told_to_telegram_and_cancelling_there_to_nobody(
    runtime: Runtime, buyer: Owner, desk: Till
) -> None:
    of = bought(runtime, buyer)
    assert duties.renewals_to_tell() == []
    subscriptions.cancel(buyer.workspace.id, user_id=buyer.user.id, now=NOW)
    (stop,) = duties.renewals_to_tell()
    assert stop == duties.Renewal("first", BOBUR, is_stopped=True)
    duties.renewal_told(stop)
    subscriptions.undo_cancel(buyer.workspace.id, user_id=buyer.user.id, now=NOW)
    assert duties.renewals_to_tell() == [duties.Renewal("first", BOBUR, is_stopped=False)]
    duties.renewal_told(duties.renewals_to_tell()[0])
    desk.changed(desk.payload(of.public_id), "canceled", now=NOW)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and sub.is_ending
    assert duties.renewals_to_tell() == [], "a stop of ours would keep the payer from going on in Telegram"
    desk.changed(desk.payload(of.public_id), "active", now=NOW)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and not sub.is_ending and duties.renewals_to_tell() == []


def test_nothing_is_asked_before_the_end_and_it_is_late_only_after_a_grace_for_the_message(
    runtime: Runtime, buyer: Owner
) -> None:
    bought(runtime, buyer)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None
    assert (sub.next_action, sub.next_action_at) == ("lapse", NOW + MONTH + timeline.RENEWAL_SLACK)


def test_beside_a_plan_that_renews_itself_nothing_else_is_sold_or_chosen(runtime: Runtime, buyer: Owner) -> None:
    bought(runtime, buyer)
    for plan in ("pro", "business"):
        with pytest.raises(Conflict, match="renews by itself"):
            ordered(runtime, buyer, plan=plan)
    with pytest.raises(Conflict, match="Cancel first"):
        subscriptions.choose_next(buyer.workspace.id, "business", "days30", user_id=None, now=NOW)
    with pytest.raises(Invalid, match="not sold for this time"):
        buying.order(runtime, owner("Other", telegram_user_id=78, plan="free", now=NOW), "stars")


def test_a_payment_after_the_end_begins_a_new_subscription(runtime: Runtime, buyer: Owner, desk: Till) -> None:
    of = bought(runtime, buyer)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None
    with db.write():
        subscriptions.end(subscriptions.held(buyer.workspace.id), "cancel_now", now=NOW + MONTH)  # type: ignore[arg-type]
    assert renewed(desk, of, "c2", now=NOW + 2 * MONTH)
    again = subscriptions.live(buyer.workspace.id)
    assert again is not None and again.id != sub.id and again.state == "active"
    assert [kind for (kind,) in db.rows("SELECT kind FROM mrr_movement ORDER BY id")] == [
        "new",
        "churn",
        "reactivation",
    ]


def test_links_are_wanted_until_they_are_made_and_a_refusal_waits(runtime: Runtime, buyer: Owner) -> None:
    of = ordered(runtime, buyer)
    (wanted,) = duties.links_wanted(NOW)
    assert (wanted.public_id, wanted.plan, wanted.amount) == (of.public_id, "pro", STARS)
    duties.link_failed(of.id, "no", wait=timedelta(minutes=1), now=NOW)
    assert duties.links_wanted(NOW) == [] and len(duties.links_wanted(NOW + timedelta(minutes=1))) == 1
    duties.link_made(of.id, "https://t.me/$one", now=NOW)
    duties.link_made(of.id, "https://t.me/$two", now=NOW)
    assert duties.links_wanted(NOW + timedelta(hours=1)) == []
    way = runtime.gateways.get("stars")
    assert orders.pay_url(of, way, language="en", base_url="https://x") == "https://t.me/$one"


def stated(
    of: CheckoutOrder, desk: Till, charge: str, *, stars: int = STARS, is_refund: bool = False
) -> StarTransaction:
    payload = "" if is_refund else desk.payload(of.public_id)
    return StarTransaction(charge, BOBUR, payload, stars, 2_592_000, NOW, is_refund)


def test_58_a_statement_heals_what_we_lack_and_names_what_differs(runtime: Runtime, buyer: Owner, desk: Till) -> None:
    of = ordered(runtime, buyer)

    def healed(one: StarTransaction, *, now: datetime = NOW + MONTH) -> int:
        return statement.compare(desk, [one], now=now)

    lost = stated(of, desk, "c1")
    assert healed(lost, now=NOW) == 1
    assert buying.as_paid(of) == ("paid", 1) and plan_of(buyer.workspace.id) == "pro"
    assert healed(lost, now=NOW) == 0, "twice is harmless"
    assert not desk.take(paid(desk, of, "c1"), now=NOW), "the message that comes after all changes nothing"
    assert healed(stated(of, desk, "c2")) == 1
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and sub.period_index == 1
    assert healed(stated(of, desk, "c2", stars=1)) == 0
    refund = stated(of, desk, "c2", is_refund=True)
    assert (healed(refund), healed(refund)) == (1, 0)
    assert plan_of(buyer.workspace.id) == "free" and buying.books_are_right()
    statement.name_unstated(desk, now=NOW + 3 * MONTH)
    assert db.rows("SELECT kind, reference FROM difference") == [("amount", "c2")]


def test_58_what_telegram_does_not_know_a_day_later_is_named(runtime: Runtime, buyer: Owner, desk: Till) -> None:
    bought(runtime, buyer)
    statement.name_unstated(desk, now=NOW + timedelta(hours=23))
    assert count("difference") == 0
    for _ in range(2):
        statement.name_unstated(desk, now=NOW + timedelta(hours=25))
    assert db.rows("SELECT kind, reference FROM difference") == [("unstated", "first")]


def test_what_was_stopped_renews_only_when_its_payer_starts_it_again_in_telegram(
    runtime: Runtime, buyer: Owner, desk: Till
) -> None:
    of = bought(runtime, buyer)

    def is_dormant() -> bool:
        standing = queries.standing_of(buyer.workspace.id, now=NOW)
        assert standing is not None and standing.is_renewed_there
        return standing.is_dormant

    assert not is_dormant()
    subscriptions.cancel(buyer.workspace.id, user_id=None, now=NOW)
    duties.renewal_told(duties.renewals_to_tell()[0])
    subscriptions.undo_cancel(buyer.workspace.id, user_id=None, now=NOW)
    duties.renewal_told(duties.renewals_to_tell()[0])
    assert is_dormant(), "we allow it; Telegram does not do it by itself"
    desk.changed(desk.payload(of.public_id), "active", now=NOW)
    assert not is_dormant()
    desk.changed(desk.payload(of.public_id), "canceled", now=NOW)
    assert is_dormant()
    renewed(desk, of, "c2", now=NOW + MONTH)
    assert not is_dormant(), "it was renewed all the same"


def test_what_happens_to_a_replaced_or_refunded_subscription_is_nothing_to_the_one_that_runs(
    runtime: Runtime, buyer: Owner, desk: Till
) -> None:
    old = bought(runtime, buyer)
    at = NOW + MONTH + timedelta(days=1)
    desk.changed(desk.payload(old.public_id), "failed", now=at)
    new = ordered(runtime, buyer, now=at)
    assert desk.take(paid(desk, new, "c2", at=at), now=at)
    for state in ("failed", "canceled"):
        desk.changed(desk.payload(old.public_id), state, now=at)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and (sub.state, sub.is_ending) == ("active", False)
    desk.changed(desk.payload(new.public_id), "canceled", now=at)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None and sub.is_ending


def test_after_a_change_of_the_secret_key_a_renewal_of_before_is_still_ours(runtime: Runtime, buyer: Owner) -> None:
    """Telegram brings the payload of the first payment with each renewal, for years."""
    old, new = Till(DomainOrders(), "the key of before"), Till(DomainOrders(), "the new key", "the key of before")
    of = ordered(runtime, buyer)
    assert old.take(paid(old, of, "c1"), now=NOW)
    later = NOW + MONTH
    renewal = Paid("c2", BOBUR, old.payload(of.public_id), "XTR", STARS, True, False, later + MONTH)
    forgetful = Till(DomainOrders(), "the new key")
    assert not forgetful.take(renewal, now=later), "without the key of before nobody knows whose it is"
    assert new.take(renewal, now=later) and db.rows("SELECT period_index FROM subscription") == [(1,)]
    assert new.payload(of.public_id) != old.payload(of.public_id), "what is signed now is signed by the new one"
