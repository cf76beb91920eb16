"""What speaks against a post at a time. People are told; only quiet hours and another post's time in top ask for more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.channels.queries import ChannelRef
from app.core.i18n import N_
from app.posting.content.blocks import Content
from app.posting.content.telegram import render
from app.posting.planning import occasions
from app.posting.planning.agenda import HOUR, Agenda, Booking, agenda, same_words, same_words_collected
from app.posting.planning.hours import Hours
from app.posting.planning.settings import rules_of
from app.posting.planning.stored_words import words_of
from app.readings.collectors.base import hash_text

SAME_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to go out: by channel (id) when, and what it says (`contents`: by public id, where it differs)."""

    times: Mapping[int, datetime]
    content: Content
    contents: Mapping[str, Content] = field(default_factory=dict)
    top: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Caution:
    """`kind`: same_words, same_hour, gap, series, blackout, quiet_day, in_top, pushes_down. `sentence` as in AppError."""

    kind: str
    channel_id: int
    sentence: str
    params: Mapping[str, Any]
    is_blocking: bool = False


_SAME_WORDS = N_("“%(title)s” has a post with the same words at %(time)s.")
_SAME_HOUR = N_("Another post goes out in “%(title)s” within the hour, at %(time)s.")
_GAP = N_("The post at %(time)s in “%(title)s” is nearer than the least distance of %(minutes)s minutes.")
_SERIES = N_("A recurring post comes in “%(title)s” within the hour, at %(time)s.")
_BLACKOUT = N_("%(time)s lies in the quiet hours of “%(title)s”.")
_QUIET_DAY = N_("%(time)s lies on a quiet day of “%(title)s”.")
_IN_TOP = N_("Until %(time)s another post is to stay on top in “%(title)s”.")
_PUSHES_DOWN = N_("The post at %(time)s in “%(title)s” would push this one down while it is to stay on top.")


def local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))


def cautions(
    workspace_id: int, refs: Sequence[ChannelRef], planned: Planned, *, but: int, now: datetime
) -> tuple[Caution, ...]:
    """All of them, what must not go unseen first."""
    found = [*of_the_clock(workspace_id, refs, planned, but=but)]
    for ref in refs:
        found += _of_the_words(workspace_id, ref, planned, but=but, now=now)
        found += _of_series(workspace_id, ref, planned.times[ref.id])
    return tuple(sorted(found, key=lambda one: not one.is_blocking))


def of_the_clock(workspace_id: int, refs: Sequence[ChannelRef], planned: Planned, *, but: int) -> Iterator[Caution]:
    """What the channels' hours and their other posts say."""
    times = planned.times.values()
    until = max(times) + max(planned.top, HOUR, timedelta(days=1))
    taken = agenda(workspace_id, [ref.id for ref in refs], min(times) - timedelta(days=1), until, but=but)
    rules = rules_of(workspace_id, refs)
    for ref in refs:
        yield from judged(ref, planned.times[ref.id], planned.top, rules[ref.id].hours, taken)


def judged(ref: ChannelRef, at: datetime, top: timedelta, hours: Hours, taken: Agenda) -> Iterable[Caution]:
    """What speaks against one moment in one channel, by its hours and what else stands there."""
    say = _speaker(ref)
    if hours.is_blackout(at):
        yield say("blackout", _BLACKOUT, at, is_blocking=True)
    elif hours.is_quiet_day(at):
        yield say("quiet_day", _QUIET_DAY, at, is_blocking=True)
    if on_top := taken.on_top(ref.id, at):
        yield say("in_top", _IN_TOP, on_top.due_at + on_top.top, is_blocking=True)
    if top and (pushed := taken.pushed_down(ref.id, at, top)):
        yield say("pushes_down", _PUSHES_DOWN, pushed.due_at, is_blocking=True)
    yield from _too_near(ref.id, at, hours, taken, say)


def _too_near(
    channel_id: int, at: datetime, hours: Hours, taken: Agenda, say: Callable[..., Caution]
) -> Iterator[Caution]:
    near: Booking | None = taken.near(channel_id, at, hours.min_gap) if hours.min_gap else None
    if near:
        yield say("gap", _GAP, near.due_at, minutes=int(hours.min_gap.total_seconds()) // 60)
    elif same_hour := taken.near(channel_id, at, HOUR):
        yield say("same_hour", _SAME_HOUR, same_hour.due_at)


def _of_the_words(
    workspace_id: int, ref: ChannelRef, planned: Planned, *, but: int, now: datetime
) -> Iterator[Caution]:
    content, at = planned.contents.get(ref.public_id, planned.content), planned.times[ref.id]
    words = words_of(content)
    if not words:
        return
    seen = same_words(workspace_id, ref.id, ref.public_id, words, at, SAME_WITHIN, but=but)
    if seen is None:
        visible = hash_text(render(content.blocks).text) or ""
        seen = same_words_collected(workspace_id, ref.chat_id, visible, now - SAME_WITHIN, but=but)
    if seen:
        yield _speaker(ref)("same_words", _SAME_WORDS, seen)


def _of_series(workspace_id: int, ref: ChannelRef, at: datetime) -> Iterator[Caution]:
    """Of a series whose post for that day is not made yet; those that are made stand on the clock."""
    for moment in occasions.not_made_yet(workspace_id, ref.public_id, at - HOUR, at + HOUR):
        yield _speaker(ref)("series", _SERIES, moment)
        return


def _speaker(ref: ChannelRef) -> Callable[..., Caution]:
    def say(kind: str, sentence: str, at: datetime, *, is_blocking: bool = False, **more: object) -> Caution:
        told = {"title": ref.title, "time": local(at, ref.timezone).strftime("%Y-%m-%d %H:%M"), **more}
        return Caution(kind, ref.id, sentence, told, is_blocking)

    return say
