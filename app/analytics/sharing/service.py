"""Making, listing, ending and opening read-only links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.analytics.sharing.models import ShareLink
from app.audit import service as audit
from app.channels.queries import channel_of
from app.core import db, ids
from app.core.clock import iso
from app.core.errors import Invalid, NotFound
from app.core.i18n import N_

LIFETIMES = (1, 7, 30, 90, 365)  # days
SHORTEST, LONGEST = 8, 200  # characters of a password
MOST_LIVE = 50
_hasher = PasswordHasher()  # Argon2id with the library's defaults: RFC 9106, 64 MiB
_two_at_once = BoundedSemaphore(2)  # a hash takes 64 MiB: many guesses at once must not take them all


@dataclass(frozen=True, slots=True)
class Shared:
    """What a live link shows, and what opening it takes. `channel_id` None: the network's page."""

    link_id: int
    public_id: str
    workspace_id: int
    workspace_name: str
    timezone: str
    channel_public_id: str | None
    password_hash: str | None
    expires_at: datetime


def create(
    workspace_id: int, channel_public_id: str | None, *, user_id: int, days: int, password: str, now: datetime
) -> str:
    """Make a link to a channel's pages or (None) the network's; the returned token is told this one time.

    `days` is one of LIFETIMES; an empty password means none. Raises Invalid, NotFound.
    """
    channel = channel_of(workspace_id, channel_public_id) if channel_public_id else None
    if channel_public_id and channel is None:
        raise NotFound(N_("There is no such channel."))
    if days not in LIFETIMES:
        raise Invalid(N_("Choose how long the link shall live."), fields={"days": "unknown"})
    if password and not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(N_("A password has 8 to 200 characters."), fields={"password": "length"})
    if len(links_of(workspace_id, None, every=True, now=now)) >= MOST_LIVE:
        raise Invalid(N_("There are 50 links already. Revoke one first."), fields={"days": "many"})
    hashed, token = _hash(password), ids.secret_token()
    with db.write():
        link = ShareLink.create(
            public_id=ids.public_id(),
            token_hash=ids.token_hash(token),
            workspace=workspace_id,
            channel=channel.id if channel else None,
            created_by=user_id,
            created_at=now,
            expires_at=now + timedelta(days=days),
            password_hash=hashed,
        )
        shown = channel.public_id if channel else "network"
        after = {"shows": shown, "days": days, "has_password": bool(password)}
        _audit("share_link.created", link.public_id, workspace_id, user_id, after=after, now=now)
    return token


def links_of(
    workspace_id: int, channel_public_id: str | None, *, every: bool = False, now: datetime
) -> list[ShareLink]:
    """The live links of a channel, of the network's page (None), or `every` one of the workspace; newest first."""
    is_shown = ShareLink.channel.is_null()
    if channel_public_id:
        channel = channel_of(workspace_id, channel_public_id)
        is_shown = ShareLink.channel == (channel.id if channel else 0)
    alive = (ShareLink.workspace == workspace_id) & ShareLink.revoked_at.is_null() & (ShareLink.expires_at > now)
    return list(ShareLink.select().where(alive if every else alive & is_shown).order_by(ShareLink.id.desc()))


def revoke(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """End a link at once. Raises NotFound."""
    with db.write():
        link = ShareLink.get_or_none(
            ShareLink.workspace == workspace_id, ShareLink.public_id == public_id, ShareLink.revoked_at.is_null()
        )
        if link is None:
            raise NotFound(N_("There is no such link."))
        before = {"expires_at": iso(link.expires_at), "uses": link.uses, "has_password": link.password_hash is not None}
        link.revoked_at = now
        link.save()
        after = {"revoked_at": iso(now)}
        _audit("share_link.revoked", public_id, workspace_id, user_id, before=before, after=after, now=now)


def opened(token: str, *, now: datetime) -> Shared:
    """What a token shows. Raises NotFound alike when it is unknown, ended, revoked, or its channel is gone."""
    found = db.row(
        "SELECT l.id, l.public_id, w.id, w.name, w.timezone, c.public_id, l.password_hash, l.expires_at, l.channel_id"
        " FROM share_link l JOIN workspace w ON w.id = l.workspace_id AND w.deleted_at IS NULL"
        " LEFT JOIN channel c ON c.id = l.channel_id AND c.workspace_id = l.workspace_id AND c.deleted_at IS NULL"
        " WHERE l.token_hash = ? AND l.revoked_at IS NULL AND l.expires_at > ?",
        *(ids.token_hash(token), db.stamp(now)),
    )
    if found is None or (found[8] is not None and found[5] is None):
        raise NotFound(N_("This link does not exist, or it has ended."))
    link_id, public_id, workspace_id, name, timezone, channel, hashed, expires_at, _ = found
    return Shared(link_id, public_id, workspace_id, name, timezone, channel, hashed, db.moment(expires_at))


def fits(shared: Shared, password: str) -> bool:
    """Whether this is the link's password. Costs 64 MiB and tens of milliseconds: guard it by a rate limit."""
    if shared.password_hash is None or len(password) > LONGEST:
        return False
    try:
        with _two_at_once:
            return _hasher.verify(shared.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def note_use(shared: Shared, *, now: datetime) -> None:
    with db.write():
        db.execute(
            "UPDATE share_link SET uses = uses + 1, last_used_at = ? WHERE id = ? AND workspace_id = ?",
            *(db.stamp(now), shared.link_id, shared.workspace_id),
        )


def _hash(password: str) -> str | None:
    if not password:
        return None
    with _two_at_once:
        return _hasher.hash(password)


def _audit(
    action: str,
    public_id: str,
    workspace_id: int,
    user_id: int,
    *,
    before: object = None,
    after: object = None,
    now: datetime,
) -> None:
    audit.record(
        action,
        actor=f"user:{user_id}",
        subject=f"share_link:{public_id}",
        workspace_id=workspace_id,
        before=before,
        after=after,
        now=now,
    )
