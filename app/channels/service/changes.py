"""The mark by which open pages and their tags hear that a workspace's campaigns or invite links changed."""

from __future__ import annotations

from datetime import datetime

from app.audit import service as audit
from app.channels.campaign_models import Campaign, InviteLink
from app.core import db

_ONE_MORE = " ON CONFLICT (workspace_id) DO UPDATE SET version = campaigns_version.version + 1"


def note(workspace_id: int) -> None:
    """Count one more change, inside the transaction of the change itself."""
    with db.write():
        db.execute("INSERT INTO campaigns_version (workspace_id, version) VALUES (?, 1)" + _ONE_MORE, workspace_id)


def note_link(link_id: int) -> None:
    """The same, for what the bot did to a link."""
    with db.write():
        db.execute(
            "INSERT INTO campaigns_version (workspace_id, version)"
            " SELECT workspace_id, 1 FROM invite_link WHERE id = ?" + _ONE_MORE,
            link_id,
        )


def record(
    action: str,
    of: Campaign | InviteLink,
    user_id: int,
    *,
    before: object = None,
    after: object = None,
    ip: str,
    now: datetime,
) -> None:
    """A person's change, `<kind>.<verb>`: its audit record, and the mark by which open pages hear of it."""
    note(of.workspace)
    audit.record(
        action,
        actor=f"user:{user_id}",
        subject=f"{action.partition('.')[0]}:{of.public_id}",
        workspace_id=of.workspace,
        before=before,
        after=after,
        ip=ip,
        now=now,
    )
