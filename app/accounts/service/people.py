"""People and their workspaces."""

from __future__ import annotations

from datetime import datetime

from peewee import IntegrityError

from app.accounts.models import Membership, User, Workspace
from app.audit import service as audit
from app.core import db, i18n, ids, zones
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_
from app.core.policy import Role
from app.core.tenancy import unscoped
from app.telegram.initdata import MOST_USER_ID


def ensure_person(telegram_user_id: int, *, name: str, language: str, timezone: str, now: datetime) -> User:
    """The user of a Telegram account; on first sight with a workspace of their own."""
    with db.write():
        user = User.get_or_none(User.telegram_user_id == telegram_user_id)
        if user is None:
            user = create_user(
                name=name, language=language, timezone=timezone, telegram_user_id=telegram_user_id, now=now
            )
            ensure_workspace(user, timezone=timezone, now=now)
    return user


def ensure_workspace(user: User, *, timezone: str, now: datetime) -> None:
    """Whoever belongs to no workspace gets one of their own."""
    with db.write():
        if not workspaces_of(user.id):
            create_workspace(f"{user.name}'s channels", owner=user, timezone=timezone, now=now)


def create_user(
    *,
    name: str,
    language: str = "en",
    timezone: str,
    telegram_user_id: int | None = None,
    is_superadmin: bool = False,
    now: datetime,
) -> User:
    """Make a person. Raises Invalid for an id that Telegram cannot have, Conflict for one that somebody has."""
    if telegram_user_id is not None and not 0 < telegram_user_id <= MOST_USER_ID:
        raise Invalid("This is no Telegram user id.", fields={"telegram_id": "not a Telegram user id"})
    try:
        with db.write():
            return User.create(
                public_id=ids.public_id(),
                telegram_user_id=telegram_user_id,
                name=name[:128],
                language=i18n.spoken(language),
                timezone=timezone,
                is_superadmin=is_superadmin,
                created_at=now,
            )
    except IntegrityError as error:
        raise Conflict("Somebody with this Telegram id is known already.", code="person_known") from error


def create_workspace(name: str, *, owner: User, timezone: str, now: datetime) -> Workspace:
    with db.write():
        workspace = Workspace.create(public_id=ids.public_id(), name=name[:128], timezone=timezone, created_at=now)
        add_member(workspace.id, owner.id, Role.OWNER, now=now)
    return workspace


def add_member(workspace_id: int, user_id: int, role: Role, *, now: datetime) -> None:
    """Let a user into a workspace with a role; a second call changes the role."""
    with db.write():
        db.execute(
            "INSERT INTO membership (workspace_id, user_id, role, created_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role",
            *(workspace_id, user_id, str(role), db.stamp(now)),
        )


def workspaces_of(user_id: int) -> list[tuple[int, str, str, Role]]:
    """(id, public id, name, role) of the workspaces a person belongs to, oldest first."""
    found = db.rows(
        "SELECT w.id, w.public_id, w.name, m.role FROM membership m JOIN workspace w ON w.id = m.workspace_id"
        " WHERE m.user_id = ? AND w.deleted_at IS NULL ORDER BY w.id",
        user_id,
    )
    return [(int(i), public_id, name, Role(role)) for i, public_id, name, role in found]


def choose(user_id: int, workspace_id: int, *, now: datetime) -> None:
    """Keep that a person wants to see this workspace; whoever does not belong to it has no say."""
    with db.write():
        db.execute(
            "UPDATE membership SET chosen_at = ? WHERE workspace_id = ? AND user_id = ?",
            *(db.stamp(now), workspace_id, user_id),
        )


def chosen_workspace(user_id: int) -> int | None:
    """The workspace that a person chose last, as long as they belong to it; None before any choice."""
    found = db.row(
        "SELECT w.id FROM membership m JOIN workspace w ON w.id = m.workspace_id"
        " WHERE m.user_id = ? AND m.chosen_at IS NOT NULL AND w.deleted_at IS NULL"
        " ORDER BY m.chosen_at DESC, w.id LIMIT 1",
        user_id,
    )
    return int(found[0]) if found else None


