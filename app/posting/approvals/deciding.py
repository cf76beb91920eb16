"""Yes and no to a proposed post: by people who may publish, and by clients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.accounts.models import User
from app.accounts.service import people
from app.audit import service as audit
from app.core import db
from app.core.errors import AppError, Conflict, Invalid
from app.core.i18n import N_
from app.core.policy import Act, may
from app.posting.approvals import gate, telling
from app.posting.approvals.gate import Client
from app.posting.approvals.models import (
    APPROVED,
    LONGEST_COMMENT,
    OVERRIDDEN,
    RETURNED,
    ApprovalAnswer,
)
from app.posting.content import draft as drafts
from app.posting.content import tree
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.service import composing, planning, writing
from app.posting.states import DRAFT, PROPOSED


def approve(
    workspace_id: int, public_id: str, version: int, *, is_override: bool = False, user_id: int, now: datetime
) -> AuthoredPost:
    """Put a proposed post on the clock and tell its author; `is_override`: also without the clients who must agree.

    Raises Conflict when nothing waits (`not_proposed`), when somebody changed it (`stale`), or while a client has to
    say yes (`client_waits`), and Invalid when its time has passed.
    """
    with db.write():
        post, draft = _proposed(workspace_id, public_id, version)
        clients = gate.clients_of(workspace_id, post.id, gate.contents_of(draft))
        if is_override:
            _override(post, [client for client in clients if client.is_missing], user_id=user_id, now=now)
        else:
            gate.require_answered(clients)
        done = composing.approve(workspace_id, public_id, version, user_id=user_id, now=now)
        name = _name_of(user_id)
        telling.tell_author("approval_given", done, draft, by=name, by_user=user_id, now=now)
    return done


def give_back(
    workspace_id: int, public_id: str, version: int, *, comment: str = "", user_id: int, now: datetime
) -> AuthoredPost:
    """Make a proposed post a draft again and tell its author why. Raises Conflict as `approve`, Invalid."""
    comment = _checked(comment)
    with db.write():
        post, draft = _proposed(workspace_id, public_id, version)
        answer = {"answer": RETURNED, "content_hash": _all_words(draft), "comment": comment or None}
        ApprovalAnswer.create(workspace=workspace_id, post=post.id, user=user_id, at=now, **answer)
        _back_to_draft(post, draft, now=now)
        writing.record("post.returned", post, user_id, after=comment or None, now=now)
        told = {"by": _name_of(user_id), "by_user": user_id, "comment": comment}
        telling.tell_author("approval_returned", post, draft, **told, now=now)  # type: ignore[arg-type]
    return post


def client_answers(
    workspace_id: int,
    public_id: str,
    client: Client,
    *,
    seen_hash: str,
    is_yes: bool,
    comment: str = "",
    now: datetime,
) -> None:
    """Record what a client says of the words that they saw.

    A yes, once it is the last one missing, puts a post on the clock that was proposed by somebody who may publish. A
    no makes a proposed post a draft again; a scheduled one stays, and those who may publish are told. Raises Conflict
    (`stale`) when the words are others by now, Invalid.
    """
    comment = _checked(comment)
    if seen_hash != client.content_hash:
        raise Conflict(N_("This post was changed meanwhile. Look at it again."), code="stale")
    with db.write():
        post = writing.held(workspace_id, public_id)
        draft = planning.draft_of(post, zone="UTC")
        answer = ApprovalAnswer.create(
            workspace=workspace_id,
            post=post.id,
            link=client.link_id,
            answer=APPROVED if is_yes else RETURNED,
            content_hash=client.content_hash,
            comment=comment or None,
            at=now,
        )
        _record_client(post, client.name, is_yes=is_yes, comment=comment, now=now)
        telling.tell_of_client(
            *(post, draft), name=client.name, is_yes=is_yes, comment=comment, answer_id=answer.id, now=now
        )
        if draft.proposal is None:
            return
        if is_yes:
            _go_on(post, draft, now=now)
        else:
            _back_to_draft(post, draft, now=now)


def _proposed(workspace_id: int, public_id: str, version: int) -> tuple[AuthoredPost, Draft]:
    post = writing.held(workspace_id, public_id)
    draft = drafts.read(post.draft)
    if draft.proposal is None:
        raise Conflict(N_("This post no longer waits for approval."), code="not_proposed")
    if post.version != version:
        raise Conflict(
            N_("Somebody changed this post after you were asked. Look at it again in the app."), code="stale"
        )
    return post, draft


def _override(post: AuthoredPost, missing: Iterable[Client], *, user_id: int, now: datetime) -> None:
    for client in missing:
        ApprovalAnswer.create(
            workspace=post.workspace,
            post=post.id,
            link=client.link_id,
            user=user_id,
            answer=OVERRIDDEN,
            content_hash=client.content_hash,
            at=now,
        )
        writing.record("post.client_overridden", post, user_id, after=client.name, now=now)


def _back_to_draft(post: AuthoredPost, draft: Draft, *, now: datetime) -> None:
    post.draft = replace(draft, proposal=None).to_doc()
    if post.state == PROPOSED:
        post.state = DRAFT
    writing.touch(post, now=now)


def _go_on(post: AuthoredPost, draft: Draft, *, now: datetime) -> None:
    """What only waited for clients goes on the clock, unless one is still missing or its time has passed."""
    assert draft.proposal is not None
    clients = gate.clients_of(post.workspace, post.id, gate.contents_of(draft))
    proposer = draft.proposal.user_id
    role = next((w[3] for w in people.workspaces_of(proposer) if w[0] == post.workspace), None)
    if role is None or not may(role, Act.PUBLISH) or any(client.is_missing for client in clients):
        return
    try:
        with db.database.atomic():  # a savepoint: the client's answer stays when the post cannot go out as it is
            composing.approve(post.workspace, post.public_id, post.version, user_id=proposer, now=now)
    except AppError:
        return  # it stays proposed, and those who may publish were told of the answer


def _record_client(post: AuthoredPost, name: str, *, is_yes: bool, comment: str, now: datetime) -> None:
    audit.record(
        "post.client_approved" if is_yes else "post.client_returned",
        actor=f"client:{name}",
        subject=f"post:{post.public_id}",
        workspace_id=post.workspace,
        after=comment or None,
        now=now,
    )


def _checked(comment: str) -> str:
    comment = comment.strip().replace("\r\n", "\n")
    if len(comment) > LONGEST_COMMENT:
        raise Invalid(
            N_("A comment has at most %(limit)s characters."), fields={"comment": "length"}, limit=LONGEST_COMMENT
        )
    return comment


def _all_words(draft: Draft) -> str:
    return tree.hash_of({key: tree.to_json(one) for key, one in gate.contents_of(draft).items()})


def _name_of(user_id: int) -> str:
    found: User | None = User.get_or_none(User.id == user_id)
    return str(found.name) if found else ""
