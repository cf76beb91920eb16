"""Campaigns, their links, and who may see them. The simulator's own ledger is the other side of the account."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.accounts.service import sessions
from app.analytics.build.campaigns import campaigns_page
from app.boot import Runtime, boot
from app.channels.campaign_models import Campaign, InviteLink
from app.channels.campaign_queries import campaigns_of
from app.channels.models import Channel
from app.channels.queries import ChannelRef, channel_of
from app.channels.service import campaigns, invite_links
from app.channels.service.campaigns import Plan
from app.core import clock, db
from app.core.errors import Invalid, NotFound, Upstream
from app.core.settings import Settings
from app.core.tenancy import ScopeError, unscoped
from app.telegram import service as telegram_service
from app.web import create_app
from bot.consumer import Consumer
from bot.intake import Intake
from bot.links import LinkMaker
from tests.bot.wire import FakeTelegram
from tests.channels.audience import bot_in, move
from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess
from tests.world import Owner, owned_channel, owner

PLAN = Plan("Spring", "@ads", "", "", "120", "USD", "2026-02-01", "", "Spring ad")


def _ref(who: Owner, channel: Channel) -> ChannelRef:
    found = channel_of(who.workspace.id, channel.public_id)
    assert found is not None
    return found


def _campaign(now: datetime, name: str = "Aziza", number: int = -1001) -> tuple[Owner, ChannelRef, Channel]:
    who = owner(name, now=now)
    channel = owned_channel(who, f"News{number}", telegram_chat_id=number, now=now)
    bot_in(channel, at=now - timedelta(days=60))
    ref = _ref(who, channel)
    campaigns.create(who.workspace.id, ref, PLAN, user_id=who.user.id, now=now - timedelta(days=20))
    return who, ref, channel


def _made(url: str, now: datetime) -> None:
    (link,) = invite_links.asked(now)
    assert invite_links.made(link, url, now=now)


def test_a_join_by_link_counts_for_its_campaign(runtime: Runtime, now: datetime) -> None:
    who, ref, channel = _campaign(now)
    _made("https://t.me/+a", now)
    for n in range(4):
        move(channel, f"p{n}", "join", at=now - timedelta(days=10), link="https://t.me/+a" if n else None)
    move(channel, "p1", "leave", at=now - timedelta(days=8))
    (row,) = campaigns_page(who.workspace.id, ref, can_manage=True, sees_money=True, now=now).rows
    assert (row.joined.value, row.cost.value) == (3, 4000)
    assert (row.kept_24h.value, row.kept_7d.value, row.kept_30d.value) == (3, 2, None)
    assert (row.cost_7d.value, row.cost_30d.value) == (6000, None)


def test_who_leaves_and_comes_back_another_way_is_no_follower_of_the_campaign(runtime: Runtime, now: datetime) -> None:
    who, ref, channel = _campaign(now)
    _made("https://t.me/+a", now)
    for days, kind, link in ((10, "join", "https://t.me/+a"), (9, "leave", None), (8, "join", None)):
        move(channel, "p", kind, at=now - timedelta(days=days), link=link)
    (row,) = campaigns_page(who.workspace.id, ref, can_manage=True, sees_money=True, now=now).rows
    assert (row.joined.value, row.cost.value) == (0, None)


def test_before_the_bot_made_a_link_nobody_is_counted_and_it_is_no_zero(runtime: Runtime, now: datetime) -> None:
    who, ref, channel = _campaign(now)
    move(channel, "p", "join", at=now - timedelta(days=1))
    (row,) = campaigns_page(who.workspace.id, ref, can_manage=True, sees_money=True, now=now).rows
    assert row.joined.value is None and row.links[0].state == "wanted"


def test_two_workspaces_never_see_each_others_campaigns(runtime: Runtime, now: datetime) -> None:
    aziza, hers, _ = _campaign(now)
    bek, his, _ = _campaign(now, "Bek", -1002)
    (mine,) = campaigns_of(aziza.workspace.id, hers.id)
    assert campaigns_of(bek.workspace.id, hers.id) == []
    with pytest.raises(NotFound):
        campaigns.change_spend(bek.workspace.id, his.id, mine.public_id, "1", user_id=1, now=now)
    with pytest.raises(NotFound):
        campaigns.archive(bek.workspace.id, hers.id, mine.public_id, user_id=1, now=now)
    with pytest.raises(NotFound):
        invite_links.revoke(bek.workspace.id, mine.links[0].public_id, user_id=1, now=now)


def test_a_query_without_its_workspace_raises_and_without_the_guard_it_would_show_strangers(
    runtime: Runtime, now: datetime
) -> None:
    _campaign(now)
    _campaign(now, "Bek", -1002)
    for table in (Campaign, InviteLink):
        with pytest.raises(ScopeError):
            list(table.select())
        with unscoped("the harm, shown"):
            assert len(list(table.select())) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"spend": "-5"}, "spend"),
        ({"spend": "1.5", "currency": "XTR"}, "spend"),
        ({"currency": "GBP"}, "currency"),
        ({"link_name": "x" * 33}, "link_name"),
        ({"name": " "}, "name"),
        ({"first_day": "soon"}, "first_day"),
        ({"last_day": "2026-01-31"}, "last_day"),
    ],
)
def test_wrong_input_stores_nothing(runtime: Runtime, now: datetime, change: dict[str, str], field: str) -> None:
    who = owner("Aziza", now=now)
    ref = _ref(who, owned_channel(who, "News", telegram_chat_id=-1001, now=now))
    with pytest.raises(Invalid) as refusal:
        campaigns.create(who.workspace.id, ref, Plan(**(_values() | change)), user_id=1, now=now)
    assert field in refusal.value.fields
    counts = [db.row(f"SELECT COUNT(*) FROM {table}") for table in ("campaign", "invite_link")]
    assert counts == [(0,), (0,)]


def _values() -> dict[str, str]:
    return {key: getattr(PLAN, key) for key in Plan.__dataclass_fields__}


def test_acts_are_recorded(runtime: Runtime, now: datetime) -> None:
    who, ref, _ = _campaign(now)
    (mine,) = campaigns_of(who.workspace.id, ref.id)
    campaigns.change_spend(who.workspace.id, ref.id, mine.public_id, "99.90", user_id=5, now=now)
    campaigns.archive(who.workspace.id, ref.id, mine.public_id, user_id=5, now=now)
    assert campaigns_of(who.workspace.id, ref.id) == []
    acts = [a for (a,) in db.rows("SELECT action FROM audit_entry WHERE action LIKE 'campaign%' ORDER BY id")]
    assert acts == ["campaign.created", "campaign.changed", "campaign.archived"]
    assert db.row("SELECT spend_minor FROM campaign") == (9990,)


def _maker(runtime: Runtime, telegram: FakeTelegram, now: datetime) -> LinkMaker:
    from dataclasses import replace

    telegram_service.register(runtime.sealer, token="7:x", username="TrueBot", updates="polling", now=now)
    return LinkMaker(
        replace(runtime, bots=telegram_service.Bots(runtime.sealer, lambda _token: telegram, lambda _token: telegram))
    )


class Links(FakeTelegram):
    """Telegram that makes links; `meanwhile` runs between its answer and our record."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []
        self.revoked: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def create_invite_link(self, chat_id: int, name: str) -> str:
        self._maybe_fail("create_invite_link")
        self.made.append(f"https://t.me/+{len(self.made)}")
        made = self.made[-1]
        self.meanwhile()
        return made

    def revoke_invite_link(self, chat_id: int, url: str) -> None:
        self.revoked.append(url)


