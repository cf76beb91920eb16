"""Subscriber curves of the demo: growth with a weekly season, an attack, a purge, a wave of leaving."""

import random
from datetime import UTC, datetime

from simulator.demo.plan import AD_LOSS, ATTACK_SIZE, DAYS, PURGE_AFTER_DAYS, PURGED, Plan
from simulator.views import DAY, HOUR

STEP_S = 4 * HOUR


def organic_series(plan: Plan, now: int, rng: random.Random) -> list[tuple[int, int]]:
    """Real people every four hours; the last value is the plan's subscriber number."""
    begin = now - DAYS * DAY
    level, raw = plan.subscribers * 0.62, []
    step_growth = plan.subscribers * 0.38 / (DAYS * DAY / STEP_S)
    for at in range(begin, now + 1, STEP_S):
        moment = datetime.fromtimestamp(at, UTC)
        season = (0.7 if moment.weekday() >= 5 else 1.12) * (0.5 if moment.hour < 5 else 1.15)
        level += step_growth * season * rng.uniform(-0.2, 2.2)
        level += _event_change(plan, now, at)
        raw.append((at, level))
    # A straight correction brings the end to the planned number without touching the shape.
    error, last = plan.subscribers - raw[-1][1], len(raw) - 1
    return [(at, round(value + error * index / last)) for index, (at, value) in enumerate(raw)]


def _event_change(plan: Plan, now: int, at: int) -> float:
    days_ago = (now - at) / DAY
    if plan.ad_days_ago is not None and plan.ad_days_ago - 3 <= days_ago < plan.ad_days_ago:
        return -plan.subscribers * AD_LOSS / (3 * DAY / STEP_S)
    if plan.viral_days_ago is not None and plan.viral_days_ago - 4 <= days_ago < plan.viral_days_ago:
        return plan.subscribers * 0.05 / (4 * DAY / STEP_S)
    return 0.0


def with_attack(plan: Plan, now: int, organic: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What the counter shows: fakes pour in within a day, look at nothing, and are purged."""
    if plan.attack_days_ago is None:
        return organic
    start = now - plan.attack_days_ago * DAY
    purge = start + PURGE_AFTER_DAYS * DAY
    fakes = plan.subscribers * ATTACK_SIZE
    shown = []
    for at, value in organic:
        extra = fakes * min(1.0, max(0.0, (at - start) / DAY))
        kept = extra * (1 - PURGED) if at >= purge else extra
        shown.append((at, value + round(kept)))
    shift = shown[-1][1] - plan.subscribers  # the remaining fakes belong to the planned number
    return [(at, value - shift) for at, value in shown]
