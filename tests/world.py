"""Persons and channels that tests are sentences about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.accounts.models import User, Workspace
from app.accounts.service import people
from app.billing.service.limits import PlanLimits, put_on_plan
from app.channels.models import Channel, Chat
from app.channels.service import connect
from app.core import db
from app.readings import service as readings


@dataclass(frozen=True)
class Owner:
    """A person with a workspace on the network plan."""

    user: User
    workspace: Workspace


def owner(name: str, *, telegram_user_id: int | None = None, plan: str = "network", now: datetime) -> Owner:
    user = people.create_user(name=name, timezone="Asia/Tashkent", telegram_user_id=telegram_user_id, now=now)
    workspace = people.create_workspace(f"{name}'s channels", owner=user, timezone="Asia/Tashkent", now=now)
    put_on_plan(workspace.id, plan, now=now)
    return Owner(user, workspace)


def owned_channel(who: Owner, title: str, *, telegram_chat_id: int, now: datetime, bot_id: int = 7) -> Channel:
    """A channel that Telegram proved to be the owner's."""
    chat = connect.ensure_chat(connect.ChatFacts(telegram_chat_id, title, title.lower()), now=now)
    return connect.claim(
        chat,
        workspace_id=who.workspace.id,
        actor=f"user:{who.user.id}",
        member_status="creator",
        bot_id=bot_id,
        feed_id=readings.ensure_feed(chat.id, now=now),
        limits=PlanLimits(),
        now=now,
    )


def read_posts(channel: Channel, *, posts: int, now: datetime, first_id: int = 1) -> list[int]:
    """Posts an hour apart, each read at 1 h and at 24 h: views 100 * n and 150 * n. Returns post ids."""
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    times = {n: now - timedelta(days=3) + timedelta(hours=n) for n in range(first_id, first_id + posts)}
    ids = readings.record_posts(channel.chat, [readings.PostFacts(n, at) for n, at in times.items()])
    rows = []
    for n, at in times.items():
        for hours, views in ((1, 100 * n), (25, 150 * n)):
            rows.append((ids[n], db.to_ms(at + timedelta(hours=hours)), source, views, n, 0))
    readings.record_readings(channel.chat, rows, now=now)
    readings.record_subscribers(channel.chat, source_id=source, value=1000, step=0, observed_at=now - timedelta(days=2))
    readings.record_subscribers(channel.chat, source_id=source, value=1040, step=0, observed_at=now)
    return [ids[n] for n in times]


def watched(who: Owner, name: str, *, now: datetime) -> Channel:
    """A public channel that the owner watches, so its pages are read."""
    return readings.watch_public(
        name,
        workspace_id=who.workspace.id,
        actor="u",
        limits=PlanLimits(),
        is_simulated=False,
        pages_per_minute=60,
        now=now,
    )


def watch(*names: str, now: datetime) -> None:
    """Somebody watches public channels."""
    who = owner("Watcher", now=now)
    for name in names:
        watched(who, name, now=now)


def chat_of(channel: Channel) -> Chat:
    found: Chat = Chat.get_by_id(channel.chat)
    return found
