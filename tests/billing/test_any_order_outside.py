"""Case 60 for the gateways that tell us of what they did themselves: a day of Stripe's and of Telegram's, in any order.

Stripe's events come in any order at all, several times, and at any time after what they are about. Telegram keeps the
order of its updates about one subscription; a payment can be told again at any later time (its list of transactions is
read each hour), while an update itself is stored once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.billing.gateways.stars.till import Paid, Question
from app.billing.money_models import CheckoutOrder
from app.billing.service import orders
from app.boot import Runtime
from app.core import clock, db
from tests.billing import buying, charged
from tests.billing.outside import Outside
from tests.billing.test_any_order import _stands
from tests.billing.test_stripe import Shop, _charge, _session
from tests.conftest import NOW
from tests.world import owner

MINUTE, MONTH, STARS = timedelta(minutes=1), timedelta(days=30), 700
SHUFFLES = 20
_numbers = count(1)
Call = Callable[[datetime], Any]


@dataclass(frozen=True)
class Word:
    """Something that a gateway says; `is_told_again`: it may come a second time, at any later moment."""

    say: Call
    is_told_again: bool = True


def _mixed(lines: list[list[Word]], draw: Random) -> list[Call]:
    """One order of all words that keeps the order within each line; half of those that may are repeated later."""
    turns = [index for index, line in enumerate(lines) for _ in line]
    draw.shuffle(turns)
    left = [iter(line) for line in lines]
    found = [next(left[index]) for index in turns]
    repeated = [word for word in found if word.is_told_again]
    for word in draw.sample(repeated, len(repeated) // 2):
        found.insert(draw.randint(found.index(word) + 1, len(found)), word)
    return [word.say for word in found]


class InStars:
    """One payer's day in Stars."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        self._till, self._payer = runtime.till, 10_000 + next(_numbers)
        self._runtime, self._who = runtime, owner(name, telegram_user_id=self._payer, plan="free", now=NOW)
        self.first = self.order()

    def order(self) -> CheckoutOrder:
        way = self._runtime.gateways.get("stars")
        return orders.open_order(self._who.workspace.id, "pro", "days30", way, user_id=self._who.user.id, now=NOW)

    def asks(self, of: CheckoutOrder) -> Word:
        asked = Question(f"q{next(_numbers)}", self._payer, self._till.payload(of.public_id), "XTR", STARS)
        return Word(lambda now: self._till.decide(asked, now=now))

    def pays(self, of: CheckoutOrder, charge: str, *, is_first: bool = True) -> Word:
        number, until = f"{charge}-{self._payer}", NOW + MONTH
        paid = Paid(number, self._payer, self._till.payload(of.public_id), "XTR", STARS, True, is_first, until)
        return Word(lambda now: self._till.take(paid, now=now))

    def gets_back(self, charge: str) -> Word:
        return Word(lambda now: self._till.refunded(f"{charge}-{self._payer}", now=now))

    def turns(self, of: CheckoutOrder, state: str) -> Word:
        told = self._till.payload(of.public_id)
        return Word(lambda now: self._till.changed(told, state, now=now), is_told_again=False)


def _day_in_stars(runtime: Runtime, name: str) -> tuple[list[CheckoutOrder], list[list[Word]]]:
    payers = [InStars(runtime, f"{name} {number}") for number in range(8)]
    a, b, c, d, e, f, g, h = payers
    second = f.order()
    return [payer.first for payer in payers], [
        [a.asks(a.first), a.pays(a.first, "a")],
        [b.asks(b.first), b.pays(b.first, "b"), b.gets_back("b")],
        [c.asks(c.first)],
        [d.pays(d.first, "d"), d.turns(d.first, "canceled")],
        [e.pays(e.first, "e"), e.turns(e.first, "canceled"), e.turns(e.first, "active")],
        [f.asks(f.first), f.asks(second), f.pays(f.first, "f1"), f.pays(second, "f2")],
        [g.pays(g.first, "g1"), g.pays(g.first, "g2", is_first=False)],
        [h.pays(h.first, "h1"), h.pays(h.first, "h2", is_first=False), h.gets_back("h2")],
    ]


