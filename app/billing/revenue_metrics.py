"""Figures of recurring revenue, computed from its movements alone. No clock, no database.

Definitions: facts/payments.md 4 (ChartMogul's movements; Chargebee's gross retention). A period is (start, end]: the
revenue of a moment has every movement until it, so what one month ends with is what the next begins with. One currency
at a time. Ratios are exact fractions; None where a figure has no meaning, as a share of nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

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
