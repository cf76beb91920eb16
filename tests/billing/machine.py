"""Lives of subscriptions, predicted from the pure parts of billing alone: no database, no Temporal, no clock.

A life is played from the timeline, the table of states and the bounds of periods; what its payer does is drawn by a
seeded generator. The real workflow is then given the same acts and must tell the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from app.billing import periods, states, timeline

Kind = Literal["buy", "pay", "cancel", "undo_cancel", "good", "poor", "lost"]
ZONES = ("Asia/Tashkent", "America/New_York", "Europe/Kyiv", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")
GATEWAYS = {"payme": ("month", "year"), "click": ("month", "year"), "stripe": ("month", "year"), "stars": ("days30",)}
RENEWED_THERE, CHARGED = frozenset({"stars"}), frozenset({"stripe"})
GOOD, POOR, LOST = "good", "poor", "lost"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the payer, or the card's bank, does and that has an effect."""

    at: datetime
    kind: Kind


@dataclass(frozen=True, slots=True)
class Event:
    """What is told of a subscription: its event, and the index of its period after it."""

    at: datetime
    name: str
    period: int


@dataclass(slots=True)
class Life:
    """One subscription from its first payment until `until`, or until it ended."""

    gateway: str
    interval: str
    zone: str
    anchor: datetime
    state: str = states.INCOMPLETE
    index: int = 0
    end: datetime | None = None
    is_ending: bool = False
    is_invited: bool = False
    card: str = ""
    past_due_at: datetime | None = None
    step: int = 0
    ended_at: datetime | None = None
    acts: list[Act] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    periods: list[tuple[datetime, datetime]] = field(default_factory=list)
    _plans: list[Act] = field(default_factory=list)
    _draw: Random = field(default_factory=Random)

    def play(self, draw: Random, *, until: datetime) -> Life:
        """All that happens until a moment."""
        self._draw = draw
        self._plans = [Act(self.anchor, "buy")]
        while (happened := self._next()) is not None and happened[0] <= until:
            at, due = happened
            if due is not None:
                _ACTIONS[due](self, at)
                continue
            act = self._plans.pop(0)
            if _WILLS[act.kind](self, at):
                self.acts.append(act)
                if act.kind in ("buy", "pay"):
                    self._plans = self._wishes(draw)
        return self

    def _next(self) -> tuple[datetime, str | None] | None:
        """The next moment, with the action that time brings; without one it is the payer's act."""
        due = timeline.next_action(
            timeline.Standing(
                state=self.state,
                timezone=self.zone,
                period_end=self.end,
                is_ending=self.is_ending,
                is_charged=bool(self.card),
                is_renewed_there=self.gateway in RENEWED_THERE,
                is_invited=self.is_invited,
                past_due_at=self.past_due_at,
                step=self.step,
            )
        )
        wish = self._plans[0].at if self._plans else None
        if due is None or (wish is not None and wish < due[1]):
            return None if wish is None else (wish, None)
        return due[1], due[0]

    def _wishes(self, draw: Random) -> list[Act]:
        """What the payer means to do in the period that has begun, in order."""
        assert self.end is not None
        start = self.periods[-1][0]
        is_there, whim = self.gateway in RENEWED_THERE, draw.random()
        prompt = self.end + draw.random() * (timedelta(hours=5) if is_there else -timedelta(days=2.9))
        late = self.end + timedelta(hours=7) + draw.random() * timedelta(days=13.5)
        leaves = start + _DAY + draw.random() * timedelta(days=20)
        if self.gateway in CHARGED and whim < 0.95:
            return self._luck_of_card(whim, late)
        if whim < 0.80:
            return [Act(prompt, "pay")]
        if whim < 0.89:
            return [Act(late, "pay")]
        if whim < 0.92:
            return []
        if whim < 0.96:
            return [Act(leaves, "cancel")]
        return [Act(leaves, "cancel"), Act(leaves + timedelta(hours=9), "undo_cancel"), Act(prompt, "pay")]

    def _luck_of_card(self, whim: float, late: datetime) -> list[Act]:
        """What befalls the card before it is charged for the next period."""
        assert self.end is not None
        before = self.end - timedelta(hours=2)
        if whim < 0.82:
            return []
        if whim < 0.88:
            return [Act(before, "poor"), Act(late, "good")]
        if whim < 0.90:
            return [Act(before, "poor")]
        return [Act(before, "lost"), *([Act(late, "pay")] if whim < 0.94 else [])]

    def _pay(self, at: datetime) -> bool:
        is_first = self.state == states.INCOMPLETE
        is_owed = self.state == states.PAST_DUE
        is_time = self.end is not None and at >= self.end if self.gateway in RENEWED_THERE else self.is_invited
        if not (is_first or is_owed or (self.state == states.ACTIVE and is_time)):
            return False
        self._renew(at)
        return True

    def _renew(self, at: datetime) -> None:
        is_first = self.state == states.INCOMPLETE
        self.state = states.after(self.state, states.PAID)
        self.index = 0 if is_first else self.index + 1
        bounds = periods.bounds(self.anchor, self.zone, self.interval, self.index)
        self.periods.append(bounds)
        self.end, self.is_ending, self.is_invited = bounds[1], False, False
        self.past_due_at, self.step = None, 0
        self._tell(at, "paid")
        if self.gateway in CHARGED and not self.card:
            self._tell(at, "card_saved")
        self.card = GOOD if self.gateway in CHARGED else ""

    def _buy(self, at: datetime) -> bool:
        self._tell(at, "opened")
        return self._pay(at)

    def _cancel(self, at: datetime) -> bool:
        if (self.state, states.CANCEL_AT_END) not in states.TRANSITIONS or self.is_ending:
            return False
        self.is_ending = True
        self._tell(at, states.CANCEL_AT_END)
        return True

    def _undo(self, at: datetime) -> bool:
        if (self.state, states.UNDO_CANCEL) not in states.TRANSITIONS or not self.is_ending:
            return False
        self.is_ending = False
        self._tell(at, states.UNDO_CANCEL)
        return True

    def _invite(self, at: datetime) -> None:
        self.is_invited = True
        self._tell(at, timeline.INVITE)

    def _lapse(self, at: datetime) -> None:
        assert self.end is not None
        self.state = states.after(self.state, states.LAPSED)
        self.past_due_at = self.end if at - self.end < timedelta(hours=1) else at
        self._tell(at, states.LAPSED)

    def _remind(self, at: datetime) -> None:
        self.step += 1
        self._tell(at, timeline.REMIND)

    def _charge(self, at: datetime) -> None:
        """The saved card is charged, at once and with one answer."""
        self.step += self.state == states.PAST_DUE
        self._tell(at, timeline.CHARGE)
        if self.card == GOOD:
            self._renew(at)
            self._plans = self._wishes(self._draw)
            return
        if self.card == LOST:
            self.card = ""
            self._tell(at, "card_gone")
        self._tell(at, "charge_failed")
        if self.state == states.ACTIVE:
            self._lapse(at)

    def _change_card(self, kind: str) -> bool:
        """The bank looks at the card otherwise; of one that is gone nobody hears."""
        self.card = kind if self.card else ""
        return bool(self.card)

    def _expire(self, at: datetime) -> None:
        self._over(at, states.GRACE_OVER)

    def _end(self, at: datetime) -> None:
        self._over(at, states.PERIOD_OVER)

    def _over(self, at: datetime, event: str) -> None:
        self.state, self.ended_at, self._plans = states.after(self.state, event), at, []
        self._tell(at, event)

    def _tell(self, at: datetime, name: str) -> None:
        self.events.append(Event(at, name, self.index))


_ACTIONS = {
    timeline.INVITE: Life._invite,
    timeline.LAPSE: Life._lapse,
    timeline.REMIND: Life._remind,
    timeline.EXPIRE: Life._expire,
    timeline.END: Life._end,
    timeline.CHARGE: Life._charge,
}
_WILLS: dict[str, Callable[[Life, datetime], bool]] = {
    "buy": Life._buy,
    "pay": Life._pay,
    "cancel": Life._cancel,
    "undo_cancel": Life._undo,
    **{kind: lambda life, _at, kind=kind: life._change_card(kind) for kind in (GOOD, POOR, LOST)},  # type: ignore[misc]
}


def lives(gateway: str, number: int, *, since: datetime, until: datetime, seed: int, interval: str = "") -> list[Life]:
    """Subscriptions that begin within the first 60 days; `interval` makes all of one."""
    draw = Random(f"{gateway}:{seed}")
    found = []
    for _ in range(number):
        begins = since + timedelta(milliseconds=draw.randrange(60 * 86_400_000))
        kind = interval or draw.choice(GATEWAYS[gateway])
        found.append(Life(gateway, kind, draw.choice(ZONES), begins).play(draw, until=until))
    return found
