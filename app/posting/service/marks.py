"""Marked copies of a post's files in a channel: asked for when it is scheduled; it waits for them, a little, when it is due."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from app.core import db
from app.media.service import marking, work
from app.media.service.marking import Wish
from app.posting.content.blocks import Content
from app.posting.models import PostTarget, TargetWork
from app.posting.service import blocking
from app.posting.service.claimed import Claimed

LOOK_AGAIN = timedelta(seconds=2)
_COMING = frozenset({work.WAITING, work.RUNNING})


def want(target: PostTarget, content: Content, wish: Wish, *, now: datetime) -> None:
    """Ask for what a post needs in a channel, inside the running transaction. Raises LimitReached (`limit_watermarks`)."""
    db.execute("DELETE FROM target_work WHERE target_id = ? AND workspace_id = ?", target.id, target.workspace)
    files = [medium.file for medium in content.media]
    for job in marking.want(target.workspace, files, wish, is_needed=True, now=now):
        TargetWork.insert(workspace=target.workspace, target=target.id, job=job).execute()


def want_again(target_ids: Collection[int], *, now: datetime) -> None:
    """What failed for these is tried once more."""
    work.ask_again([job for job, _ in _work_of(target_ids)], now=now)


def ready(found: Sequence[Claimed], *, now: datetime) -> list[Claimed]:
    """Those that wait for no file; the others are looked at again in a moment, or not sent where a file cannot be made."""
    needed = _work_of({action.target_id for action in found if action.is_send})
    if not needed:
        return list(found)
    states = work.states_of({job for job, _ in needed})
    by_target: dict[int, set[str]] = {}
    for job, target_id in needed:
        by_target.setdefault(target_id, set()).add(states[job])
    return [action for action in found if _is_ready(action, by_target.get(action.target_id, set()), now=now)]


def _is_ready(action: Claimed, states: Collection[str], *, now: datetime) -> bool:
    if not action.is_send or not set(states) - {work.DONE}:
        return True
    if _COMING & set(states):
        later = db.stamp(now + LOOK_AGAIN)
        db.execute("UPDATE due_action SET ready_at = ?, eta_at = ? WHERE id = ?", later, later, action.id)
    else:
        blocking.block_unmarked(action, now=now)
    return False


def _work_of(target_ids: Collection[int]) -> list[tuple[int, int]]:
    return db.rows(  # type: ignore[return-value]
        f"SELECT job_id, target_id FROM target_work WHERE target_id IN ({db.marks(target_ids)})", *target_ids
    )
