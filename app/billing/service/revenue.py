"""Monthly recurring revenue as append-only movements: their sum is the revenue of today.

Definitions: facts/payments.md 4 (ChartMogul): without tax, years by twelve, 30 days of Stars by 365/360.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from app.billing import periods, revenue_metrics, states
from app.billing.models import Subscription
from app.billing.rates import service as rates
from app.billing.rates.base import FOREIGN, HOME, Told
from app.billing.rates.book import HOLDS_DAYS, Book
from app.billing.revenue_metrics import CHURN, ConvertedBridge, Days, Figures, Movement, kind_of
from app.billing.service import taxes
from app.core import db

INTO = (HOME, *FOREIGN)
_STARS = "XTR"  # no bank sets a rate for it: a book of its own


def worth(sub: Subscription, *, now: datetime) -> int:
    """What a subscription brings a month while it is paid for, in minor units, without tax and less its discount."""
    paid = sub.price_minor - sub.discount_minor
    net = paid - taxes.within(paid, taxes.rate_bp(sub.currency, now=now))
    return periods.monthly_minor(net, sub.interval)


def move(sub: Subscription, to_minor: int, reference: str, *, now: datetime) -> None:
    """Bring a subscription's share to `to_minor`, inside the running transaction; `reference` makes it happen once."""
    delta = to_minor - _share(sub)
    if not delta:
        return
    before, is_known = _of_account(sub.account, sub.currency)
    db.execute(
        "INSERT INTO mrr_movement (workspace_id, account_id, subscription_id, kind, currency, delta_minor, reference,"
        " effective_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(sub.workspace, sub.account, sub.id, kind_of(before, delta, is_known=is_known)),
        *(sub.currency, delta, reference, db.stamp(now)),
    )


def _share(sub: Subscription) -> int:
    found = db.row("SELECT COALESCE(SUM(delta_minor), 0) FROM mrr_movement WHERE subscription_id = ?", sub.id)
    return int(found[0]) if found else 0


def _of_account(account_id: int, currency: str) -> tuple[int, bool]:
    """(revenue now, whether there ever was any) of a payer in a currency."""
    found = db.row(
        "SELECT COALESCE(SUM(delta_minor), 0), COUNT(*) FROM mrr_movement WHERE account_id = ? AND currency = ?",
        *(account_id, currency),
    )
    assert found is not None
    return int(found[0]), found[1] > 0


def at(moment: datetime, currency: str) -> int:
    """The recurring revenue of a moment: the sum of all movements until then."""
    found = db.row(
        "SELECT COALESCE(SUM(delta_minor), 0) FROM mrr_movement WHERE currency = ? AND effective_at <= ?",
        *(currency, db.stamp(moment)),
    )
    return int(found[0]) if found else 0


def currencies() -> list[str]:
    """Those that there is, or was, recurring revenue in."""
    return [str(one) for (one,) in db.rows("SELECT DISTINCT currency FROM mrr_movement ORDER BY currency")]


def figures(currency: str, start: datetime, end: datetime) -> Figures:
    """The revenue's figures of (start, end] in a currency, over all customers. Raises ValueError when end <= start."""
    return revenue_metrics.figures(_movements(currency, end), start, end)


def _movements(currency: str, end: datetime) -> Iterator[Movement]:
    found = db.rows(
        "SELECT m.account_id, m.kind, m.delta_minor, m.effective_at, s.state FROM mrr_movement m JOIN subscription s"
        " ON s.id = m.subscription_id WHERE m.currency = ? AND m.effective_at <= ?",
        *(currency, db.stamp(end)),
    )
    for account, kind, delta, at, state in found:
        yield Movement(account, kind, delta, db.moment(at), is_unpaid=kind == CHURN and state == states.EXPIRED)


@dataclass(frozen=True, slots=True)
class HeldRate:
    """The rate of a currency that holds on a day; `told.day` is the one on which it was set."""

    day: date
    told: Told

    @property
    def sums(self) -> Decimal:
        """What `told.nominal` units cost."""
        return Decimal(self.told.uzs_micro or 0).scaleb(-6)


@dataclass(frozen=True, slots=True)
class AllInOne:
    """The bridge of all currencies but Stars in one, and the rates of its first and last day.

    `has_stars`: there is revenue in Stars, which is not in it.
    """

    bridge: ConvertedBridge
    rates: tuple[HeldRate, ...]
    has_stars: bool

    @property
    def missing_days(self) -> str:
        """As "USD 2026-11-03, EUR 2026-11-03"."""
        return ", ".join(f"{gap.currency} {gap.day}" for gap in self.bridge.missing)

    @property
    def command(self) -> str:
        """What asks the bank for all that is missing, and for the days whose rates might hold on."""
        days = [gap.day for gap in self.bridge.missing]
        return f"analyticbot billing rates --from {min(days) - timedelta(days=HOLDS_DAYS)} --to {max(days)}"


def all_in_one(into: str, start: datetime, end: datetime, *, now: datetime) -> AllInOne | None:
    """The revenue of (start, end] in one of INTO; None while there is none but in Stars.

    A moment that is still to come is valued at the rates of today.
    """
    known = currencies()
    paid = [one for one in known if one != _STARS]
    if not paid:
        return None
    days = Days(rates.day_of(min(start, now)), rates.day_of(min(end, now)), rates.day_of)
    book = rates.book_of(days.start, days.end)
    moves = {one: _movements(one, end) for one in paid}
    needed = [one for one in FOREIGN if one in paid or one == into] if {*paid, into} != {into} else []
    held = [HeldRate(day, told) for day in sorted({days.start, days.end}) for told in _held(book, needed, day)]
    return AllInOne(
        revenue_metrics.converted(moves, start, end, into, book, days), tuple(held), has_stars=_STARS in known
    )


def _held(book: Book, wanted: list[str], day: date) -> Iterator[Told]:
    for currency in wanted:
        found = book.held(currency, day)
        if isinstance(found, Told):
            yield found