def home(user_id: int) -> int | None:
    """Where a person's session begins: the workspace chosen last, else the oldest; None without any."""
    mine = workspaces_of(user_id)
    return chosen_workspace(user_id) or (mine[0][0] if mine else None)


def superadmins() -> list[User]:
    """Those who run the service."""
    return list(User.select().where(User.is_superadmin).order_by(User.id))


def people_to_tell(workspace_id: int) -> list[User]:
    """Owners and admins of a workspace who can be reached in Telegram."""
    members = Membership.select(Membership.user).where(
        Membership.workspace == workspace_id, Membership.role.in_([Role.OWNER, Role.ADMIN])
    )
    found = User.select().where(
        User.id.in_([m.user for m in members]), User.telegram_user_id.is_null(False), User.deleted_at.is_null()
    )
    return list(found)


def owner_of(workspace_id: int) -> User | None:
    """Who has owned a workspace longest; None when nobody is left."""
    found: User | None = (
        User.select()
        .join(Membership, on=(Membership.user == User.id))
        .where(Membership.workspace == workspace_id, Membership.role == Role.OWNER, User.deleted_at.is_null())
        .order_by(Membership.id)
        .first()
    )
    return found


def role_of_telegram(telegram_user_id: int, workspace_id: int) -> Role | None:
    """The role of a Telegram account in a workspace; None for a stranger."""
    found = db.row(
        'SELECT m.role FROM membership m JOIN "user" u ON u.id = m.user_id AND u.deleted_at IS NULL'
        " WHERE u.telegram_user_id = ? AND m.workspace_id = ?",
        *(telegram_user_id, workspace_id),
    )
    return Role(found[0]) if found else None


def managed_workspace(telegram_user_id: int) -> tuple[User, int] | None:
    """The person of a Telegram account and a workspace in which they may manage channels: the chosen or the oldest."""
    user = User.get_or_none(User.telegram_user_id == telegram_user_id, User.deleted_at.is_null())
    if user is None:
        return None
    managed = [w[0] for w in workspaces_of(user.id) if w[3] in (Role.OWNER, Role.ADMIN)]
    chosen = chosen_workspace(user.id)
    return (user, chosen if chosen in managed else managed[0]) if managed else None


def workspace_by_name(name: str) -> Workspace | None:
    with unscoped("the operator names a workspace on the command line"):
        found: Workspace | None = Workspace.get_or_none(Workspace.name == name, Workspace.deleted_at.is_null())
        return found


def prefer(user_id: int, *, language: str, timezone: str) -> None:
    """Keep a person's language and time zone. Raises Invalid."""
    if language not in i18n.LANGUAGES:
        raise Invalid(N_("We do not speak this language yet."), fields={"language": "unknown"})
    zone = zones.known(timezone)
    with db.write():
        User.update(language=language, timezone=zone).where(User.id == user_id).execute()


def describe_workspace(workspace_id: int, *, name: str, timezone: str, actor: str, now: datetime) -> None:
    """Keep a workspace's name and time zone; sums stay, since rollups are by UTC hour. Raises Invalid."""
    name, zone = name.strip(), zones.known(timezone)
    if not name or "\0" in name or len(name) > 128:
        raise Invalid(N_("A workspace has a name of 1 to 128 characters."), fields={"name": "length"})
    with db.write():
        before = Workspace.get_by_id(workspace_id)
        was, becomes = {"name": before.name, "timezone": before.timezone}, {"name": name, "timezone": zone}
        if was == becomes:
            return
        Workspace.update(**becomes).where(Workspace.id == workspace_id).execute()
        audit.record(
            "workspace.changed",
            actor=actor,
            subject=f"workspace:{before.public_id}",
            workspace_id=workspace_id,
            before=was,
            after=becomes,
            now=now,
        )
