"""What the pages show: every number a Figure with its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from app.analytics.annotations import Note
from app.analytics.post_counts import PostCounts


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with where it comes from. `value` None: there is no source. `step` 0 exact, else the rounding step.

    `is_estimate`: computed from these readings by a model, not read.
    """

    value: int | float | None
    unit: str
    step: float = 0
    sources: tuple[str, ...] = ()
    observed_at: datetime | None = None
    readings: int = 0
    delta: Figure | None = None
    is_estimate: bool = False

    @property
    def precision(self) -> str:
        return "estimate" if self.is_estimate else "rounded" if self.step else "exact"

    def says(self, value: float | None, unit: str = "", step: float | None = None) -> Figure:
        """Another number from the same readings: its unit and rounding are the same unless they are given."""
        step = self.step if step is None else step
        return Figure(value, unit or self.unit, step, self.sources, self.observed_at, self.readings)


@dataclass(frozen=True, slots=True)
class PeriodChoice:
    """A link of the period picker."""

    days: int
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in a zone, by periods.asked_days; stale when the last reading of what the page shows is old.

    `url` is the page's own path, `query` what names the period in its address, `kept` what else stands there;
    `own_days_url`: as many days up to that last reading, where it lies before the period.
    """

    start: date
    end: date
    days: int
    timezone: str
    last_reading_at: datetime | None
    is_stale: bool
    url: str = ""
    query: str = ""
    kept: tuple[tuple[str, str], ...] = ()
    choices: tuple[PeriodChoice, ...] = ()
    own_days_url: str = ""


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
    reactions: Figure
    er: Figure
    err: Figure
    err24: Figure
    spark: tuple[int | None, ...] = ()
    is_read: bool = False
    is_simulated: bool = False

    @property
    def growth(self) -> Figure:
        return self.subscribers.delta or Figure(None, "subscribers")


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
    problems: tuple[tuple[str, str], ...]
    is_demo: bool
    csv_url: str
    days_csv_url: str
    connect_url: str
    is_compared: bool = False
    annotations: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class WatchPage:
    """Other people's public channels beside the own ones. `watch_*`: the form as it was sent."""

    period: Period
    rows: tuple[ChannelRow, ...]
    own: tuple[ChannelRow, ...]
    csv_url: str
    watch_username: str = ""
    watch_error: str = ""
    watch_url: str = "/watchlist"


@dataclass(frozen=True, slots=True)
class CompareChoice:
    """A channel that can be put into the comparison."""

    public_id: str
    title: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ComparePage:
    """Some channels side by side. `growth`: percent above each one's first count of the period, by day."""

    period: Period
    rows: tuple[ChannelRow, ...]
    choices: tuple[CompareChoice, ...]
    growth: tuple[tuple[float | None, ...], ...]
    views: tuple[tuple[DayPoint, ...], ...]
    csv_url: str
    days_csv_url: str
    annotations: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post in a table or at the head of its page. `er_parts`: what its ER is made of, of what sources tell.

    `clicks`: on its counted links so far, None for a post that has none.
    """

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
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    is_service: bool = False
    telegram_url: str | None = None
    forwards: Figure = Figure(None, "forwards")
    comments: Figure = Figure(None, "comments")
    er_parts: tuple[str, ...] = ()
    clicks: int | None = None
    ctr: Figure = Figure(None, "percent")

    @property
    def is_edited(self) -> bool:
        return self.edited_at is not None

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """A link of the posts table's filter."""

    key: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class PostsTable:
    """One page of posts; sorting and filtering are links, and a form asks for at least so much of one number.

    `form_kept`: what the form carries on; `metric` and `least`: what is in it; `counted`: how many posts there are
    with this filter, on all pages of the table.
    """

    rows: tuple[PostRow, ...]
    sort: str
    order: str
    filter: str
    next_url: str | None
    prev_url: str | None
    counted: PostCounts
    sort_urls: dict[str, str]
    filter_urls: tuple[FilterChoice, ...]
    form_url: str = ""
    form_kept: tuple[tuple[str, str], ...] = ()
    metrics: tuple[str, ...] = ()
    metric: str = "views"
    least: str = ""


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
    is_on: bool
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """One channel at a glance. `er_parts`: what its ER is made of."""

    channel: ChannelRow
    timezone: str
    period: Period
    tiles: dict[str, Figure]
    er_parts: tuple[str, ...]
    growth: tuple[DayPoint, ...]
    views_by_day: tuple[DayPoint, ...]
    reach_by_day: tuple[DayPoint, ...]
    best: tuple[PostRow, ...]
    rights: RightsCheck | None
    sources: tuple[SourceState, ...]
    csv_url: str
    annotations: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class PostsPage:
    """The table of a channel's posts."""

    channel: ChannelRow
    timezone: str
    period: Period
    posts: PostsTable
    csv_url: str


@dataclass(frozen=True, slots=True)
class ContentPage:
    """When a channel is read and what of it. `heat` is 7 x 24 from Monday; `by_hour` its sums over the weekdays."""

    channel: ChannelRow
    timezone: str
    period: Period
    views: Figure
    by_hour: tuple[int | None, ...]
    heat: tuple[tuple[int | None, ...], ...]
    csv_url: str
    mix: Mix | None = None


@dataclass(frozen=True, slots=True)
class MixRow:
    """A sort of posts: how much further it reaches than the rest, in percent, with the ends of the interval."""

    aspect: str
    value: str
    posts: Figure
    effect: Figure
    low: Figure
    high: Figure


@dataclass(frozen=True, slots=True)
class Mix:
    """Which sorts of posts reach more. `is_usual`: it is computed for such a period; `computed_at` None: not yet.

    `least` and `most` are the ends of the drawn axis, as ratios.
    """

    rows: tuple[MixRow, ...]
    is_usual: bool
    basis: str
    computed_at: datetime | None
    least: float
    most: float


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
class DiffPart:
    """A stretch of a text that an edit left as it was ("same"), brought in ("added") or took out ("removed")."""

    op: str
    text: str


@dataclass(frozen=True, slots=True)
class PostEdit:
    """One change of what a post says. `is_by`: it happened by `at`, which is when we saw it.

    `parts` is empty where only hashes and lengths are kept; the lengths count UTF-16 units, None where unknown.
    """

    at: datetime
    is_by: bool
    length_before: int | None
    length_after: int | None
    parts: tuple[DiffPart, ...]
    source: str | None


@dataclass(frozen=True, slots=True)
class UsualRow:
    """A post's views at an age beside the quarter points of the posts before it; `verdict`: more, less, usual or none."""

    age_s: int
    own: Figure
    low: Figure
    middle: Figure
    high: Figure
    posts: Figure
    verdict: str


@dataclass(frozen=True, slots=True)
class PostPage:
    """One post. The notes are those of the days of its curve, at their age; `usual` is empty where too few posts tell."""

    channel: ChannelRow
    timezone: str
    csv_url: str
    post: PostRow
    curve: tuple[CurvePoint, ...]
    reactions: tuple[tuple[str, Figure], ...]
    is_curve_cut: bool = False
    edits: tuple[PostEdit, ...] = ()
    annotations: tuple[Note, ...] = ()
    usual: tuple[UsualRow, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingChannel:
    """A channel in which the person made our bot an administrator, and what became of it."""

    title: str
    username: str | None
    state: str
    url: str | None


@dataclass(frozen=True, slots=True)
class ConnectPage:
    """The guided way to connect a channel."""

    bot_username: str | None
    add_url: str | None
    simulator_url: str | None
    pending: tuple[PendingChannel, ...]
    poll_url: str
    watch_username: str = ""
    watch_error: str = ""
