"""What the composer's buttons do: keep the form, ask for approval, put the post on the clock, move it, copy it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.channels.queries import ChannelRef
from app.core import db
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_
from app.links import service as links
from app.media import service as media
from app.posting.approvals import gate
from app.posting.content import checks, parts
from app.posting.content import draft as drafts
from app.posting.content.blocks import Content
from app.posting.content.draft import Draft, Proposal
from app.posting.content.tidy import tidied
from app.posting.emoji import palette
from app.posting.models import AuthoredPost
from app.posting.service import planning, scheduling, writing
from app.posting.service.scheduling import Plan
from app.posting.states import CANCELLED, DRAFT, PROPOSED

NEW = 0  # the version of a post that is not kept yet
_GRACE = timedelta(minutes=1)
_PUBLIC_ID = re.compile(r"[\w-]{22}", re.ASCII)


def save(workspace_id: int, public_id: str, version: int, draft: Draft, *, user_id: int, now: datetime) -> AuthoredPost:
    """Keep the form as it stands; what is scheduled or out stays as it is until it is scheduled anew.

    The first time, with version 0, it makes the post. Raises Conflict when somebody saved meanwhile, NotFound.
    """
    with db.write():
        post = _held(workspace_id, public_id, version, user_id=user_id, now=now)
        kept = replace(draft, proposal=drafts.read(post.draft).proposal).to_doc()
        if post.draft != kept:
            post.draft = kept
            writing.touch(post, now=now)
    return post


def schedule(
    workspace_id: int,
    public_id: str,
    version: int,
    draft: Draft,
    *,
    due_at: datetime,
    user_id: int,
    now: datetime,
) -> AuthoredPost:
    """Freeze what the form says and put it on the clock; what is out already is corrected.

    Raises Invalid by the form's fields, Conflict as `save` and for a channel without our bot, LimitReached when the
    plan's posts, watermarks or new custom emoji of the month are used up.
    """
    with db.write():
        post = _held(workspace_id, public_id, version, user_id=user_id, now=now)
        if not planning.is_out(post):
            _require_future(due_at, now=now)
        _put_out(post, draft, due_at, user_id=user_id, now=now)
    return post


def publish_now(
    workspace_id: int, public_id: str, version: int, draft: Draft, *, user_id: int, now: datetime
) -> AuthoredPost:
    """Freeze what the form says and send it at once. Raises as `schedule`."""
    with db.write():
        post = _held(workspace_id, public_id, version, user_id=user_id, now=now)
        _put_out(post, draft, now, user_id=user_id, now=now)
    return post


def propose(
    workspace_id: int,
    public_id: str,
    version: int,
    draft: Draft,
    *,
    due_at: datetime | None,
    user_id: int,
    now: datetime,
) -> AuthoredPost:
    """Keep the form and ask somebody who may publish for it, at a time or at once. Raises as `schedule`."""
    with db.write():
        post = _held(workspace_id, public_id, version, user_id=user_id, now=now)
        if due_at:
            _require_future(due_at, now=now)
        _require_channels(workspace_id, draft)
        for content in (draft.content(), *draft.contents().values()):
            checks.require(content)
        post.draft = replace(draft, proposal=Proposal(due_at, user_id)).to_doc()
        if post.state in (DRAFT, CANCELLED):
            post.state = PROPOSED
        writing.touch(post, now=now)
        writing.record("post.proposed", post, user_id, now=now)
    return post


def approve(workspace_id: int, public_id: str, version: int, *, user_id: int, now: datetime) -> AuthoredPost:
    """Put a proposed post on the clock as it was proposed. Raises Conflict when nothing waits or somebody changed it."""
    with db.write():
        post = writing.held(workspace_id, public_id, version)
        draft = drafts.read(post.draft)
        if draft.proposal is None:
            raise Conflict(N_("This post no longer waits for approval."), code="not_proposed")
        due_at = draft.proposal.due_at
        if due_at:
            _require_future(due_at, now=now)
        writing.record("post.approved", post, user_id, now=now)
        _put_out(post, draft, due_at or now, user_id=user_id, now=now)
    return post


def move(workspace_id: int, public_id: str, due_at: datetime, *, user_id: int, now: datetime) -> AuthoredPost:
    """One time for all that has not gone out, also what Telegram refused; `now` for at once. Some channels alone:
    planning.moving. Raises Conflict for a post that was never put on."""
    with db.write():
        post = writing.held(workspace_id, public_id)
        plan = planning.plan_of(post)
        if plan is None:
            raise Conflict(N_("This post is not scheduled."), code="not_scheduled")
        _require_future(due_at, now=now)
        scheduling.put_on(post, replace(plan, due_at=due_at, due_by_channel={}), user_id=user_id, now=now)
    return post


def duplicate(workspace_id: int, public_id: str, *, zone: str, user_id: int, now: datetime) -> AuthoredPost:
    """A new draft that says the same, without a time."""
    draft = planning.draft_of(writing.post_of(workspace_id, public_id), zone=zone)
    copy = replace(draft, day="", time="", proposal=None)
    return writing.create(workspace_id, copy.to_doc(), user_id=user_id, now=now)


def discard(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Throw away the kept form, and with it a post that never was more. Raises NotFound."""
    with db.write():
        post = writing.held(workspace_id, public_id)
        post.draft = None
        if post.state in (DRAFT, PROPOSED) or (post.state == CANCELLED and not planning.is_out(post)):
            post.deleted_at = now
        writing.touch(post, now=now)
        writing.record("post.discarded", post, user_id, now=now)


