"""What the pages show: every number a Figure with its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with where it comes from. `value` None: there is no source. `step` 0 exact, else the rounding step."""

    value: int | float | None
    unit: str
    step: float = 0
    sources: tuple[str, ...] = ()
    observed_at: datetime | None = None
    readings: int = 0
    delta: Figure | None = None

    @property
    def precision(self) -> str:
        return "rounded" if self.step else "exact"

    def says(self, value: float | None, unit: str = "", step: float | None = None) -> Figure:
        """Another number from the same readings: its unit and rounding are the same unless they are given."""
        step = self.step if step is None else step
        return Figure(value, unit or self.unit, step, self.sources, self.observed_at, self.readings)


@dataclass(frozen=True, slots=True)
class PeriodChoice:
    """A link of the period picker."""

    days: int
    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in a zone, ending at the last reading; stale when that is old."""

    start: date
    end: date
    days: int
    timezone: str
    last_reading_at: datetime | None
    is_stale: bool
    choices: tuple[PeriodChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class DayPoint:
    """One day of a series; None where nothing was read."""

    day: date
    value: int | None
    step: int = 0


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel in a list or at the head of its page."""

    public_id: str
    title: str
    username: str | None
    url: str
    relation: str
    state: str
    subscribers: Figure
    views: Figure
    posts: Figure
    reach: Figure
    spark: tuple[int | None, ...] = ()
    is_read: bool = False
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class NetworkPage:
    """All channels of a workspace."""

    workspace_name: str
    period: Period
    totals: dict[str, Figure]
    growth: tuple[DayPoint, ...]
    growth_without: tuple[str, ...]
    views_by_day: tuple[DayPoint, ...]
    rows: tuple[ChannelRow, ...]
    shares: tuple[float | None, ...]
    problems: tuple[str, ...]
    is_demo: bool
    csv_url: str
    connect_url: str


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post in a table or at the head of its page."""

    public_id: str
    url: str
    message_id: int | None
    posted_at: datetime
    media_label: str
    text_length: int | None
    views: Figure
    views_24h: Figure
    reactions: Figure
    er: Figure
    is_edited: bool = False
    is_deleted: bool = False
    is_service: bool = False
    telegram_url: str | None = None


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """A link of the posts table's filter."""

    key: str
    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class PostsTable:
    """One page of posts; sorting and filtering are links."""

    rows: tuple[PostRow, ...]
    sort: str
    order: str
    filter: str
    next_url: str | None
    prev_url: str | None
    total: int
    sort_urls: dict[str, str]
    filter_urls: tuple[FilterChoice, ...]


@dataclass(frozen=True, slots=True)
class RightsCheck:
    """The checklist of the bot's rights: (label, is granted, why)."""

    items: tuple[tuple[str, bool, str], ...]
    bot_username: str
    checked_at: datetime
    is_admin: bool


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source of a channel's numbers and whether it speaks."""

    key: str
    label: str
    is_on: bool
    last_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """One channel."""

    channel: ChannelRow
    timezone: str
    period: Period
    tiles: dict[str, Figure]
    growth: tuple[DayPoint, ...]
    views_by_day: tuple[DayPoint, ...]
    reach_by_day: tuple[DayPoint, ...]
    heat: tuple[tuple[int | None, ...], ...]
    posts: PostsTable
    rights: RightsCheck | None
    sources: tuple[SourceState, ...]
    csv_url: str
    annotations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One reading on a post's curve."""

    at: datetime
    age_s: int
    views: int
    step: int
    source: str
    is_falling: bool


@dataclass(frozen=True, slots=True)
class PostPage:
    """One post."""

    channel: ChannelRow
    timezone: str
    csv_url: str
    post: PostRow
    curve: tuple[CurvePoint, ...]
    reactions: tuple[tuple[str, Figure], ...]
    is_curve_cut: bool = False


@dataclass(frozen=True, slots=True)
class PendingChannel:
    """A channel in which the person made our bot an administrator, and what became of it."""

    title: str
    username: str | None
    state: str
    message: str
    url: str | None


@dataclass(frozen=True, slots=True)
class ConnectPage:
    """The guided way to connect a channel."""

    bot_username: str | None
    add_url: str | None
    simulator_url: str | None
    pending: tuple[PendingChannel, ...]
    poll_url: str
    steps: tuple[str, ...] = ()
    watch_username: str = ""
    watch_error: str = ""
