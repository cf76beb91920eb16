"""When and where posts go out, and every change of that: also while they are being sent, and after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.billing.service import limits
from app.channels.queries import ChannelRef, channels_of
from app.core import db
from app.core.clock import iso
from app.core.errors import Conflict, Invalid
from app.posting.content import checks
from app.posting.models import AuthoredPost, PostTarget
from app.posting.service import marks, rendering, senders, writing
from app.posting.states import (
    AFTER,
    BLOCKED,
    BUSY,
    CALLED_OFF,
    CANCELLED,
    CLAIMED,
    DELETE,
    DONE,
    EDIT,
    FAILED,
    PIN,
    PUBLISH,
    REPOST,
    SCHEDULED,
    SENDS,
    UNCONFIRMED,
    WAITING,
)

MOST_AHEAD = timedelta(days=366)
RESUMED_WITHIN = timedelta(minutes=5)
SLOT_OF = {REPOST: 1}  # what is sent once more is a delivery of its own
_MOVABLE = (WAITING, CLAIMED, BLOCKED)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where and when a post goes out, and what follows so many seconds after it.

    `due_by_channel`: by channel (id), where it goes out at another time than `due_at`. `top_minutes`: for so long
    nothing else shall go out there, 0 for no such time, None leaves it as it is.
    """

    channels: Sequence[ChannelRef]
    due_at: datetime
    is_pinned: bool = False
    unpin_after_s: int | None = None
    delete_after_s: int | None = None
    repost_after_s: int | None = None
    due_by_channel: Mapping[int, datetime] = field(default_factory=dict)
    top_minutes: int | None = None

    def due_in(self, channel_id: int) -> datetime:
        """When it goes out in a channel."""
        return self.due_by_channel.get(channel_id, self.due_at)


def put_on(post: AuthoredPost, plan: Plan, *, user_id: int, now: datetime) -> None:
    """Schedule a frozen post, or move it, inside the running transaction.

    Channels that are new get it, channels that are left out lose what has not gone out yet. What is being sent or was
    sent stays as it is. Raises Invalid (field `channels` or `when`, or of a text that its signature makes too long),
    Conflict for a channel without our bot, LimitReached when the plan's posts of the month are used up.
    """
    _require_possible(plan, now=now)
    said = rendering.newest_revision(post.id)
    for ref in plan.channels:
        checks.require(said.content_in(ref.public_id))
    before = facts(post.id)
    targets = {ref.id: _target(post, ref, now=now) for ref in plan.channels}
    for ref in plan.channels:
        _set_publication(targets[ref.id], plan, now=now)
        marks.want(
            targets[ref.id], said.content_in(ref.public_id), rendering.wish_of(said, targets[ref.id].id), now=now
        )
    _call_off([t for t in targets_of(post) if t.channel not in targets], now=now)
    correct(post, now=now)
    post.state = SCHEDULED
    writing.touch(post, now=now)
    writing.record("post.scheduled", post, user_id, before=before or None, after=facts(post.id), now=now)
    for sender_id in sorted({target.sender for target in targets.values()}):
        senders.wake(sender_id, now=now)


def _require_possible(plan: Plan, *, now: datetime) -> None:
    if not plan.channels:
        raise Invalid("Choose at least one channel.", fields={"channels": "none"})
    if any(plan.due_in(ref.id) - now > MOST_AHEAD for ref in plan.channels):
        raise Invalid("A post is scheduled at most a year ahead.", fields={"when": "too far"})
    for ref in plan.channels:
        if ref.relation != "owned" or ref.bot_id is None or ref.telegram_chat_id is None:
            raise Conflict("Our bot is not in “%(title)s”: it cannot post there.", code="no_bot", title=ref.title)


def _target(post: AuthoredPost, ref: ChannelRef, *, now: datetime) -> PostTarget:
    target: PostTarget | None = PostTarget.get_or_none(
        PostTarget.workspace == post.workspace, PostTarget.post == post.id, PostTarget.channel == ref.id
    )
    if target is not None:
        if target.removed_at is not None:
            target.removed_at = None
            target.save()
        return target
    assert ref.bot_id is not None
    return PostTarget.create(  # type: ignore[no-any-return]
        workspace=post.workspace,
        post=post.id,
        channel=ref.id,
        sender=senders.ensure_sender(ref.bot_id, now=now),
        address=str(ref.telegram_chat_id),
    )


def targets_of(post: AuthoredPost) -> list[PostTarget]:
    """Where a post goes."""
    return list(
        PostTarget.select()
        .where(PostTarget.workspace == post.workspace, PostTarget.post == post.id, PostTarget.removed_at.is_null())
        .order_by(PostTarget.id)
    )


def refs_of(workspace_id: int, post: AuthoredPost) -> list[ChannelRef]:
    """The channels where a post goes."""
    chosen = {target.channel for target in targets_of(post)}
    return [ref for ref in channels_of(workspace_id) if ref.id in chosen]


