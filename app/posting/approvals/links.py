"""Clients' links: made, listed, revoked, opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.audit import service as audit
from app.channels.queries import channels_of
from app.core import db, ids
from app.core.clock import iso
from app.core.errors import Invalid, NotFound
from app.core.i18n import N_
from app.posting.approvals.models import LONGEST_NAME, ClientLink, ClientLinkChannel

LIFETIME = timedelta(days=30)
MOST_LIVE = 50


@dataclass(frozen=True, slots=True)
class Opened:
    """What a client's live link shows: posts of these channels (public ids)."""

    link_id: int
    public_id: str
    workspace_id: int
    workspace_name: str
    timezone: str
    name: str
    is_required: bool
    expires_at: datetime
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A link in the workspace's list, with the titles of its channels."""

    public_id: str
    name: str
    is_required: bool
    channels: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    uses: int


def create(
    workspace_id: int, name: str, channels: Sequence[str], *, is_required: bool, user_id: int, now: datetime
) -> str:
    """Make a link for a client to the posts of own channels (public ids); the token is told this one time.

    Raises Invalid.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or "\0" in name:
        raise Invalid(N_("A client has a name of 1 to 48 characters."), fields={"name": "length"})
    chosen = [r for r in channels_of(workspace_id) if r.relation == "owned" and r.public_id in channels]
    if not chosen:
        raise Invalid(N_("Choose at least one channel."), fields={"channels": "none"})
    if len(listed(workspace_id)) >= MOST_LIVE:
        raise Invalid(N_("There are 50 links already. Revoke one first."), fields={"name": "many"})
    token = ids.secret_token()
    with db.write():
        link = ClientLink.create(
            public_id=ids.public_id(),
            token_hash=ids.token_hash(token),
            workspace=workspace_id,
            name=name,
            is_required=is_required,
            created_by=user_id,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        for ref in chosen:
            ClientLinkChannel.create(link=link.id, channel=ref.id, workspace=workspace_id)
        after = {"name": name, "channels": [ref.public_id for ref in chosen], "is_required": is_required}
        _audit("client_link.created", link, user_id, after=after, now=now)
    return token


def listed(workspace_id: int) -> list[Listed]:
    """The links that nobody revoked, also expired ones, the newest first."""
    rows = db.rows(
        "SELECT l.public_id, l.name, l.is_required, l.created_at, l.expires_at, l.last_used_at, l.uses, h.title"
        " FROM client_link l JOIN client_link_channel s ON s.link_id = l.id JOIN channel c ON c.id = s.channel_id"
        " JOIN chat h ON h.id = c.chat_id WHERE l.workspace_id = ? AND l.revoked_at IS NULL ORDER BY l.id DESC, h.title",
        workspace_id,
    )
    titles: dict[str, list[str]] = {}
    for row in rows:
        titles.setdefault(row[0], []).append(row[7])
    first = {row[0]: row for row in reversed(rows)}
    return [_listed(first[public_id], tuple(shown)) for public_id, shown in titles.items()]


def _listed(row: tuple[Any, ...], titles: tuple[str, ...]) -> Listed:
    public_id, name, is_required, created_at, expires_at, last_used_at, uses, _ = row
    moments = (db.moment(created_at), db.moment(expires_at), db.moment(last_used_at))
    return Listed(public_id, name, bool(is_required), titles, *moments, uses)


def revoke(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """End a link at once, and what it required with it. Raises NotFound."""
    with db.write():
        link = ClientLink.get_or_none(
            ClientLink.workspace == workspace_id, ClientLink.public_id == public_id, ClientLink.revoked_at.is_null()
        )
        if link is None:
            raise NotFound(N_("There is no such link."))
        link.revoked_at = now
        link.save()
        before = {"name": link.name, "is_required": link.is_required, "expires_at": iso(link.expires_at)}
        _audit("client_link.revoked", link, user_id, before=before, now=now)


def opened(token: str, *, now: datetime) -> Opened:
    """What a token shows. Raises NotFound alike when it is unknown, expired or revoked."""
    found = db.row(
        "SELECT l.id, l.public_id, w.id, w.name, w.timezone, l.name, l.is_required, l.expires_at FROM client_link l"
        " JOIN workspace w ON w.id = l.workspace_id AND w.deleted_at IS NULL"
        " WHERE l.token_hash = ? AND l.revoked_at IS NULL AND l.expires_at > ?",
        *(ids.token_hash(token), db.stamp(now)),
    )
    if found is None:
        raise NotFound(N_("This link does not exist, or it has ended."))
    channels = db.rows(
        "SELECT c.public_id FROM client_link_channel s JOIN channel c ON c.id = s.channel_id"
        " WHERE s.link_id = ? AND c.workspace_id = ? AND c.deleted_at IS NULL ORDER BY c.id",
        *(found[0], found[2]),
    )
    link_id, public_id, workspace_id, workspace, timezone, name, is_required, expires_at = found
    shown = tuple(row[0] for row in channels)
    return Opened(
        link_id, public_id, workspace_id, workspace, timezone, name, bool(is_required), db.moment(expires_at), shown
    )


def note_use(link: Opened, *, now: datetime) -> None:
    """Count that a client looked."""
    with db.write():
        db.execute(
            "UPDATE client_link SET uses = uses + 1, last_used_at = ? WHERE id = ? AND workspace_id = ?",
            *(db.stamp(now), link.link_id, link.workspace_id),
        )


def _audit(
    action: str, link: ClientLink, user_id: int, *, before: object = None, after: object = None, now: datetime
) -> None:
    audit.record(
        action,
        actor=f"user:{user_id}",
        subject=f"client_link:{link.public_id}",
        workspace_id=link.workspace,
        before=before,
        after=after,
        now=now,
    )
