"""What the planner does each minute."""

from __future__ import annotations

from datetime import datetime

from app.core import clock
from app.posting.planning import missed, occurring


def skip_missed(now: datetime | None = None) -> None:
    """Before anything tells late posts an ETA: what was missed is skipped."""
    missed.skip(now=now or clock.utcnow())


def materialise(now: datetime | None = None) -> None:
    """Make the posts of series that are due within two weeks."""
    occurring.advance_all(now=now or clock.utcnow())
