"""Which plan a workspace is on and what it allows."""

from __future__ import annotations

from datetime import datetime

from app.billing import plans
from app.billing.models import WorkspacePlan
from app.core import db
from app.core.errors import LimitReached
from app.core.i18n import N_

_SENTENCES = {
    "channels": N_("The %(plan)s plan allows %(limit)s channels."),
    "watched_channels": N_("The %(plan)s plan allows %(limit)s watched channels."),
}


class PlanLimits:
    """Implements core.policy.Limits over the plans. Ask inside the transaction that uses up the limit."""

    def require(self, workspace_id: int, key: str, *, used: int) -> None:
        plan = plan_of(workspace_id)
        limit = plans.LIMITS[plan][key]
        if used >= limit:
            raise LimitReached(_SENTENCES[key], code=f"limit_{key}", plan=plan, limit=limit)


def plan_of(workspace_id: int) -> str:
    found = WorkspacePlan.get_or_none(WorkspacePlan.workspace == workspace_id)
    return str(found.plan) if found else plans.FREE


def put_on_plan(workspace_id: int, plan: str, *, now: datetime) -> None:
    """Set the plan without a payment: the demo's and the SuperAdmin's way. Raises KeyError on an unknown plan."""
    plans.LIMITS[plan]
    with db.write():
        db.execute(
            "INSERT INTO workspace_plan (workspace_id, plan, since) VALUES (?, ?, ?)"
            " ON CONFLICT (workspace_id) DO UPDATE SET plan = excluded.plan, since = excluded.since",
            *(workspace_id, plan, db.stamp(now)),
        )