def _end(made: list[CheckoutOrder]) -> list[tuple[Any, ...]]:
    ending = "SELECT is_ending FROM subscription WHERE workspace_id = ? ORDER BY id"
    due = "SELECT r.state FROM refund r WHERE r.workspace_id = ? ORDER BY r.id"
    return [
        (*_stands(of.workspace, of.public_id), db.rows(ending, of.workspace), db.rows(due, of.workspace)) for of in made
    ]


def _say(words: list[Call]) -> None:
    for minute, say in enumerate(words):
        say(NOW + minute * MINUTE)


def test_60_any_order_of_telegrams_day_has_the_same_end(runtime: Runtime) -> None:
    made, lines = _day_in_stars(runtime, "as recorded")
    _say([word.say for line in lines for word in line])
    recorded = _end(made)
    assert [one[0] for one in recorded] == ["paid", "taken_back", "open", "paid", "paid", "paid", "paid", "paid"]
    assert [[int(ending) for (ending,) in one[-2]] for one in recorded][3:5] == [[1], [0]], (
        "stopped; stopped and continued"
    )
    assert [[index for _, _, index in one[2]] for one in recorded][5:7] == [[0], [1]], "one period, and a renewal"
    assert [one[-1] for one in recorded][5:] == [[("due",)], [], [("done",)]], (
        "owed by us; none; Telegram sent it itself"
    )
    draw = Random(60)
    for number in range(SHUFFLES):
        made, lines = _day_in_stars(runtime, f"shuffle {number}")
        _say(_mixed(lines, draw))
        assert _end(made) == recorded
    assert buying.books_are_right() and buying.count("difference") == 0


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    """Of each test's own: what one database sold is foreign to another's statement."""
    with Outside(tmp_path) as running:
        yield running


@pytest.fixture
def selling(database_url: str, tmp_path: Path, outside: Outside) -> Iterator[Runtime]:
    with charged.booted(database_url, tmp_path, outside) as found:
        yield found


def _day_at_stripe(
    runtime: Runtime, outside: Outside, name: str
) -> tuple[list[CheckoutOrder], list[Callable[[], Any]]]:
    """Five payers whose money has moved at Stripe already, and the events that are still to come, each twice."""
    made: list[CheckoutOrder] = []
    events: list[Callable[[], Any]] = []
    for fate in ("paid", "refunded", "part", "lost", "won"):
        shop = Shop(runtime, outside, owner(f"{name} {fate}", plan="free", now=NOW))
        order = shop.order()
        shop.press(shop.page(order))
        intent = shop.intent_of(order)
        told = [("checkout.session.completed", _session(order)), ("payment_intent.succeeded", intent)]
        told += [("charge.succeeded", _charge(shop, intent))]
        if fate in ("refunded", "part"):
            some = {"amount": 300} if fate == "part" else {}
            outside.control_stripe("refund", payment_intent=intent, **some)
            told.append(("charge.refunded", _charge(shop, intent)))
        if fate in ("lost", "won"):
            dispute = outside.control_stripe("dispute", payment_intent=intent)["dispute"]["id"]
            outside.control_stripe("dispute", payment_intent=intent, won=fate == "won")
            told += [(f"charge.dispute.{kind}", dispute) for kind in ("created", "funds_withdrawn", "closed")]
        for kind, about in told:
            events += [partial(shop.hear, kind, about), partial(shop.hear, kind, about, event=f"again {kind} {about}")]
        made.append(order)
    return made, events


def test_60_any_order_of_stripes_day_has_the_same_end(selling: Runtime, outside: Outside) -> None:
    """With a desk that looks after every third event on the average; the dispute may be told before the payment."""

    def follow() -> None:
        selling.desks.run("stripe", clock.utcnow())

    made, events = _day_at_stripe(selling, outside, "as recorded")
    for hear in events:
        hear()
        follow()
    recorded = _end(made)
    assert [one[0] for one in recorded] == ["paid", "taken_back", "paid", "taken_back", "paid"]
    draw = Random(60)
    for number in range(SHUFFLES // 4):
        made, events = _day_at_stripe(selling, outside, f"shuffle {number}")
        draw.shuffle(events)
        for hear in events:
            hear()
            if draw.random() < 1 / 3:
                follow()
        follow()
        assert _end(made) == recorded
    assert buying.books_are_right()
    assert db.rows("SELECT DISTINCT kind, detail FROM difference") == [("dispute", "999 USD disputed")]
