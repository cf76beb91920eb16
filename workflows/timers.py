"""When lanes and subscriptions wake: pure arithmetic on milliseconds. Standard library only."""

from __future__ import annotations

# No timer of Temporal's stands on a post's path: it may be a second late. The attempt waits for the last seconds itself.
AHEAD_MS = 3_000
LEAST_TIMER_MS = 2_000


def lane_wait_ms(now_ms: int, next_ready_ms: int | None, blocked_until_ms: int | None) -> int | None:
    """How long a lane rests: 0 to look at once, None for as long as nobody says "look" (an idle lane holds no timer)."""
    if next_ready_ms is None:
        return None
    wake_ms = next_ready_ms - AHEAD_MS
    if blocked_until_ms is not None:
        wake_ms = max(wake_ms, blocked_until_ms - AHEAD_MS)
    wait_ms = wake_ms - now_ms
    return wait_ms if wait_ms >= LEAST_TIMER_MS else 0


# A timer of years would outlive the code that set it, and a clock that was wrong: a subscription looks at least so often.
LONGEST_REST_MS = 35 * 24 * 60 * 60 * 1000


def subscription_wait_ms(now_ms: int, next_action_ms: int | None) -> int | None:
    """How long a subscription rests: 0 to look at once, None for as long as nobody says "look"."""
    if next_action_ms is None:
        return None
    return min(max(next_action_ms - now_ms, 0), LONGEST_REST_MS)
