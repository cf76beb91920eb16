"""Figures of recurring revenue, computed from its movements and the rates of exchange alone. No clock, no database.

Definitions: facts/payments.md 4 (ChartMogul's movements; Chargebee's gross retention). A period is (start, end]: the
revenue of a moment has every movement until it, so what one month ends with is what the next begins with. One currency
at a time, or several in one by `converted`. Ratios are exact fractions; None where a figure has no meaning, as a share
of nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from app.billing.rates.book import Book, Missing

NEW, EXPANSION, CONTRACTION, CHURN, REACTIVATION = "new", "expansion", "contraction", "churn", "reactivation"
KINDS = (NEW, EXPANSION, CONTRACTION, CHURN, REACTIVATION)
_WHOLE = 10_000  # basis points
_LONGEST_LIFE = 60  # months: a churn of nearly nothing would promise money for centuries


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of a customer's monthly revenue, in minor units. `is_unpaid`: it ended since nobody paid, not by a wish."""

    account: int
    kind: str
    delta_minor: int
    at: datetime
    is_unpaid: bool = False


@dataclass(frozen=True, slots=True)
class Bridge:
    """From the revenue of one moment to that of another: start and the five movements make the end.

    `unpaid_minor` is the part of the churn that came from payments which failed (delinquent churn), as a loss below zero.
    """

    start_minor: int
    moved_minor: dict[str, int]
    end_minor: int
    unpaid_minor: int

    @property
    def net_minor(self) -> int:
        return sum(self.moved_minor.values())


@dataclass(frozen=True, slots=True)
class ConvertedBridge:
    """A bridge of several currencies in one: start, the five movements and the currency effect make the end.

    A sum is None where a rate is missing for a part of it, and so is the effect where any sum is; `missing` says which.
    """

    currency: str
    start_minor: int | None
    moved_minor: dict[str, int | None]
    effect_minor: int | None
    end_minor: int | None
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class Days:
    """On which days' rates a bridge stands: those of its start and its end, and that of a moment (`of`)."""

    start: date
    end: date
    of: Callable[[datetime], date]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a period says. `ltv_minor` and `arpa_minor` are rounded half up; `customers_lost` were there at the start."""

    bridge: Bridge
    customers_start: int
    customers_end: int
    customers_lost: int
    arr_minor: int
    arpa_minor: int | None
    logo_churn: Fraction | None
    gross_churn: Fraction | None
    net_churn: Fraction | None
    nrr: Fraction | None
    grr: Fraction | None
    quick_ratio: Fraction | None
    ltv_minor: int | None


def kind_of(before_minor: int, delta_minor: int, *, is_known: bool) -> str:
    """What a change is to a customer's revenue `before_minor`; `is_known`: there ever was a movement of theirs."""
    if before_minor == 0:
        return REACTIVATION if is_known else NEW
    if before_minor + delta_minor == 0:
        return CHURN
    return EXPANSION if delta_minor > 0 else CONTRACTION


def figures(movements: Iterable[Movement], start: datetime, end: datetime, *, margin_bp: int = _WHOLE) -> Figures:
    """The figures of (start, end], from all movements of one currency until `end`; `end` is a month after `start`.

    `margin_bp`: the gross margin in basis points, for LTV. Raises ValueError when `end` is not after `start`.
    """
    if end <= start:
        raise ValueError("a period ends after it starts")
    then: dict[int, int] = defaultdict(int)
    now: dict[int, int] = defaultdict(int)
    moved, churned, unpaid = dict.fromkeys(KINDS, 0), set(), 0
    for one in movements:
        if one.at > end:
            continue
        now[one.account] += one.delta_minor
        if one.at <= start:
            then[one.account] += one.delta_minor
            continue
        moved[one.kind] += one.delta_minor
        if one.kind == CHURN:
            churned.add(one.account)
            unpaid += one.delta_minor if one.is_unpaid else 0
    return _figures(Bridge(sum(then.values()), moved, sum(now.values()), unpaid), then, now, churned, margin_bp)


