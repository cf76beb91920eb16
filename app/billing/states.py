"""The life of a subscription as one table: each pair of state and event is listed here, or it is refused.

Source: facts/payments.md 3.1. `ended` states are never left: a new payment makes a new subscription.
"""

from __future__ import annotations

from typing import Literal

from app.core.errors import Conflict
from app.core.i18n import N_

State = Literal["incomplete", "trialing", "active", "past_due", "paused", "canceled", "expired", "incomplete_expired"]
INCOMPLETE, TRIALING, ACTIVE, PAST_DUE, PAUSED = "incomplete", "trialing", "active", "past_due", "paused"
CANCELED, EXPIRED, INCOMPLETE_EXPIRED = "canceled", "expired", "incomplete_expired"
STATES = (INCOMPLETE, TRIALING, ACTIVE, PAST_DUE, PAUSED, CANCELED, EXPIRED, INCOMPLETE_EXPIRED)
ENDED = frozenset({CANCELED, EXPIRED, INCOMPLETE_EXPIRED})

PAID, LAPSED, GRACE_OVER, ORDERS_EXPIRED = "paid", "lapsed", "grace_over", "orders_expired"
CANCEL_NOW, CANCEL_AT_END, UNDO_CANCEL, PERIOD_OVER = "cancel_now", "cancel_at_end", "undo_cancel", "period_over"
PAUSE, RESUME, TAKEN_BACK = "pause", "resume", "taken_back"
EVENTS = (
    *(PAID, LAPSED, GRACE_OVER, ORDERS_EXPIRED, CANCEL_NOW, CANCEL_AT_END, UNDO_CANCEL, PERIOD_OVER),
    *(PAUSE, RESUME, TAKEN_BACK),
)

TRANSITIONS: dict[tuple[str, str], str] = {
    (INCOMPLETE, PAID): ACTIVE,
    (INCOMPLETE, ORDERS_EXPIRED): INCOMPLETE_EXPIRED,
    (INCOMPLETE, CANCEL_NOW): INCOMPLETE_EXPIRED,
    (TRIALING, PAID): ACTIVE,
    (TRIALING, LAPSED): PAST_DUE,
    (TRIALING, CANCEL_NOW): CANCELED,
    (TRIALING, CANCEL_AT_END): TRIALING,
    (TRIALING, UNDO_CANCEL): TRIALING,
    (TRIALING, PERIOD_OVER): CANCELED,
    (ACTIVE, PAID): ACTIVE,
    (ACTIVE, LAPSED): PAST_DUE,
    (ACTIVE, CANCEL_NOW): CANCELED,
    (ACTIVE, CANCEL_AT_END): ACTIVE,
    (ACTIVE, UNDO_CANCEL): ACTIVE,
    (ACTIVE, PERIOD_OVER): CANCELED,
    (ACTIVE, PAUSE): PAUSED,
    (ACTIVE, TAKEN_BACK): CANCELED,
    (PAST_DUE, PAID): ACTIVE,
    (PAST_DUE, GRACE_OVER): EXPIRED,
    (PAST_DUE, CANCEL_NOW): CANCELED,
    (PAST_DUE, TAKEN_BACK): CANCELED,
    (PAUSED, RESUME): ACTIVE,
    (PAUSED, CANCEL_NOW): CANCELED,
    (PAUSED, TAKEN_BACK): CANCELED,
}

TAKEN_FROM = frozenset(state for state, event in TRANSITIONS if event == TAKEN_BACK)


def after(state: str, event: str) -> str:
    """The state that an event leads to. Raises Conflict (`not_now`) for a pair that is not listed."""
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise Conflict(N_("The subscription does not allow this now."), code="not_now")
    return found
