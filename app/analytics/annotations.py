"""Notes on days: written, taken back, and read for the charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.analytics.annotation_models import Annotation
from app.audit import service as audit
from app.core import db, ids
from app.core.errors import Invalid, LimitReached, NotFound
from app.core.plain_text import one_line

KINDS = ("ad", "price", "ban", "other")
LONGEST, MOST = 120, 500  # characters of a note; notes of a workspace
FIRST_DAY = date(2013, 8, 14)  # Telegram's own


@dataclass(frozen=True, slots=True)
class Note:
    """A note as pages show it. `is_everywhere`: of the whole network; `where`: of what, where a page shows several.

    `place`: where it stands on the page's axis of time: days since the first of the period, and what
    app/analytics/build/notes.py makes of that on other axes.
    """

    public_id: str
    day: date
    kind: str
    text: str
    is_everywhere: bool
    place: float
    where: str = ""

    @property
    def words(self) -> str:
        """What was noted, and of what."""
        return f"{self.where}: {self.text}" if self.where else self.text


def add(
    workspace_id: int,
    channel_id: int | None,
    *,
    day: str,
    kind: str,
    text: str,
    timezone: str,
    user_id: int,
    now: datetime,
) -> Annotation:
    """Keep a note of a channel, or of the network without one. Raises Invalid with the field, LimitReached.

    Its day is at most today in the zone: no period ends later, so a later note would be on no page.
    """
    if kind not in KINDS:
        raise Invalid("There is no such kind of note.", fields={"kind": "unknown"})
    words = one_line(text)
    if not 1 <= len(words) <= LONGEST:
        raise Invalid(
            "Write between %(least)s and %(most)s characters.", least=1, most=LONGEST, fields={"text": "length"}
        )
    on = _day(day, now.astimezone(ZoneInfo(timezone)).date())
    with db.write():
        if Annotation.select().where(Annotation.workspace == workspace_id).count() >= MOST:
            raise LimitReached("A workspace keeps at most %(most)s notes.", most=MOST)
        note = Annotation.create(
            public_id=ids.public_id(),
            workspace=workspace_id,
            channel=channel_id,
            day=on,
            kind=kind,
            text=words,
            created_by=user_id,
            created_at=now,
        )
        _audit("annotation.added", note, user_id, now=now)
    return note


def remove(workspace_id: int, channel_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Take back a note of a channel or of the network. Raises NotFound."""
    with db.write():
        note = Annotation.get_or_none(Annotation.workspace == workspace_id, Annotation.public_id == public_id)
        if note is None or note.channel not in (channel_id, None):
            raise NotFound("There is no such note.")
        note.delete_instance()
        _audit("annotation.removed", note, user_id, now=now)


def notes_of(workspace_id: int, names: Mapping[int, str], first: date, last: date) -> tuple[Note, ...]:
    """The notes of some channels and of the network on the days first..last, the oldest first.

    `names`: what to call each channel by its id, "" where the page is about one alone.
    """
    found = db.rows(
        "SELECT public_id, day, kind, text, channel_id FROM annotation WHERE workspace_id = ?"
        " AND day >= ? AND day <= ? ORDER BY day, id",
        *(workspace_id, first if db.is_postgres() else str(first), last if db.is_postgres() else str(last)),
    )
    return tuple(
        Note(key, on, str(kind), str(text), of is None, (on - first).days, "" if of is None else names[of])
        for key, day, kind, text, of in found
        if of is None or of in names
        for on in [day if isinstance(day, date) else date.fromisoformat(day)]
    )


def said_on(notes: tuple[Note, ...], place: float) -> str:
    """The words of a file's cell: what was noted at one place."""
    return "; ".join(note.words for note in notes if note.place == place)


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid("Give the day of the note.", fields={"day": "no day"}) from None
    if not FIRST_DAY <= day <= today:
        raise Invalid("The day of a note is not after today and not before 14 August 2013.", fields={"day": "range"})
    return day


def _audit(action: str, note: Annotation, user_id: int, *, now: datetime) -> None:
    facts, is_new = {"day": note.day.isoformat(), "kind": note.kind}, action.endswith("added")
    audit.record(
        action,
        actor=f"user:{user_id}",
        subject=f"annotation:{note.public_id}",
        workspace_id=note.workspace,
        before=None if is_new else facts,
        after=facts if is_new else None,
        now=now,
    )
