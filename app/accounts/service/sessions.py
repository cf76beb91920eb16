"""Signing in and out. Tokens are kept as hashes; a Mini App launch mints one session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.accounts.models import Launch, LoginTicket, Session, User
from app.accounts.service import people
from app.audit import service as audit
from app.core import db, ids
from app.core.errors import Forbidden, NotFound, Unauthenticated
from app.core.i18n import N_
from app.core.policy import Role

LIFETIME = timedelta(days=30)
MINI_APP = "twa"
_IDLE = timedelta(minutes=15)  # a Mini App's session ends so long after its last use
_NO_DEVICE = ""  # the hash of no secret
LAUNCH_WINDOW, FIRST_USE = timedelta(hours=1), timedelta(minutes=5)  # both from when Telegram signed the launch
DEMO, LINK = "demo", "link"
TICKET_LIFETIMES = {DEMO: timedelta(minutes=15), LINK: timedelta(minutes=5)}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who makes a request: the session's person, workspace and role there."""

    session_id: int
    user_id: int
    user_name: str
    language: str
    timezone: str
    telegram_user_id: int | None
    workspace_id: int
    workspace_public_id: str
    workspace_name: str
    workspace_timezone: str
    role: Role
    kind: str
    is_superadmin: bool = False
    # What flask-login asks of a user object.
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        return str(self.session_id)


_SIGNED_IN = (
    "SELECT s.id, u.id, u.name, u.language, u.timezone, u.telegram_user_id, w.id, w.public_id, w.name, w.timezone,"
    " m.role, s.kind, s.expires_at, u.is_superadmin"
    ' FROM session s JOIN "user" u ON u.id = s.user_id AND u.deleted_at IS NULL'
    " JOIN workspace w ON w.id = s.workspace_id AND w.deleted_at IS NULL"
    " JOIN membership m ON m.workspace_id = w.id AND m.user_id = u.id"
    " WHERE {} = ? AND s.revoked_at IS NULL AND s.expires_at > ?"
)
_BY_TOKEN, _BY_ID = _SIGNED_IN.format("s.token_hash"), _SIGNED_IN.format("s.id")


def signed_in(token: str, *, now: datetime) -> SignedIn | None:
    """The live session of a token, or None. One query by a unique index; a Mini App's session is kept alive by use."""
    return _found(db.row(_BY_TOKEN, ids.token_hash(token), db.stamp(now)), now=now)


def by_id(session_id: int, *, now: datetime) -> SignedIn | None:
    """A live session that something signed by us names."""
    return _found(db.row(_BY_ID, session_id, db.stamp(now)), now=now)


def _found(row: tuple[Any, ...] | None, *, now: datetime) -> SignedIn | None:
    if row is None:
        return None
    if row[11] == MINI_APP and db.moment(row[12]) - now < _IDLE / 2:
        with db.write():
            Session.update(expires_at=now + _IDLE).where(Session.id == row[0]).execute()
    return SignedIn(*(*row[:10], Role(row[10]), row[11], bool(row[13])))


def require_fresh(who: SignedIn, *, now: datetime) -> None:
    """What gives power away needs, inside the Mini App, a launch that Telegram signed within the last five minutes.

    Raises Forbidden.
    """
    if who.kind != MINI_APP:
        return
    launch = Launch.get_or_none(Launch.session == who.session_id)
    if launch is None or now - (launch.expires_at - LAUNCH_WINDOW) > FIRST_USE:
        raise Forbidden("Close the app and open it again from Telegram to do this.", code="step_up")


def start(
    user_id: int, workspace_id: int, *, kind: str, ip: str = "", user_agent: str = "", now: datetime
) -> tuple[str, int]:
    """Open a session; returns its token (told once) and its id."""
    token = ids.secret_token()
    with db.write():
        session = Session.create(
            token_hash=ids.token_hash(token),
            user=user_id,
            workspace=workspace_id,
            kind=kind,
            ip=ip[:64],
            user_agent=user_agent[:200],
            created_at=now,
            expires_at=now + (_IDLE if kind == MINI_APP else LIFETIME),
        )
    return token, int(session.id)


def move(who: SignedIn, workspace_id: int, *, now: datetime) -> None:
    """Let a session see another workspace, which records that it was entered; whose it may be is asked each time.

    The person's next sessions begin there too.
    """
    with db.write():
        people.choose(who.user_id, workspace_id, now=now)
        Session.update(workspace=workspace_id).where(Session.id == who.session_id).execute()
        audit.record(
            "workspace.entered",
            actor=f"user:{who.user_id}",
            subject=f"user:{who.user_id}",
            workspace_id=workspace_id,
            before={"workspace": who.workspace_public_id},
            now=now,
        )


def end(session_id: int, *, now: datetime) -> None:
    """End a session for good: the Mini App launch that opened it opens no other. The workspace records it."""
    with db.write():
        session = Session.get_or_none(Session.id == session_id, Session.revoked_at.is_null())
        if session is None:
            return
        _revoke(session_id, now=now)
        Launch.update(device_hash=_NO_DEVICE).where(Launch.session == session_id).execute()
        audit.record(
            "session.ended",
            actor=f"user:{session.user}",
            subject=f"user:{session.user}",
            workspace_id=session.workspace,
            before={"kind": session.kind, "ip": session.ip},
            now=now,
        )


def _revoke(session_id: int, *, now: datetime) -> None:
    Session.update(revoked_at=now).where(Session.id == session_id, Session.revoked_at.is_null()).execute()