def _set_publication(target: PostTarget, plan: Plan, *, now: datetime) -> None:
    """The publication of slot 0 at its time, and its followers."""
    action = _action(target.id, 0, PUBLISH)
    due = max(plan.due_in(target.channel), now)
    if plan.top_minutes is not None:
        db.execute("UPDATE post_target SET top_minutes = ? WHERE id = ?", plan.top_minutes or None, target.id)
    if action is None:
        limits.consume(target.workspace, {"posts": 1}, now=now)
        add_action(target, PUBLISH, due_at=due, now=now)
    elif action["state"] in (CALLED_OFF, FAILED):
        _set_waiting(action["id"], due)
    elif action["state"] in _MOVABLE:
        _move(action, due)
    followers = {PIN: 0 if plan.is_pinned else None, "unpin": plan.unpin_after_s, DELETE: plan.delete_after_s}
    for kind, after_s in {**followers, REPOST: plan.repost_after_s}.items():
        _set_follower(target, kind, after_s, slot=SLOT_OF.get(kind, 0), now=now)


def _action(target_id: int, slot: int, kind: str) -> dict[str, Any] | None:
    """An action, locked until the transaction ends."""
    found = db.row("SELECT id FROM due_action WHERE target_id = ? AND slot = ? AND kind = ?", target_id, slot, kind)
    return _held(found[0]) if found else None


def _held(action_id: int) -> dict[str, Any]:
    db.serialise("due_action", action_id)
    names = ("id", "state", "kind", "target_id", "slot", "due_at", "after_s", "sender_id")
    found = db.row(f"SELECT {', '.join(names)} FROM due_action WHERE id = ?", action_id)
    assert found is not None
    return dict(zip(names, found, strict=True))


def add_action(
    target: PostTarget,
    kind: str,
    *,
    slot: int = 0,
    due_at: datetime | None = None,
    after_s: int | None = None,
    reason: str | None = None,
    now: datetime,
) -> None:
    """A new due action: at a time, or (`after_s`) so long after its publication."""
    at = db.stamp(due_at) if due_at else None
    db.execute(
        "INSERT INTO due_action (workspace_id, post_id, target_id, sender_id, address, slot, kind, state, due_at,"
        " ready_at, after_s, epoch, tries, reason, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?)",
        *(target.workspace, target.post, target.id, target.sender, target.address, slot, kind),
        *(WAITING if due_at else AFTER, at, at, after_s, reason, db.stamp(now)),
    )


def _set_waiting(action_id: int, due: datetime) -> None:
    at = db.stamp(due)
    db.execute(
        "UPDATE due_action SET state = ?, due_at = ?, ready_at = ?, eta_at = NULL, reason = NULL, done_at = NULL,"
        " epoch = 0 WHERE id = ?",
        *(WAITING, at, at, action_id),
    )


def _move(action: dict[str, Any], due: datetime) -> None:
    """Another time for what is not on its way yet; a claim falls with it, a block stays."""
    at = db.stamp(due)
    state = BLOCKED if action["state"] == BLOCKED else WAITING
    db.execute(
        "UPDATE due_action SET state = ?, due_at = ?, ready_at = ?, eta_at = NULL, epoch = 0 WHERE id = ?",
        *(state, at, at, action["id"]),
    )


def _set_follower(target: PostTarget, kind: str, after_s: int | None, *, slot: int, now: datetime) -> None:
    """What follows the publication: set, moved or called off, as long as it has not begun."""
    action = _action(target.id, slot, kind)
    if action is None:
        if after_s is not None:
            _add_follower(target, kind, after_s, slot=slot, now=now)
        return
    if after_s is None:
        if action["state"] in (AFTER, *_MOVABLE):
            db.execute("UPDATE due_action SET state = ? WHERE id = ?", CALLED_OFF, action["id"])
    elif action["state"] in (AFTER, CALLED_OFF, *_MOVABLE) and (
        action["after_s"] != after_s or action["state"] == CALLED_OFF
    ):
        db.execute("DELETE FROM due_action WHERE id = ?", action["id"])
        _add_follower(target, kind, after_s, slot=slot, now=now)


def _add_follower(
    target: PostTarget, kind: str, after_s: int, *, slot: int = 0, reason: str | None = None, now: datetime
) -> None:
    """At once on the clock when the post is out already, else when it will be."""
    published = _action(target.id, 0, PUBLISH)
    done = (
        db.row("SELECT done_at FROM due_action WHERE id = ? AND state = ?", published["id"], DONE)
        if published
        else None
    )
    due = db.moment(done[0]) + timedelta(seconds=after_s) if done else None
    at = max(due, now) if due else None
    add_action(target, kind, slot=slot, due_at=at, after_s=after_s, reason=reason, now=now)
    senders.wake(target.sender, now=now)


