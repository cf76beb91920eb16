"""The next free place in a channel's queue."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.posting.planning.agenda import Agenda
from app.posting.planning.hours import Hours

AHEAD_DAYS = 60
_LEAD = timedelta(minutes=1)


def is_free(hours: Hours, channel_id: int, at: datetime, taken: Agenda) -> bool:
    """Whether a post may go out then by itself: no quiet hours, nothing else too near, nothing on top."""
    return (
        hours.is_open(at) and taken.near(channel_id, at, hours.min_gap) is None and taken.on_top(channel_id, at) is None
    )


def next_free(hours: Hours, channel_id: int, taken: Agenda, *, now: datetime) -> datetime | None:
    """The first free queue slot of the next 60 days, at least a minute away."""
    moments = hours.slot_moments(now + _LEAD, days=AHEAD_DAYS)
    return next((at for at in moments if is_free(hours, channel_id, at, taken)), None)
