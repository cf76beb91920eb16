"""Another time for a post: in all of its channels, or in some; at the next queue slot, or the best free one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.channels.queries import ChannelRef
from app.core import db
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.planning import offers
from app.posting.planning.offers import Offer, Planned
from app.posting.service import composing, planning, scheduling, writing
from app.posting.states import BLOCKED, CALLED_OFF, CLAIMED, FAILED, PUBLISH, WAITING

_MOVABLE = (WAITING, CLAIMED, BLOCKED)
Pick = Callable[[Sequence[ChannelRef], int], Mapping[int, datetime]]


@dataclass(frozen=True, slots=True)
class Standing:
    """A publication as it stands on the clock of a channel."""

    state: str
    due_at: datetime
    channel: str
    top_minutes: int


def standings(workspace_id: int, post_id: int) -> dict[int, Standing]:
    """By channel (id), what is to go out there, or went out."""
    rows = db.rows(
        "SELECT t.channel_id, a.state, a.due_at, c.public_id, t.top_minutes FROM due_action a JOIN post_target t ON t.id = a.target_id"
        " JOIN channel c ON c.id = t.channel_id WHERE a.workspace_id = ? AND a.post_id = ? AND a.kind = ? AND a.slot = 0"
        " AND a.state <> ?",
        *(workspace_id, post_id, PUBLISH, CALLED_OFF),
    )
    return {row[0]: Standing(row[1], db.moment(row[2]), row[3], row[4] or 0) for row in rows}


def move(
    workspace_id: int,
    public_id: str,
    version: int,
    due_at: datetime,
    *,
    channels: Collection[str] = (),
    is_anyway: bool = False,
    user_id: int,
    now: datetime,
) -> AuthoredPost:
    """Another time in some channels (public ids; none: all) for what is not on its way yet; elsewhere nothing changes.

    Raises Conflict (`stale`, `not_movable`, `needs_anyway`), Invalid (field `when`), NotFound.
    """
    with db.write():
        post = writing.held(workspace_id, public_id, version)
        plan, known = planning.plan_of(post), standings(workspace_id, post.id)
        moved = [i for i, one in known.items() if one.state in _MOVABLE and (not channels or one.channel in channels)]
        if plan is None or not moved:
            raise Conflict(
                N_("This post is out, on its way or called off: it can no longer be moved."), code="not_movable"
            )
        if due_at < now:
            sentence = N_("This moment has passed. Choose a later one.")
            raise Invalid(sentence, fields={"when": sentence})
        refs = [ref for ref in plan.channels if ref.id in known and known[ref.id].state != FAILED]
        top = max(known[i].top_minutes for i in moved)
        here = [ref for ref in refs if ref.id in moved]
        _require_free(post, here, due_at, top_minutes=top, is_anyway=is_anyway)
        times = {i: due_at if i in moved else one.due_at for i, one in known.items()}
        scheduling.put_on(post, replace(plan, channels=refs, due_by_channel=times), user_id=user_id, now=now)
    return post


def _require_free(
    post: AuthoredPost,
    refs: Sequence[ChannelRef],
    due_at: datetime,
    *,
    top_minutes: int,
    is_anyway: bool,
) -> None:
    said = planning.said_of(post)
    assert said is not None, "what stands on the clock was frozen"
    planned = Planned({ref.id: due_at for ref in refs}, said[0], said[1], timedelta(minutes=top_minutes))
    offers.require_free(post.workspace, refs, planned, but=post.id, is_anyway=is_anyway)


def enqueue(
    workspace_id: int, public_id: str, version: int, draft: Draft, *, user_id: int, now: datetime
) -> AuthoredPost:
    """Freeze what the composer's form says and put it on the next free queue slot, in each channel on its own.

    Raises as composing.schedule, and Invalid (field `when`) for a channel without a free slot.
    """

    def pick(refs: Sequence[ChannelRef], post_id: int) -> Mapping[int, datetime]:
        return offers.queue_slots(workspace_id, refs, but=post_id, now=now)

    return _put_on(workspace_id, public_id, version, draft, pick, user_id=user_id, now=now)


def put_on_best(
    workspace_id: int, public_id: str, version: int, draft: Draft, *, user_id: int, now: datetime
) -> tuple[AuthoredPost, list[Offer]]:
    """The same on the best free slot of each channel; the offers say why. Raises Invalid where there is none."""
    found: list[Offer] = []

    def pick(refs: Sequence[ChannelRef], post_id: int) -> Mapping[int, datetime]:
        times = {}
        for ref in refs:
            offer = offers.best_free_slot(workspace_id, ref, but=post_id, now=now)
            if offer.at is None:
                sentence, params = offer.reasons[-1]
                given: dict[str, Any] = dict(params)
                raise Invalid(sentence, fields={"when": sentence % params}, **given)
            found.append(offer)
            times[ref.id] = offer.at
        return times

    return _put_on(workspace_id, public_id, version, draft, pick, user_id=user_id, now=now), found


def _put_on(
    workspace_id: int, public_id: str, version: int, draft: Draft, pick: Pick, *, user_id: int, now: datetime
) -> AuthoredPost:
    with db.write():
        refs = planning.chosen(workspace_id, draft.channels)
        if not refs:
            sentence = N_("Choose at least one channel.")
            raise Invalid(sentence, fields={"channels": sentence})
        for channel_id in sorted(ref.id for ref in refs):
            db.serialise("channel", channel_id)  # two people never get the same slot
        known = db.row("SELECT id FROM authored_post WHERE workspace_id = ? AND public_id = ?", workspace_id, public_id)
        times = pick(refs, known[0] if known else 0)
        first = min(times.values())
        post = composing.schedule(workspace_id, public_id, version, draft, due_at=first, user_id=user_id, now=now)
        plan = planning.plan_of(post)
        assert plan is not None, "it was just put on the clock"
        if plan.due_by_channel != times:
            scheduling.put_on(post, replace(plan, due_by_channel=times), user_id=user_id, now=now)
    return post