def _link() -> tuple[Any, ...]:
    return db.row("SELECT state, url, error FROM invite_link") or ()


def test_what_telegram_refuses_is_shown_and_can_be_tried_again(runtime: Runtime, now: datetime) -> None:
    who, ref, _ = _campaign(now)
    telegram = Links()
    telegram.failures["create_invite_link"] = [Upstream("not enough rights", permanent=True)]
    maker = _maker(runtime, telegram, now)
    assert maker.turn() == 0 and _link() == ("failed", None, "not enough rights")
    ((campaign,),) = (campaigns_of(who.workspace.id, ref.id),)
    invite_links.try_again(who.workspace.id, campaign.links[0].public_id, user_id=1, now=now)
    time.sleep(1.05)  # one call a second in a chat
    assert maker.turn() == 1 and _link() == ("active", "https://t.me/+0", None)


def test_a_link_that_another_process_made_first_stays_the_only_one(runtime: Runtime, now: datetime) -> None:
    _campaign(now)
    telegram = Links()
    (asked,) = invite_links.asked(clock.utcnow())
    telegram.meanwhile = lambda: invite_links.made(asked, "https://t.me/+first", now=now) and None
    _maker(runtime, telegram, now).turn()
    assert _link() == ("active", "https://t.me/+first", None)
    assert telegram.revoked == ["https://t.me/+0"], "the surplus link is ended at once"


def test_a_crash_after_telegrams_answer_leaves_one_unused_link_and_the_row_gets_its_own(
    runtime: Runtime, now: datetime
) -> None:
    _campaign(now)
    telegram = Links()

    def crash() -> None:
        raise KeyboardInterrupt

    telegram.meanwhile = crash
    maker = _maker(runtime, telegram, now)
    with pytest.raises(KeyboardInterrupt):
        maker.turn()
    assert _link() == ("wanted", None, None)
    telegram.meanwhile = lambda: None
    time.sleep(1.05)
    maker.turn()
    assert _link() == ("active", "https://t.me/+1", None)


