"""One gate: all or nothing, exactly one of twenty at the last place, a customer's own limit, and what a late payment stops."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from app.billing.service import limits
from app.billing.service.limits import PlanLimits, Usage, consume, usage_of
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.service import connect
from app.core import db
from app.core.errors import LimitReached
from app.readings import service as readings
from tests.billing import buying
from tests.billing.buying import at_once, order
from tests.conftest import NOW
from tests.world import Owner, owned_channel, owner

POSTS = {"channels": lambda _workspace_id: 1, "watched_channels": lambda _workspace_id: 0, "media_mb": lambda _id: 3}
FREE_POSTS = 30


def _try(who: Owner, wanted: dict[str, int], *, now: datetime = NOW) -> str:
    try:
        consume(who.workspace.id, wanted, now=now)
    except LimitReached as refused:
        return refused.code
    return "taken"


def _used(who: Owner, key: str = "posts") -> int:
    found = db.row("SELECT SUM(used) FROM usage_counter WHERE workspace_id = ? AND key = ?", who.workspace.id, key)
    return int(found[0] or 0) if found else 0


def test_of_twenty_at_the_last_place_one_gets_it(buyer: Owner) -> None:
    consume(buyer.workspace.id, {"posts": FREE_POSTS - 1}, now=NOW)
    told = at_once([partial(_try, buyer, {"posts": 1})] * 20)
    assert Counter(told) == {"taken": 1, "limit_posts": 19} and _used(buyer) == FREE_POSTS


def test_without_the_condition_in_the_statement_the_limit_is_passed(
    buyer: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harm that the guard prevents: who looks first and counts then is overtaken."""
    consume(buyer.workspace.id, {"posts": FREE_POSTS - 1}, now=NOW)
    monkeypatch.setattr(limits, "limit_of", lambda *_, **__: None)
    assert Counter(at_once([partial(_try, buyer, {"posts": 1})] * 20)) == {"taken": 20}
    assert _used(buyer) == FREE_POSTS + 19


def test_of_twenty_channels_at_the_last_place_one_is_connected(runtime: Runtime) -> None:
    who = owner("Aziza", plan="pro", now=NOW)
    for n in range(2):
        owned_channel(who, f"Old {n}", telegram_chat_id=-100 - n, now=NOW)

    def claim(n: int) -> str:
        try:
            owned_channel(who, f"New {n}", telegram_chat_id=-200 - n, now=NOW)
        except LimitReached as refused:
            return refused.code
        return "connected"

    assert Counter(at_once([partial(claim, n) for n in range(20)])) == {"connected": 1, "limit_channels": 19}
    assert Channel.select().where(Channel.workspace == who.workspace.id).count() == 3


def test_a_refused_second_limit_gives_the_first_back(buyer: Owner) -> None:
    with db.write():
        db.execute("INSERT INTO plan_limit (plan_id, key, amount, reset) VALUES ('free', 'balloons', 5, 'period')")
    limits._SENTENCES.setdefault("balloons", "%(plan)s %(limit)s")
    try:
        assert _try(buyer, {"posts": 2, "balloons": 5}) == "taken"
        assert _try(buyer, {"posts": 1, "balloons": 1}) == "limit_balloons"
        with db.write():  # also when the caller goes on in its transaction
            assert _try(buyer, {"posts": 1, "balloons": 1}) == "limit_balloons"
    finally:
        del limits._SENTENCES["balloons"]
    assert (_used(buyer), _used(buyer, "balloons")) == (2, 5)


def test_more_than_the_limit_at_once_is_refused_also_as_the_first(buyer: Owner) -> None:
    assert _try(buyer, {"posts": FREE_POSTS + 1}) == "limit_posts" and _used(buyer) == 0


def test_counters_begin_anew_with_the_month_of_the_workspace(buyer: Owner) -> None:
    consume(buyer.workspace.id, {"posts": FREE_POSTS}, now=NOW)
    last = datetime(2026, 3, 31, 18, 59, tzinfo=UTC)  # 23:59 in Tashkent
    assert _try(buyer, {"posts": 1}, now=last) == "limit_posts"
    assert _try(buyer, {"posts": 1}, now=last + timedelta(minutes=1)) == "taken"


def test_a_paid_plan_counts_from_its_own_day(runtime: Runtime, buyer: Owner) -> None:
    buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)
    assert limits.usage_period(buyer.workspace.id, now=NOW + timedelta(days=40))[0] > NOW + timedelta(days=30)
    told = {one.key: one for one in usage_of(buyer.workspace.id, POSTS, now=NOW)}
    resets_at = limits.usage_period(buyer.workspace.id, now=NOW)[1]
    assert [told[key] for key in ("channels", "watched_channels", "posts", "media_mb")] == [
        Usage("channels", 1, 3, None),
        Usage("watched_channels", 0, 20, None),
        Usage("posts", 0, 200, resets_at),
        Usage("media_mb", 3, 10_000, None),
    ]


def test_a_customers_own_limit_holds_until_its_end(buyer: Owner) -> None:
    with db.write():
        db.execute(
            "INSERT INTO limit_override (workspace_id, key, amount, reason, granted_at, until) VALUES (?, ?, ?, ?, ?, ?)",
            *(
                buyer.workspace.id,
                "posts",
                FREE_POSTS + 1,
                "a promise",
                db.stamp(NOW),
                db.stamp(NOW + timedelta(days=1)),
            ),
        )
    consume(buyer.workspace.id, {"posts": FREE_POSTS}, now=NOW)
    assert _try(buyer, {"posts": 1}) == "taken" and _try(buyer, {"posts": 1}) == "limit_posts"
    assert limits.limit_of(buyer.workspace.id, "posts", now=NOW + timedelta(days=1)) == FREE_POSTS


def test_seven_days_late_nothing_is_added_and_everything_is_there(runtime: Runtime, buyer: Owner) -> None:
    buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)
    channel = owned_channel(buyer, "News", telegram_chat_id=-1001, now=NOW)
    with db.write():
        db.execute("UPDATE subscription SET state = 'past_due', past_due_at = ?", db.stamp(NOW))
    week = NOW + timedelta(days=7)
    assert _try(buyer, {"posts": 1}, now=week - timedelta(seconds=1)) == "taken"
    assert _try(buyer, {"posts": 1}, now=week) == "payment_late"
    with pytest.raises(LimitReached) as refused:
        PlanLimits().require(buyer.workspace.id, "channels", used=1, now=week)
    assert refused.value.code == "payment_late"
    facts = connect.ChatFacts(-1001, "News", "news")
    again = connect.claim(
        connect.ensure_chat(facts, now=week),
        workspace_id=buyer.workspace.id,
        actor="u",
        member_status="creator",
        bot_id=7,
        feed_id=readings.ensure_feed(channel.chat, now=week),
        limits=PlanLimits(),
        now=week,
    )
    assert again.id == channel.id, "what is there goes on"
