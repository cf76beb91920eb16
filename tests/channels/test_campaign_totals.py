"""What all campaigns of a source cost together, while some of them are too young to tell."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.analytics.audience_pages import CampaignsPage
from app.analytics.build.campaigns import campaigns_page
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import ChannelRef, channel_of
from app.channels.service import campaigns, invite_links
from app.channels.service.campaigns import Plan
from tests.channels.audience import bot_in, move
from tests.world import Owner, owned_channel, owner


def _there(now: datetime) -> tuple[Owner, ChannelRef, Channel]:
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    bot_in(channel, at=now - timedelta(days=60))
    found = channel_of(who.workspace.id, channel.public_id)
    assert found is not None
    return who, found, channel


def _campaign(
    who: Owner,
    ref: ChannelRef,
    name: str,
    now: datetime,
    *,
    days: int,
    source: str = "@ads",
    currency: str = "UZS",
    is_made: bool = True,
) -> str:
    """A campaign of 1,000 whose link was made so many days ago; the link."""
    at, url = now - timedelta(days=days), f"https://t.me/+{name}"
    plan = Plan(name, source, "", "", "1000", currency, at.date().isoformat(), "", "")
    campaigns.create(who.workspace.id, ref, plan, user_id=who.user.id, now=at)
    if is_made:
        assert invite_links.made(invite_links.asked(now)[-1], url, now=now)
    return url


def _page(who: Owner, ref: ChannelRef, now: datetime, *, sees_money: bool = True) -> CampaignsPage:
    return campaigns_page(who.workspace.id, ref, can_manage=True, sees_money=sees_money, now=now)


def _come(channel: Channel, url: str, count: int, *, at: datetime) -> None:
    for n in range(count):
        move(channel, f"{url}{n}{at}", "join", at=at, link=url)


def test_the_spend_of_a_campaign_that_cannot_tell_yet_is_no_part_of_the_cost(runtime: Runtime, now: datetime) -> None:
    who, ref, channel = _there(now)
    _come(channel, _campaign(who, ref, "old", now, days=20), 5, at=now - timedelta(days=10))
    _come(channel, _campaign(who, ref, "new", now, days=2), 5, at=now - timedelta(hours=1))
    ((total,),) = (group.totals for group in _page(who, ref, now).groups)
    assert (total.kept_7d.value, total.cost_7d.value) == (5, 20_000), "1,000 of the old one by its five"
    assert (total.kept_of, total.campaigns, total.is_open) == (1, 2, True)
    assert (total.spend.value, total.joined.value, total.cost.value) == (200_000, 10, 20_000)


def test_a_half_ripe_campaign_makes_the_total_one_so_far(runtime: Runtime, now: datetime) -> None:
    who, ref, channel = _there(now)
    url = _campaign(who, ref, "a", now, days=20)
    _come(channel, url, 4, at=now - timedelta(days=10))
    _come(channel, _campaign(who, ref, "b", now, days=20), 1, at=now - timedelta(days=9))
    assert not _page(who, ref, now).groups[0].totals[0].is_open
    _come(channel, url, 1, at=now - timedelta(days=1))
    (total,) = _page(who, ref, now).groups[0].totals
    assert total.is_open and total.kept_of == 2


def test_money_that_brought_nobody_in_a_week_is_spent_all_the_same(runtime: Runtime, now: datetime) -> None:
    who, ref, channel = _there(now)
    _come(channel, _campaign(who, ref, "good", now, days=20), 5, at=now - timedelta(days=10))
    _campaign(who, ref, "vain", now, days=20)
    _campaign(who, ref, "fresh", now, days=2)
    _campaign(who, ref, "unmade", now, days=20, is_made=False)
    (total,) = _page(who, ref, now).groups[0].totals
    assert (total.cost_7d.value, total.kept_of) == (40_000, 2)
    assert (total.cost.value, total.joined_of, total.campaigns) == (60_000, 3, 4)


def test_sources_of_different_case_are_two_and_totals_are_of_what_one_sees(runtime: Runtime, now: datetime) -> None:
    who, ref, _ = _there(now)
    for name, source, currency in (("a", "@Ads", "UZS"), ("b", "@ads", "UZS"), ("c", "@ads", "USD")):
        _campaign(who, ref, name, now, days=20, source=source, currency=currency)
    groups = _page(who, ref, now).groups
    assert [(g.source, len(g.rows), len(g.totals)) for g in groups] == [("@Ads", 1, 0), ("@ads", 2, 2)]
    without = _page(who, ref, now, sees_money=False).groups
    assert [len(g.totals) for g in without] == [0, 1], "not one a currency, which this reader may not know"
    (total,) = without[1].totals
    assert total.campaigns == 2 and total.spend.value is None and total.cost_7d.value is None
