"""Campaigns: what was spent where, and the links that tell whom it brought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.channels.campaign_models import Campaign
from app.channels.queries import ChannelRef
from app.channels.service import changes, invite_links
from app.channels.service.connect import BOT_REMOVED, OWNED
from app.core import db, ids, money
from app.core.clock import iso
from app.core.errors import Conflict, Invalid, NotFound
from app.core.plain_text import one_line

_LENGTHS = {"name": (1, 80), "source": (1, 80), "audience": (0, 80), "creative": (0, 120)}


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign as a person typed it; days are of the channel's zone, the last one included."""

    name: str
    source: str
    audience: str
    creative: str
    spend: str
    currency: str
    first_day: str
    last_day: str
    link_name: str


def create(
    workspace_id: int, channel: ChannelRef, plan: Plan, *, user_id: int, ip: str = "", now: datetime
) -> Campaign:
    """Keep a campaign and ask for its link. Raises Invalid with the field that is wrong, Conflict without our bot."""
    if channel.relation != OWNED or channel.bot_id is None or channel.state == BOT_REMOVED:
        raise Conflict("Our bot must be an administrator of the channel to make invite links.", code="no_bot")
    spend, currency = money.parse(plan.spend, plan.currency), plan.currency
    texts = {key: _text(key, getattr(plan, key)) for key in _LENGTHS}
    starts_at, ends_at = _days(plan, ZoneInfo(channel.timezone))
    with db.write():
        campaign = Campaign.create(
            public_id=ids.public_id(),
            workspace=workspace_id,
            channel=channel.id,
            **texts,
            spend_minor=spend,
            currency=currency,
            starts_at=starts_at,
            ends_at=ends_at,
            created_by=user_id,
            created_at=now,
        )
        link_name = plan.link_name or texts["name"][: invite_links.MAX_NAME]
        invite_links.want(workspace_id, channel.id, campaign, link_name, user_id=user_id, ip=ip, now=now)
        changes.record("campaign.created", campaign, user_id, after=_facts(campaign), ip=ip, now=now)
    return campaign


def _text(key: str, given: str) -> str:
    cleaned, (least, most) = one_line(given), _LENGTHS[key]
    if not least <= len(cleaned) <= most:
        raise Invalid(
            "Write between %(least)s and %(most)s characters.", least=least, most=most, fields={key: "length"}
        )
    return cleaned


def _days(plan: Plan, zone: ZoneInfo) -> tuple[datetime, datetime | None]:
    try:
        first = date.fromisoformat(plan.first_day)
        last = date.fromisoformat(plan.last_day) if plan.last_day else None
    except ValueError:
        raise Invalid("Give the first day of the campaign.", fields={"first_day": "no day"}) from None
    if not 2013 <= first.year <= 2100 or (last and not 2013 <= last.year <= 2100):
        raise Invalid("Give the first day of the campaign.", fields={"first_day": "range"})
    if last and last < first:
        raise Invalid("A campaign ends after it begins.", fields={"last_day": "before the first"})
    ends_at = datetime.combine(last + timedelta(days=1), time(), zone) if last else None
    return datetime.combine(first, time(), zone), ends_at


def change_spend(
    workspace_id: int, channel_id: int, public_id: str, spend: str, *, user_id: int, ip: str = "", now: datetime
) -> Campaign:
    """Correct what a campaign cost, in its own currency. Raises NotFound, Invalid with the field `spend`."""
    with db.write():
        campaign = campaign_of(workspace_id, channel_id, public_id)
        before, campaign.spend_minor = _facts(campaign), money.parse(spend, campaign.currency)
        campaign.save()
        changes.record("campaign.changed", campaign, user_id, before=before, after=_facts(campaign), ip=ip, now=now)
    return campaign


def add_link(
    workspace_id: int, channel_id: int, public_id: str, name: str, *, user_id: int, ip: str = "", now: datetime
) -> None:
    """Ask for one more link of a campaign. Raises NotFound, Invalid with the field `link_name`."""
    with db.write():
        campaign = campaign_of(workspace_id, channel_id, public_id)
        invite_links.want(workspace_id, channel_id, campaign, name, user_id=user_id, ip=ip, now=now)


def archive(workspace_id: int, channel_id: int, public_id: str, *, user_id: int, ip: str = "", now: datetime) -> None:
    """Take a campaign out of the list; its links go on counting until they are revoked. Raises NotFound."""
    with db.write():
        campaign = campaign_of(workspace_id, channel_id, public_id)
        if campaign.archived_at is None:
            before, campaign.archived_at = _facts(campaign), now
            campaign.save()
            changes.record(
                "campaign.archived", campaign, user_id, before=before, after=_facts(campaign), ip=ip, now=now
            )


def campaign_of(workspace_id: int, channel_id: int, public_id: str) -> Campaign:
    """A campaign of one of the workspace's channels. Raises NotFound."""
    found: Campaign | None = Campaign.get_or_none(
        Campaign.workspace == workspace_id, Campaign.channel == channel_id, Campaign.public_id == public_id
    )
    if found is None:
        raise NotFound("There is no such campaign.")
    return found


def _facts(campaign: Campaign) -> dict[str, object]:
    facts = {key: getattr(campaign, key) for key in ("name", "source", "spend_minor", "currency")}
    return facts | {"archived_at": iso(campaign.archived_at) if campaign.archived_at else None}
