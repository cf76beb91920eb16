"""Files of archives are used: the library's trash keeps them (app/media/ports.py)."""

from __future__ import annotations

from collections.abc import Sequence

from app.core import db
from app.media.ports import Use, Uses

_ONE = 1  # a file is needed or not; its page names one archive


class PostsAndArchives:
    """Implements app.media.ports.Uses: posts that have a file, then an archive that does."""

    def __init__(self, posts: Uses) -> None:
        self._posts = posts

    def of_file(self, workspace_id: int, public_id: str, *, limit: int) -> Sequence[Use]:
        found = list(self._posts.of_file(workspace_id, public_id, limit=limit))
        rows = db.rows(
            "SELECT a.public_id, h.title, p.posted_at FROM archived_file f JOIN archived_post p ON p.id = f.post_id"
            " JOIN archive a ON a.id = f.archive_id JOIN channel c ON c.id = a.channel_id JOIN chat h ON h.id = c.chat_id"
            " WHERE f.workspace_id = ? AND f.file = ? ORDER BY f.id LIMIT ?",
            *(workspace_id, public_id, _ONE),
        )
        archived = [Use(f"/protection/archives/{row[0]}", row[1], db.moment(row[2]), is_open=True) for row in rows]
        return [*archived, *found][:limit]
