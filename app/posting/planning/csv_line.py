"""One line of a file of posts, as the draft that the composer's form would hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from app.channels.queries import ChannelRef
from app.core import zones
from app.core.errors import Invalid
from app.core.i18n import N_
from app.posting.content import checks
from app.posting.content.blocks import Button, Content, Options
from app.posting.content.draft import Draft
from app.posting.planning.csv_file import Row
from app.posting.planning.local_time import clock_time

AFTER_HOURS = (1, 6, 12, 24, 48, 72, 168)
TOP_HOURS = (1, 2, 3, 6, 12, 24, 48)
_YES, _NO = ("1", "yes", "y", "true", "да", "ha", "x"), ("", "0", "no", "n", "false", "нет", "yoʻq", "yo'q")
_COLUMN_OF = {"media": "text", "buttons": "button_url", "channels": "channel"}
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


class Refused(Exception):
    """What is wrong in a column: an English sentence with its parameters."""

    def __init__(self, column: str, sentence: str, **params: object) -> None:
        super().__init__(sentence)
        self.column, self.sentence, self.params = column, sentence, params


def read(row: Row, refs: Sequence[ChannelRef], *, zone: str, now: datetime) -> Draft | list[Refused]:
    """The draft of a line, or all that is wrong with it."""
    parts: dict[str, object] = {}
    refused = []
    readers = {
        "channels": _channels,
        "day": _day,
        "time": _time,
        "zone": _zone,
        "rest": _rest,
        "after": _after,
        "top_minutes": _top,
    }
    for name, reader in readers.items():
        try:
            parts[name] = reader(row, refs, zone)  # type: ignore[operator]
        except Refused as error:
            refused.append(error)
    is_pinned = _flag_or(row, "pin", refused)
    if refused:
        return refused
    draft = Draft(text=row.cell("text"), is_pinned=bool(is_pinned), **parts)  # type: ignore[arg-type]
    return _problems(draft, now=now) or draft


def _problems(draft: Draft, *, now: datetime) -> list[Refused]:
    """What Telegram would refuse, and a time that is none."""
    found: dict[str, Refused] = {}
    for problem in checks.check(draft.content()):
        if problem.is_error:
            column = _COLUMN_OF.get(problem.field, problem.field)
            found.setdefault(column, Refused(column, problem.sentence, **problem.params))
    try:
        if draft.due_at() < now:
            found["time"] = Refused("time", N_("This moment has passed. Choose a later one."))
    except Invalid as error:
        found["time"] = Refused("time", error.sentence)
    return list(found.values())


def _channels(row: Row, refs: Sequence[ChannelRef], _zone: str) -> tuple[str, ...]:
    """By username or title; several stand with a comma, a semicolon or a bar between."""
    cell = row.cell("channel")
    names = [cell] if _matching(cell, refs) else [name.strip() for name in re.split(r"[|,;\n]", cell) if name.strip()]
    if not names:
        raise Refused("channel", N_("Name a channel, by its @username or its title."))
    chosen: list[str] = []
    for name in names:
        found = _matching(name, refs)
        if not found:
            raise Refused("channel", N_("There is no channel “%(name)s” of yours."), name=name[:60])
        if len(found) > 1:
            raise Refused("channel", N_("Several channels are called “%(name)s”: write the @username."), name=name[:60])
        if found[0].bot_id is None:
            raise Refused("channel", N_("Our bot is not in “%(name)s”: it cannot post there."), name=name[:60])
        chosen.append(found[0].public_id)
    return tuple(dict.fromkeys(chosen))


def _matching(name: str, refs: Sequence[ChannelRef]) -> list[ChannelRef]:
    plain = name.removeprefix("https://t.me/").removeprefix("t.me/").removeprefix("@").casefold()
    by_username = [ref for ref in refs if ref.username and ref.username.casefold() == plain]
    return by_username or [ref for ref in refs if ref.title.casefold().strip() == name.casefold()]


def _day(row: Row, _refs: Sequence[ChannelRef], _zone: str) -> str:
    """2026-11-30 or 30.11.2026."""
    cell = row.cell("date")
    german = _GERMAN.fullmatch(cell)
    try:
        day = date(*map(int, german.group(3, 2, 1))) if german else date.fromisoformat(cell)
    except ValueError as error:
        raise Refused(
            "date", N_("“%(text)s” is no day. Write it as 2026-11-30 or 30.11.2026."), text=cell[:20]
        ) from error
    return day.isoformat()


def _time(row: Row, _refs: Sequence[ChannelRef], _zone: str) -> str:
    cell = row.cell("time")
    try:
        return clock_time(cell.removesuffix(":00") if cell.count(":") == 2 else cell).strftime("%H:%M")
    except ValueError as error:
        raise Refused("time", N_("“%(text)s” is no time. Write it as 09:30."), text=cell[:20]) from error


def _zone(row: Row, _refs: Sequence[ChannelRef], zone: str) -> str:
    try:
        return zones.known(row.cell("timezone") or zone)
    except Invalid as error:
        raise Refused("timezone", error.sentence) from error


def _rest(row: Row, _refs: Sequence[ChannelRef], _zone: str) -> Content:
    words, url = row.cell("button_text"), row.cell("button_url")
    if bool(words) != bool(url):
        missing = "button_url" if words else "button_text"
        raise Refused(missing, N_("A button needs both a text and an address."))
    options = Options(is_silent=_flag(row, "silent"), is_protected=_flag(row, "protected"))
    return Content(buttons=((Button(words, url),),) if url else (), options=options)


def _flag(row: Row, column: str) -> bool:
    cell = row.cell(column).casefold()
    if cell not in (*_YES, *_NO):
        raise Refused(column, N_("Write yes or no, or leave it empty."))
    return cell in _YES


def _flag_or(row: Row, column: str, refused: list[Refused]) -> bool:
    try:
        return _flag(row, column)
    except Refused as error:
        refused.append(error)
        return False


def _after(row: Row, _refs: Sequence[ChannelRef], _zone: str) -> dict[str, int]:
    hours = _hours(row, "delete_after_hours", AFTER_HOURS, N_("A post can be deleted after %(hours)s hours."))
    return {"delete": hours * 3600} if hours else {}


def _top(row: Row, _refs: Sequence[ChannelRef], _zone: str) -> int:
    return 60 * _hours(row, "top_hours", TOP_HOURS, N_("A post can stay on top for %(hours)s hours."))


def _hours(row: Row, column: str, known: Sequence[int], sentence: str) -> int:
    """A length of time that the composer offers too; 0 where the cell is empty."""
    cell = row.cell(column)
    if cell and cell not in map(str, known):
        raise Refused(column, sentence, hours=", ".join(map(str, known)))
    return int(cell or 0)
