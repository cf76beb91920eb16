"""The calendar: a workspace's publications by day or hour of its zone, bounded by what a screen can show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from urllib.parse import urlencode

from app.channels.queries import ChannelRef
from app.posting.planning import calendar_cells
from app.posting.planning.calendar_cells import LIST, MONTH, WEEK, Looker, Url
from app.posting.planning.calendar_queries import MOST, entries, first_words, proposals
from app.posting.planning.local_time import moment
from app.posting.planning.pages import CalendarPage, Cell, Choice, Day
from app.posting.service import planning

VIEWS = (MONTH, WEEK, LIST)
LIST_DAYS = 14
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see: `view` "" leaves it to us, `channel` "" is all of them."""

    view: str
    at: date | None
    channel: str


@dataclass(frozen=True, slots=True)
class _Span:
    """The days that a page is about, and the first and last of those that it shows."""

    about: tuple[date, date]
    first: date
    last: date


def calendar_page(who: Looker, asked: Asked) -> CalendarPage:
    """The page; whatever cannot be read of what was asked is left to us."""
    view = asked.view if asked.view in VIEWS else MONTH
    at, refs = asked.at or who.today, planning.own_channels(who.workspace_id)
    chosen = next((ref for ref in refs if ref.public_id == asked.channel), None)
    span, link = _span(view, at), _links(view, at, chosen)
    days, hours, is_cut = _filled(who, view, span, [chosen] if chosen else refs, chosen, link)
    return CalendarPage(
        view=view,
        at=at,
        first=span.about[0],
        last=span.about[1],
        timezone=who.timezone,
        days=days,
        hours=hours,
        words=first_words(who.workspace_id, _shown(days, hours)),
        earlier=_step(view, at, -1),
        later=_step(view, at, 1),
        today=who.today,
        list_url=link(view=LIST),
        views={name: link(view=name) for name in VIEWS},
        channels=_choices(refs, chosen, link),
        channel=chosen.public_id if chosen else "",
        channel_url=f"/channels/{chosen.public_id}/posting" if chosen else "",
        is_cut=is_cut,
        is_default=not asked.view,
        may_publish=who.may_publish,
        has_slots=any(cell.slots for row in hours for cell in row),
    )


def _links(view: str, at: date, chosen: ChannelRef | None) -> Url:
    def link(**changes: object) -> str:
        query = {"view": view, "at": at, "channel": chosen.public_id if chosen else ""} | changes
        return "/posts/calendar?" + urlencode({name: str(value) for name, value in query.items() if value})

    return link


def _filled(
    who: Looker, view: str, span: _Span, refs: Sequence[ChannelRef], chosen: ChannelRef | None, link: Url
) -> tuple[tuple[Day, ...], tuple[tuple[Cell, ...], ...], bool]:
    """The days, or the hours of a week, with what stands in them; and whether there was more than can be shown."""
    since, until = (moment(day, time(), who.timezone) for day in (span.first, span.last + _A_DAY))
    only = chosen.id if chosen else None
    found = entries(who.workspace_id, since, until, channel_id=only)
    asked = proposals(who.workspace_id, since, until, channel_id=only)
    by_day = calendar_cells.chips(who, sorted([*found[:MOST], *asked], key=lambda one: one.due_at))
    if view != WEEK:
        days = calendar_cells.days(who, view, (span.first, span.last), span.about, by_day, link)
        return tuple(days), (), len(found) > MOST
    marks = calendar_cells.marks(who, refs, since, until)
    return (), tuple(calendar_cells.hours(who, span.first, by_day, marks)), len(found) > MOST


def _shown(days: Iterable[Day], hours: Iterable[Iterable[Cell]]) -> set[int]:
    places: list[Day | Cell] = [*days, *(cell for row in hours for cell in row)]
    return {chip.post_id for place in places for chip in place.chips}


def _span(view: str, at: date) -> _Span:
    if view == LIST:
        last = at + _A_DAY * (LIST_DAYS - 1)
        return _Span((at, last), at, last)
    if view == WEEK:
        monday = at - _A_DAY * at.weekday()
        return _Span((monday, monday + _A_DAY * 6), monday, monday + _A_DAY * 6)
    first = at.replace(day=1)
    last = (first + _A_DAY * 31).replace(day=1) - _A_DAY
    return _Span((first, last), first - _A_DAY * first.weekday(), last + _A_DAY * (6 - last.weekday()))


def _step(view: str, at: date, way: int) -> date:
    if view != MONTH:
        return at + _A_DAY * way * (7 if view == WEEK else LIST_DAYS)
    first = at.replace(day=1)
    return first - _A_DAY if way < 0 else (first + _A_DAY * 31).replace(day=1)


def _choices(refs: Sequence[ChannelRef], chosen: ChannelRef | None, link: Url) -> tuple[Choice, ...]:
    every = Choice("", link(channel=""), chosen is None)
    return (every, *(Choice(ref.title, link(channel=ref.public_id), ref == chosen) for ref in refs))
