"""What the audience's and the campaigns' pages show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from app.analytics.annotations import Note
from app.analytics.pages import ChannelRow, DayPoint, Figure, Period


@dataclass(frozen=True, slots=True)
class SourceRow:
    """People who joined in one way. `kind`: campaign, link, other_link, request or public. `kept`: at 24 h, 7 d, 30 d."""

    kind: str
    name: str
    detail: str
    joined: Figure
    here: Figure
    left: Figure
    kept_24h: Figure
    kept_7d: Figure
    kept_30d: Figure


@dataclass(frozen=True, slots=True)
class CohortRow:
    """People who joined in one week and the share of them that was kept after 1, 2, … weeks."""

    week: date
    joined: Figure
    kept: tuple[Figure | None, ...]


@dataclass(frozen=True, slots=True)
class GapRow:
    """A day that does not add up; `absences`: when the bot was not there."""

    day: date
    start: Figure
    joins: Figure
    leaves: Figure
    counted: Figure
    gap: Figure
    reason: str
    absences: tuple[tuple[datetime, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class CauseRow:
    """Leaves after a post against the expected; `verdict`: found, chance or too_little.

    `p`: the chance of so many leaves or more without it; `q`: the rate of false findings at that line.
    """

    key: str
    url: str
    posted_at: datetime
    media_label: str
    is_deleted: bool
    leaves: Figure
    expected: Figure
    excess: Figure
    verdict: str
    p: float | None
    q: float | None


@dataclass(frozen=True, slots=True)
class Causes:
    """Unsubscribes per post. `posts`: how many the period has; `has_source`: a bot is told; `computed_at` None: not yet."""

    rows: tuple[CauseRow, ...]
    posts: int
    has_source: bool
    computed_at: datetime | None
    csv_url: str


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """Joins and leaves of a channel. `since`: from when on they are told; None where nobody tells them."""

    channel: ChannelRow
    timezone: str
    period: Period
    since: datetime | None
    tiles: dict[str, Figure]
    joins: tuple[DayPoint, ...]
    leaves: tuple[DayPoint, ...]
    sources: tuple[SourceRow, ...]
    cohorts: tuple[CohortRow, ...]
    gaps: tuple[GapRow, ...]
    csv_url: str
    causes: Causes | None = None
    annotations: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkRow:
    """An invite link and what may be done with it."""

    public_id: str
    name: str
    url: str | None
    state: str
    error: str | None
    joined: Figure
    act_url: str


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign with what it cost and whom it brought.

    `is_open`: some followers are too young to judge at an age in days; `can_tell`: some are old enough, or it has had
    that long to bring anybody.
    """

    public_id: str
    name: str
    source: str
    audience: str
    creative: str
    starts_at: datetime
    ends_at: datetime | None
    spend_text: str
    currency: str
    spend: Figure
    joined: Figure
    cost: Figure
    kept_24h: Figure
    kept_7d: Figure
    kept_30d: Figure
    cost_24h: Figure
    cost_7d: Figure
    cost_30d: Figure
    is_open: dict[int, bool]
    can_tell: dict[int, bool]
    links: tuple[LinkRow, ...]
    act_url: str


@dataclass(frozen=True, slots=True)
class SourceTotal:
    """All campaigns of one source in one currency: as many as `campaigns`.

    Costs are of the spend of those that can tell: `joined_of` and `kept_of` of them. `is_open`: it may still change.
    """

    campaigns: int
    joined_of: int
    kept_of: int
    is_open: bool
    spend: Figure
    joined: Figure
    cost: Figure
    kept_7d: Figure
    cost_7d: Figure


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """The campaigns that ran in one source, by its exact name, and their totals where there is more than one."""

    source: str
    rows: tuple[CampaignRow, ...]
    totals: tuple[SourceTotal, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """The share of a link's followers that was kept, by age in days from 0; None where nobody is old enough.

    `told`: what the bot was told of joins and leaves, in percent: the provenance of the shares. `notes` stand at the days
    that the link was old then.
    """

    title: str
    kept: tuple[float | None, ...]
    told: Figure
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class CampaignForm:
    """The form as it was sent."""

    values: dict[str, str]
    errors: dict[str, str]


@dataclass(frozen=True, slots=True)
class CampaignsPage:
    """A channel's campaigns. `can_make`: the bot may make links; `can_manage`: the reader may.

    Without `sees_money` the reader's role may not know what was spent: then every spend and cost is absent.
    """

    channel: ChannelRow
    timezone: str
    period: Period
    rows: tuple[CampaignRow, ...]
    groups: tuple[SourceGroup, ...]
    noted: tuple[Note, ...]
    curves: tuple[Curve, ...]
    all_curves: tuple[Curve, ...]
    has_bot: bool
    can_make: bool
    can_manage: bool
    sees_money: bool
    form: CampaignForm
    currencies: tuple[str, ...]
    csv_url: str

    @property
    def annotations(self) -> tuple[Note, ...]:
        """The notes on the drawn curves, the youngest age first."""
        return tuple(sorted((n for curve in self.curves for n in curve.notes), key=lambda note: note.place))
