"""What stands in the calendar's days and hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.channels.queries import ChannelRef
from app.posting.planning import settings, slots
from app.posting.planning.agenda import agenda
from app.posting.planning.calendar_queries import Entry
from app.posting.planning.local_time import moment
from app.posting.planning.pages import Cell, Chip, Day, SlotMark
from app.posting.states import BLOCKED, BUSY, CLAIMED, DONE, FAILED, PROPOSED, UNCONFIRMED, WAITING

MONTH, WEEK, LIST = "month", "week", "list"
Url = Callable[..., str]
_IN_A_DAY, _IN_AN_HOUR, _IN_THE_LIST = 4, 3, 50
_A_DAY, _LATE = timedelta(days=1), timedelta(seconds=5)
_WORDS = {BUSY: "sending", DONE: "sent", FAILED: "refused", BLOCKED: "blocked", UNCONFIRMED: "unconfirmed"}
_WORDS |= {WAITING: "scheduled", CLAIMED: "scheduled", PROPOSED: "proposed"}


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks."""

    workspace_id: int
    timezone: str
    may_publish: bool
    now: datetime

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.timezone)).date()


def chips(who: Looker, found: Sequence[Entry]) -> dict[date, list[Chip]]:
    """By day, a chip for each post and minute."""
    together: dict[tuple[str, datetime], list[Entry]] = defaultdict(list)
    for entry in found:
        together[entry.post, entry.due_at.replace(second=0, microsecond=0)].append(entry)
    by_day: dict[date, list[Chip]] = defaultdict(list)
    for (_, minute), entries_ in together.items():
        chip = _chip(who, minute, entries_)
        by_day[chip.day].append(chip)
    return by_day


def _chip(who: Looker, minute: datetime, of_chip: Sequence[Entry]) -> Chip:
    first, local = of_chip[0], minute.astimezone(ZoneInfo(who.timezone))
    movable = [entry for entry in of_chip if entry.state in (WAITING, CLAIMED, BLOCKED)]
    return Chip(
        key=f"{first.post}.{int(minute.timestamp())}",
        post_id=first.post_id,
        url=f"/posts/{first.post}",
        move_url=f"/posts/calendar/{first.post}/move",
        day=local.date(),
        time=local.strftime("%H:%M"),
        titles=tuple(entry.title for entry in of_chip),
        initial=_initial(first.title),
        tone=_tone(first.title),
        standing=_standing(of_chip, now=who.now),
        version=first.version,
        channels=",".join(entry.channel for entry in movable),
        can_move=who.may_publish and bool(movable),
    )


def _initial(title: str) -> str:
    return (title.strip()[:1] or "#").upper()


def _tone(title: str) -> int:
    """The colour of a channel's sign, as in templates/ui/names.html."""
    return (len(title) + len(title.split())) % 5


_BY_NEED = ("unconfirmed", "blocked", "refused", "sending", "late", "scheduled", "sent", "proposed")


def _standing(of_chip: Iterable[Entry], *, now: datetime) -> str:
    words = set()
    for entry in of_chip:
        is_late = entry.state in (WAITING, CLAIMED) and entry.due_at < now - _LATE
        words.add("late" if is_late else _WORDS.get(entry.state, entry.state))
    return next((word for word in _BY_NEED if word in words), "scheduled")


def days(
    who: Looker,
    view: str,
    span: tuple[date, date],
    shown: tuple[date, date],
    by_day: Mapping[date, Sequence[Chip]],
    link: Url,
) -> Iterable[Day]:
    most = _IN_A_DAY if view == MONTH else _IN_THE_LIST
    for number in range((span[1] - span[0]).days + 1):
        day = span[0] + _A_DAY * number
        chips = by_day.get(day, ())
        if view == LIST and not chips:
            continue
        fit = chips if len(chips) <= most else chips[: most - 1]
        yield Day(
            day,
            tuple(fit),
            len(chips) - len(fit),
            link(view=WEEK if view == LIST else LIST, at=day),
            is_today=day == who.today,
            is_past=day < who.today,
            is_around=not shown[0] <= day <= shown[1],
        )


def hours(
    who: Looker, monday: date, by_day: Mapping[date, Sequence[Chip]], free: Mapping[tuple[date, int], list[SlotMark]]
) -> Iterable[tuple[Cell, ...]]:
    by_hour: dict[tuple[date, int], list[Chip]] = defaultdict(list)
    for chip in (chip for of_day in by_day.values() for chip in of_day):
        by_hour[chip.day, int(chip.time[:2])].append(chip)
    for hour in range(24):
        yield tuple(_cell(who, monday + _A_DAY * number, hour, by_hour, free) for number in range(7))


def _cell(
    who: Looker,
    day: date,
    hour: int,
    chips: Mapping[tuple[date, int], Sequence[Chip]],
    marks: Mapping[tuple[date, int], Sequence[SlotMark]],
) -> Cell:
    found = chips.get((day, hour), ())
    fit = found if len(found) <= _IN_AN_HOUR else found[: _IN_AN_HOUR - 1]
    is_past = moment(day, time(hour, 59), who.timezone) < who.now
    return Cell(day, hour, tuple(fit), tuple(marks.get((day, hour), ())), len(found) - len(fit), is_past)


def marks(
    who: Looker, refs: Sequence[ChannelRef], since: datetime, until: datetime
) -> dict[tuple[date, int], list[SlotMark]]:
    """The free queue slots of the week, by day and hour of the page's zone."""
    start = max(since, who.now)
    if start >= until:
        return {}
    taken, rules = (
        agenda(who.workspace_id, [ref.id for ref in refs], start, until),
        settings.rules_of(who.workspace_id, refs),
    )
    found: dict[tuple[date, int], list[SlotMark]] = defaultdict(list)
    for ref in refs:
        hours = rules[ref.id].hours
        for at in hours.slot_moments(start, days=8):
            if at < until and slots.is_free(hours, ref.id, at, taken):
                local = at.astimezone(ZoneInfo(who.timezone))
                mark = SlotMark(local.strftime("%H:%M"), ref.title, _initial(ref.title), _tone(ref.title))
                found[local.date(), local.hour].append(mark)
    return found
