"""Holding posts of channels in which the bot may not post, and telling whoever can give the right back."""

from __future__ import annotations

from datetime import datetime

from app.accounts.service import people
from app.channels.queries import OF_THE_PLAN
from app.core import db
from app.notices import service as notices
from app.posting.service.claimed import Claimed
from app.posting.states import BLOCKED, SENDS, WAITING

MARK_FAILED = "mark_failed"


def block(channel_id: int, bot_id: int, reason: str, *, now: datetime) -> int:
    """Hold everything that waits to be sent to a channel, with the reason, until somebody resumes it; tell its people.

    Deletions, edits and pins go on: they need other rights. Returns how many posts are held now that were not before.
    """
    with db.write():
        held = db.execute(
            f"UPDATE due_action SET state = ?, reason = ?, epoch = 0 WHERE state = ? AND kind IN ({db.marks(SENDS)})"
            " AND target_id IN (SELECT id FROM post_target WHERE channel_id = ?)",
            *(BLOCKED, reason[:300], WAITING, *SENDS, channel_id),
        )
        if held:
            tell(channel_id, bot_id, held, is_of_plan=reason in OF_THE_PLAN, now=now)
    return held


def block_unmarked(action: Claimed, *, now: datetime) -> None:
    """Hold one publication whose file cannot be marked until somebody resumes it; tell its people. In the transaction."""
    db.execute("UPDATE due_action SET state = ?, reason = ?, epoch = 0 WHERE id = ?", BLOCKED, MARK_FAILED, action.id)
    found = db.row("SELECT s.account FROM sender s JOIN due_action a ON a.sender_id = s.id WHERE a.id = ?", action.id)
    assert found is not None
    _tell(action.channel_id, int(found[0]), 1, "post_unmarked", now=now)


def tell(channel_id: int, bot_id: int, count: int, *, is_of_plan: bool = False, now: datetime) -> None:
    """A message with the button that resumes them, inside the running transaction."""
    _tell(channel_id, bot_id, count, "posts_over_plan" if is_of_plan else "posts_blocked", now=now)


def _tell(channel_id: int, bot_id: int, count: int, template: str, *, now: datetime) -> None:
    found = db.row(
        "SELECT c.workspace_id, h.title FROM channel c JOIN chat h ON h.id = c.chat_id WHERE c.id = ?", channel_id
    )
    assert found is not None
    for person in people.people_to_tell(found[0]):
        params = {"title": found[1], "count": str(count), "channel": str(channel_id)}
        notices.queue(template, user=person, bot_id=bot_id, params=params, is_urgent=True, now=now)