def issue_ticket(user_id: int, *, purpose: str, now: datetime) -> str:
    """A one-time way in for `purpose`; earlier unused tickets of the same kind end."""
    token = ids.secret_token()
    with db.write():
        LoginTicket.delete().where(LoginTicket.user == user_id, LoginTicket.purpose == purpose).execute()
        LoginTicket.create(
            token_hash=ids.token_hash(token),
            user=user_id,
            purpose=purpose,
            created_at=now,
            expires_at=now + TICKET_LIFETIMES[purpose],
        )
    return token


def ticket_owner(token: str, *, purpose: str, now: datetime) -> User:
    """Whom a ticket would sign in. Raises Unauthenticated when it is spent, stale or for another purpose."""
    ticket = LoginTicket.get_or_none(
        LoginTicket.token_hash == ids.token_hash(token),
        LoginTicket.purpose == purpose,
        LoginTicket.used_at.is_null(),
        LoginTicket.expires_at > now,
    )
    if ticket is None:
        raise _spent()
    return User.get_by_id(ticket.user)


def _spent() -> Unauthenticated:
    return Unauthenticated("This sign-in link was used already or is too old.", code="ticket_spent")


def use_ticket(token: str, *, purpose: str, ip: str = "", user_agent: str = "", now: datetime) -> str:
    """Spend a ticket and open a session; returns its token. Raises Unauthenticated as ticket_owner does."""
    with db.write():
        spent = db.execute(
            "UPDATE login_ticket SET used_at = ? WHERE token_hash = ? AND purpose = ? AND used_at IS NULL"
            " AND expires_at > ?",
            *(db.stamp(now), ids.token_hash(token), purpose, db.stamp(now)),
        )
        if not spent:
            raise _spent()
        ticket = LoginTicket.get_by_id(ids.token_hash(token))
        return start_at_home(ticket.user, ip=ip, user_agent=user_agent, now=now)


def start_at_home(user_id: int, *, ip: str = "", user_agent: str = "", now: datetime) -> str:
    """Open a browser session in the workspace chosen last; returns its token. Raises Forbidden without one."""
    return start(user_id, _home(user_id), kind="browser", ip=ip, user_agent=user_agent, now=now)[0]


def _home(user_id: int) -> int:
    home = people.home(user_id)
    if home is None:
        raise Forbidden("You do not belong to a workspace.")
    return home


def _again(user_id: int, session_id: int) -> int:
    """The workspace in which a renewed session goes on: its own, unless the person was taken out of it meanwhile."""
    before = int(Session.get_by_id(session_id).workspace)
    return before if any(w[0] == before for w in people.workspaces_of(user_id)) else _home(user_id)


def start_from_launch(
    user_id: int,
    *,
    launch_hash: str,
    launched_at: datetime,
    device: str,
    ip: str = "",
    user_agent: str = "",
    now: datetime,
) -> str:
    """Open a session for a Mini App launch, once; the same launch renews it only from the same device.

    `launch_hash` is the hash of the signed data, `launched_at` when Telegram signed them, `device` a secret that the
    device made up. A renewed session goes on in its workspace. Raises Unauthenticated when another device replays the
    launch, when the first use comes later than 5 minutes after the launch, or a renewal later than an hour after it.
    """
    device_hash = ids.token_hash(device)
    with db.write():
        launch = Launch.get_or_none(Launch.launch_hash == launch_hash)
        if launch is None and now - launched_at > FIRST_USE:
            raise Unauthenticated("This Mini App launch is too old. Open the app again.", code="stale")
        if launch is None:
            workspace_id = _home(user_id)
        else:
            if launch.device_hash != device_hash or launch.expires_at < now:
                raise Unauthenticated("This Mini App launch was used already. Open the app again.", code="replayed")
            workspace_id = _again(user_id, launch.session)
            _revoke(launch.session, now=now)
            launch.delete_instance()
        token, session_id = start(user_id, workspace_id, kind=MINI_APP, ip=ip, user_agent=user_agent, now=now)
        Launch.create(
            launch_hash=launch_hash,
            device_hash=device_hash,
            session=session_id,
            expires_at=launched_at + LAUNCH_WINDOW,
        )
    return token


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One of a person's live sessions. `handle` names it in addresses; it tells nothing of the token."""

    id: int
    handle: str
    kind: str
    ip: str
    user_agent: str
    created_at: datetime
    expires_at: datetime


def open_sessions(user_id: int, *, now: datetime) -> list[OpenSession]:
    """A person's live sessions, newest first."""
    found = (
        Session.select()
        .where(Session.user == user_id, Session.revoked_at.is_null(), Session.expires_at > now)
        .order_by(Session.created_at.desc(), Session.id.desc())
    )
    return [
        OpenSession(s.id, ids.token_hash(s.token_hash)[:22], s.kind, s.ip, s.user_agent, s.created_at, s.expires_at)
        for s in found
    ]


def end_one(user_id: int, handle: str, *, now: datetime) -> None:
    """End one of a person's own sessions. Raises NotFound for anybody else's."""
    mine = [s for s in open_sessions(user_id, now=now) if s.handle == handle]
    if not mine:
        raise NotFound(N_("There is no such session."))
    end(mine[0].id, now=now)


def end_others(user_id: int, but: int, *, now: datetime) -> int:
    """End all of a person's sessions but one; returns how many."""
    others = [s.id for s in open_sessions(user_id, now=now) if s.id != but]
    with db.write():
        for session_id in others:
            end(session_id, now=now)
    return len(others)