def cancel(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> AuthoredPost:
    """Call a post off: what waits is not sent; what is on its way is taken down as soon as it is known to be out.

    What is out stays: taking that down is `take_down`. Raises NotFound.
    """
    with db.write():
        post = writing.held(workspace_id, public_id)
        before = facts(post.id)
        _call_off(targets_of(post), now=now)
        post.state = CANCELLED
        writing.touch(post, now=now)
        writing.record("post.cancelled", post, user_id, before=before, after=facts(post.id), now=now)
    return post


def _call_off(targets: Collection[PostTarget], *, now: datetime) -> None:
    for target in targets:
        # by number, as the lane goes from a publication to what follows it: else each would wait for the other
        sql = "SELECT id FROM due_action WHERE target_id = ? ORDER BY id"
        actions = [_held(row[0]) for row in db.rows(sql, target.id)]
        if any(a["kind"] == PUBLISH and a["state"] in (BUSY, UNCONFIRMED) for a in actions):
            _add_follower(target, DELETE, 0, reason=CALLED_OFF, now=now)
        is_out = any(a["kind"] == PUBLISH and a["state"] in (DONE, BUSY, UNCONFIRMED) for a in actions)
        for action in actions:
            if action["state"] in (AFTER, *_MOVABLE) and not (is_out and action["kind"] == DELETE):
                db.execute("UPDATE due_action SET state = ?, epoch = 0 WHERE id = ?", CALLED_OFF, action["id"])


def take_down(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> AuthoredPost:
    """Delete what is out, in every channel, now; and call off the rest. Raises NotFound."""
    with db.write():
        post = writing.held(workspace_id, public_id)
        before = facts(post.id)
        targets = targets_of(post)
        _call_off(targets, now=now)
        for target in targets:
            for kind in SENDS:
                published = _action(target.id, SLOT_OF.get(kind, 0), kind)
                if published is not None and published["state"] == DONE:
                    _delete_now(target, published["slot"], now=now)
        post.state = CANCELLED
        writing.touch(post, now=now)
        writing.record("post.taken_down", post, user_id, before=before, after=facts(post.id), now=now)
    return post


def _delete_now(target: PostTarget, slot: int, *, now: datetime) -> None:
    known = _action(target.id, slot, DELETE)
    if known is None:
        add_action(target, DELETE, slot=slot, due_at=now, now=now)
    elif known["state"] not in (DONE, BUSY):
        _set_waiting(known["id"], now)
    senders.wake(target.sender, now=now)


def correct(post: AuthoredPost, *, now: datetime) -> None:
    """Let what is out, or on its way, be edited to the newest revision; claims fall and take it up anew."""
    for target in targets_of(post):
        published = _action(target.id, 0, PUBLISH)
        if published is None:
            continue
        if published["state"] == CLAIMED:
            db.execute("UPDATE due_action SET state = ?, epoch = 0 WHERE id = ?", WAITING, published["id"])
        elif published["state"] in (DONE, BUSY, UNCONFIRMED) and _is_behind(target):
            db.execute(
                "DELETE FROM due_action WHERE target_id = ? AND kind = ? AND state IN (?, ?)",
                *(target.id, EDIT, AFTER, WAITING),
            )
            _add_follower(target, EDIT, 0, now=now)


def _is_behind(target: PostTarget) -> bool:
    """Whether what left for the target says something else than the post says now."""
    return bool(
        db.row(
            "SELECT 1 FROM delivery d WHERE d.target_id = ? AND d.slot = 0 AND d.revision_id <>"
            " (SELECT id FROM post_revision WHERE post_id = ? ORDER BY number DESC LIMIT 1)",
            *(target.id, target.post),
        )
    )


def resume(workspace_id: int, channel_id: int, *, user_id: int, now: datetime) -> int:
    """Let the blocked posts of a channel go on, the overdue ones at once. Returns how many; the lane asks again.

    An overdue one is promised within five minutes; one whose time is to come keeps it and has no ETA yet.
    """
    with db.write():
        found = db.rows(
            "SELECT a.id, a.sender_id, a.due_at, t.id FROM due_action a JOIN post_target t ON t.id = a.target_id"
            " WHERE a.workspace_id = ? AND t.channel_id = ? AND a.state = ?",
            *(workspace_id, channel_id, BLOCKED),
        )
        marks.want_again({row[3] for row in found}, now=now)
        soon = db.stamp(now + RESUMED_WITHIN)
        for action_id, sender_id, due_at, _ in found:
            db.execute(
                "UPDATE due_action SET state = ?, reason = NULL, ready_at = ?, eta_at = ? WHERE id = ? AND state = ?",
                *(WAITING, max(due_at, db.stamp(now)), None if due_at > db.stamp(now) else soon, action_id, BLOCKED),
            )
            senders.wake(sender_id, now=now)
    return len(found)


def facts(post_id: int) -> dict[str, Any]:
    """Where and when a post goes, for the record of before and after."""
    rows = db.rows(
        "SELECT c.public_id, a.kind, a.state, a.due_at, a.after_s, t.top_minutes FROM due_action a"
        " JOIN post_target t ON t.id = a.target_id JOIN channel c ON c.id = t.channel_id WHERE a.post_id = ? ORDER BY c.id, a.id",
        post_id,
    )
    told: dict[str, Any] = {}
    for channel, kind, state, due_at, after_s, top_minutes in rows:
        at = db.moment(due_at)
        first = [] if channel in told or not top_minutes else [["top", "", None, top_minutes * 60]]
        told.setdefault(channel, []).extend([*first, [kind, state, iso(at) if at else None, after_s]])
    return told
