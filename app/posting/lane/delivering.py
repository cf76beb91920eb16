"""The one call of an attempt and the record of its outcome. Nothing else happens after the call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from peewee import OperationalError

from app.core import clock, crashpoint, db, telemetry
from app.core.errors import AppError, Upstream
from app.media import service as media
from app.media.service.store import StoreAway
from app.posting.emoji import standing
from app.posting.lane import refusals
from app.posting.service import collecting, following, ledger, rendering
from app.posting.service.claimed import Claimed
from app.posting.service.ledger import Attempt
from app.posting.service.rendering import Outlet
from app.posting.states import DELETE, EDIT, PIN, UNPIN
from app.telegram import budget, large
from app.telegram.outgoing import Outgoing, Sent
from app.telegram.port import NO_ANSWER, NOT_SENT, RETRY_AFTER

SENT, OTHER = "sent", "other"
STALE_S = 2.0
_RECORD_TRIES = 5
_LATE_S = 60.0  # a call that may take longer tells when it is over at the latest
_AWAY_WAIT_S = 15.0  # until a file is asked for again whose store does not answer


def deliver(attempt: Attempt, outlet: Outlet, begun_at_s: float) -> str:
    """Send what was committed as intent at `begun_at_s` (monotonic) and record what became of it.

    An intent older than two seconds is put back unsent: this process was stopped in between, and who knows what
    people changed or another attempt did meanwhile.
    """
    try:
        asked = rendering.outgoing(attempt, outlet)
        what = standing.as_it_goes(asked, outlet.bot_id, attempt.address, now=clock.utcnow())
    except StoreAway as error:
        ledger.put_back(attempt, error.message, wait_s=_AWAY_WAIT_S, now=clock.utcnow())
        return OTHER
    except AppError as error:
        ledger.record_refused(attempt, error.message, now=clock.utcnow())
        return OTHER
    _expect(attempt, what)
    crashpoint.reach("posting.intent")
    if time.monotonic() - begun_at_s > STALE_S:
        ledger.put_back(attempt, "the worker was stopped before the call", now=clock.utcnow())
        return OTHER
    try:
        messages = outlet.line.send(int(attempt.address), what)
    except Upstream as error:
        _insist(partial(_record_failure, attempt, outlet.bot_id, what, error))
        return OTHER
    crashpoint.reach("posting.accepted")
    _insist(partial(_record_sent, attempt, outlet.bot_id, asked, what, messages))
    return SENT


def _expect(attempt: Attempt, what: Outgoing) -> None:
    """A large file is late by its nature: until when it may take is its post's time of arrival."""
    patience_s = large.patience_s(sum(os.path.getsize(medium.path) for medium in what.media if medium.path))
    if patience_s > _LATE_S:
        with db.write():
            ledger.expect(attempt, clock.utcnow() + timedelta(seconds=patience_s))


def _record_sent(attempt: Attempt, bot_id: int, asked: Outgoing, what: Outgoing, messages: tuple[Sent, ...]) -> None:
    """`asked` as it was composed, `what` as it was sent. What Telegram made of custom emoji is learnt with it."""
    now = clock.utcnow()
    with db.write():
        standing.learn(bot_id, attempt.address, what, messages, now=now)
        ledger.record_sent(attempt, messages, note=standing.note_of(asked, what, messages), now=now)


def _record_failure(attempt: Attempt, bot_id: int, what: Outgoing, error: Upstream) -> None:
    now = clock.utcnow()
    dead = [medium.file_id for medium in what.media if medium.file_id]
    if error.code == RETRY_AFTER:
        ledger.record_wait(attempt, bot_id, error.retry_after_s or 1.0, now=now)
    elif error.permanent and dead and refusals.is_about_file_id(error.message):
        _send_the_bytes(attempt, bot_id, dead, now=now)
    elif error.permanent and refusals.is_about_rights(error.message):
        ledger.record_blocked(attempt, error.message, now=now)
    elif error.permanent:
        ledger.record_refused(attempt, error.message, now=now)
    elif error.code == NOT_SENT:
        ledger.put_back(attempt, "no connection to Telegram", wait_s=min(2.0 ** min(attempt.tries, 5), 30.0), now=now)
    else:
        ledger.record_unknown(attempt, error.message, now=now)


def _send_the_bytes(attempt: Attempt, bot_id: int, dead: Sequence[str], *, now: datetime) -> None:
    """A refusal has sent nothing, so the part is ready at once, under all the rules of an attempt: without their copies
    the files go as bytes. That ends, since a call without an id is refused for another reason. New copies are made."""
    with db.write():
        media.lose(attempt.workspace_id, dead, bot_id, now=now)
        ledger.put_back(attempt, "Telegram knows the file's id no more: the file itself is sent", now=now)


def _insist(record: Callable[[], object]) -> None:
    """A record that the database refuses now is tried again: it is all that is known of the call."""
    for left in reversed(range(_RECORD_TRIES)):
        try:
            record()
            return
        except OperationalError:
            if not left:
                raise
            telemetry.log().warning("an outcome could not be recorded yet")
            time.sleep(0.2)


def follow(action: Claimed, outlet: Outlet) -> str:
    """Delete, edit, pin or unpin what was published. Each may be done twice without harm, so it is tried again."""
    now = clock.utcnow()
    try:
        _do(action, outlet)
    except Upstream as error:
        if error.code == RETRY_AFTER:
            budget.obey_retry_after(outlet.bot_id, error.retry_after_s or 1.0, now=now)
        if error.permanent:
            following.failed(action.id, error.message, now=now)
        else:
            wait_s = error.retry_after_s or (5.0 if error.code in (NO_ANSWER, NOT_SENT) else 1.0)
            following.again(action.id, error.message, wait_s=wait_s, now=now)
        return OTHER
    except AppError as error:
        following.failed(action.id, error.message, now=now)
        return OTHER
    following.done(action.id, now=clock.utcnow())
    return OTHER


def _do(action: Claimed, outlet: Outlet) -> None:
    line, chat_id, messages = outlet.line, int(action.address), rendering.messages_of(action.target_id, action.slot)
    if action.kind == DELETE:
        line.delete_messages(chat_id, [message_id for part in messages for message_id in part])
    elif action.kind == PIN:
        line.pin(chat_id, rendering.first_message(messages), is_silent=True)
    elif action.kind == UNPIN:
        line.unpin(chat_id, rendering.first_message(messages))
    elif action.kind == EDIT:
        _edit(action, messages, outlet)


def _edit(action: Claimed, messages: list[list[int]], outlet: Outlet) -> None:
    """Until the messages say what the post says: another edit of them may run beside this one, and the later call wins."""
    said: int | None = None
    while said != (newest := rendering.newest_revision(action.post_id).id):
        for message_id, asked in rendering.edits(action, messages, outlet):
            what = standing.as_it_goes(asked, outlet.bot_id, action.address, now=clock.utcnow())
            outlet.line.edit(int(action.address), message_id, what)
            if what.buttons:
                collecting.tell_links(action.target_id, message_id)
        said = newest