DAY_S = 86_400


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimulatorProcess]:
    start = (clock.utcnow() - timedelta(days=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with SimulatorProcess(tmp_path / "sim", "--start", start) as running:
        yield running


class Told:
    """The product's bot beside the simulator, over HTTP, in this process."""

    def __init__(self, sim: SimulatorProcess, runtime: Runtime) -> None:
        self.sim, self.runtime, self.line = sim, runtime, runtime.bots.line(TOKEN)
        self.intake, self.consumer = Intake(runtime, threading.Event(), poll_s=0), Consumer(runtime, threading.Event())
        self.bot = self.intake._register(TOKEN, self.line)

    def hear(self) -> None:
        while self.intake.poll_once(self.bot.bot_id, self.line):
            while self.consumer.turn():
                pass

    def pass_days(self, days: float) -> None:
        """Updates live a day: they are heard before the clock is turned."""
        self.hear()
        self.sim.control("clock", advance_s=days * DAY_S)


def test_cost_per_kept_follower_equals_the_simulators_own_ledger(
    sim: SimulatorProcess, database_url: str, tmp_path: Path
) -> None:
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, database_url=database_url, data_dir=tmp_path, demo=True, telegram_api_url=sim.url
    )
    runtime = boot("bot", settings)
    told = Told(sim, runtime)
    told.hear()  # says which updates it wants
    sim.control("users", id=OWNER_ID, first_name="Owner")
    sim.control("channels", username="news", title="News", owner_id=OWNER_ID, subscribers=1000)
    sim.control("message", user_id=OWNER_ID, text="/start")
    told.hear()
    sim.control("promote_bot", chat="news", user_id=OWNER_ID)
    told.hear()
    (public_id, workspace_id) = db.row("SELECT public_id, workspace_id FROM channel") or ("", 0)
    (user_id,) = db.row("SELECT user_id FROM membership WHERE workspace_id = ?", workspace_id) or (0,)
    client = create_app(runtime)
    client.config["WTF_CSRF_ENABLED"] = False
    browser = client.test_client()
    token, _ = sessions.start(user_id, workspace_id, kind="browser", now=clock.utcnow())
    with browser.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    first_day = (clock.utcnow() - timedelta(days=13)).date().isoformat()
    for name, spend, currency in (("Ad A", "123.45", "USD"), ("Ad B", "1 000 000", "UZS")):
        values = _values() | {"name": name, "link_name": name, "spend": spend, "currency": currency}
        answer = browser.post(f"/channels/{public_id}/campaigns", data=values | {"first_day": first_day})
        assert answer.status_code == 303, answer.text
    maker, until = LinkMaker(runtime), time.monotonic() + 20
    while db.row("SELECT COUNT(*) FROM invite_link WHERE state = 'active'") != (2,):
        assert time.monotonic() < until, db.rows("SELECT state, error FROM invite_link")
        maker.turn()
        time.sleep(0.1)
    urls = dict(db.rows("SELECT name, url FROM invite_link"))
    for name, minor in (("Ad A", 12345), ("Ad B", 100_000_000)):
        sim.control("spend", chat="news", invite_link=urls[name], spend_minor=minor)

    def come(name: str, count: int) -> list[int]:
        return list(sim.control("join", chat="news", invite_link=urls[name], count=count)["user_ids"])

    def go(*people: int) -> None:
        for person in people:
            sim.control("leave", chat="news", user_id=person)

    a, b = come("Ad A", 9), come("Ad B", 5)
    told.pass_days(0.5)
    go(a[0], a[1], b[0])
    told.pass_days(2)
    go(a[2])
    sim.control("join", chat="news", user_id=a[0])  # comes back by the public link: no follower of the ad any more
    sim.control("join", chat="news", user_id=b[0], invite_link=urls["Ad B"])
    told.pass_days(6)
    go(a[3])
    a += come("Ad A", 2)
    told.pass_days(2)
    go(a[-1], b[1])
    told.hear()
    sim.control("clock", now=time.time())
    come("Ad B", 3)
    told.hear()

    time.sleep(1.1)
    ledger = {link["name"]: link for link in sim.get("/_control/ledger", chat="news").json()["links"]}
    text = browser.get(f"/channels/{public_id}/campaigns.csv").text
    ours = {row["name"]: row for row in csv.DictReader(io.StringIO(text))}
    assert set(ours) == set(ledger) == {"Ad A", "Ad B"}
    for name, account in ledger.items():
        assert int(ours[name]["joined"]) == account["joined"]
        for age in ("24h", "7d"):
            assert int(ours[name][f"stayed_{age}"]) == account["stayed"][age] > 0
            assert float(ours[name][f"cost_{age}_minor"]) == account["cost_minor"][age]
        assert ours[name]["cost_30d_minor"] == "" and account["cost_minor"]["30d"] is None
    assert ledger["Ad A"]["joined"] == 10 and ledger["Ad A"]["stayed"] == {"24h": 9, "7d": 6, "30d": 0}
    page = browser.get(f"/channels/{public_id}/campaigns")
    assert page.status_code == 200 and "$123.45" in page.text and 'id="chart_kept_card"' in page.text
    db.database.close()
