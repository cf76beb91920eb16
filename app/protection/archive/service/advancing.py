"""A rebuild's steps: one post at a time through the lanes, the next when the one before is out or explained.

A step is one transaction: the row of the post (unique), the authored post, its place on the clock. A kill leaves all of
it or nothing, so no post is taken up twice and none is left out; that it is sent once is the ledger's promise. Order is
kept because never two are on their way: what is retried or held up holds up what comes after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.accounts.service import people
from app.channels.queries import NO_BOT, PAYMENT_LATE, ChannelRef, channel_of
from app.core import crashpoint, db
from app.core.errors import AppError, Conflict, LimitReached
from app.core.tenancy import unscoped
from app.notices import service as notices
from app.posting import states as posting
from app.posting.service import planning, scheduling, writing
from app.posting.service.scheduling import Plan
from app.protection.archive.models import ArchivedPost, Rebuild
from app.protection.archive.service.composing import composed
from app.protection.archive.states import (
    ACTIVE,
    ASKED,
    BLOCKED,
    CHANNEL_GONE,
    DEFECT,
    DONE,
    FAILED,
    HANDED,
    MANY_FAILED,
    OUT,
    PLAN,
    RUNNING,
    SENDABLE,
    SKIPPED,
    STUCK,
)
from app.telegram import service as telegram

MOST_FAILURES = 5  # in a row: then something is wrong with more than the posts
_FOR_PEOPLE = (MANY_FAILED, DEFECT)  # what does not end by itself
_ENDS = {posting.DONE: OUT, posting.FAILED: FAILED, posting.CALLED_OFF: SKIPPED}
_STATES = db.marks(SENDABLE)
_TAKE = (
    "INSERT INTO rebuild_post (workspace_id, rebuild_id, archived_id, state, handed_at) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (rebuild_id, archived_id) DO NOTHING"
)
_NEXT = (
    "SELECT id FROM archived_post WHERE archive_id = ? AND id <= ? AND state IN ({states}){deleted}"
    " AND (posted_at > ? OR (posted_at = ? AND message_id > ?)) ORDER BY posted_at, message_id LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Flight:
    """The post that the lanes have, and how it stands there: the state and the reason of its publication."""

    row_id: int
    state: str
    reason: str | None
    is_asked: bool


def active() -> list[Rebuild]:
    """Rebuilds of every workspace that go on, or wait for what holds them up."""
    with unscoped("the jobs process moves every workspace's rebuilds"):
        return list(Rebuild.select().where(Rebuild.state.in_(ACTIVE)).order_by(Rebuild.id))


def advance(rebuild: Rebuild, *, now: datetime) -> bool:
    """One step, if there is one to take; whether anything moved. Without one nothing is locked and nothing written."""
    flight = flight_of(rebuild)
    if flight is not None and flight.state not in _ENDS:
        return _wait(rebuild, _held_by(flight), now=now)
    if flight is not None:
        return _land(rebuild, flight, now=now)
    reason = rebuild.reason if rebuild.reason in _FOR_PEOPLE else _why_not(rebuild, now=now)
    return _wait(rebuild, reason, now=now) if reason else _take_next(rebuild, now=now)


def flight_of(rebuild: Rebuild) -> Flight | None:
    """The one post of a rebuild that is on its way."""
    found = db.row(
        "SELECT r.id, a.state, a.reason, EXISTS (SELECT 1 FROM delivery d WHERE d.post_id = r.post_id"
        " AND d.state = ? AND d.asked_at IS NOT NULL) FROM rebuild_post r JOIN due_action a ON a.post_id = r.post_id"
        " AND a.kind = ? WHERE r.rebuild_id = ? AND r.state = ?",
        *(posting.UNKNOWN, posting.PUBLISH, rebuild.id, HANDED),
    )
    return Flight(found[0], found[1], found[2], bool(found[3])) if found else None


def _held_by(flight: Flight) -> str | None:
    if flight.state == posting.BLOCKED:
        return flight.reason or BLOCKED
    return ASKED if flight.state == posting.UNCONFIRMED and flight.is_asked else None


def _why_not(rebuild: Rebuild, *, now: datetime) -> str | None:
    """What keeps the next post from being handed on: the channel is gone, or the bot may not post there."""
    ref = _target(rebuild)
    return CHANNEL_GONE if ref is None else planning.why_not([ref], now=now).get(ref.id)


def _target(rebuild: Rebuild) -> ChannelRef | None:
    found = db.row("SELECT public_id FROM channel WHERE id = ?", rebuild.channel)
    ref = channel_of(rebuild.workspace, found[0]) if found else None
    return ref if ref is not None and ref.relation == "owned" else None


def _current(rebuild: Rebuild) -> Rebuild | None:
    """The rebuild, held until the transaction ends; None when people paused, stopped or erased it meanwhile."""
    db.serialise("rebuild", rebuild.id)
    row: Rebuild | None = Rebuild.get_or_none(
        Rebuild.workspace == rebuild.workspace, Rebuild.id == rebuild.id, Rebuild.state.in_(ACTIVE)
    )
    return row


def _wait(rebuild: Rebuild, reason: str | None, *, now: datetime) -> bool:
    """Say why nothing moves, and tell the owners when that begins; None: it only takes its time."""
    state = STUCK if reason else RUNNING
    if (rebuild.state, rebuild.reason) == (state, reason):
        return False
    with db.write():
        row = _current(rebuild)
        if row is None:
            return False
        was_stuck, row.state, row.reason = row.state == STUCK, state, reason[:300] if reason else None
        row.stuck_times += bool(reason) and not was_stuck
        row.save()
        if reason and not was_stuck:
            _tell("rebuild_stuck", row, f"stuck:{row.stuck_times}", now=now)
    return True


def _land(rebuild: Rebuild, flight: Flight, *, now: datetime) -> bool:
    """A post is out, refused or called off: the next one may go."""
    end = _ENDS[flight.state]
    with db.write():
        row = _current(rebuild)
        if row is None:
            return False
        moved = db.execute(
            "UPDATE rebuild_post SET state = ?, reason = ?, ended_at = ? WHERE id = ? AND state = ?",
            *(end, flight.reason if end == FAILED else None, db.stamp(now), flight.row_id, HANDED),
        )
        if moved:
            _count(row, is_failed=end == FAILED, now=now)
    return True


def _count(row: Rebuild, *, is_failed: bool, now: datetime) -> None:
    row.failures = row.failures + 1 if is_failed else 0
    row.state, row.reason = RUNNING, None
    if row.failures >= MOST_FAILURES:
        row.state, row.reason, row.stuck_times = STUCK, MANY_FAILED, row.stuck_times + 1
        _tell("rebuild_stuck", row, f"stuck:{row.stuck_times}", now=now)
    row.save()


def _take_next(rebuild: Rebuild, *, now: datetime) -> bool:
    with db.write():
        row = _current(rebuild)
        if row is None or flight_of(row) is not None:
            return False  # another process was first: never two are on their way
        following = next_of(row)
        if following is None:
            _end(row, now=now)
            return True
        try:
            taken = hand(row, following, now=now)
        except (LimitReached, Conflict) as error:
            reason = _word_of(error)
        else:
            crashpoint.reach("rebuild.handed")
            return taken
    return _wait(rebuild, reason, now=now)


def _word_of(error: LimitReached | Conflict) -> str:
    if isinstance(error, Conflict):
        return NO_BOT
    return PAYMENT_LATE if error.code == PAYMENT_LATE else PLAN


def next_of(rebuild: Rebuild) -> int | None:
    """The archived post (id) that comes after those taken up already, by when it was first published."""
    last = db.row(
        "SELECT a.posted_at, a.message_id FROM rebuild_post r JOIN archived_post a ON a.id = r.archived_id"
        " WHERE r.id = (SELECT MAX(id) FROM rebuild_post WHERE rebuild_id = ?)",  # they were taken up in their order
        rebuild.id,
    ) or (db.stamp(db.from_ms(0)), 0)
    sql = _NEXT.format(states=_STATES, deleted="" if rebuild.has_deleted else " AND deleted_at IS NULL")
    found = db.row(sql, rebuild.archive, rebuild.until_id, *SENDABLE, last[0], last[0], last[1])
    return int(found[0]) if found else None


def hand(rebuild: Rebuild, archived_id: int, *, now: datetime) -> bool:
    """Give an archived post to the lanes, inside the running transaction; False when it was given to them before.

    What cannot be sent is noted as failed. Raises LimitReached (the plan's posts of the month) and Conflict
    (the channel), and leaves nothing.
    """
    with db.database.atomic():
        is_first = db.execute(_TAKE, rebuild.workspace, rebuild.id, archived_id, HANDED, db.stamp(now))
        if not is_first:
            return False
        try:
            with db.database.atomic():
                post_id = _scheduled(rebuild, archived_id, now=now)
        except (LimitReached, Conflict):
            raise  # of the channel and not of the post: it waits
        except AppError as error:
            _note(
                rebuild, archived_id, "state = ?, reason = ?, ended_at = ?", FAILED, error.message[:300], db.stamp(now)
            )
            _count(rebuild, is_failed=True, now=now)
        else:
            _note(rebuild, archived_id, "post_id = ?", post_id)
            if rebuild.state != RUNNING or rebuild.reason:
                rebuild.state, rebuild.reason = RUNNING, None
                rebuild.save()
    return True


def _note(rebuild: Rebuild, archived_id: int, what: str, *values: object) -> None:
    db.execute(
        f"UPDATE rebuild_post SET {what} WHERE rebuild_id = ? AND archived_id = ?", *values, rebuild.id, archived_id
    )


def _scheduled(rebuild: Rebuild, archived_id: int, *, now: datetime) -> int:
    """An ordinary post that is due at once. Raises Invalid, NotFound, Conflict and LimitReached as posting does."""
    archived = ArchivedPost.get(ArchivedPost.workspace == rebuild.workspace, ArchivedPost.id == archived_id)
    ref = _target(rebuild)
    if ref is None:
        raise Conflict("The channel is not connected any more.")
    content = composed(archived, language=rebuild.language, zone=rebuild.timezone).content
    post = writing.create(rebuild.workspace, {}, user_id=rebuild.asked_by, now=now)
    writing.freeze(post, content, {}, user_id=rebuild.asked_by, now=now)
    scheduling.put_on(post, Plan([ref], now), user_id=rebuild.asked_by, now=now)
    return int(post.id)


def _end(row: Rebuild, *, now: datetime) -> None:
    row.state, row.reason, row.ended_at = DONE, None, now
    row.save()
    _tell("rebuild_done", row, "done", now=now)


def give_up(rebuild: Rebuild, reason: str, *, now: datetime) -> None:
    """A rebuild that breaks us waits for people, so that no other waits for it."""
    _wait(rebuild, reason, now=now)


def _tell(template: str, row: Rebuild, key: str, *, now: datetime) -> None:
    """Owners and admins learn of it at once, inside the running transaction."""
    bot = telegram.service_bot()
    titles = db.row(
        "SELECT f.title, t.title FROM archive a JOIN channel c ON c.id = a.channel_id JOIN chat f ON f.id = c.chat_id,"
        " channel d JOIN chat t ON t.id = d.chat_id WHERE a.id = ? AND d.id = ?",
        *(row.archive, row.channel),
    )
    if bot is None or titles is None:
        return
    counts = dict(db.rows("SELECT state, COUNT(*) FROM rebuild_post WHERE rebuild_id = ? GROUP BY state", row.id))
    params = {"archive": titles[0], "title": titles[1], "out": str(counts.get(OUT, 0)), "total": str(row.total)}
    params["failed"] = str(counts.get(FAILED, 0))
    for person in people.people_to_tell(row.workspace):
        notices.queue(
            template,
            user=person,
            bot_id=bot.bot_id,
            params=params,
            dedupe_key=f"rebuild:{row.id}:{key}:{person.id}",
            is_urgent=True,
            now=now,
        )
