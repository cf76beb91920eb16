"""What the planner offers to people who compose: the next queue slot, the best free slot, and what speaks against a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.analytics import queries as numbers
from app.channels.queries import ChannelRef
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_
from app.posting.planning import best, cautions, settings, slots
from app.posting.planning.agenda import agenda
from app.posting.planning.cautions import Caution, Planned

__all__ = [
    "Caution",
    "Offer",
    "Planned",
    "best_free_slot",
    "doubt",
    "needs_anyway",
    "next_queue_slot",
    "queue_slots",
    "require_free",
    "warnings",
]
_A_WEEK = timedelta(days=8)
_ON_WEEKDAY = (
    N_("Mondays %(time)s: %(times)s times the views of a usual hour. Posts measured: %(posts)s."),
    N_("Tuesdays %(time)s: %(times)s times the views of a usual hour. Posts measured: %(posts)s."),
    N_("Wednesdays %(time)s: %(times)s times the views of a usual hour. Posts measured: %(posts)s."),
    N_("Thursdays %(time)s: %(times)s times the views of a usual hour. Posts measured: %(posts)s."),
    N_("Fridays %(time)s: %(times)s times the views of a usual hour. Posts measured: %(posts)s."),
    N_("Saturdays %(time)s: %(times)s times the views of a usual hour. Posts measured: %(posts)s."),
    N_("Sundays %(time)s: %(times)s times the views of a usual hour. Posts measured: %(posts)s."),
)
_TOO_FEW = N_(
    "“%(title)s” has %(posts)s measured posts in twelve weeks; from %(least)s on we can say which hour is good."
)
_TOO_FEW_QUEUE = N_("The next queue slot is offered instead.")
_NO_HOURS = N_("No hour of “%(title)s” is free in the next seven days.")
_NO_SLOTS = N_("“%(title)s” has no free queue slot in the next 60 days. Queue slots are set on the channel's page.")


@dataclass(frozen=True, slots=True)
class Offer:
    """A time for a post in one channel (None: there is none), and why, as sentences with their parameters.

    `is_measured`: the channel's own numbers say so; else it is only the next slot of the queue.
    """

    at: datetime | None
    is_measured: bool
    reasons: tuple[tuple[str, Mapping[str, object]], ...] = field(default=())


def next_queue_slot(workspace_id: int, ref: ChannelRef, *, but: int = 0, now: datetime) -> datetime | None:
    """The next free queue slot of a channel; None when it has none. `but`: a post (id) that may take its own place."""
    hours = settings.rules_of(workspace_id, [ref])[ref.id].hours
    until = now + timedelta(days=slots.AHEAD_DAYS + 2)
    return slots.next_free(hours, ref.id, agenda(workspace_id, [ref.id], now, until, but=but), now=now)


def queue_slots(workspace_id: int, refs: Iterable[ChannelRef], *, but: int = 0, now: datetime) -> dict[int, datetime]:
    """The next free queue slot of each channel (by id). Raises Invalid (field `when`) for one that has none."""
    found = {}
    for ref in refs:
        at = next_queue_slot(workspace_id, ref, but=but, now=now)
        if at is None:
            raise Invalid(_NO_SLOTS, fields={"when": _NO_SLOTS % {"title": ref.title}}, title=ref.title)
        found[ref.id] = at
    return found


def best_free_slot(workspace_id: int, ref: ChannelRef, *, but: int = 0, now: datetime) -> Offer:
    """The free half hour of the next week with the most expected views, by the channel's own heat map.

    With fewer than twenty measured posts it says so and offers the next queue slot.
    """
    card = numbers.cards(workspace_id).get(ref.feed_id)
    known = best.measured(ref, last_reading_at=card.last_reading_at if card else None, now=now)
    if known.posts < best.LEAST_POSTS:
        return _from_queue(workspace_id, ref, known.posts, but=but, now=now)
    hours = settings.rules_of(workspace_id, [ref])[ref.id].hours
    taken = agenda(workspace_id, [ref.id], now, now + _A_WEEK, but=but)
    found = best.best_free(known.heat, hours, ref.id, taken, now=now)
    if found is None:
        return Offer(None, True, ((_NO_HOURS, {"title": ref.title}),))
    local = cautions.local(found.at, ref.timezone)
    told = {"time": local.strftime("%H:%M"), "times": f"{found.times_usual:.1f}", "posts": known.posts}
    return Offer(found.at, True, ((_ON_WEEKDAY[local.weekday()], told),))


def _from_queue(workspace_id: int, ref: ChannelRef, posts: int, *, but: int, now: datetime) -> Offer:
    why: tuple[str, Mapping[str, object]] = (
        _TOO_FEW,
        {"title": ref.title, "posts": posts, "least": best.LEAST_POSTS},
    )
    at = next_queue_slot(workspace_id, ref, but=but, now=now)
    return Offer(at, False, (why, (_TOO_FEW_QUEUE, {}) if at else (_NO_SLOTS, {"title": ref.title})))


def warnings(
    workspace_id: int, refs: Sequence[ChannelRef], planned: Planned, *, but: int = 0, now: datetime
) -> tuple[Caution, ...]:
    """What speaks against a post at its time, by channel. Only those that are `is_blocking` need “anyway”.

    `but`: the post (id) itself, when it is planned already.
    """
    return cautions.cautions(workspace_id, refs, planned, but=but, now=now)


def doubt(workspace_id: int, refs: Sequence[ChannelRef], planned: Planned, *, but: int = 0) -> Caution | None:
    """The first caution of those that need “anyway”: quiet hours and time in top."""
    found = cautions.of_the_clock(workspace_id, refs, planned, but=but)
    return next((caution for caution in found if caution.is_blocking), None)


def needs_anyway(caution: Caution) -> Conflict:
    """The refusal (code `needs_anyway`) of what nobody has said “anyway” to."""
    return Conflict(caution.sentence, code="needs_anyway", **caution.params)


def require_free(
    workspace_id: int, refs: Sequence[ChannelRef], planned: Planned, *, but: int = 0, is_anyway: bool
) -> None:
    """Raises Conflict (code `needs_anyway`) for quiet hours and time in top, unless somebody said “anyway”."""
    if not is_anyway and (found := doubt(workspace_id, refs, planned, but=but)):
        raise needs_anyway(found)
