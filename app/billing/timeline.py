"""What a subscription waits for, computed from its row alone. No clock, no database: the workflow and tests share it.

Dunning (facts/payments.md 3): attempts after 1 hour and 1, 3, 5, 7, 10 and 14 days, by day at 10:00 of the payer's
clock; full access to day 7, read-only to day 14, then it has expired.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.billing.states import ACTIVE, PAST_DUE, TRIALING

INVITE, LAPSE, REMIND, EXPIRE, END = "invite", "lapse", "remind", "expire", "end"
CHARGE, COLLECT, SWITCH = "charge", "collect", "switch"
INVITE_BEFORE = timedelta(days=3)
MOST_UNKNOWN = timedelta(hours=24)  # how long an outcome that nobody knows leaves a plan as it was
RENEWAL_SLACK = timedelta(hours=6)  # how much later than the end a gateway may tell us that it renewed
FULL_ACCESS, GRACE = timedelta(days=7), timedelta(days=14)
TRIAL_GRACE = timedelta(days=3)
DUNNING = (
    timedelta(hours=1),
    *(timedelta(days=day) for day in (1, 3, 5, 7, 10, 14)),
)
TRIAL_DUNNING = (timedelta(hours=1), timedelta(days=1), TRIAL_GRACE)
_BY_DAY = time(10)
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """The facts of a subscription's row that decide what comes next.

    `is_charged`: our engine charges a saved method; `is_renewed_there`: the gateway takes the money by its own clock;
    else the payer pays by a link.
    `is_invited`: the payer was asked to pay for the next period. `collect_at`: when to go on with a charge that is under
    way; until it has an outcome there is no other. `step`: how many dunning steps are done. `is_trial`: nothing was paid
    for yet. `switch_at`: when a plan that was paid for ahead begins.
    """

    state: str
    timezone: str
    period_end: datetime | None
    is_ending: bool = False
    is_charged: bool = False
    is_renewed_there: bool = False
    is_invited: bool = False
    collect_at: datetime | None = None
    past_due_at: datetime | None = None
    step: int = 0
    is_trial: bool = False
    switch_at: datetime | None = None

    @property
    def grace(self) -> timedelta:
        return grace_of(is_trial=self.is_trial)


def next_action(standing: Standing) -> tuple[str, datetime] | None:
    """What to do next, and when; None when only somebody's act moves it on."""
    found = _but_for_switch(standing)
    if standing.switch_at is not None and (found is None or standing.switch_at < found[1]):
        return SWITCH, standing.switch_at
    return found


def _but_for_switch(standing: Standing) -> tuple[str, datetime] | None:
    found = _by_time(standing)
    if standing.collect_at is None:
        return found
    if found is not None and found[0] in (CHARGE, EXPIRE):
        found = _while_unknown(standing)
    if found is not None and found[1] < standing.collect_at:
        return found
    return COLLECT, standing.collect_at


def _while_unknown(standing: Standing) -> tuple[str, datetime] | None:
    """What time brings while a charge has no outcome: a day later than otherwise the payment is late, or the grace over."""
    if standing.state == PAST_DUE and standing.past_due_at is not None:
        return EXPIRE, standing.past_due_at + standing.grace + MOST_UNKNOWN
    return (LAPSE, standing.period_end + MOST_UNKNOWN) if standing.period_end is not None else None


def _by_time(standing: Standing) -> tuple[str, datetime] | None:
    end = standing.period_end
    if standing.state in (ACTIVE, TRIALING) and end is not None:
        if standing.is_ending:
            return END, end
        if standing.is_charged:
            is_told = standing.is_invited or standing.state != TRIALING
            return (CHARGE, end) if is_told else (INVITE, end - INVITE_BEFORE)
        if standing.is_renewed_there:
            return LAPSE, end + RENEWAL_SLACK
        return (LAPSE, end) if standing.is_invited else (INVITE, end - INVITE_BEFORE)
    if standing.state == PAST_DUE and standing.past_due_at is not None:
        over = standing.past_due_at + standing.grace
        at = dunning_at(standing.past_due_at, standing.step, standing.timezone, is_trial=standing.is_trial)
        if at is None or at > over:
            return EXPIRE, over
        return (CHARGE if standing.is_charged else REMIND), at
    return None


def grace_of(*, is_trial: bool) -> timedelta:
    """How long a late payment may still come; a plan that was never paid for waits shorter."""
    return TRIAL_GRACE if is_trial else GRACE


def dunning_at(since: datetime, step: int, zone: str, *, is_trial: bool = False) -> datetime | None:
    """The moment of a dunning step; None after the last. The last one stands on the end of the grace at the latest."""
    steps = TRIAL_DUNNING if is_trial else DUNNING
    if step >= len(steps):
        return None
    offset = steps[step]
    if offset < _A_DAY:
        return since + offset
    if step == len(steps) - 1:
        return since + offset
    local = (since + offset).astimezone(ZoneInfo(zone))
    return local.replace(hour=_BY_DAY.hour, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


def has_full_access(standing: Standing, *, now: datetime) -> bool:
    """Whether the plan's limits hold in full; past due only within seven days."""
    if standing.state == PAST_DUE and standing.past_due_at is not None:
        return now < standing.past_due_at + FULL_ACCESS
    return standing.state in (ACTIVE, TRIALING)
