"""The calendar: a workspace's publications by day or hour of its zone, bounded by what a screen can show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from app.channels.queries import ChannelRef
from app.posting.planning import settings, slots
from app.posting.planning.agenda import agenda
from app.posting.planning.calendar_queries import MOST, Entry, entries, first_words
from app.posting.planning.local_time import moment
from app.posting.planning.pages import CalendarPage, Cell, Chip, Choice, Day, SlotMark
from app.posting.service import planning
from app.posting.states import BLOCKED, BUSY, CLAIMED, DONE, FAILED, UNCONFIRMED, WAITING

MONTH, WEEK, LIST = "month", "week", "list"
VIEWS = (MONTH, WEEK, LIST)
Url = Callable[..., str]
LIST_DAYS = 14
_IN_A_DAY, _IN_AN_HOUR, _IN_THE_LIST = 4, 3, 50
_A_DAY, _LATE = timedelta(days=1), timedelta(seconds=5)
_WORDS = {BUSY: "sending", DONE: "sent", FAILED: "refused", BLOCKED: "blocked", UNCONFIRMED: "unconfirmed"}
_WORDS |= {WAITING: "scheduled", CLAIMED: "scheduled"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see: `view` "" leaves it to us, `channel` "" is all of them."""

    view: str
    at: date | None
    channel: str


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


def calendar_page(who: Looker, asked: Asked) -> CalendarPage:
    """The page; whatever cannot be read of what was asked is left to us."""
    view = asked.view if asked.view in VIEWS else MONTH
    at = asked.at or who.today
    refs = planning.own_channels(who.workspace_id)
    chosen = next((ref for ref in refs if ref.public_id == asked.channel), None)
    shown, first, last = _span(view, at)
    since, until = (moment(day, time(), who.timezone) for day in (first, last + _A_DAY))
    found = entries(who.workspace_id, since, until, channel_id=chosen.id if chosen else None)
    by_day = _chips(who, found[:MOST])
    marks = _marks(who, [chosen] if chosen else refs, first, since, until) if view == WEEK else {}

    def url(**changes: object) -> str:
        query = {"view": view, "at": at, "channel": chosen.public_id if chosen else ""} | changes
        return "/posts/calendar?" + urlencode({name: str(value) for name, value in query.items() if value})

    return CalendarPage(
        view=view,
        at=at,
        first=shown[0],
        last=shown[1],
        timezone=who.timezone,
        days=() if view == WEEK else tuple(_days(who, view, (first, last), shown, by_day, url)),
        hours=tuple(_hours(who, first, by_day, marks)) if view == WEEK else (),
        previous_url=url(at=_step(view, at, -1)),
        next_url=url(at=_step(view, at, 1)),
        today_url=url(at=""),
        list_url=url(view=LIST),
        views={name: url(view=name) for name in VIEWS},
        channels=_choices(refs, chosen, url),
        channel=chosen.public_id if chosen else "",
        channel_url=f"/channels/{chosen.public_id}/posting" if chosen else "",
        is_cut=len(found) > MOST,
        is_default=not asked.view,
        may_publish=who.may_publish,
        has_slots=any(marks.values()),
    )


def _span(view: str, at: date) -> tuple[tuple[date, date], date, date]:
    """The days that the page is about, and the first and last of those that it shows."""
    if view == LIST:
        return (at, at + _A_DAY * (LIST_DAYS - 1)), at, at + _A_DAY * (LIST_DAYS - 1)
    if view == WEEK:
        monday = at - _A_DAY * at.weekday()
        return (monday, monday + _A_DAY * 6), monday, monday + _A_DAY * 6
    first = at.replace(day=1)
    last = (first + _A_DAY * 31).replace(day=1) - _A_DAY
    return (first, last), first - _A_DAY * first.weekday(), last + _A_DAY * (6 - last.weekday())


def _step(view: str, at: date, way: int) -> date:
    if view != MONTH:
        return at + _A_DAY * way * (7 if view == WEEK else LIST_DAYS)
    first = at.replace(day=1)
    return first - _A_DAY if way < 0 else (first + _A_DAY * 31).replace(day=1)


def _choices(refs: Sequence[ChannelRef], chosen: ChannelRef | None, url: Url) -> tuple[Choice, ...]:
    every = Choice("", url(channel=""), chosen is None)
    return (every, *(Choice(ref.title, url(channel=ref.public_id), ref == chosen) for ref in refs))


def _chips(who: Looker, found: Sequence[Entry]) -> dict[date, list[Chip]]:
    """By day, a chip for each post and minute."""
    together: dict[tuple[str, datetime], list[Entry]] = defaultdict(list)
    for entry in found:
        together[entry.post, entry.due_at.replace(second=0, microsecond=0)].append(entry)
    words = first_words(who.workspace_id, {entry.post_id for entry in found})
    by_day: dict[date, list[Chip]] = defaultdict(list)
    for (_, minute), entries_ in together.items():
        chip = _chip(who, minute, entries_, words)
        by_day[chip.day].append(chip)
    return by_day


def _chip(who: Looker, minute: datetime, of_chip: Sequence[Entry], words: Mapping[int, str]) -> Chip:
    first, local = of_chip[0], minute.astimezone(ZoneInfo(who.timezone))
    movable = [entry for entry in of_chip if entry.state in (WAITING, CLAIMED, BLOCKED)]
    return Chip(
        key=f"{first.post}.{int(minute.timestamp())}",
        url=f"/posts/{first.post}",
        move_url=f"/posts/calendar/{first.post}/move",
        day=local.date(),
        time=local.strftime("%H:%M"),
        words=words.get(first.post_id, ""),
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


_BY_NEED = ("unconfirmed", "blocked", "refused", "sending", "late", "scheduled", "sent")


def _standing(of_chip: Iterable[Entry], *, now: datetime) -> str:
    words = set()
    for entry in of_chip:
        is_late = entry.state in (WAITING, CLAIMED) and entry.due_at < now - _LATE
        words.add("late" if is_late else _WORDS.get(entry.state, entry.state))
    return next((word for word in _BY_NEED if word in words), "scheduled")


def _days(
    who: Looker,
    view: str,
    span: tuple[date, date],
    shown: tuple[date, date],
    by_day: Mapping[date, Sequence[Chip]],
    url: Url,
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
            url(view=WEEK if view == LIST else LIST, at=day),
            is_today=day == who.today,
            is_past=day < who.today,
            is_around=not shown[0] <= day <= shown[1],
        )


def _hours(
    who: Looker, monday: date, by_day: Mapping[date, Sequence[Chip]], marks: Mapping[tuple[date, int], list[SlotMark]]
) -> Iterable[tuple[Cell, ...]]:
    chips: dict[tuple[date, int], list[Chip]] = defaultdict(list)
    for chip in (chip for of_day in by_day.values() for chip in of_day):
        chips[chip.day, int(chip.time[:2])].append(chip)
    for hour in range(24):
        yield tuple(_cell(who, monday + _A_DAY * number, hour, chips, marks) for number in range(7))


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


def _marks(
    who: Looker, refs: Sequence[ChannelRef], monday: date, since: datetime, until: datetime
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
