"""What is set for a post: the plan by which it was put on, and the composer's form filled from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from app.channels.queries import NO_BOT, ChannelRef, channels_of, why_not_post
from app.core import db
from app.posting.content import draft as drafts
from app.posting.content import markup, tree
from app.posting.content.blocks import Content
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.service import writing
from app.posting.service.scheduling import Plan
from app.posting.states import BUSY, CALLED_OFF, DELETE, DONE, PIN, PUBLISH, REPOST, UNCONFIRMED, UNPIN

OUT = (DONE, BUSY, UNCONFIRMED)


def draft_of(post: AuthoredPost, *, zone: str) -> Draft:
    """What the composer shows: the kept form, else the newest revision with the plan in the words of a zone."""
    if post.draft:
        return drafts.read(post.draft)
    revision = writing.newest(post.id)
    if revision is None:
        return Draft(zone=zone)
    base = tree.from_json(revision.content["base"])
    texts = {key: markup.write(tree.from_json(doc).blocks) for key, doc in revision.content["variants"].items()}
    filled = Draft(markup.write(base.blocks), texts, replace(base, blocks=()), zone=zone)
    plan = plan_of(post)
    return with_plan(filled, plan) if plan else filled


def with_plan(draft: Draft, plan: Plan) -> Draft:
    """The form with a plan's channels, time and what follows."""
    local = plan.due_at.astimezone(ZoneInfo(draft.zone))
    after = {"unpin": plan.unpin_after_s, "delete": plan.delete_after_s}
    return replace(
        draft,
        channels=tuple(ref.public_id for ref in plan.channels),
        day=local.date().isoformat(),
        time=local.strftime("%H:%M"),
        is_pinned=plan.is_pinned,
        after={name: seconds for name, seconds in after.items() if seconds},
        top_minutes=plan.top_minutes or 0,
    )


def plan_of(post: AuthoredPost) -> Plan | None:
    """What stands on the clock for a post, or stood there last; None for one that was never put on it."""
    rows = db.rows(
        "SELECT t.channel_id, a.kind, a.state, a.due_at, a.after_s, a.reason, t.top_minutes"
        " FROM due_action a"
        " JOIN post_target t ON t.id = a.target_id WHERE a.workspace_id = ? AND a.post_id = ?"
        " AND (a.slot = 0 OR a.kind = ?) ORDER BY a.id",
        *(post.workspace, post.id, REPOST),
    )
    published = [row for row in rows if row[1] == PUBLISH]
    if not published:
        return None
    standing = [row for row in published if row[2] != CALLED_OFF] or published
    times = {row[0]: db.moment(row[3]) for row in standing}
    later = {row[1]: row[4] for row in rows if row[4] is not None and row[2] != CALLED_OFF and row[5] != CALLED_OFF}
    return Plan(
        [ref for ref in channels_of(post.workspace) if ref.id in times],
        max(times.values()),
        is_pinned=PIN in later,
        unpin_after_s=later.get(UNPIN),
        delete_after_s=later.get(DELETE),
        repost_after_s=later.get(REPOST),
        due_by_channel=times,
        top_minutes=max(row[6] or 0 for row in standing),
    )


def is_out(post: AuthoredPost) -> bool:
    """Whether any channel has it, or may have it."""
    found = db.row(
        f"SELECT 1 FROM due_action WHERE workspace_id = ? AND post_id = ? AND kind = ? AND state IN ({db.marks(OUT)})"
        " LIMIT 1",
        *(post.workspace, post.id, PUBLISH, *OUT),
    )
    return found is not None


def is_gone(post: AuthoredPost) -> bool:
    """Whether it was out and has been deleted, or is being deleted, wherever it was."""
    found = db.row(
        "SELECT COUNT(*), SUM(CASE WHEN EXISTS (SELECT 1 FROM due_action d WHERE d.target_id = a.target_id"
        " AND d.slot = a.slot AND d.kind = ? AND (d.state = ? OR (d.after_s IS NULL AND d.state <> ?)))"
        " THEN 1 ELSE 0 END) FROM due_action a WHERE a.workspace_id = ? AND a.post_id = ? AND a.kind = ? AND a.state = ?",
        *(DELETE, DONE, CALLED_OFF, post.workspace, post.id, PUBLISH, DONE),
    )
    return bool(found and found[0] and found[0] == found[1])


def said_of(post: AuthoredPost) -> tuple[Content, dict[str, Content]] | None:
    """The newest revision: what it says, and what it says instead in channels (public ids)."""
    revision = writing.newest(post.id)
    if revision is None:
        return None
    variants = {key: tree.from_json(doc) for key, doc in revision.content["variants"].items()}
    return tree.from_json(revision.content["base"]), variants


def own_channels(workspace_id: int) -> list[ChannelRef]:
    """The channels that the workspace runs, by title."""
    return [ref for ref in channels_of(workspace_id) if ref.relation == "owned"]


def why_not(refs: Sequence[ChannelRef], *, now: datetime) -> dict[int, str]:
    """Of these channels (by id) those in which our bot may not post now, with the reason as a word."""
    by_bot: dict[int, list[int]] = defaultdict(list)
    for ref in refs:
        if ref.bot_id is not None:
            by_bot[ref.bot_id].append(ref.id)
    found = {ref.id: NO_BOT for ref in refs if ref.bot_id is None}
    for bot_id, channel_ids in by_bot.items():
        found |= why_not_post(channel_ids, bot_id, now=now)
    return found


def chosen(workspace_id: int, public_ids: Sequence[str]) -> list[ChannelRef]:
    """The workspace's own channels among these, by title."""
    return [ref for ref in own_channels(workspace_id) if ref.public_id in public_ids]
