"""What the payers of the pure machine mean to do, and what befalls their cards: drawn by a seeded generator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from tests.billing.bills import Coupon

Kind = Literal["try", "buy", "pay", "card", "cancel", "undo_cancel", "good", "poor", "lost"]
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the payer, or the card's bank, does and that has an effect.

    `try`: a trial is started. `buy`: an order of the payer's own, with the coupon if there is one, is opened and paid.
    `pay`: the order is paid that the payer was asked for. `card`: one is saved, and nothing is paid. The last three are
    how the bank looks at the card from now on.
    """

    at: datetime
    kind: Kind


def coupon(draw: Random) -> Coupon:
    """Some coupon; a third of them leaves nothing to pay."""
    return Coupon(draw.choice((20, 33, 50, 75, 100, 100)), draw.choice((1, 3, None)))


def in_period(begun: datetime, end: datetime, draw: Random, *, is_renewed_there: bool, has_card: bool) -> list[Act]:
    """What the payer means to do in a period that has begun and is paid for since `begun`, in order."""
    whim = draw.random()
    prompt = end + draw.random() * (timedelta(hours=5) if is_renewed_there else -timedelta(days=2.9))
    late = end + timedelta(hours=7) + draw.random() * timedelta(days=13.5)
    leaves = begun + _HOUR + draw.random() * (end - 4 * _DAY - begun)
    if has_card and whim < 0.95:
        return _luck_of_card(whim, end - 2 * _HOUR, late)
    if whim < 0.80:
        return [Act(prompt, "pay")]
    if whim < 0.89:
        return [Act(late, "pay")]
    if whim < 0.92:
        return []
    if whim < 0.96:
        return [Act(leaves, "cancel")]
    return [Act(leaves, "cancel"), Act(leaves + 9 * _HOUR, "undo_cancel"), Act(prompt, "pay")]


def _luck_of_card(whim: float, before: datetime, late: datetime) -> list[Act]:
    """What befalls the card before it is charged for the next period."""
    if whim < 0.82:
        return []
    if whim < 0.88:
        return [Act(before, "poor"), Act(late, "good")]
    if whim < 0.90:
        return [Act(before, "poor")]
    return [Act(before, "lost"), *([Act(late, "pay")] if whim < 0.94 else [])]


def in_trial(start: datetime, end: datetime, draw: Random, *, saves_cards: bool, has_coupon: bool) -> list[Act]:
    """What the payer means to do in a trial, and in the three days after it."""
    whim = draw.random()
    pays: Kind = "buy" if draw.random() < 0.67 and has_coupon else "pay"
    early = start + _DAY + draw.random() * timedelta(days=9)
    prompt = end - _HOUR - draw.random() * timedelta(days=2.8)
    late = end + 2 * _HOUR + draw.random() * timedelta(days=2.8)
    if saves_cards and draw.random() < 0.7:
        saved = Act(draw.choice((early, prompt)), "card")
        return [saved, *_luck_of_first_charge(whim, saved.at, end, late, has_coupon=has_coupon)]
    if whim < 0.30:
        return [Act(prompt, pays)]
    if whim < 0.50:
        return [Act(early, "buy")]
    if whim < 0.65:
        return [Act(late, pays)]
    if whim < 0.75:
        return []
    if whim < 0.85:
        return [Act(early, "cancel")]
    if whim < 0.93:
        return [Act(early, "cancel"), Act(early + 9 * _HOUR, "undo_cancel"), Act(prompt, pays)]
    return [Act(early, "cancel"), Act(prompt, "buy")]


def _luck_of_first_charge(
    whim: float, saved: datetime, end: datetime, late: datetime, *, has_coupon: bool
) -> list[Act]:
    """What befalls the card that a trial's end is to be charged to, and its payer."""
    before = end - _HOUR / 2
    if has_coupon and whim < 0.40:
        return [Act(saved + _HOUR / 4, "buy")]
    if whim < 0.60:
        return []
    if whim < 0.70:
        return [Act(before, "poor"), Act(late, "good")]
    if whim < 0.78:
        return [Act(before, "poor")]
    if whim < 0.90:
        return [Act(before, "lost"), *([Act(late, "buy")] if whim < 0.84 else [])]
    return [Act(saved + _HOUR / 4, "cancel")]
