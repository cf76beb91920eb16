"""Holding posts of channels in which the bot may not post, and telling whoever can give the right back."""

from __future__ import annotations

from datetime import datetime

from app.accounts.service import people
from app.channels.queries import OF_THE_PLAN
from app.core import db
from app.notices import service as notices
from app.posting.states import BLOCKED, SENDS, WAITING


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


def tell(channel_id: int, bot_id: int, count: int, *, is_of_plan: bool = False, now: datetime) -> None:
    """A message with the button that resumes them, inside the running transaction."""
    found = db.row(
        "SELECT c.workspace_id, h.title FROM channel c JOIN chat h ON h.id = c.chat_id WHERE c.id = ?", channel_id
    )
    assert found is not None
    for person in people.people_to_tell(found[0]):
        params = {"title": found[1], "count": str(count), "channel": str(channel_id)}
        template = "posts_over_plan" if is_of_plan else "posts_blocked"
        notices.queue(template, user=person, bot_id=bot_id, params=params, is_urgent=True, now=now)
