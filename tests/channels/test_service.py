"""Who may own a channel, and what losing a right means."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from app.billing.service.limits import PlanLimits
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.service import connect, rights
from app.core import db
from app.core.errors import AppError, Conflict, Forbidden, Invalid, LimitReached
from app.core.tenancy import ScopeError, unscoped
from app.readings import service as readings
from tests.world import Owner, chat_of, owned_channel, owner

ALL = {key: True for key in rights.WANTED}


def _claim(who: Owner, number: int, *, status: str = "creator", now: datetime) -> Channel:
    chat = connect.ensure_chat(connect.ChatFacts(-1000 - number, f"C{number}", None), now=now)
    return connect.claim(
        chat,
        workspace_id=who.workspace.id,
        actor="user:1",
        member_status=status,
        bot_id=7,
        feed_id=readings.ensure_feed(chat.id, now=now),
        limits=PlanLimits(),
        now=now,
    )


@pytest.mark.parametrize("status", ["member", "left", "kicked", "restricted"])
def test_only_who_runs_a_channel_can_claim_it(runtime: Runtime, now: datetime, status: str) -> None:
    with pytest.raises(Forbidden):
        _claim(owner("Aziza", now=now), 1, status=status, now=now)


def test_a_second_workspace_may_watch_not_own(runtime: Runtime, now: datetime) -> None:
    first, second = owner("Aziza", now=now), owner("Bek", now=now)
    channel = _claim(first, 1, now=now)
    assert _claim(first, 1, now=now).id == channel.id
    with pytest.raises(Conflict) as refusal:
        _claim(second, 1, now=now)
    assert refusal.value.code == "owned_elsewhere"
    watched = connect.watch(
        chat_of(channel),
        workspace_id=second.workspace.id,
        actor="u",
        feed_id=channel.feed,
        limits=PlanLimits(),
        now=now,
    )
    assert watched.relation == "watched"


def test_twenty_at_once_at_the_limit_make_exactly_one(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", plan="free", now=now)

    def attempt(number: int) -> bool:
        try:
            with db.database.connection_context():
                _claim(who, number, now=now)
            return True
        except LimitReached:
            return False
        except AppError:
            return False

    with ThreadPoolExecutor(20) as pool:
        done = list(pool.map(attempt, range(20)))
    with unscoped("test"):
        assert (sum(done), Channel.select().count()) == (1, 1)


def test_losing_a_right_is_shown_and_told_and_its_return_too(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", telegram_user_id=77, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1005, now=now)
    states = []
    for status, granted in (
        ("administrator", ALL),
        ("administrator", ALL | {"can_post_messages": False}),
        ("left", {}),
        ("administrator", ALL),
    ):
        rights.note(chat_of(channel), bot_id=7, status=status, rights=granted, granted_by=77, said_at=now, now=now)
        states.append(Channel.get(Channel.workspace == who.workspace.id, Channel.id == channel.id).state)
    assert states == ["active", "rights_missing", "bot_removed", "active"]
    assert [t for (t,) in db.rows("SELECT template FROM notice ORDER BY id")] == [
        "rights_lost",
        "bot_removed",
        "rights_back",
    ]
    check = rights.check(7, channel.chat)
    assert check is not None and check.is_admin and all(granted for _, granted, _ in check.items)


def test_a_query_without_its_workspace_raises(runtime: Runtime, now: datetime) -> None:
    _claim(owner("Aziza", now=now), 1, now=now)
    for query in (
        lambda: list(Channel.select()),
        lambda: Channel.select().count(),
        lambda: Channel.select().where(Channel.chat == 1).exists(),
        lambda: Channel.update(state="x").execute(),
        lambda: Channel.delete().where(Channel.id > 0).execute(),
    ):
        with pytest.raises(ScopeError):
            query()
    with unscoped("the test says why"):
        assert len(list(Channel.select())) == 1
    with pytest.raises(ValueError), unscoped(""):
        pass


@pytest.mark.parametrize("text", ["@durov", "durov", "https://t.me/durov", "https://t.me/s/durov/", " durov "])
def test_a_channels_name_is_understood_in_every_form(text: str) -> None:
    assert connect.parse_username(text) == "durov"


@pytest.mark.parametrize("text", ["", "@x", "https://evil.example/durov", "два слова", "https://t.me/+abc"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        connect.parse_username(text)
