"""Invite links: the web asks for one, the bot makes it, and a row has at most one address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.channels.campaign_models import Campaign, InviteLink
from app.channels.service import changes
from app.core import db, ids
from app.core.errors import Conflict, Invalid, NotFound

WANTED, ACTIVE, REVOKING, REVOKED, FAILED = "wanted", "active", "revoking", "revoked", "failed"
MAX_NAME = 32
_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Asked:
    """A link that waits for the bot: to be made (no address yet) or to be revoked."""

    id: int
    state: str
    bot_id: int
    telegram_chat_id: int
    name: str
    url: str | None


def want(
    workspace_id: int, channel_id: int, campaign: Campaign, name: str, *, user_id: int, ip: str = "", now: datetime
) -> InviteLink:
    """Ask for a link. Raises Invalid with the field `link_name`."""
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= MAX_NAME:
        raise Invalid(
            "A link's name has between 1 and %(most)s characters.", most=MAX_NAME, fields={"link_name": "length"}
        )
    with db.write():
        link = InviteLink.create(
            public_id=ids.public_id(),
            workspace=workspace_id,
            channel=channel_id,
            campaign=campaign.id,
            name=cleaned,
            state=WANTED,
            created_at=now,
        )
        after = _facts(link) | {"campaign": campaign.public_id}
        changes.record("invite_link.wanted", link, user_id, after=after, ip=ip, now=now)
    return link


def revoke(workspace_id: int, public_id: str, *, user_id: int, ip: str = "", now: datetime) -> InviteLink:
    """Ask for the end of a link; one that was never made ends at once. Raises NotFound, Conflict."""
    with db.write():
        link = _mine(workspace_id, public_id)
        if link.state in (REVOKED, REVOKING):
            return link
        before = _facts(link)
        _move(link, REVOKING if link.state == ACTIVE else REVOKED)
        changes.record("invite_link.revoked", link, user_id, before=before, after=_facts(link), ip=ip, now=now)
    return link


def try_again(workspace_id: int, public_id: str, *, user_id: int, ip: str = "", now: datetime) -> InviteLink:
    """Ask once more for a link that Telegram refused. Raises NotFound, Conflict."""
    with db.write():
        link = _mine(workspace_id, public_id)
        if link.state != FAILED:
            raise Conflict("Only a link that failed can be tried again.")
        before = _facts(link)
        _move(link, REVOKING if link.url else WANTED)
        changes.record("invite_link.tried_again", link, user_id, before=before, after=_facts(link), ip=ip, now=now)
    return link


def _facts(link: InviteLink) -> dict[str, object]:
    return {key: getattr(link, key) for key in ("name", "state", "url")}


def _mine(workspace_id: int, public_id: str) -> InviteLink:
    found: InviteLink | None = InviteLink.get_or_none(
        InviteLink.workspace == workspace_id, InviteLink.public_id == public_id
    )
    if found is None:
        raise NotFound("There is no such link.")
    return found


def _move(link: InviteLink, state: str) -> None:
    """Compare and set: the bot may be at work on the same row. Raises Conflict when it was quicker."""
    changed = (
        InviteLink.update(state=state, error=None, not_before=None)
        .where(InviteLink.workspace == link.workspace, InviteLink.id == link.id, InviteLink.state == link.state)
        .execute()
    )
    if not changed:
        raise Conflict("The link has changed a moment ago. Load the page again.")
    link.state = state


def asked(now: datetime, *, limit: int = 20) -> list[Asked]:
    """Links of all workspaces that wait for their bot, the oldest first."""
    found = db.rows(
        "SELECT l.id, l.state, c.bot_id, t.telegram_chat_id, l.name, l.url FROM invite_link l"
        " JOIN channel c ON c.id = l.channel_id JOIN chat t ON t.id = c.chat_id"
        " WHERE l.state IN ('wanted', 'revoking') AND (l.not_before IS NULL OR l.not_before <= ?)"
        " AND c.bot_id IS NOT NULL AND t.telegram_chat_id IS NOT NULL AND c.deleted_at IS NULL"
        " ORDER BY l.created_at, l.id LIMIT ?",
        *(db.stamp(now), limit),
    )
    return [Asked(*row) for row in found]


def made(link: Asked, url: str, *, now: datetime) -> bool:
    """Keep the address of a link that was made. False when the row wanted none any more: then this one is surplus."""
    with db.write():
        is_kept = db.execute(
            "UPDATE invite_link SET state = 'active', url = ?, made_at = ?, error = NULL, not_before = NULL"
            " WHERE id = ? AND state = 'wanted' AND url IS NULL",
            *(url, db.stamp(now), link.id),
        )
        changes.note_link(link.id)
    return bool(is_kept)


def ended(link: Asked, *, now: datetime) -> None:
    """Note that Telegram ended a link."""
    with db.write():
        db.execute(
            "UPDATE invite_link SET state = 'revoked', revoked_at = ?, error = NULL WHERE id = ? AND state = 'revoking'",
            *(db.stamp(now), link.id),
        )
        changes.note_link(link.id)


def failed(link: Asked, error: str, *, is_final: bool, wait_s: float | None, now: datetime) -> None:
    """Show what Telegram said; for good, or until the next attempt."""
    state = FAILED if is_final else link.state
    not_before = now + (timedelta(seconds=wait_s) if wait_s else _AGAIN)
    with db.write():
        db.execute(
            "UPDATE invite_link SET state = ?, error = ?, not_before = ? WHERE id = ? AND state = ?",
            *(state, error[:300], db.stamp(not_before), link.id, link.state),
        )
        changes.note_link(link.id)
