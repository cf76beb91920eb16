"""Activities of the maintenance queue. Synchronous, each on its own database connection."""

from __future__ import annotations

from temporalio import activity

from app.audit import service as audit
from app.core import clock, db, telemetry
from app.readings import service as readings
from workflows.contracts import ALL_CHATS, CHECK_ROLLUPS, KEEP_HOUSE, CheckReport, CheckRequest


@activity.defn(name=CHECK_ROLLUPS)
def check_rollups(request: CheckRequest) -> CheckReport:
    """Compare rollups with raw readings; the result is also a row of rollup_check, and a difference is an error line."""
    chat_id = None if request.chat == ALL_CHATS else int(request.chat)
    with db.database.connection_context():
        found = readings.check_feeds(chat_id, now=clock.utcnow())
    if found.differences:
        telemetry.log().error("rollups differ from readings", chat=request.chat, details=found.details)
    return CheckReport(found.feeds, found.readings, found.differences)


@activity.defn(name=KEEP_HOUSE)
def keep_house() -> int:
    """Anchor the audit chains; returns how many."""
    with db.database.connection_context():
        return audit.anchor(now=clock.utcnow())
