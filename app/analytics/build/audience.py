"""Assembling the audience page: joins and leaves, where they come from, how long they stay, and whether it adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.analytics import audience_queries as queries
from app.analytics import periods
from app.analytics.annotations import notes_of
from app.analytics.audience_pages import AudiencePage, CohortRow, GapRow, SourceRow
from app.analytics.audience_queries import Stay
from app.analytics.boosts import NONE, active_boosts
from app.analytics.build.blocks import block_of
from app.analytics.build.causes import causes_of
from app.analytics.build.figures import none
from app.analytics.pages import DayPoint, Figure, Period
from app.analytics.periods import Span
from app.channels.campaign_queries import campaigns_of, links_of
from app.channels.queries import ChannelRef
from app.channels.service import presence, reconciling
from app.channels.service.presence import Presence

BOT = ("bot_updates",)
AGES_DAYS = {"kept_24h": 1, "kept_7d": 7, "kept_30d": 30}
COHORT_WEEKS = 12
_KINDS = ("campaign", "link", "other_link", "request", "public")


@dataclass(frozen=True, slots=True)
class Basis:
    """What stands behind figures of joins: how many were told and when the last, or when the bot came."""

    events: int
    at: datetime | None

    def says(self, value: float | None, unit: str) -> Figure:
        """An exact number made of these events; none where nothing was told."""
        if value is None or not self.events:
            return none(unit)
        return Figure(value, unit, 0, BOT, self.at, self.events)

    def share(self, found: Sequence[Stay], age: int) -> Figure:
        """The percentage kept at an age, of those old enough."""
        old, stayed = queries.kept(found, age)
        return self.says(100 * stayed / old if old else None, "percent")


def audience_page(workspace_id: int, channel: ChannelRef, *, span: Span, now: datetime) -> AudiencePage:
    """Joins and leaves of the period, only where the workspace's own bot is told them."""
    period, block = block_of(workspace_id, channel, span=span, now=now, tab="/audience")
    there = presence_of(channel)
    start, end = (periods.hour_moment(block.starts[n]) for n in (0, -1))
    days = periods.days_ending(period.end, period.days)
    always = {"subscribers": block.row.subscribers, "boosts": boosts_at(workspace_id, channel, [min(end, now)])[0]}
    page = {
        "channel": block.row,
        "timezone": channel.timezone,
        "period": period,
        "since": there.since,
        "csv_url": f"/channels/{channel.public_id}/audience",
        "causes": causes_of(channel, block.starts, query=span.query),
        "annotations": notes_of(workspace_id, {channel.id: ""}, period.start, period.end),
    }
    if channel.bot_id is None or not there.meets(start, min(end, now)):
        tiles = {"joins": none("joins"), "leaves": none("leaves"), "net": none("people")}
        blank = tuple(DayPoint(day, None) for day in days)
        return AudiencePage(
            tiles=tiles | always, joins=blank, leaves=blank, sources=(),
            cohorts=_cohorts(channel, there, now), gaps=_gaps(channel, there, period), **page,  # type: ignore[arg-type]
        )  # fmt: skip
    found = queries.told(channel.chat_id, channel.bot_id, start, end)
    basis = Basis(found.events, found.last_at)
    joins, leaves = queries.moves_by_day(channel.chat_id, channel.bot_id, block.starts, start, end)
    known = [there.meets(*_ends(block.starts, n, now)) for n in range(len(days))]
    stays = queries.stays(channel.chat_id, channel.bot_id, since=start, until=end, now=now)
    return AudiencePage(
        tiles={
            "joins": basis.says(sum(joins), "joins"),
            "leaves": basis.says(sum(leaves), "leaves"),
            "net": basis.says(sum(joins) - sum(leaves), "people"),
            **always,
        },
        joins=tuple(DayPoint(d, n if k else None) for d, n, k in zip(days, joins, known, strict=True)),
        leaves=tuple(DayPoint(d, n if k else None) for d, n, k in zip(days, leaves, known, strict=True)),
        sources=_sources(workspace_id, channel, stays, basis),
        cohorts=_cohorts(channel, there, now),
        gaps=_gaps(channel, there, period),
        **page,  # type: ignore[arg-type]
    )


def boosts_at(workspace_id: int, channel: ChannelRef, moments: Sequence[datetime]) -> list[Figure]:
    """The channel's active boosts at each of some moments."""
    found = active_boosts(workspace_id, moments, channel_id=channel.id)
    return [at.get(channel.public_id, NONE) for at in found]


def boosts_by_day(workspace_id: int, channel: ChannelRef, period: Period, *, now: datetime) -> list[Figure]:
    """The channel's active boosts at the end of each day of a period; of a day that lasts, by now."""
    ends = periods.day_starts(period.end, period.days, period.timezone)[1:]
    return boosts_at(workspace_id, channel, [min(periods.hour_moment(end), now) for end in ends])


def presence_of(channel: ChannelRef) -> Presence:
    """When the channel's own bot is told of joins; never for a channel that is only watched."""
    return presence.of(channel.bot_id if channel.relation == "owned" else None, channel.chat_id)


