"""The mark by which open pages and their tags hear that a workspace's campaigns or invite links changed."""

from __future__ import annotations

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
