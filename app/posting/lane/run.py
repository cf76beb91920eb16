"""One attempt of a lane: claims what is due within a second, waits for each moment, sends within the budget.

The caller (workflows/activities/lane.py) gives a beat; everything that must survive stands in the database.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import clock, db
from app.posting.lane import delivering
from app.posting.service import claims, following, lanes, ledger
from app.posting.service.claimed import Claimed
from app.posting.service.rendering import Outlet
from app.telegram import budget

RUN_S = 10.0
NEAR = timedelta(seconds=3)
LONGEST_S = 60 * 60.0  # then it only waits for what flies; workflows/lane.py lets an attempt take longer than both
_SLOW_S = 3.0  # a call that flies for so long is not one that lands in a moment
_TICK_S = 0.05
_PAUSE_S = 0.5  # when nothing can be begun and something flies
_ROOM = 29  # one second of a bot's budget
_THREADS = 16
_LONGEST_WAIT_S = 1.5  # for a chat: longer, and another attempt takes it up
_LONGEST_PAUSE_S = 4.0  # for the bot: an attempt begins three seconds before the end of what Telegram asked for

_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="send")


@dataclass(frozen=True, slots=True)
class Report:
    """What an attempt did, and how the lane stands at its end."""

    epoch: int
    sent: int
    other: int
    backlog: int
    next_ready_at: datetime | None
    blocked_until: datetime | None


class LaneRun:
    """`LaneRun(sender_id, outlet, beat=…).run()`; `beat` raises when the attempt has been called off.

    Who follows an attempt takes what it left in the air for lost, so it does not end while a large file is on its way:
    it goes on with its other posts.
    """

    def __init__(self, sender_id: int, outlet: Outlet, *, beat: Callable[[], None], run_s: float = RUN_S) -> None:
        self._sender_id, self._outlet, self._beat, self._run_s = sender_id, outlet, beat, run_s
        self._todo: list[tuple[datetime, int, Claimed]] = []
        self._flying: dict[Future[str], float] = {}
        self._order = itertools.count()
        self._free_at = self._claimed_at = 0.0
        self._epoch = 0
        self._outcomes: list[str] = []

    def run(self) -> Report:
        """Work for ten seconds, or for as long as a call takes that is slow, and not at all when nothing is near.

        Raises what broke, after clearing up.
        """
        self._epoch = lanes.begin(self._sender_id, now=clock.utcnow())
        began_at = time.monotonic()
        try:
            while self._goes_on(time.monotonic() - began_at):
                if not self._turn():
                    if not self._flying:
                        break
                    self._rest(_PAUSE_S)
        finally:
            for _, _, action in self._todo:
                lanes.release(action.id, self._epoch)
            while self._flying:
                self._land(timeout_s=1.0)
        return self._report()

    def _goes_on(self, ran_s: float) -> bool:
        """For its time; then, once it is plain that a call does not land in a moment, for as long as one is slow."""
        if ran_s < self._run_s:
            return True
        while self._flying and not self._is_slow():
            self._land(timeout_s=_TICK_S)
        return bool(self._flying) and ran_s < LONGEST_S

    def _is_slow(self) -> bool:
        return time.monotonic() - min(self._flying.values()) > _SLOW_S

    def _turn(self) -> bool:
        """One step; False when nothing is near."""
        self._land(timeout_s=0.0)
        now = clock.utcnow()
        self._claim(now)
        if not self._todo:
            if not self._flying and not self._is_near(now):
                return False
            self._rest(_TICK_S)
            return True
        ready_at, _, action = self._todo[0]
        early_s = max((ready_at - now).total_seconds(), self._free_at - time.monotonic())
        if early_s > 0:
            self._rest(min(early_s, _TICK_S))
            return True
        return self._begin(action, now)

    def _claim(self, now: datetime) -> None:
        """Look for more, at most every tick; the look that finds nothing takes no lock."""
        room = _ROOM - len(self._todo) - len(self._flying)
        if room <= 0 or time.monotonic() - self._claimed_at < _TICK_S:
            return
        self._claimed_at = time.monotonic()
        if claims.is_something_due(self._sender_id, now=now):
            for action in claims.claim(self._sender_id, self._outlet.bot_id, self._epoch, most=room, now=now):
                self._push(action, action.ready_at)

    def _push(self, action: Claimed, at: datetime) -> None:
        heapq.heappush(self._todo, (at, next(self._order), action))

    def _is_near(self, now: datetime) -> bool:
        soonest = lanes.next_ready_at(self._sender_id)
        return soonest is not None and soonest <= now + NEAR

    def _begin(self, action: Claimed, now: datetime) -> bool:
        """Begin the first of what is to be done; False when the bot has to wait longer than this attempt should."""
        if not action.is_send:
            wait_s = budget.take_call(self._outlet.bot_id, now=now)
            if wait_s:
                return self._put_off(action, ledger.Wait(wait_s, 0.0), now)
            heapq.heappop(self._todo)
            if following.begin(action.id, self._epoch):
                self._fly(delivering.follow, action, self._outlet)
            return True
        begun = ledger.begin(action, self._outlet.bot_id, self._epoch, now=now)
        if isinstance(begun, ledger.Wait):
            return self._put_off(action, begun, now)
        heapq.heappop(self._todo)
        if begun is not None:
            self._fly(delivering.deliver, begun, self._outlet, time.monotonic())
        return True

    def _put_off(self, action: Claimed, told: ledger.Wait, now: datetime) -> bool:
        """The bot's limit holds everything up, and the first stays first; a chat's own only its post."""
        if told.bot_s > _LONGEST_PAUSE_S:
            return False
        if told.bot_s >= told.chat_s:
            self._free_at = time.monotonic() + told.bot_s
            return True
        heapq.heappop(self._todo)
        at = now + timedelta(seconds=told.chat_s)
        if told.chat_s > _LONGEST_WAIT_S:
            lanes.release(action.id, self._epoch, ready_at=at)
        else:
            self._push(action, at)
        return True

    def _fly(self, work: Callable[..., str], *given: object) -> None:
        while len(self._flying) >= _THREADS:
            self._land(timeout_s=1.0)
        self._flying[_pool.submit(_on_own_connection, work, *given)] = time.monotonic()

    def _land(self, *, timeout_s: float) -> None:
        """Collect what has come back; what broke in a thread breaks the attempt here, and the next one clears up."""
        self._beat()
        if not self._flying:
            return
        done, _ = wait(self._flying, timeout=timeout_s, return_when=FIRST_COMPLETED)
        for future in done:
            del self._flying[future]
        self._outcomes.extend(future.result() for future in done)

    def _rest(self, seconds: float) -> None:
        self._beat()
        time.sleep(seconds)

    def _report(self) -> Report:
        now = clock.utcnow()
        standing = lanes.standing(self._sender_id, now=now)
        blocked = budget.blocked_until(self._outlet.bot_id)
        sent = self._outcomes.count(delivering.SENT)
        return Report(
            self._epoch,
            sent,
            len(self._outcomes) - sent,
            standing.backlog,
            standing.next_ready_at,
            blocked if blocked and blocked > now else None,
        )


def _on_own_connection(work: Callable[..., str], *given: object) -> str:
    with db.database.connection_context():
        return work(*given)
