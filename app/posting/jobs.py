"""The sweep of the publishing invariant, once a minute."""

from __future__ import annotations

from app.core import clock, telemetry
from app.posting.service import sweeping


def sweep() -> None:
    """Block, wake, tell ETAs and count; a violation is an error line as well as a gauge."""
    found = sweeping.sweep(now=clock.utcnow())
    if found.violations:
        telemetry.log().error("posts are neither out nor explained", count=found.violations)
