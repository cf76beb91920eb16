"""Reads on what waits for a yes, and on what clients see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from app.channels.queries import channels_of
from app.core import db
from app.posting.approvals import gate
from app.posting.approvals.gate import Contents
from app.posting.content import draft as drafts
from app.posting.models import AuthoredPost
from app.posting.service import planning
from app.posting.states import BLOCKED, CLAIMED, PROPOSED, PUBLISH, SCHEDULED, WAITING

MOST = 50
_AHEAD = (WAITING, CLAIMED, BLOCKED)
_HOLDS_PROPOSAL = '%"proposal":{%'  # of canonical JSON: in what people typed the quotes are escaped


@dataclass(frozen=True, slots=True)
class Asked:
    """A post as it stands for those who decide: what it says where, and when it is to go out (None: at once).

    `by`: the id of who proposes it, None for one that is scheduled already.
    """

    post: AuthoredPost
    contents: Contents
    due_at: datetime | None
    by: int | None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer in a post's record: `who` is a person's name, or a client's."""

    who: str
    is_client: bool
    answer: str
    comment: str
    at: datetime


def proposed(workspace_id: int, *, limit: int = MOST) -> list[AuthoredPost]:
    """Posts that wait for a yes, those changed last first; also changes of posts that are scheduled or out."""
    rows = db.rows(
        "SELECT id FROM authored_post WHERE workspace_id = ? AND deleted_at IS NULL AND state IN (?, ?)"
        " AND draft LIKE ? ORDER BY updated_at DESC, id DESC LIMIT ?",
        *(workspace_id, PROPOSED, SCHEDULED, _HOLDS_PROPOSAL, limit),
    )
    return _posts(workspace_id, [row[0] for row in rows])


def proposed_count(workspace_id: int, *, most: int = 100) -> int:
    """How many posts wait for a yes, counted up to `most`."""
    found = db.row(
        "SELECT COUNT(*) FROM (SELECT 1 FROM authored_post WHERE workspace_id = ? AND deleted_at IS NULL"
        " AND state IN (?, ?) AND draft LIKE ? LIMIT ?) AS found",
        *(workspace_id, PROPOSED, SCHEDULED, _HOLDS_PROPOSAL, most),
    )
    return int(found[0]) if found else 0


def shared_with(workspace_id: int, channels: Collection[str]) -> list[Asked]:
    """The proposed and scheduled posts that go to one of these channels (public ids), at most MOST, soonest first."""
    ids = {ref.id for ref in channels_of(workspace_id) if ref.public_id in channels}
    rows = db.rows(
        "SELECT a.post_id, MIN(a.due_at) FROM due_action a JOIN post_target t ON t.id = a.target_id"
        " JOIN authored_post p ON p.id = a.post_id AND p.state = ? AND p.deleted_at IS NULL"
        f" WHERE a.workspace_id = ? AND a.state IN ({db.marks(_AHEAD)}) AND a.kind = ?"
        f" AND t.channel_id IN ({db.marks(ids)}) GROUP BY a.post_id ORDER BY 2 LIMIT ?",
        *(SCHEDULED, workspace_id, *_AHEAD, PUBLISH, *ids, MOST),
    )
    scheduled = _posts(workspace_id, [row[0] for row in rows])
    posts = {post.id: post for post in [*proposed(workspace_id, limit=4 * MOST), *scheduled]}
    asked = [one for post in posts.values() if set(channels) & set((one := asked_of(post)).contents)]
    at_once = datetime.min.replace(tzinfo=UTC)
    return sorted(asked, key=lambda one: (one.due_at or at_once, one.post.id))[:MOST]


def asked_of(post: AuthoredPost) -> Asked:
    """What a proposal says or, without one, what is scheduled."""
    draft = drafts.read(post.draft)
    if draft.proposal is not None:
        return Asked(post, gate.contents_of(draft), draft.proposal.due_at, draft.proposal.user_id)
    said, plan = planning.said_of(post), planning.plan_of(post)
    if said is None or plan is None:
        return Asked(post, {}, None, None)
    base, variants = said
    contents = {ref.public_id: variants.get(ref.public_id, base) for ref in plan.channels}
    return Asked(post, contents, plan.due_at, None)


def is_ahead(one: Asked) -> bool:
    """Whether a post is still to go out: proposed, or on the clock."""
    if one.by is not None:
        return True
    found = db.row(
        f"SELECT 1 FROM due_action WHERE workspace_id = ? AND post_id = ? AND kind = ? AND state IN ({db.marks(_AHEAD)})"
        " LIMIT 1",
        *(one.post.workspace, one.post.id, PUBLISH, *_AHEAD),
    )
    return found is not None and one.post.state == SCHEDULED


def _posts(workspace_id: int, ids: list[int]) -> list[AuthoredPost]:
    found = AuthoredPost.select().where(AuthoredPost.workspace == workspace_id, AuthoredPost.id.in_(ids))
    by_id = {post.id: post for post in found}
    return [by_id[post_id] for post_id in ids if post_id in by_id]


def answers(workspace_id: int, post_id: int) -> list[Said]:
    """All answers to a post, the newest first, at most MOST."""
    rows = db.rows(
        'SELECT u.name, l.name, a.answer, a.comment, a.at FROM approval_answer a LEFT JOIN "user" u ON u.id = a.user_id'
        " LEFT JOIN client_link l ON l.id = a.link_id WHERE a.workspace_id = ? AND a.post_id = ?"
        " ORDER BY a.id DESC LIMIT ?",
        *(workspace_id, post_id, MOST),
    )
    return [
        Said(user or client, user is None, word, comment or "", db.moment(at))
        for user, client, word, comment, at in rows
    ]
