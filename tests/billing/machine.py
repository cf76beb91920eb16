"""Lives of subscriptions, predicted from the pure parts of billing alone: no database, no Temporal, no clock.

A life is played from the timeline, the table of states and the bounds of periods; what its payer does is drawn by a
seeded generator. The real workflow is then given the same acts and must tell the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from app.billing import periods, states, timeline
from tests.billing import bills, wishes
from tests.billing.bills import Bill, By, Coupon
from tests.billing.wishes import Act

ZONES = ("Asia/Tashkent", "America/New_York", "Europe/Kyiv", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")
GATEWAYS = {"payme": ("month", "year"), "click": ("month", "year"), "stripe": ("month", "year"), "stars": ("days30",)}
RENEWED_THERE, CHARGED = frozenset({"stars"}), frozenset({"stripe"})
TRIAL = timedelta(days=14)
GOOD, POOR, LOST = "good", "poor", "lost"
# how lives begin, in turn; where Telegram renews all are plain
MIX: tuple[tuple[bool, bool], ...] = ((False, False), (True, False), (False, True), (True, True), *[(False, False)] * 2)


@dataclass(frozen=True, slots=True)
class Event:
    """What is told of a subscription: its event, and the index of its period after it."""

    at: datetime
    name: str
    period: int


@dataclass(slots=True)
class Life:
    """One subscription from its first payment, or its trial, until `until` or until it ended.

    `begins`: when its payer came. `coupon`: redeemed with the first order of the payer's own, `left` periods from then.
    """

    gateway: str
    interval: str
    zone: str
    begins: datetime
    is_tried: bool = False
    coupon: Coupon | None = None
    state: str = states.INCOMPLETE
    anchor: datetime | None = None
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
    bills: list[Bill] = field(default_factory=list)
    moves: list[tuple[datetime, int]] = field(default_factory=list)
    is_redeemed: bool = False
    left: int | None = 0
    _wanted: str = ""
    _plans: list[Act] = field(default_factory=list)
    _draw: Random = field(default_factory=Random)

    def play(self, draw: Random, *, until: datetime) -> Life:
        """All that happens until a moment."""
        self._draw = draw
        self._plans = [Act(self.begins, "try" if self.is_tried else "buy")]
        while (happened := self._next()) is not None and happened[0] <= until:
            at, due = happened
            if due is not None:
                _ACTIONS[due](self, at)
                continue
            act = self._plans.pop(0)
            if _WILLS[act.kind](self, at):
                self.acts.append(act)
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
                is_trial=self.index < 0,
            )
        )
        wish = self._plans[0].at if self._plans else None
        if due is None or (wish is not None and wish < due[1]):
            return None if wish is None else (wish, None)
        return due[1], due[0]

    @property
    def trial(self) -> tuple[datetime, datetime] | None:
        """[start, end) of the trial."""
        return (self.begins, self.begins + TRIAL) if self.is_tried else None

    def end_of_trial(self) -> str:
        """How it ended: one of `ends_of_trials`."""
        if not self.bills:
            return self.state
        first, end = self.bills[0], self.begins + TRIAL
        if first.by == "card":
            return "charged" if first.at == end else "late charge"
        return "late" if first.at > end else "in time" if first.at > end - timeline.INVITE_BEFORE else "early"

    def worth(self) -> int:
        """What it brings a month now: the newest period's price less the coupon, without tax."""
        if not self.bills or self.ended_at is not None:
            return 0
        return bills.worth(self.gateway, self.interval, self.bills[-1].amount)

    def _try(self, at: datetime) -> bool:
        """Two weeks for nothing; what comes after is asked for by the month, unless the payer orders otherwise."""
        self.state, self.index = states.TRIALING, -1
        self.anchor = self.end = at + TRIAL
        self._wanted, self.interval = self.interval, "month"
        self._tell(at, "trial_started")
        saves_cards, has_coupon = self.gateway in CHARGED, self.coupon is not None
        self._plans = wishes.in_trial(at, self.end, self._draw, saves_cards=saves_cards, has_coupon=has_coupon)
        return True

    def _buy(self, at: datetime) -> bool:
        """An order of the payer's own for the first period; it redeems the coupon."""
        if self.state == states.INCOMPLETE:
            self._tell(at, "opened")
        elif self.index >= 0:
            return False
        self.interval = self._wanted or self.interval
        if self.coupon is not None:
            self.is_redeemed, self.left = True, self.coupon.periods
        self._pay_at_page(at)
        return True

    def _pay(self, at: datetime) -> bool:
        is_owed = self.state == states.PAST_DUE
        is_time = self.end is not None and at >= self.end if self.gateway in RENEWED_THERE else self.is_invited
        if not (is_owed or (self.state in (states.ACTIVE, states.TRIALING) and is_time)):
            return False
        self._pay_at_page(at)
        return True

    def _pay_at_page(self, at: datetime) -> None:
        """Stripe's page saves the card; where nothing is to be paid nobody sees the page."""
        is_free = self._is_free()
        self._renew(at, "nobody" if is_free else "payer")
        if self.gateway in CHARGED and not is_free:
            self._save_card(at)

    def _cost(self) -> tuple[int, int]:
        """The next period's price, and what the coupon takes off while it lasts."""
        price = bills.PRICES[self.gateway][self.interval]
        return price, 0 if self.coupon is None or self.left == 0 else price * self.coupon.percent // 100

    def _renew(self, at: datetime, by: By) -> None:
        is_first, before, cost = self.state == states.INCOMPLETE, self.worth(), self._cost()
        self.state = states.after(self.state, states.PAID)
        self.anchor = at if self.anchor is None else self.anchor
        self.index = 0 if is_first else self.index + 1
        bounds = periods.bounds(self.anchor, self.zone, self.interval, self.index)
        self.periods.append(bounds)
        self.bills.append(Bill(at, self.index, *cost, by))
        self.moves.append((at, self.worth() - before))
        if self.left:
            self.left -= 1
        self.end, self.is_ending, self.is_invited = bounds[1], False, False
        self.past_due_at, self.step = None, 0
        self._tell(at, "paid")
        begun, there = max(at, bounds[0]), self.gateway in RENEWED_THERE
        has_card = bool(self.card) or (self.gateway in CHARGED and by == "payer")
        self._plans = wishes.in_period(begun, self.end, self._draw, is_renewed_there=there, has_card=has_card)

    def _save_card(self, at: datetime) -> bool:
        self.card = GOOD
        self._tell(at, "card_saved")
        return True

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
        """The payer is asked to pay; what costs nothing is delivered instead, and nobody is asked."""
        if not self.card and self._is_free():
            self._renew(at, "nobody")
            return
        self.is_invited = True
        self._tell(at, timeline.INVITE)

    def _is_free(self) -> bool:
        return len(set(self._cost())) == 1

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
        if self._is_free():
            self._renew(at, "nobody")
            return
        self.step += self.state == states.PAST_DUE
        self._tell(at, timeline.CHARGE)
        if self.card == GOOD:
            self._renew(at, "card")
            return
        if self.card == LOST:
            self.card = ""
            self._tell(at, "card_gone")
        self._tell(at, "charge_failed")
        if self.state in (states.ACTIVE, states.TRIALING):
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
        self.moves.append((at, -self.worth()))
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
    "try": Life._try,
    "buy": Life._buy,
    "pay": Life._pay,
    "card": Life._save_card,
    "cancel": Life._cancel,
    "undo_cancel": Life._undo,
    **{kind: lambda life, _at, kind=kind: life._change_card(kind) for kind in (GOOD, POOR, LOST)},  # type: ignore[misc]
}


def ends_of_trials(gateway: str) -> set[str]:
    """Every way in which a trial can end there, once it is over."""
    by_card = {"charged", "late charge"} if gateway in CHARGED else set()
    return {"early", "in time", "late", states.CANCELED, states.EXPIRED} | by_card


def lives(gateway: str, number: int, *, since: datetime, until: datetime, seed: int, interval: str = "") -> list[Life]:
    """Subscriptions that begin within the first 60 days, as `MIX` says; `interval` makes all of one."""
    found = []
    for place in range(number):
        draw = Random(f"{gateway}:{seed}:{place}")
        begins = since + timedelta(milliseconds=draw.randrange(60 * 86_400_000))
        kind, zone = interval or draw.choice(GATEWAYS[gateway]), draw.choice(ZONES)
        is_tried, has_coupon = (False, False) if gateway in RENEWED_THERE else MIX[place % len(MIX)]
        coupon = wishes.coupon(draw) if has_coupon else None
        found.append(Life(gateway, kind, zone, begins, is_tried, coupon).play(draw, until=until))
    return found
