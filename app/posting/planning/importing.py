"""Many posts from one file: each line checked, nothing scheduled before a person has seen what is wrong.

A line is known by the upload and by what it says: sending the same file twice under one upload schedules it once,
and a file that was mended adds the lines that were not scheduled yet.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.channels.queries import ChannelRef
from app.core import db
from app.core.errors import AppError
from app.posting.content.draft import Draft
from app.posting.planning import cautions, csv_line, settings
from app.posting.planning.agenda import Agenda, Booking, agenda
from app.posting.planning.csv_file import Row
from app.posting.service import composing, planning, writing

AT_ONCE = 100  # a few seconds of a small machine
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong in a line's column: an English sentence with its parameters."""

    line: int
    column: str
    sentence: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Ready:
    """A line that can be scheduled. `public_id` is the post's; `is_known`: it was scheduled before."""

    line: int
    public_id: str
    draft: Draft
    due_at: datetime
    is_known: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """A file after the check. `cautions` do not hinder."""

    ready: tuple[Ready, ...]
    wrong: tuple[Wrong, ...]
    cautions: tuple[Wrong, ...]
    total: int


def check(
    workspace_id: int,
    rows: Sequence[Row],
    *,
    upload_id: str,
    zone: str,
    is_anyway: bool = False,
    now: datetime,
) -> Checked:
    """Read every line. Nothing is written. `is_anyway`: quiet hours and time in top are no error but a caution."""
    refs = planning.own_channels(workspace_id)
    wrong: list[Wrong] = []
    ready: list[Ready] = []
    same: Counter[str] = Counter()
    for row in rows:
        draft = csv_line.read(row, refs, zone=zone, now=now)
        if not isinstance(draft, Draft):
            wrong += [Wrong(row.line, one.column, one.sentence, one.params) for one in draft]
            continue
        said = db.canonical_json(draft.to_doc())
        same[said] += 1
        public_id = _id_of(upload_id, said, same[said])
        ready.append(Ready(row.line, public_id, draft, draft.due_at(), writing.is_known(public_id)))
    told = [*_judge(workspace_id, [one for one in ready if not one.is_known], refs)]
    hindering = {} if is_anyway else {wrong_.line: wrong_ for wrong_, is_blocking in told if is_blocking}
    return Checked(
        ready=tuple(one for one in ready if one.line not in hindering),
        wrong=tuple(sorted([*wrong, *hindering.values()], key=lambda one: one.line)),
        cautions=tuple(one for one, is_blocking in told if is_anyway or not is_blocking),
        total=len(rows),
    )


def _id_of(upload_id: str, said: str, number: int) -> str:
    """The id of a line's post: the same for the same line of the same upload."""
    hashed = hashlib.sha256(f"{upload_id}\n{number}\n{said}".encode()).digest()
    return base64.urlsafe_b64encode(hashed[:16]).rstrip(b"=").decode()


def _judge(workspace_id: int, ready: Sequence[Ready], refs: Sequence[ChannelRef]) -> Iterator[tuple[Wrong, bool]]:
    """What speaks against the times, also of the file's own lines beside each other; True: it hinders."""
    if not ready:
        return
    by_id = {ref.public_id: ref for ref in refs}
    times = [one.due_at for one in ready]
    ids = [ref.id for ref in refs]
    known = agenda(workspace_id, ids, min(times) - _A_DAY, max(times) + _A_DAY).bookings
    rules = settings.rules_of(workspace_id, refs)
    taken: dict[int, list[Booking]] = defaultdict(list)
    for booking in known:
        taken[booking.channel_id].append(booking)
    for one in sorted(ready, key=lambda one: one.due_at):
        top = timedelta(minutes=one.draft.top_minutes)
        for ref in (by_id[channel] for channel in one.draft.channels):
            near = Agenda(tuple(taken[ref.id]))
            for caution in cautions.judged(ref, one.due_at, top, rules[ref.id].hours, near):
                yield Wrong(one.line, "time", caution.sentence, caution.params), caution.is_blocking
            taken[ref.id].append(Booking(ref.id, 0, one.due_at, top))


def put_on(
    workspace_id: int, ready: Sequence[Ready], *, most: int = AT_ONCE, user_id: int, now: datetime
) -> tuple[int, int, tuple[Wrong, ...]]:
    """Schedule up to `most` of the lines, each in a transaction of its own; those that stand already are left out.

    Returns how many were scheduled, how many are left for another call, and the lines that were refused after all.
    """
    made, wrong = 0, []
    missing = [one for one in ready if not one.is_known]
    for one in missing[:most]:
        try:
            with db.write():
                db.serialise("workspace", workspace_id)  # the same file may be sent twice at the same moment
                if writing.is_known(one.public_id):
                    continue
                given = (workspace_id, one.public_id, composing.NEW, one.draft)
                composing.schedule(*given, due_at=one.due_at, user_id=user_id, now=now)
            made += 1
        except AppError as error:
            wrong.append(Wrong(one.line, "channel", error.sentence, error.params))
    return made, max(0, len(missing) - most), tuple(wrong)
