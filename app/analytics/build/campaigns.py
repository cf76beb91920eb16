"""Assembling the campaigns page: what was spent, whom it brought, and what a follower who stayed cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.analytics import audience_queries as queries
from app.analytics import periods
from app.analytics.annotations import Note, notes_of
from app.analytics.audience_pages import CampaignForm, CampaignRow, CampaignsPage, Curve, LinkRow, SourceTotal
from app.analytics.audience_queries import MOST_DAYS, Stay
from app.analytics.build.audience import AGES_DAYS, Basis, presence_of
from app.analytics.build.blocks import block_of
from app.analytics.build.figures import none
from app.analytics.build.notes import by_link
from app.analytics.pages import Figure
from app.analytics.periods import Span
from app.channels.campaign_queries import CampaignRef, LinkRef, campaigns_of, spends_typed
from app.channels.queries import ChannelRef
from app.channels.service import rights
from app.core import money

MOST_CURVES = 4
_ONE_SECOND = timedelta(seconds=1)  # Telegram dates joins to the second: one of this second counts
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
        _row(c, stays, basis, url, typed.get(c.public_id, c.created_at), sees_money=sees_money) for c in campaigns
    )
    links = [link for c in campaigns for link in c.links if link.url]
    notes, zone = _notes(workspace_id, channel, links, now), channel.timezone
    curves = tuple(
        _curve(link, [s for s in stays if s.link == link.url], basis, notes, zone) for link in _newest(links)
    )
    has_bot = channel.relation == "owned" and channel.bot_id is not None and channel.state != "bot_removed"
    return CampaignsPage(
        channel=block.row,
        timezone=channel.timezone,
        period=period,
        rows=rows,
        totals=_totals(rows),
        curves=tuple(c for c in curves if c.kept[0] is not None)[:MOST_CURVES],
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
        is_open={age: old < joined for age, (old, _) in zip(AGES_DAYS.values(), kept.values(), strict=True)},
        links=tuple(_link(link, brought, basis, url) for link in campaign.links),
        act_url=f"{url}/campaigns/{campaign.public_id}",
        **figures,
    )


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


def _totals(rows: Sequence[CampaignRow]) -> tuple[SourceTotal, ...]:
    """One line a source and currency; people of two campaigns are added up."""
    groups: dict[tuple[str, str], list[CampaignRow]] = {}
    for row in rows:
        groups.setdefault((row.source, row.currency), []).append(row)
    return tuple(_total(source, found) for (source, _), found in groups.items())


def _total(source: str, rows: Sequence[CampaignRow]) -> SourceTotal:
    newest = max((r.spend for r in rows), key=lambda spend: spend.observed_at or rows[0].starts_at)
    spend = newest if newest.value is None else newest.says(sum(r.spend.value or 0 for r in rows))
    joined, kept = (_added([getattr(r, key) for r in rows]) for key in ("joined", "kept_7d"))
    return SourceTotal(source, spend, joined, _shared(spend, joined), kept, _shared(spend, kept))


def _added(figures: Sequence[Figure]) -> Figure:
    known = [f for f in figures if f.value is not None]
    return known[0].says(sum(f.value or 0 for f in known)) if known else figures[0]


def _shared(spend: Figure, people: Figure) -> Figure:
    basis = Basis(people.readings, people.observed_at)
    return _cost(spend, int(people.value or 0), basis)
