"""What a person sets: language and zone, the workspace's name and zone, and which sessions go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, redirect, request, url_for
from flask_login import current_user

from app.accounts.service import people, sessions
from app.core import zones
from app.core.errors import Invalid
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, may, policy

blueprint = Blueprint("settings", __name__, url_prefix="/settings")
_TEMPLATE = "accounts/settings.html"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A live session of the person's."""

    kind: str
    ip: str
    user_agent: str
    created_at: datetime
    expires_at: datetime
    is_this: bool
    revoke_url: str


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The person's and the workspace's settings; fields hold what was sent when it was wrong."""

    language: str
    timezone: str
    workspace_name: str
    workspace_timezone: str
    may_manage: bool
    zones: tuple[str, ...]
    sessions: tuple[SessionRow, ...]
    error: str = ""
    workspace_error: str = ""


def _page(**sent: str) -> SettingsPage:
    shown = {
        "language": current_user.language,
        "timezone": current_user.timezone,
        "workspace_name": current_user.workspace_name,
        "workspace_timezone": current_user.workspace_timezone,
    }
    return SettingsPage(
        **(shown | sent),
        may_manage=may(current_user.role, Act.MANAGE_WORKSPACE),
        zones=zones.names(),
        sessions=tuple(_row(s) for s in sessions.open_sessions(current_user.user_id, now=g.now)),
    )


def _row(session: sessions.OpenSession) -> SessionRow:
    return SessionRow(
        session.kind,
        session.ip,
        session.user_agent,
        session.created_at,
        session.expires_at,
        session.id == current_user.session_id,
        url_for("settings.end_session", handle=session.handle),
    )


@blueprint.get("")
@policy(Act.SEE)
def show() -> Response:
    return page(_TEMPLATE, page=_page())


@blueprint.post("/me")
@policy(Act.OWN_ACCOUNT)
def save_me() -> Any:
    """Language and zone of the person; the whole page comes anew, since every word of it may change."""
    language, timezone = request.form.get("language", ""), request.form.get("timezone", "")
    try:
        people.prefer(current_user.user_id, language=language, timezone=timezone)
    except Invalid as error:
        return page(_TEMPLATE, status=422, page=_page(timezone=timezone[:64], error=explained(error)))
    return redirect_or_hx(url_for("settings.show"))


@blueprint.post("/workspace")
@policy(Act.MANAGE_WORKSPACE, is_fresh=True)
def save_workspace() -> Any:
    name, timezone = request.form.get("name", ""), request.form.get("timezone", "")
    try:
        people.describe_workspace(
            current_user.workspace_id, name=name, timezone=timezone, actor=f"user:{current_user.user_id}", now=g.now
        )
    except Invalid as error:
        sent = {"workspace_name": name[:200], "workspace_timezone": timezone[:64]}
        return page(_TEMPLATE, status=422, page=_page(**sent, workspace_error=explained(error)))
    return redirect_or_hx(url_for("settings.show"))


@blueprint.post("/sessions/<handle>/end")
@policy(Act.OWN_ACCOUNT)
def end_session(handle: str) -> Any:
    sessions.end_one(current_user.user_id, handle, now=g.now)
    return _sessions_left(N_("The session is ended."))


@blueprint.post("/sessions/end-others")
@policy(Act.OWN_ACCOUNT, is_fresh=True)
def end_other_sessions() -> Any:
    sessions.end_others(current_user.user_id, current_user.session_id, now=g.now)
    return _sessions_left(N_("All other sessions are ended."))


def _sessions_left(toast: str) -> Any:
    if request.headers.get("HX-Request") == "true":
        return page(_TEMPLATE, toast=toast, page=_page())
    return redirect(url_for("settings.show"), 303)
