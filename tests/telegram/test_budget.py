"""What a bot may send: posts and everything else apart, each chat by itself, and nobody while Telegram asks to wait."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.boot import Runtime
from app.core import db
from app.telegram import budget

CHANNEL = -1001


def _ms(number: int) -> timedelta:
    return timedelta(milliseconds=number)


def test_posts_leave_one_after_the_other_and_a_pause_is_not_made_up_for(runtime: Runtime, now: datetime) -> None:
    assert [budget.take_post(7, -n, now=now)[0] for n in range(3)] == [0, 0, budget.STEP_ALL_MS / 1000]
    later = now + timedelta(seconds=60)
    assert [budget.take_post(7, -10 - n, now=later)[0] > 0 for n in range(3)] == [False, False, True]


def test_in_a_minute_thirty_a_second_are_never_passed(runtime: Runtime, now: datetime) -> None:
    taken = [n for n in range(1, 3001, 5) if budget.take_post(7, -n, now=now + _ms(n)) == (0, 0)]
    assert 80 <= len(taken) <= 90
    assert all(later - earlier >= 1000 for earlier, later in zip(taken, taken[30:], strict=False))


def test_a_channel_takes_one_a_second_and_twenty_a_minute(runtime: Runtime, now: datetime) -> None:
    taken = [n for n in range(0, 130_000, 250) if budget.take_post(7, CHANNEL, now=now + _ms(n)) == (0, 0)]
    assert all(b - a >= 1000 for a, b in zip(taken, taken[1:], strict=False))
    assert all(b - a >= 60_000 for a, b in zip(taken, taken[20:], strict=False))
    assert len(taken) >= 40


def test_everything_else_goes_first_and_can_starve_no_post(runtime: Runtime, now: datetime) -> None:
    """Ten at once and ten a second: what is left to the posts is two thirds."""
    others = [n for n in range(0, 5_000, 5) if budget.reserve_send(7, 10_000 + n, now=now + _ms(n)) == 0]
    assert 55 <= len(others) <= 60
    posts = 0
    for n in range(10_000, 15_000, 5):
        budget.reserve_send(7, 20_000 + n, now=now + _ms(n))
        posts += budget.take_post(7, -n, now=now + _ms(n)) == (0, 0)
    assert posts >= 80


def test_without_a_bound_of_their_own_others_would_starve_the_posts(runtime: Runtime, now: datetime) -> None:
    """The guard off: others that are not bounded take all that a bot may send."""
    posts = 0
    for n in range(0, 5_000, 5):
        with db.write():
            db.execute("DELETE FROM send_budget WHERE scope = 'other'")
        budget.reserve_send(7, 20_000 + n, now=now + _ms(n))
        posts += budget.take_post(7, -1 - n, now=now + _ms(n)) == (0, 0)
    assert posts < 10


def test_nobody_sends_before_a_retry_after_ends_and_a_shorter_one_does_not_cut_it(
    runtime: Runtime, now: datetime
) -> None:
    budget.obey_retry_after(7, 10, now=now)
    budget.obey_retry_after(7, 2, now=now)
    nearly = now + timedelta(seconds=9.9)
    assert budget.reserve_send(7, 1, now=nearly) > 0
    assert budget.take_post(7, CHANNEL, now=nearly)[0] > 0 and budget.take_call(7, now=nearly) > 0
    assert budget.take_post(8, CHANNEL, now=nearly) == (0, 0)
    assert budget.reserve_send(7, 1, now=now + timedelta(seconds=10)) == 0


def test_what_is_refused_uses_up_nothing(runtime: Runtime, now: datetime) -> None:
    budget.take_post(7, CHANNEL, now=now)
    for n in range(1, 900, 100):
        assert budget.take_post(7, CHANNEL, now=now + _ms(n))[1] > 0
    assert budget.take_post(7, CHANNEL, now=now + _ms(budget.STEP_CHAT_MS)) == (0, 0)
