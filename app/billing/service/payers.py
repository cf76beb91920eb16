"""Who pays for a workspace."""

from __future__ import annotations

from datetime import datetime

from app.accounts.models import Workspace
from app.billing.models import BillingAccount, WorkspacePayer
from app.core import db, ids


def payer_of(workspace_id: int, *, now: datetime) -> BillingAccount:
    """The account that pays for a workspace; the first time, one in the workspace's own name. Inside `db.write()`."""
    db.serialise("workspace", workspace_id)
    known = WorkspacePayer.get_or_none(WorkspacePayer.workspace == workspace_id)
    if known is not None:
        found: BillingAccount = BillingAccount.get_by_id(known.account)
        return found
    workspace: Workspace = Workspace.get_by_id(workspace_id)
    made: BillingAccount = BillingAccount.create(
        public_id=ids.public_id(), name=workspace.name, timezone=workspace.timezone, created_at=now
    )
    WorkspacePayer.insert(workspace=workspace_id, account=made.id).execute()
    return made
