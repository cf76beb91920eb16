"""A composed post on its way out: at once for those who may publish, else, or where a client decides, by asking."""

from __future__ import annotations

from datetime import datetime

from app.core import db
from app.posting.approvals import gate, telling
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.planning import caring
from app.posting.service import composing


def submit(
    workspace_id: int,
    public_id: str,
    version: int,
    draft: Draft,
    *,
    due_at: datetime | None,
    may_publish: bool,
    is_anyway: bool = False,
    user_id: int,
    now: datetime,
) -> AuthoredPost:
    """Schedule a form (`due_at` None: publish it) or, where somebody must say yes first, propose it and ask them.

    Raises as composing.schedule, and Conflict (`needs_anyway`) as planning.caring, unless `is_anyway`.
    """

    def put_out() -> AuthoredPost:
        given = (workspace_id, public_id, version, draft)
        if due_at is None:
            return composing.publish_now(*given, user_id=user_id, now=now)
        return composing.schedule(*given, due_at=due_at, user_id=user_id, now=now)

    with db.write():
        if may_publish and not _waits_for_client(workspace_id, public_id, draft):
            return caring.with_care(workspace_id, public_id, put_out, is_anyway=is_anyway)
        post = composing.propose(workspace_id, public_id, version, draft, due_at=due_at, user_id=user_id, now=now)
        if due_at is not None and not is_anyway:
            caring.require_free_draft(post, draft, due_at)
        if not may_publish:
            telling.ask_deciders(post, now=now)
    return post


def _waits_for_client(workspace_id: int, public_id: str, draft: Draft) -> bool:
    known = db.row("SELECT id FROM authored_post WHERE workspace_id = ? AND public_id = ?", workspace_id, public_id)
    clients = gate.clients_of(workspace_id, known[0] if known else None, gate.contents_of(draft))
    return any(client.is_missing for client in clients)
