"""Notes on axes of time that are not the days of a period: a post's age, a link's age, Telegram's own days."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from app.analytics.annotations import Note


def by_age(notes: Sequence[Note], posted_at: datetime, timezone: str) -> tuple[Note, ...]:
    """At seconds of a post's age: where the note's day began in the zone, or at the post's birth on its own day."""
    zone = ZoneInfo(timezone)
    return tuple(
        replace(note, place=max(0.0, (datetime.combine(note.day, time(), zone) - posted_at).total_seconds()))
        for note in notes
    )


def by_link(notes: Sequence[Note], name: str, began: date, most_days: int) -> tuple[Note, ...]:
    """At the days that a link was old then, which its first followers had stayed at most; those beyond are left out."""
    ages = ((note, (note.day - began).days) for note in notes)
    return tuple(replace(note, place=age, where=name) for note, age in ages if 0 <= age <= most_days)


def by_days(notes: Sequence[Note], days: Sequence[date]) -> tuple[Note, ...]:
    """At the last of some days in their order that is not after the note's; -1, which is not drawn, outside of them.

    None without days.
    """
    if not days:
        return ()
    return tuple(
        replace(note, place=bisect_right(days, note.day) - 1 if note.day <= days[-1] else -1) for note in notes
    )


def once(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Each note once, in the order in which a chart numbers them; `where` names all that it stands on."""
    found: dict[str, list[Note]] = {}
    for note in notes:
        found.setdefault(note.public_id, []).append(note)
    return tuple(
        replace(same[0], where=", ".join(dict.fromkeys(n.where for n in same if n.where))) for same in found.values()
    )
