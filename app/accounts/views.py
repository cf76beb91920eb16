"""Signing in and out, the Mini App's door, API keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, request, session, url_for
from flask_login import current_user

from app.accounts import door
from app.accounts.service import keys, people, sessions
from app.core.errors import Invalid, NotFound
from app.core.htmx import explained, page
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

blueprint = Blueprint("accounts", __name__)


@blueprint.get("/")
@policy(Act.PUBLIC)
def home() -> Any:
    return redirect("/network" if current_user.is_authenticated else "/login", 303)


@blueprint.get("/login")
@policy(Act.PUBLIC)
def login() -> Response:
    return page("accounts/login.html")


@blueprint.get("/login/expired")
@policy(Act.PUBLIC)
def expired() -> Response:
    session.clear()
    return page("accounts/expired.html")


@blueprint.get("/login/demo/<token>")
@policy(Act.PUBLIC)
def demo_login(token: str) -> Response:
    """The page behind the printed link; a button spends the token, since a GET must change nothing."""
    _require_demo_on_loopback()
    return page("accounts/demo_login.html", token=token)


@blueprint.post("/login/demo/<token>")
@policy(Act.PUBLIC)
@limiter.limit("20 per minute")
def use_demo_link(token: str) -> Any:
    _require_demo_on_loopback()
    opened = sessions.use_ticket(token, purpose=sessions.DEMO, ip=door.ip(), user_agent=door.agent(), now=g.now)
    return redirect(door.enter(opened, "browser"), 303)


@blueprint.get("/login/link/<token>")
@policy(Act.PUBLIC)
@limiter.limit("60 per minute")
def link_login(token: str) -> Response:
    """The page behind a link that the bot sent: it says whose account it opens, and a button spends the link."""
    person = sessions.ticket_owner(token, purpose=sessions.LINK, now=g.now)
    return page("accounts/link_login.html", token=token, name=person.name)


@blueprint.post("/login/link/<token>")
@policy(Act.PUBLIC)
@limiter.limit("20 per minute")
def use_link(token: str) -> Any:
    opened = sessions.use_ticket(token, purpose=sessions.LINK, ip=door.ip(), user_agent=door.agent(), now=g.now)
    return redirect(door.enter(opened, "browser"), 303)


def _require_demo_on_loopback() -> None:
    is_demo = current_app.extensions["runtime"].settings.demo
    if not is_demo or not ip_address(request.remote_addr or "0.0.0.0").is_loopback:
        raise NotFound("There is no such page.")


@blueprint.post("/logout")
@policy(Act.OWN_ACCOUNT)
def sign_out() -> Any:
    sessions.end(current_user.session_id, now=g.now)
    session.clear()
    return redirect(url_for("twa.left" if door.is_by_header() else "accounts.login"), 303)


@blueprint.post("/workspaces/<public_id>/enter")
@policy(Act.OWN_ACCOUNT)
def enter_workspace(public_id: str) -> Any:
    """Go on in another of the person's workspaces, with the same session: its kind, its end and its launch stay."""
    mine = {w[1]: w[0] for w in people.workspaces_of(current_user.user_id)}
    if public_id not in mine:
        raise NotFound("There is no such workspace.")
    sessions.move(current_user, mine[public_id], now=g.now)
    return redirect("/network", 303)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as its list shows it."""

    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoke_url: str


@dataclass(frozen=True, slots=True)
class KeysPage:
    """The workspace's API keys; `new_secret` is shown this one time."""

    rows: tuple[KeyRow, ...]
    new_secret: str = ""
    error: str = ""


def _keys_page(*, new_secret: str = "", error: str = "") -> KeysPage:
    rows = tuple(
        KeyRow(
            k.name, k.prefix, k.created_at, k.last_used_at, url_for("accounts.revoke_api_key", public_id=k.public_id)
        )
        for k in keys.keys_of(current_user.workspace_id)
    )
    return KeysPage(rows, new_secret, error)


@blueprint.get("/settings/api-keys")
@policy(Act.MANAGE_KEYS)
def api_keys() -> Response:
    return page("accounts/api_keys.html", page=_keys_page())


@blueprint.post("/settings/api-keys")
@policy(Act.MANAGE_KEYS, is_fresh=True)
def create_api_key() -> Response:
    try:
        secret = keys.create(
            current_user.workspace_id, user_id=current_user.user_id, name=request.form.get("name", ""), now=g.now
        )
    except Invalid as error:
        return page("accounts/api_keys.html", status=422, page=_keys_page(error=explained(error)))
    return page("accounts/api_keys.html", page=_keys_page(new_secret=secret))


@blueprint.post("/settings/api-keys/<public_id>/revoke")
@policy(Act.MANAGE_KEYS)
def revoke_api_key(public_id: str) -> Any:
    keys.revoke(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    if request.headers.get("HX-Request") == "true":
        return page("accounts/api_keys.html", toast="The key is revoked.", page=_keys_page())
    return redirect(url_for("accounts.api_keys"), 303)
