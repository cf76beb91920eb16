"""Made-up channels whose truth is known. It shares nothing with the estimator: its own rates, noise and seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

ZONE = "Asia/Tashkent"
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 28


@dataclass(frozen=True)
class MadeUp:
    """Posts and leaves of four weeks; `ad` is the place of the one post that made people leave."""

    posts: list[tuple[int, datetime]]
    leaves: list[datetime]
    ad: int
    planted: int
    now: datetime


def made_up(seed: int, *, with_ad: bool = True) -> MadeUp:
    """3-8 posts a day; leaves by the hour of the day and the weekday, with good and bad days and restless hours."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(1.5, 12.0)  # leaves an hour
    swing, peak = rng.uniform(0.4, 0.95), rng.uniform(17, 22)
    weekend, day_spread, hour_spread = rng.uniform(0.6, 1.5), rng.uniform(0.1, 0.35), rng.uniform(0.15, 0.5)
    leaves = []
    rates = []
    for n in range(DAYS):
        good = rng.gamma(1 / day_spread**2, day_spread**2)
        for hour in range(24):
            local = (BEGIN + timedelta(days=n, hours=hour)).astimezone(ZoneInfo(ZONE))
            shape = 1 + swing * math.cos(2 * math.pi * (local.hour - peak) / 24)
            restless = rng.lognormal(-(hour_spread**2) / 2, hour_spread)
            rate = base * shape * (weekend if local.weekday() >= 5 else 1.0)
            rates.append(rate)
            for _ in range(rng.poisson(rate * good * restless)):
                leaves.append(BEGIN + timedelta(days=n, hours=hour, seconds=float(rng.uniform(0, 3600))))
    posts = []
    for n in range(DAYS):
        midnight = BEGIN + timedelta(days=n) - timedelta(hours=5)  # Tashkent's
        for hour in sorted(rng.uniform(8, 23, size=rng.integers(3, 9))):
            posts.append(midnight + timedelta(hours=float(hour)))
    posts = [at.replace(microsecond=0) for at in posts if at >= BEGIN]
    ad = int(rng.integers(len(posts) // 4, len(posts) - 5))
    planted = 0
    if with_ad:
        hour = int((posts[ad] - BEGIN).total_seconds() // 3600)
        planted = int(12 + 4 * 2 * rates[hour])  # five times what two hours bring
        end = min(7200.0, (posts[ad + 1] - posts[ad]).total_seconds())
        for _ in range(planted):
            leaves.append(posts[ad] + timedelta(seconds=float(min(rng.exponential(1500), 0.95 * end))))
    return MadeUp(list(enumerate(posts)), sorted(leaves), ad, planted, BEGIN + timedelta(days=DAYS))
