"""What the planner's pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from app.posting.planning.occasions import Occasion
from app.posting.planning.settings import Typed


@dataclass(frozen=True, slots=True)
class Chip:
    """A post on the calendar, in the channels (public ids) in which it goes out at that minute.

    `initial` and `tone` are those of its first channel; `time` is the clock's in the page's zone.
    """

    key: str
    post_id: int
    url: str
    move_url: str
    day: date
    time: str
    titles: tuple[str, ...]
    initial: str
    tone: int
    standing: str
    version: int
    channels: str
    can_move: bool


@dataclass(frozen=True, slots=True)
class SlotMark:
    """A queue slot in which nothing stands yet."""

    time: str
    title: str
    initial: str
    tone: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day with as many of its posts as there is room for, and how many more."""

    date: date
    chips: tuple[Chip, ...]
    more: int
    url: str
    is_today: bool = False
    is_past: bool = False
    is_around: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour of a day."""

    date: date
    hour: int
    chips: tuple[Chip, ...]
    slots: tuple[SlotMark, ...]
    more: int
    is_past: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A link to the same page with something else chosen."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """The calendar. `days`: of the month or the list; `hours`: rows of the week, seven cells each.

    `words`: how each shown post begins, by its id.
    """

    view: str
    at: date
    first: date
    last: date
    timezone: str
    days: tuple[Day, ...]
    hours: tuple[tuple[Cell, ...], ...]
    words: Mapping[int, str]
    earlier: date
    later: date
    today: date
    list_url: str
    views: Mapping[str, str]
    channels: tuple[Choice, ...]
    channel: str
    channel_url: str
    is_cut: bool
    is_default: bool
    may_publish: bool
    has_slots: bool


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """A channel's rules for posting. `version`: of the rules that the form was made from. `kept`: where somebody else
    changed them meanwhile, what is kept by field."""

    url: str
    title: str
    channel_url: str
    timezone: str
    typed: Typed
    version: int
    errors: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    kept: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series in the list."""

    url: str
    words: str
    titles: tuple[str, ...]
    state: str
    next_at: datetime | None
    rule: Mapping[str, object]
    time: str
    timezone: str


@dataclass(frozen=True, slots=True)
class SeriesForm:
    """The fields of the form as typed."""

    values: Mapping[str, str]
    weekdays: Sequence[int]
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """One series, or ("" for its address) one that is to begin."""

    url: str
    form_url: str
    post_url: str
    words: str
    titles: tuple[str, ...]
    state: str
    version: int
    next_at: datetime | None
    timezone: str
    form: SeriesForm
    zones: tuple[str, ...]
    occasions: tuple[Occasion, ...] = ()
    is_text_changed: bool = False
    may_publish: bool = False


@dataclass(frozen=True, slots=True)
class WrongCell:
    """What is wrong in a line of a file (counted as a person's table does, the head is line 1)."""

    line: int
    column: str
    text: str


@dataclass(frozen=True, slots=True)
class ImportPage:
    """The import of a file of posts. `right` of `total` lines can be scheduled, `known` of them were before.

    `made`: how many were just now (None: nothing was to be scheduled yet), `left`: how many come in the next request.
    """

    upload_id: str
    columns: tuple[str, ...]
    timezone: str
    most: int
    error: str = ""
    total: int = 0
    right: int = 0
    known: int = 0
    made: int | None = None
    left: int = 0
    wrong: tuple[WrongCell, ...] = ()
    cautions: tuple[WrongCell, ...] = ()
