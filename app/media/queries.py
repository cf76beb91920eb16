"""Reads on a workspace's files."""

from __future__ import annotations

from collections.abc import Collection

from app.media.models import MediaFile


def file_of(workspace_id: int, public_id: str) -> MediaFile | None:
    found: MediaFile | None = MediaFile.get_or_none(
        MediaFile.workspace == workspace_id, MediaFile.public_id == public_id, MediaFile.deleted_at.is_null()
    )
    return found


def files_of(workspace_id: int, public_ids: Collection[str]) -> dict[str, MediaFile]:
    """The workspace's files among these; others' and deleted ones are missing."""
    found = MediaFile.select().where(
        MediaFile.workspace == workspace_id, MediaFile.public_id.in_(list(public_ids)), MediaFile.deleted_at.is_null()
    )
    return {row.public_id: row for row in found}
