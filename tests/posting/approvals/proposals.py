"""Persons who propose, decide and look at posts, for tests that are sentences about them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.accounts.service import people
from app.channels.models import Channel
from app.core import clock, db, ids
from app.core.policy import Role
from app.posting.approvals import asking, gate, links, queries
from app.posting.approvals.gate import Client
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.service import writing
from app.telegram import service as telegram
from app.telegram.models import Bot
from tests.world import Owner

SERVICE_BOT = 1000000001


def service_bot() -> None:
    """The service's bot is known, so that people can be told."""
    Bot.insert(
        bot_id=SERVICE_BOT,
        username="Bot",
        token_sealed="",
        webhook_secret_sealed="",
        updates="polling",
        created_at=clock.utcnow(),
    ).on_conflict_ignore().execute()
    assert telegram.service_bot() is not None


def member(who: Owner, role: Role, *, telegram_user_id: int | None = None) -> Owner:
    now = clock.utcnow()
    user = people.create_user(name=role.title(), timezone="Asia/Tashkent", telegram_user_id=telegram_user_id, now=now)
    people.add_member(who.workspace.id, user.id, role, now=now)
    return Owner(user, who.workspace)


def submitted(
    who: Owner,
    *where: Channel,
    text: str = "Hello",
    due_at: datetime | None = None,
    may_publish: bool = False,
    public_id: str = "",
    **more: Any,
) -> AuthoredPost:
    """What a person wrote and sent off, by default for in two hours."""
    now = clock.utcnow()
    draft = Draft(text, channels=tuple(channel.public_id for channel in where), **more)
    known = writing.is_known(public_id) if public_id else False
    return asking.submit(
        *(who.workspace.id, public_id or ids.public_id(), version(who, public_id) if known else 0, draft),
        due_at=due_at or now + timedelta(hours=2),
        may_publish=may_publish,
        user_id=who.user.id,
        now=now,
    )


def version(who: Owner, public_id: str) -> int:
    return int(writing.post_of(who.workspace.id, public_id).version)


def linked(who: Owner, *where: Channel, name: str = "Acme", is_required: bool = False) -> str:
    """A client's link to channels; returns its token."""
    return links.create(
        who.workspace.id,
        name,
        [channel.public_id for channel in where],
        is_required=is_required,
        user_id=who.user.id,
        now=clock.utcnow(),
    )


def client_of(post: AuthoredPost) -> Client:
    """The one client who has a say in a post, with the last answer."""
    post = writing.post_of(post.workspace, post.public_id)
    (client,) = gate.clients_of(post.workspace, post.id, queries.asked_of(post).contents)
    return client


def state(post: AuthoredPost) -> str:
    return str(writing.post_of(post.workspace, post.public_id).state)


def told() -> list[tuple[int, str]]:
    """(chat, template) of the messages to people, in their order."""
    return [(row[0], row[1]) for row in db.rows("SELECT chat_id, template FROM notice ORDER BY id")]


def acts(post: AuthoredPost) -> list[tuple[str, str]]:
    """(actor, act) in the record of a post."""
    rows = db.rows("SELECT actor, action FROM audit_entry WHERE subject = ? ORDER BY seq", f"post:{post.public_id}")
    return [(row[0], row[1].removeprefix("post.")) for row in rows]
