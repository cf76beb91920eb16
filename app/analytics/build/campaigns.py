"""Assembling the campaigns page: what was spent, whom it brought, and what a follower who stayed cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.analytics import audience_queries as queries
from app.analytics import periods
from app.analytics.annotations import Note, notes_of
from app.analytics.audience_pages import (
    CampaignForm,
    CampaignRow,
    CampaignsPage,
    Curve,
    LinkRow,
    SourceGroup,
    SourceTotal,
)
from app.analytics.audience_queries import MOST_DAYS, Stay
from app.analytics.build.audience import AGES_DAYS, Basis, presence_of
from app.analytics.build.blocks import block_of
from app.analytics.build.figures import none
from app.analytics.build.notes import by_link, once
from app.analytics.pages import Figure
from app.analytics.periods import Span
from app.channels.campaign_queries import CampaignRef, LinkRef, campaigns_of, spends_typed
from app.channels.queries import ChannelRef
from app.channels.service import rights
from app.core import money

MOST_CURVES = 4
_ONE_SECOND = timedelta(seconds=1)  # Telegram dates joins to the second: one of this second counts
_WEEK = AGES_DAYS["kept_7d"]
TYPED = "workspace"
NO_FORM = CampaignForm({}, {})


def campaigns_page(
    workspace_id: int,
    channel: ChannelRef,
    *,
    can_manage: bool,
    sees_money: bool,
    form: CampaignForm = NO_FORM,
    now: datetime,
) -> CampaignsPage:
    """All campaigns of a channel that are not archived, from their first joiner to now; money only for who may see it."""
    period, block = block_of(workspace_id, channel, span=Span(), now=now, tab="/campaigns")
    there, campaigns = presence_of(channel), campaigns_of(workspace_id, channel.id)
    stays, basis = _stays(channel, campaigns, now) if there.since else ([], Basis(0, None))
    url = f"/channels/{channel.public_id}"
    typed = spends_typed(workspace_id) if campaigns else {}
    rows = tuple(
        _row(c, stays, basis, url, typed.get(c.public_id, c.created_at), sees_money=sees_money, now=now)
        for c in campaigns
    )
    links = [link for c in campaigns for link in c.links if link.url]
    notes, zone = _notes(workspace_id, channel, links, now), channel.timezone
    curves = tuple(
        _curve(link, [s for s in stays if s.link == link.url], basis, notes, zone) for link in _newest(links)
    )
    drawn = tuple(c for c in curves if c.kept[0] is not None)[:MOST_CURVES]
    has_bot = channel.relation == "owned" and channel.bot_id is not None and channel.state != "bot_removed"
    return CampaignsPage(
        channel=block.row,
        timezone=channel.timezone,
        period=period,
        rows=rows,
        groups=_groups(rows, sees_money=sees_money),
        curves=drawn,
        noted=once(sorted((note for curve in drawn for note in curve.notes), key=lambda note: note.place)),
        all_curves=curves,
        has_bot=has_bot,
        can_make=has_bot and _may_invite(channel),
        can_manage=can_manage,
        sees_money=sees_money,
        form=form,
        currencies=tuple(money.MINOR_DIGITS),
        csv_url=f"{url}/campaigns",
    )


def _stays(channel: ChannelRef, campaigns: Sequence[CampaignRef], now: datetime) -> tuple[list[Stay], Basis]:
    """Stays since the first campaign began or its first link was asked for; nobody can have come by one before."""
    begins = [moment for c in campaigns for moment in (c.starts_at, *(link.created_at for link in c.links))]
    if not begins or channel.bot_id is None:
        return [], Basis(0, None)
    since, until = min(begins) - _ONE_SECOND, now + _ONE_SECOND
    told = queries.told(channel.chat_id, channel.bot_id, since, until)
    found = queries.stays(channel.chat_id, channel.bot_id, since=since, until=until, now=now)
    return found, Basis(told.events, told.last_at)


def _may_invite(channel: ChannelRef) -> bool:
    check = rights.check(channel.bot_id or 0, channel.chat_id)
    labels = {label for label, is_granted, _ in check.items if is_granted} if check else set()
    return rights.WANTED["can_invite_users"][0] in labels


def _newest(links: Sequence[LinkRef]) -> list[LinkRef]:
    return sorted(links, key=lambda link: link.created_at, reverse=True)


def _row(
    campaign: CampaignRef,
    stays: Sequence[Stay],
    basis: Basis,
    url: str,
    spend_typed_at: datetime,
    *,
    sees_money: bool,
    now: datetime,
) -> CampaignRow:
    mine = {link.url for link in campaign.links if link.url}
    brought = [s for s in stays if s.link in mine]
    unit = f"money:{campaign.currency}"
    spend = Figure(campaign.spend_minor, unit, 0, (TYPED,), spend_typed_at, 0) if sees_money else none(unit)
    joined = sum(s.people for s in brought)
    kept = {key: queries.kept(brought, age) for key, age in AGES_DAYS.items()}
    # Before the bot has made a link nobody can be counted; with one, nobody is a true zero.
    figures = {
        "joined": _people(joined, basis, bool(mine)),
        "cost": _cost(spend, joined, basis),
        **{key: _people(stayed if old else None, basis, bool(old)) for key, (old, stayed) in kept.items()},
        **{key.replace("kept", "cost"): _cost(spend, stayed, basis) for key, (_, stayed) in kept.items()},
    }
    return CampaignRow(
        public_id=campaign.public_id,
        name=campaign.name,
        source=campaign.source,
        audience=campaign.audience,
        creative=campaign.creative,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        spend_text=money.plain(campaign.spend_minor, campaign.currency) if sees_money else "",
        currency=campaign.currency,
        spend=spend,
        is_open={AGES_DAYS[key]: old < joined for key, (old, _) in kept.items()},
        can_tell={
            AGES_DAYS[key]: old > 0 or _brought_none(campaign, joined, AGES_DAYS[key], now)
            for key, (old, _) in kept.items()
        },
        links=tuple(_link(link, brought, basis, url) for link in campaign.links),
        act_url=f"{url}/campaigns/{campaign.public_id}",
        **figures,
    )


def _brought_none(campaign: CampaignRef, joined: int, age_days: int, now: datetime) -> bool:
    """Whether nobody came though a link of it has worked for that long."""
    made = [link.created_at for link in campaign.links if link.url]
    began = max(campaign.starts_at, min(made, default=now))
    return not joined and bool(made) and now - began >= timedelta(days=age_days)


def _people(count: int | None, basis: Basis, is_told: bool) -> Figure:
    return basis.says(count if is_told else None, "people")


def _cost(spend: Figure, people: int, basis: Basis) -> Figure:
    """Spend by follower, in parts of a minor unit; none of nobody. Made of what was typed and what the bot was told."""
    if not people or spend.value is None:
        return none(spend.unit)
    return Figure(spend.value / people, spend.unit, 0, (TYPED, "bot_updates"), basis.at, basis.events)


def _link(link: LinkRef, brought: Sequence[Stay], basis: Basis, url: str) -> LinkRow:
    joined = sum(s.people for s in brought if s.link == link.url)
    return LinkRow(
        link.public_id,
        link.name,
        link.url,
        link.state,
        link.error,
        joined=_people(joined, basis, link.url is not None),
        act_url=f"{url}/links/{link.public_id}",
    )


def _notes(workspace_id: int, channel: ChannelRef, links: Sequence[LinkRef], now: datetime) -> tuple[Note, ...]:
    """The notes since the first of the links was asked for."""
    if not links:
        return ()
    first = periods.local_day(min(link.created_at for link in links), channel.timezone)
    return notes_of(workspace_id, {channel.id: ""}, first, periods.local_day(now, channel.timezone))


def _curve(link: LinkRef, stays: Sequence[Stay], basis: Basis, notes: Sequence[Note], timezone: str) -> Curve:
    shares = (queries.kept(stays, age) for age in range(MOST_DAYS + 1))
    told = basis.says(0, "percent")
    on_it = by_link(notes, link.name, periods.local_day(link.created_at, timezone), MOST_DAYS)
    return Curve(link.name, tuple(100 * stayed / old if old else None for old, stayed in shares), told, on_it)


def _groups(rows: Sequence[CampaignRow], *, sees_money: bool) -> tuple[SourceGroup, ...]:
    """The campaigns by where they ran. Totals are by currency, and of all of them for who sees no money."""
    groups: dict[str, list[CampaignRow]] = {}
    for row in rows:
        groups.setdefault(row.source, []).append(row)
    return tuple(
        SourceGroup(source, tuple(groups[source]), _totals(groups[source], sees_money=sees_money))
        for source in sorted(groups, key=lambda name: (name.casefold(), name))
    )


def _totals(rows: Sequence[CampaignRow], *, sees_money: bool) -> tuple[SourceTotal, ...]:
    """People of two campaigns are added up; a single campaign has no total."""
    if len(rows) < 2:
        return ()
    groups: dict[str, list[CampaignRow]] = {}
    for row in rows:
        groups.setdefault(row.currency if sees_money else "", []).append(row)
    return tuple(_total(found) for found in groups.values())


def _total(rows: Sequence[CampaignRow]) -> SourceTotal:
    """Costs divide the spend of the campaigns that can already tell by the people of the same campaigns."""
    counted = [r for r in rows if r.joined.value is not None]
    told = [r for r in counted if r.can_tell[_WEEK]]
    joined, kept = _added([r.joined for r in rows]), _added([r.kept_7d for r in rows])
    return SourceTotal(
        campaigns=len(rows),
        joined_of=len(counted),
        kept_of=len(told),
        is_open=any(r.is_open[_WEEK] for r in rows),
        spend=_spent(rows),
        joined=joined,
        cost=_shared(_spent(counted or rows), joined),
        kept_7d=kept,
        cost_7d=_shared(_spent(told or rows), kept),
    )


def _spent(rows: Sequence[CampaignRow]) -> Figure:
    newest = max((r.spend for r in rows), key=lambda spend: spend.observed_at or rows[0].starts_at)
    return newest if newest.value is None else newest.says(sum(r.spend.value or 0 for r in rows))


def _added(figures: Sequence[Figure]) -> Figure:
    known = [f for f in figures if f.value is not None]
    return known[0].says(sum(f.value or 0 for f in known)) if known else figures[0]


def _shared(spend: Figure, people: Figure) -> Figure:
    basis = Basis(people.readings, people.observed_at)
    return _cost(spend, int(people.value or 0), basis)
