"""Writing posts: drafts that change freely, and revisions that never do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.audit import service as audit
from app.core import db, ids
from app.core.errors import Conflict, NotFound
from app.posting.content import checks, tree
from app.posting.content.blocks import Content
from app.posting.models import AuthoredPost, PostRevision
from app.posting.planning import settings
from app.posting.states import DRAFT

Doc = Mapping[str, Any]


def create(workspace_id: int, draft: Doc, *, public_id: str | None = None, user_id: int, now: datetime) -> AuthoredPost:
    """A new draft. `draft` is the composer's form as it stands: nothing of it is checked before it is scheduled.

    `public_id`: one that a form was given before anything was kept of it, so that sending it twice makes one post.
    """
    with db.write():
        post: AuthoredPost = AuthoredPost.create(
            public_id=public_id or ids.public_id(),
            workspace=workspace_id,
            state=DRAFT,
            draft=dict(draft),
            created_by=user_id,
            created_at=now,
            updated_at=now,
        )
    return post


def post_of(workspace_id: int, public_id: str) -> AuthoredPost:
    """A post of the workspace. Raises NotFound."""
    found: AuthoredPost | None = AuthoredPost.get_or_none(
        AuthoredPost.workspace == workspace_id, AuthoredPost.public_id == public_id, AuthoredPost.deleted_at.is_null()
    )
    if found is None:
        raise NotFound("There is no such post.")
    return found


def is_known(public_id: str) -> bool:
    """Whether any workspace keeps, or kept, a post under this id."""
    return db.row("SELECT 1 FROM authored_post WHERE public_id = ?", public_id) is not None


def held(workspace_id: int, public_id: str, version: int | None = None) -> AuthoredPost:
    """The post, for a change inside the running transaction: nobody else changes it before its end.

    Raises NotFound, and Conflict when it is no longer at the version that the person saw.
    """
    post = post_of(workspace_id, public_id)
    db.serialise("authored_post", post.id)
    post = post_of(workspace_id, public_id)
    if version is not None and post.version != version:
        raise Conflict(
            "Somebody changed this post meanwhile. Load it again; what you wrote is still here.", code="stale"
        )
    return post


def _touch(post: AuthoredPost, *, now: datetime) -> None:
    post.version, post.updated_at = post.version + 1, now


def touch(post: AuthoredPost, *, now: datetime) -> None:
    """Count a change of the post, inside the transaction of the change."""
    _touch(post, now=now)
    post.save()


def freeze(post: AuthoredPost, base: Content, variants: Mapping[str, Content], *, user_id: int, now: datetime) -> bool:
    """Make what the post says a new revision, inside the running transaction. False when it said so already.

    `variants` are by the channel's public id. Raises Invalid with what Telegram would refuse.
    """
    for content in (base, *variants.values()):
        checks.require(content)
    doc: dict[str, Any] = {
        "base": tree.to_json(base),
        "variants": {key: tree.to_json(one) for key, one in sorted(variants.items())},
    }
    if dress := settings.dresses_of(post.workspace):
        doc["dress"] = dress
    hashed = tree.hash_of(doc)
    latest = newest(post.id)
    post.draft = None
    if latest is not None and latest.content_hash == hashed:
        return False
    revision = PostRevision.create(
        workspace=post.workspace,
        post=post.id,
        number=(latest.number if latest else 0) + 1,
        content=doc,
        content_hash=hashed,
        created_by=user_id,
        created_at=now,
    )
    record(
        "post.written",
        post,
        user_id,
        before={"revision": latest.number, "content": latest.content} if latest else None,
        after={"revision": revision.number, "content": doc},
        now=now,
    )
    return True


def newest(post_id: int) -> PostRevision | None:
    """What a post says now."""
    found = db.row("SELECT id, workspace_id FROM post_revision WHERE post_id = ? ORDER BY number DESC LIMIT 1", post_id)
    if found is None:
        return None
    revision: PostRevision = PostRevision.get(PostRevision.id == found[0], PostRevision.workspace == found[1])
    return revision


def record(
    action: str, post: AuthoredPost, user_id: int | None, *, before: object = None, after: object = None, now: datetime
) -> None:
    """A person's change of a post in the workspace's record."""
    audit.record(
        action,
        actor=f"user:{user_id}" if user_id else "service",
        subject=f"post:{post.public_id}",
        workspace_id=post.workspace,
        before=before,
        after=after,
        now=now,
    )
