"""Which preview page is read next, and what its answer means for the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.channels.models import Chat
from app.core import db
from app.core.errors import Invalid, Upstream
from app.readings.collectors.base import ChannelPage, Collector
from app.readings.collectors.cadence import LOOK_EVERY, TrackedPost, next_request
from app.readings.models import PreviewWatch
from app.readings.service import following
from app.readings.service.following import SHOWN
from app.readings.service.merging import merge
from app.readings.service.pages import record_page
from app.readings.service.sources import PREVIEW_PAGE, ensure_source

_TRACKED = timedelta(days=31)
_REST = timedelta(seconds=10)  # between two pages of one chat, whatever its posts ask for: none may take the source
_MOST_AHEAD = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DuePage:
    """A page to read now: of which chat, older than which message, and when it was due."""

    chat_id: int
    username: str
    before: int | None
    due_at: datetime


def due_page(now: datetime) -> DuePage | None:
    """The page that has been due longest; None while nothing is due or the source is switched off."""
    found = db.row(
        "SELECT w.chat_id, c.username, w.before, w.next_due_at FROM preview_watch w JOIN chat c ON c.id = w.chat_id"
        " WHERE w.next_due_at <= ? AND w.state != 'stopped' AND c.username IS NOT NULL AND " + SHOWN + " AND NOT EXISTS"
        " (SELECT 1 FROM source s WHERE s.kind = 'preview_page' AND s.is_on = ?) ORDER BY w.next_due_at LIMIT 1",
        *(db.stamp(now), False),
    )
    return DuePage(int(found[0]), found[1], found[2], db.moment(found[3])) if found else None


def collect(page: DuePage, collector: Collector, *, now: datetime, clock: Callable[[], datetime]) -> int:
    """Read one page, store it and plan the next; failures back off and are kept where people see them.

    Returns the number of new readings.
    """
    chat = Chat.get_by_id(page.chat_id)
    try:
        answer = collector.read(page.username, before=page.before)
        return _keep(chat, page, answer, clock())
    except Upstream as error:
        _note_failure(page, error, now=now)
        return 0
    except Invalid as error:
        lay_aside(page, "invalid_name", error.message, now=now)
        return 0


def _keep(chat: Chat, page: DuePage, answer: ChannelPage, now: datetime) -> int:
    source_id = ensure_source(PREVIEW_PAGE, now=now)
    with db.write():
        chat = _recognised(chat, answer, now=now)
        new = record_page(chat, _by_our_clock(answer, now), source_id=source_id, now=now)
        _plan(replace(page, chat_id=chat.id), answer, now=now)
    return new


def _by_our_clock(answer: ChannelPage, now: datetime) -> ChannelPage:
    """A page dates itself; one whose clock runs far ahead of ours is dated by ours, without the posts of its future.

    A reading from the future would stretch the period of every page that shows it.
    """
    latest = now + _MOST_AHEAD
    if answer.captured_at is None or answer.captured_at <= latest:
        return answer
    posts = tuple(p for p in answer.posts if p.posted_at is None or p.posted_at <= latest)
    return replace(answer, captured_at=now, posts=posts)


def _recognised(chat: Chat, answer: ChannelPage, *, now: datetime) -> Chat:
    """A name that somebody watches can be the new name of a channel that is known already: then they become one."""
    known = Chat.get_or_none(Chat.telegram_chat_id == answer.chat_id) if answer.chat_id else None
    if chat.telegram_chat_id is not None or known is None:
        return chat
    if PreviewWatch.get_or_none(PreviewWatch.chat_id == known.id) is None:
        PreviewWatch.update(chat_id=known.id).where(PreviewWatch.chat_id == chat.id).execute()
    known.username = chat.username
    known.save()
    merge(chat, known, now=now)
    return known


def _plan(page: DuePage, answer: ChannelPage, *, now: datetime) -> None:
    """When which page of this chat is read next, by the ages of its posts."""
    followed = _tracked(page, answer, now=now)
    newest = min((p.message_id for p in answer.posts if p.message_id is not None), default=None)
    request = next_request(
        followed, now, looked_at=now, look_every=LOOK_EVERY, newest_floor=newest if page.before is None else None
    )
    due_at = request.due_at if request else now + LOOK_EVERY
    PreviewWatch.update(
        next_due_at=max(due_at, now + _REST),
        before=request.before if request else None,
        state="ok",
        failures=0,
        last_ok_at=now,
        last_error=None,
    ).where(PreviewWatch.chat_id == page.chat_id).execute()


def _tracked(page: DuePage, answer: ChannelPage, *, now: datetime) -> list[TrackedPost]:
    """Posts young enough to be followed. What the page was asked to span counts as read now, deleted ones included.
    What only a private source named need not exist, and what it reads delays nobody's public readings.

    Deleted posts may be the newest ones: the newest page spans everything above its oldest post, an older page
    everything from there up to what was asked for.
    """
    high = page.before - 1 if page.before is not None else None
    ids = [p.message_id for p in answer.posts if p.message_id is not None]
    low = min([*ids, *([] if high is None else [high])]) if ids else 0
    found = db.rows(
        "SELECT p.message_id, p.posted_at, (SELECT MAX(r.observed_at) FROM reading r JOIN source s"
        " ON s.id = r.source_id AND s.workspace_id = 0 WHERE r.post_id = p.id)"
        " FROM post p WHERE p.chat_id = ? AND p.private_to = 0 AND p.posted_at > ? AND p.message_id IS NOT NULL"
        " AND p.is_service = ? AND p.deleted_at IS NULL",
        *(page.chat_id, db.stamp(now - _TRACKED), False),
    )
    return [
        TrackedPost(int(i), db.moment(posted), now if low <= i and (high is None or i <= high) else db.moment(read))
        for i, posted, read in found
    ]


def lay_aside(page: DuePage, state: str, reason: str, *, now: datetime) -> None:
    """Put a chat's page off for hours with a state that people see, so that it holds up no other."""
    _note_failure(page, Upstream(reason, code=state, permanent=True), now=now)


def _note_failure(page: DuePage, error: Upstream, *, now: datetime) -> None:
    watch = PreviewWatch.get_by_id(page.chat_id)
    watch.failures += 1
    wait = error.retry_after_s or min(30 * 2**watch.failures, 3600)
    watch.state = error.code if error.permanent else "waiting"
    watch.next_due_at = now + timedelta(seconds=21600 if error.permanent else wait)
    watch.last_error = error.message
    with db.write():
        watch.save()
        if error.code == "no_preview":
            Chat.update(has_preview=False).where(Chat.id == page.chat_id).execute()


def utilisation(now: datetime, *, pages_per_minute: int) -> dict[str, int]:
    """How full the source is: channels followed, per mille of its capacity spoken for, seconds the oldest page is late."""
    followed = following.followed()
    late = due_page(now)
    return {
        "preview_channels": followed,
        "preview_capacity_per_mille": following.spoken_for_per_mille(followed, pages_per_minute=pages_per_minute),
        "preview_late_seconds": max(0, round((now - late.due_at).total_seconds())) if late else 0,
    }