def converted(
    moves: Mapping[str, Iterable[Movement]], start: datetime, end: datetime, into: str, rates: Book, days: Days
) -> ConvertedBridge:
    """The bridge of (start, end] of all currencies in one, from all movements of each until `end`.

    Start and end are the revenue of these moments at the rates of `days.start` and `days.end`; each movement counts at
    the rate of its own day (`days.of`), rounded half up to the minor unit, and stays what it is in its own currency.
    The currency effect is what the end has beyond start and movements: what changed since rates did, and the roundings
    (facts/payments.md 4: "the FX effect is its own column"). With one currency, its own, it is nothing.
    """
    first, last, moved = _Sum(into, rates), _Sum(into, rates), {kind: _Sum(into, rates) for kind in KINDS}
    for currency, ones in moves.items():
        before = after = 0
        for one in ones:
            if one.at > end:
                continue
            after += one.delta_minor
            if one.at <= start:
                before += one.delta_minor
            else:
                moved[one.kind].add(one.delta_minor, currency, days.of(one.at))
        first.add(before, currency, days.start)
        last.add(after, currency, days.end)
    sums = (first, *moved.values(), last)
    missing = {gap for one in sums for gap in one.missing}
    effect = None if missing else last.minor - first.minor - sum(one.minor for one in moved.values())
    return ConvertedBridge(
        currency=into,
        start_minor=first.whole,
        moved_minor={kind: one.whole for kind, one in moved.items()},
        effect_minor=effect,
        end_minor=last.whole,
        missing=tuple(sorted(missing, key=lambda gap: (gap.day, gap.currency))),
    )


class _Sum:
    """Amounts of several currencies, added up in one; what has no rate is missing."""

    def __init__(self, into: str, rates: Book) -> None:
        self._into, self._rates = into, rates
        self.minor, self.missing = 0, set[Missing]()

    @property
    def whole(self) -> int | None:
        return None if self.missing else self.minor

    def add(self, minor: int, currency: str, day: date) -> None:
        worth = self._rates.convert(minor, currency, self._into, day)
        if isinstance(worth, Missing):
            self.missing.add(worth)
        else:
            self.minor += worth


def _figures(bridge: Bridge, then: dict[int, int], now: dict[int, int], churned: set[int], margin_bp: int) -> Figures:
    there = {account: minor for account, minor in then.items() if minor > 0}
    # Who left and came back within the period is lost and won anew: retention has no reactivation.
    kept = {account: 0 if account in churned else now[account] for account in there}
    lost, paying = len(there.keys() & churned), sum(minor > 0 for minor in now.values())
    start, moved = bridge.start_minor, bridge.moved_minor
    gone, won = -(moved[CHURN] + moved[CONTRACTION]), moved[NEW] + moved[EXPANSION] + moved[REACTIVATION]
    arpa, logo_churn = _share(bridge.end_minor, paying), _share(lost, len(there))
    return Figures(
        bridge=bridge,
        customers_start=len(there),
        customers_end=paying,
        customers_lost=lost,
        arr_minor=12 * bridge.end_minor,
        arpa_minor=None if arpa is None else _rounded(arpa),
        logo_churn=logo_churn,
        gross_churn=_share(gone, start),
        net_churn=_share(gone - moved[EXPANSION] - moved[REACTIVATION], start),
        nrr=_share(sum(kept.values()), start),
        grr=_share(sum(min(kept[account], minor) for account, minor in there.items()), start),
        quick_ratio=_share(won, gone),
        ltv_minor=_ltv(arpa, logo_churn, margin_bp),
    )


def _ltv(arpa: Fraction | None, logo_churn: Fraction | None, margin_bp: int) -> int | None:
    """ARPA times margin over logo churn, of at most sixty months."""
    if arpa is None or not logo_churn:
        return None
    return _rounded(arpa * Fraction(margin_bp, _WHOLE) * min(1 / logo_churn, Fraction(_LONGEST_LIFE)))


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _rounded(value: Fraction) -> int:
    """Half up, as money is."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