def in_field(error: Invalid, name: str) -> Invalid:
    """The same refusal, of a field of the composer's."""
    params: dict[str, Any] = dict(error.params)
    return Invalid(error.sentence, fields={name: error.message}, code=error.code, **params)


def _held(workspace_id: int, public_id: str, version: int, *, user_id: int, now: datetime) -> AuthoredPost:
    """The post for a change; the first one makes it under the id that its form was given."""
    if version == NEW and _PUBLIC_ID.fullmatch(public_id) and not writing.is_known(public_id):
        return writing.create(workspace_id, {}, public_id=public_id, user_id=user_id, now=now)
    return writing.held(workspace_id, public_id, version)


def _put_out(post: AuthoredPost, draft: Draft, due_at: datetime, *, user_id: int, now: datetime) -> None:
    if planning.is_gone(post):
        raise Conflict(N_("This post was deleted in Telegram. Make a copy of it to publish it again."), code="gone")
    refs = _require_channels(post.workspace, draft)
    base, variants = draft.content(), draft.contents()
    _require_same_shape(post, base, variants)
    gate.require_yes(post.workspace, post.id, base, variants, draft.channels)
    is_new = writing.freeze(post, base, variants, user_id=user_id, now=now)
    palette.use(post.workspace, (base, *variants.values()), now=now)
    before = planning.plan_of(post)
    plan = Plan(
        refs,
        due_at,
        due_by_channel=_kept_times(before, due_at),
        repost_after_s=before.repost_after_s if before else None,
        is_pinned=draft.is_pinned,
        unpin_after_s=draft.after.get("unpin") if draft.is_pinned else None,
        delete_after_s=draft.after.get("delete"),
        top_minutes=draft.top_minutes,
    )
    scheduling.put_on(post, plan, user_id=user_id, now=now)
    if is_new:
        scheduling.correct(post, now=now)
    for ref in refs:
        _make_ready(post, variants.get(ref.public_id, base), ref, now=now)


def _kept_times(before: Plan | None, due_at: datetime) -> Mapping[int, datetime]:
    """The times by channel, unless the form, which shows the last of them to the minute, says another."""
    is_same = before is not None and before.due_at.replace(second=0, microsecond=0) == due_at.replace(
        second=0, microsecond=0
    )
    return before.due_by_channel if before is not None and is_same else {}


def _make_ready(post: AuthoredPost, content: Content, ref: ChannelRef, *, now: datetime) -> None:
    """The post's tracked links in a channel, and the copies of its files for the bot that sends it there."""
    for button in (b for row in tidied(content).buttons for b in row if b.is_tracked):
        try:
            links.make(post.workspace, button.url, post_id=post.id, channel_id=ref.id, now=now)
        except Invalid as error:
            raise in_field(error, "buttons") from error
    assert ref.bot_id is not None, "put_on refuses a channel without our bot"
    media.want(post.workspace, [one.file for one in content.media], ref.bot_id, now=now)


def _require_channels(workspace_id: int, draft: Draft) -> list[ChannelRef]:
    refs = planning.chosen(workspace_id, draft.channels)
    if not refs:
        sentence = N_("Choose at least one channel.")
        raise Invalid(sentence, fields={"channels": sentence})
    return refs


def _require_future(due_at: datetime, *, now: datetime) -> None:
    if due_at < now - _GRACE:
        sentence = N_("This moment has passed. Choose a later one, or publish at once.")
        raise Invalid(sentence, fields={"when": sentence})


def _require_same_shape(post: AuthoredPost, base: Content, variants: Mapping[str, Content]) -> None:
    """Telegram lets a message that is out change its words and buttons only."""
    before = planning.said_of(post) if planning.is_out(post) else None
    if before is None:
        return
    channels = {"", *variants, *before[1]}
    if any(_shape(variants.get(key, base)) != _shape(before[1].get(key, before[0])) for key in channels):
        sentence = N_("This post is out: only its words and buttons can change, not its files, its poll or its parts.")
        raise Invalid(sentence, fields={"media": sentence})


def _shape(content: Content) -> list[object]:
    return [(part.kind, part.media, part.poll) for part in parts.parts(content)]
