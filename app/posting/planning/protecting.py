"""Whether a channel's new posts can be forwarded and saved, switched by itself."""

from __future__ import annotations

from datetime import datetime

from app.audit import service as audit
from app.channels.queries import ChannelRef
from app.core import db
from app.posting.planning import settings
from app.posting.planning.models import PostingSettings


def protect(workspace_id: int, ref: ChannelRef, *, is_protected: bool, user_id: int, now: datetime) -> bool:
    """Protect a channel's new posts or not; the rest of its rules stays. False when it stood so already."""
    with db.write():
        row = settings.held(workspace_id, ref) or PostingSettings(workspace=workspace_id, channel=ref.id)
        if bool(row.is_protected) == is_protected:
            return False
        row.is_protected, row.updated_at = is_protected, now
        row.save()
        audit.record(
            "channel.posting_changed",
            actor=f"user:{user_id}",
            subject=f"channel:{ref.public_id}",
            workspace_id=workspace_id,
            before={"is_protected": not is_protected},
            after={"is_protected": is_protected},
            now=now,
        )
    return True
