"""Changes of the clock that ask first: what would come into quiet hours, or while another post is to stay on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from app.core import db
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.planning import offers
from app.posting.planning.cautions import Caution, Planned
from app.posting.planning.moving import Standing, standings
from app.posting.service import planning
from app.posting.states import BLOCKED, CLAIMED, WAITING


def with_care(
    workspace_id: int, public_id: str, change: Callable[[], AuthoredPost], *, is_anyway: bool
) -> AuthoredPost:
    """Make a change; where it brings a publication to a moment that somebody should think about, nothing changes.

    A publication that stands there already is not asked about again. The change comes first: it wakes the lane, and there
    two people wait for each other, so that the second sees what the first did. Raises Conflict (`needs_anyway`) unless
    `is_anyway`, and as `change`.
    """
    with db.write():
        before = _standing(workspace_id, public_id)
        post = change()
        if not is_anyway:
            _require_free(post, before)
    return post


def _standing(workspace_id: int, public_id: str) -> Mapping[int, tuple[datetime, int]]:
    """By channel (id), when a post goes out there and for how many minutes it is to stay on top."""
    known = db.row("SELECT id FROM authored_post WHERE workspace_id = ? AND public_id = ?", workspace_id, public_id)
    return {i: (one.due_at, one.top_minutes) for i, one in _ahead(workspace_id, known[0]).items()} if known else {}


def _ahead(workspace_id: int, post_id: int) -> dict[int, Standing]:
    known = standings(workspace_id, post_id)
    return {i: one for i, one in known.items() if one.state in (WAITING, CLAIMED, BLOCKED)}


def _require_free(post: AuthoredPost, before: Mapping[int, tuple[datetime, int]]) -> None:
    ahead = _ahead(post.workspace, post.id)
    new = {i: one for i, one in ahead.items() if before.get(i) != (one.due_at, one.top_minutes)}
    refs = [ref for ref in planning.own_channels(post.workspace) if ref.id in new]
    said = planning.said_of(post)
    if not refs or said is None:
        return
    times = {ref.id: new[ref.id].due_at for ref in refs}
    planned = Planned(times, said[0], said[1], timedelta(minutes=max(one.top_minutes for one in new.values())))
    if doubt := offers.doubt(post.workspace, refs, planned, but=post.id):
        raise offers.needs_anyway(doubt)


def doubt_of(post: AuthoredPost, draft: Draft, due_at: datetime) -> Caution | None:
    """What somebody should think about before a form goes out at a moment in its channels."""
    refs = planning.chosen(post.workspace, draft.channels)
    if not refs:
        return None
    top, times = timedelta(minutes=draft.top_minutes), {ref.id: due_at for ref in refs}
    return offers.doubt(post.workspace, refs, Planned(times, draft.content(), draft.contents(), top), but=post.id)


def require_free_draft(post: AuthoredPost, draft: Draft, due_at: datetime) -> None:
    """Ask who proposes a form. Whoever approves it is not asked again: the moment was seen. Raises as `with_care`."""
    if doubt := doubt_of(post, draft, due_at):
        raise offers.needs_anyway(doubt)
