"""Which posts have a file: asked by the library, which stands below posts (app/media/ports.py)."""

from __future__ import annotations

from collections.abc import Sequence

from app.core import db
from app.media.ports import Use
from app.posting.content import draft as drafts
from app.posting.content.blocks import plain_text
from app.posting.planning.models import REPEATED
from app.posting.queries import posts
from app.posting.states import AFTER, BLOCKED, CANCELLED, DRAFT, OPEN, PROPOSED, UNCONFIRMED

_LONGEST_WORDS = 60
_STILL = (*OPEN, AFTER, BLOCKED, UNCONFIRMED)


class PostsWithFiles:
    """Implements app.media.ports.Uses."""

    def of_file(self, workspace_id: int, public_id: str, *, limit: int) -> Sequence[Use]:
        """A post has a file when its draft or one of its revisions names it: one walk over the workspace's posts."""
        # a random id of 22 characters: no words of a person hold it between quotes by chance
        named = f'%"{public_id}"%'.replace("_", r"\_")
        rows = db.rows(
            "SELECT p.id, p.updated_at, CASE WHEN p.state <> ? AND (p.draft IS NOT NULL OR p.state IN (?, ?, ?) OR EXISTS"
            f" (SELECT 1 FROM due_action a WHERE a.post_id = p.id AND a.state IN ({db.marks(_STILL)}))) THEN 1 ELSE 0 END"
            " AS is_open FROM authored_post p WHERE p.workspace_id = ? AND p.deleted_at IS NULL AND"
            r" (p.draft LIKE ? ESCAPE '\' OR EXISTS (SELECT 1 FROM post_revision r WHERE r.post_id = p.id"
            r" AND r.content LIKE ? ESCAPE '\')) ORDER BY is_open DESC, p.updated_at DESC LIMIT ?",
            *(CANCELLED, DRAFT, PROPOSED, REPEATED, *_STILL, workspace_id, named, named, limit),
        )
        found = {post.id: post for post in posts.posts_by_id(workspace_id, [row[0] for row in rows])}
        return [
            Use(f"/posts/{found[post_id].public_id}", _words(found[post_id]), db.moment(at), bool(is_open))
            for post_id, at, is_open in rows
            if post_id in found
        ]


def _words(post: posts.Post) -> str:
    """The first words of what it says, else of its draft."""
    content = post.said or drafts.read(post.draft).content()
    lines = (" ".join(line.split()) for line in plain_text(content.blocks).split("\n"))
    return next(filter(None, lines), "")[:_LONGEST_WORDS]