def _ends(starts: Sequence[int], place: int, now: datetime) -> tuple[datetime, datetime]:
    return periods.hour_moment(starts[place]), min(periods.hour_moment(starts[place + 1]), now)


def _sources(workspace_id: int, channel: ChannelRef, stays: Sequence[Stay], basis: Basis) -> tuple[SourceRow, ...]:
    """People by the way they came; links of one campaign together."""
    names = _names(workspace_id, channel)
    ways: dict[tuple[str, str, str], list[Stay]] = {}
    for stay in stays:
        ways.setdefault(_way(stay, names), []).append(stay)
    rows = [_source_row(way, found, basis) for way, found in ways.items()]
    return tuple(sorted(rows, key=lambda r: (-(r.joined.value or 0), _KINDS.index(r.kind), r.name)))


def _names(workspace_id: int, channel: ChannelRef) -> dict[str, tuple[str, str, str]]:
    """Address -> (kind, name, where the campaign ran) of the workspace's own links."""
    links = [link for link in links_of(workspace_id, channel.id) if link.url]
    campaigns = {c.id: c for c in campaigns_of(workspace_id, channel.id, with_archived=True)}
    return {
        str(link.url): ("campaign", campaigns[link.campaign_id].name, campaigns[link.campaign_id].source)
        if link.campaign_id in campaigns
        else ("link", link.name, "")
        for link in links
    }


def _way(stay: Stay, names: Mapping[str, tuple[str, str, str]]) -> tuple[str, str, str]:
    if stay.link:
        return names.get(stay.link, ("other_link", stay.link, ""))
    return ("request", "", "") if stay.via_request else ("public", "", "")


def _source_row(way: tuple[str, str, str], stays: Sequence[Stay], basis: Basis) -> SourceRow:
    joined, left = sum(s.people for s in stays), sum(s.people for s in stays if s.stay is not None)
    kind, name, detail = way
    return SourceRow(
        kind,
        name,
        detail,
        joined=basis.says(joined, "people"),
        here=basis.says(joined - left, "people"),
        left=basis.says(left, "people"),
        kept_24h=basis.share(stays, AGES_DAYS["kept_24h"]),
        kept_7d=basis.share(stays, AGES_DAYS["kept_7d"]),
        kept_30d=basis.share(stays, AGES_DAYS["kept_30d"]),
    )


def _cohorts(channel: ChannelRef, there: Presence, now: datetime) -> tuple[CohortRow, ...]:
    """The last weeks with joins, from Monday; a cell is blank until its whole week is old enough."""
    if channel.bot_id is None or there.since is None:
        return ()
    today = periods.local_day(now, channel.timezone)
    last = today + timedelta(days=6 - today.weekday())
    starts = periods.day_starts(last, 7 * COHORT_WEEKS, channel.timezone)
    since = periods.hour_moment(starts[0])
    found = queries.told(channel.chat_id, channel.bot_id, since, now + timedelta(seconds=1))
    basis = Basis(found.events, found.last_at)
    stays = queries.weekly_stays(channel.chat_id, channel.bot_id, starts, since=since, now=now)
    rows = []
    for week in range(COHORT_WEEKS - 1, -1, -1):
        mine = [s for s in stays if s.week == week]
        if not mine:
            continue
        ended = periods.hour_moment(starts[7 * week + 7])
        kept = tuple(
            basis.share(mine, age) if ended + timedelta(weeks=age) <= now else None for age in range(1, COHORT_WEEKS)
        )
        monday = last - timedelta(days=7 * (COHORT_WEEKS - week) - 1)
        rows.append(CohortRow(monday, basis.says(sum(s.people for s in mine), "people"), kept))
    return tuple(rows)


def _gaps(channel: ChannelRef, there: Presence, period: Period) -> tuple[GapRow, ...]:
    """The period's days that do not add up, by UTC days."""
    if channel.relation != "owned" or channel.bot_id is None:
        return ()
    return tuple(
        _gap(day, reason, there) for day, reason in reconciling.gaps_of(channel.chat_id, period.start, period.end)
    )


def _gap(day: reconciling.Day, reason: str, there: Presence) -> GapRow:
    at, step = day.end.at, day.start.step + day.end.step
    counted = Figure(day.end.value, "subscribers", day.end.step, _counter(day.end.step), at, 1)
    return GapRow(
        day.day,
        start=Figure(day.start.value, "subscribers", day.start.step, _counter(day.start.step), day.start.at, 1),
        joins=Figure(day.joins, "joins", 0, BOT, at, max(1, day.joins)),
        leaves=Figure(day.leaves, "leaves", 0, BOT, at, max(1, day.leaves)),
        counted=counted,
        gap=counted.says(day.gap, step=step),
        reason=reason,
        absences=tuple(there.absences(day.start.at, at)) if reason == reconciling.BOT_ABSENT else (),
    )


def _counter(step: int) -> tuple[str, ...]:
    """Who counted: Telegram tells the bot exactly, its public page rounds."""
    return ("preview_page",) if step else BOT
