"""What an archived post is sent as: its words and what is there of its files, silently, with the line of its date."""

from __future__ import annotations

from dataclasses import replace

from app.core import db
from app.core.errors import Invalid
from app.core.i18n import N_
from app.posting.content import tree
from app.posting.content.blocks import Media
from app.protection.archive.dated import Dated, dated, note_of
from app.protection.archive.models import ArchivedPost
from app.protection.archive.states import KEPT


def composed(post: ArchivedPost, *, language: str, zone: str) -> Dated:
    """The post for the new channel. Raises Invalid when nothing of it is there any more.

    It rings nobody's phone and is not pinned; the new channel's signature is not put below what carries the old one.
    """
    said = tree.from_json(post.content)
    options = replace(said.options, is_silent=True, pin=False, signature=False)
    content = replace(said, media=_media(post), options=options)
    if not (content.blocks or content.media or content.poll):
        raise Invalid(N_("Nothing of this post is in the archive any more."), code="nothing_left")
    return dated(content, note_of(post.posted_at, language=language, zone=zone))


def _media(post: ArchivedPost) -> tuple[Media, ...]:
    """The files that are here, in their order; each goes as what it was: a picture that was sent as a file is a file."""
    rows = db.rows(
        "SELECT a.kind, m.public_id, a.has_spoiler FROM archived_file a JOIN media_file m ON m.public_id = a.file"
        " AND m.workspace_id = ? AND m.deleted_at IS NULL WHERE a.workspace_id = ? AND a.post_id = ? AND a.state = ?"
        " ORDER BY a.place, a.id",
        *(post.workspace, post.workspace, post.id, KEPT),
    )
    return tuple(Media(kind, file, bool(hidden) and kind != "document") for kind, file, hidden in rows)
