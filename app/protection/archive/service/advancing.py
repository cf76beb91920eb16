"""A rebuild's steps: one post at a time through the lanes, the next when the one before is out or explained.

A step is one transaction: the row of the post (unique), the authored post, its place on the clock. A kill leaves all of
it or nothing, so no post is taken up twice and none is left out; that it is sent once is the ledger's promise. Order is
kept because never two are on their way: what is retried or held up holds up what comes after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.accounts.service import people
from app.channels.queries import NO_BOT, NOT_CONNECTED, PAYMENT_LATE, ChannelRef
from app.core import crashpoint, db
from app.core.errors import AppError, Conflict, LimitReached
from app.core.tenancy import unscoped
from app.notices import service as notices
from app.posting import states as posting
from app.posting.emoji import palette
from app.posting.models import AuthoredPost
from app.posting.service import planning, scheduling, writing
from app.posting.service.scheduling import Plan
from app.protection.archive import places
from app.protection.archive.models import Archive, ArchivedPost, Rebuild
from app.protection.archive.service import storing
from app.protection.archive.service.composing import composed
from app.protection.archive.states import (
    ACTIVE,
    ASKED,
    BLOCKED,
    CHANNEL_GONE,
    DEFECT,
    DONE,
    EMOJI,
    FAILED,
    FILES,
    HANDED,
    MANY_FAILED,
    MARKS,
    MOVED,
    OUT,
    PLAN,
    RUNNING,
    SENDABLE,
    SKIPPED,
    STUCK,
    WAITING,
)
from app.telegram import service as telegram

MOST_FAILURES = 5  # in a row: then something is wrong with more than the posts
_FOR_PEOPLE = (MANY_FAILED, DEFECT)  # what does not end by itself
_UNTOLD = (FILES,)  # what ends without people: its page says so, and nobody is called
_FAR = timedelta(minutes=10)  # a post was due at once: one that is due later than that was moved by hand
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
    """The post that the lanes have, and how it stands there: the state and the reason of its publication.

    `channel_id`: the row of the channel that it was handed to.
    """

    row_id: int
    post_id: int
    channel_id: int
    state: str
    reason: str | None
    due_at: datetime
    is_asked: bool


def active() -> list[Rebuild]:
    """Rebuilds of every workspace that go on, or wait for what holds them up."""
    with unscoped("the jobs process moves every workspace's rebuilds"):
        return list(Rebuild.select().where(Rebuild.state.in_(ACTIVE)).order_by(Rebuild.id))


def advance(rebuild: Rebuild, *, now: datetime) -> bool:
    """One step, if there is one to take; whether anything moved. Without one nothing is locked and nothing written."""
    flight = flight_of(rebuild)
    if flight is not None and flight.state not in _ENDS:
        return _redirect(rebuild, flight, now=now) or _wait(rebuild, _held_by(flight, now=now), now=now)
    if flight is not None:
        return _land(rebuild, flight, now=now)
    reason = rebuild.reason if rebuild.reason in _FOR_PEOPLE else _why_not(rebuild, now=now)
    return _wait(rebuild, reason, now=now) if reason else _take_next(rebuild, now=now)


def flight_of(rebuild: Rebuild) -> Flight | None:
    """The one post of a rebuild that is on its way."""
    found = db.row(
        "SELECT r.id, r.post_id, t.channel_id, a.state, a.reason, a.due_at, EXISTS (SELECT 1 FROM delivery d"
        " WHERE d.post_id = r.post_id AND d.state = ? AND d.asked_at IS NOT NULL) FROM rebuild_post r"
        " JOIN due_action a ON a.post_id = r.post_id AND a.kind = ? JOIN post_target t ON t.id = a.target_id"
        " JOIN channel c ON c.id = t.channel_id WHERE r.rebuild_id = ? AND r.state = ? AND c.chat_id = ?"
        " ORDER BY a.id DESC LIMIT 1",
        *(posting.UNKNOWN, posting.PUBLISH, rebuild.id, HANDED, places.chat_of(rebuild.channel)),
    )
    if found is None:
        return None
    row_id, post_id, channel_id, state, reason, due_at, is_asked = found
    return Flight(row_id, post_id, channel_id, state, reason, db.moment(due_at), bool(is_asked))


def _redirect(rebuild: Rebuild, flight: Flight, *, now: datetime) -> bool:
    """A post that waits at a row of the channel which is not connected any more goes on at its newest one."""
    if (flight.state, flight.reason) != (posting.BLOCKED, NOT_CONNECTED):
        return False
    ref = _target(rebuild)
    if ref is None or ref.id == flight.channel_id or planning.why_not([ref], now=now):
        return False
    with db.write():
        row = _current(rebuild)
        if row is None or flight_of(row) != flight:
            return False
        post = AuthoredPost.get(AuthoredPost.workspace == row.workspace, AuthoredPost.id == flight.post_id)
        scheduling.put_on(post, Plan([ref], now), user_id=row.asked_by, now=now)
    return True


def _held_by(flight: Flight, *, now: datetime) -> str | None:
    if flight.state == posting.BLOCKED:
        return flight.reason or BLOCKED
    if flight.state == posting.WAITING and flight.due_at - now > _FAR:
        return MOVED
    return ASKED if flight.state == posting.UNCONFIRMED and flight.is_asked else None


def _why_not(rebuild: Rebuild, *, now: datetime) -> str | None:
    """What keeps the next post from being handed on: the channel is gone, or the bot may not post there."""
    ref = _target(rebuild)
    return CHANNEL_GONE if ref is None else planning.why_not([ref], now=now).get(ref.id)


def _target(rebuild: Rebuild) -> ChannelRef | None:
    return places.channel_now(rebuild.workspace, rebuild.channel)


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
        was_told = row.state == STUCK and row.reason not in _UNTOLD
        row.state, row.reason = state, reason[:300] if reason else None
        is_to_tell = reason is not None and reason not in _UNTOLD and not was_told
        row.stuck_times += is_to_tell
        row.save()
        if is_to_tell:
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
        reason = _files_to_come(row, following)
        if reason is None:
            try:
                taken = hand(row, following, now=now)
            except (LimitReached, Conflict) as error:
                reason = _word_of(error)
            else:
                crashpoint.reach("rebuild.handed")
                return taken
    return _wait(rebuild, reason, now=now)


def _files_to_come(rebuild: Rebuild, archived_id: int) -> str | None:
    """Why files of a post are still on their way: the archive's own reason to rest, if it has one; None: none are."""
    if not db.row("SELECT 1 FROM archived_post WHERE id = ? AND state = ?", archived_id, WAITING):
        return None
    archive = Archive.get(Archive.workspace == rebuild.workspace, Archive.id == rebuild.archive)
    return archive.reason or FILES


def _word_of(error: LimitReached | Conflict) -> str:
    if isinstance(error, Conflict):
        return NO_BOT
    if error.code == PAYMENT_LATE:
        return PAYMENT_LATE
    return {"limit_watermarks": MARKS, "limit_custom_emoji": EMOJI}.get(error.code, PLAN)


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
        storing.note_losses(rebuild.workspace, rebuild.archive, post_id=archived_id)
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
    if palette.is_beyond_a_month(rebuild.workspace, content, now=now):
        content = palette.without_custom(content)  # it would wait for ever, and all after it
    post = writing.create(rebuild.workspace, {}, user_id=rebuild.asked_by, now=now)
    writing.freeze(post, content, {}, user_id=rebuild.asked_by, now=now)
    palette.use(rebuild.workspace, (content,), now=now)  # what was typed in Telegram counts as what is typed here
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
