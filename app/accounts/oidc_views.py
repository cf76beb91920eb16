"""Log in with Telegram: to the issuer and back. The web process asks the issuer only here, in a login's own exchange."""

from __future__ import annotations

import hmac
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, g, redirect, request, session, url_for
from flask_babel import get_locale
from flask_login import current_user

from app.accounts import door
from app.accounts.oidc import LIFETIME, Attempt, Provider, Refused
from app.accounts.service import logins, sessions
from app.core import i18n, telemetry
from app.core.errors import AppError, NotFound, Unauthenticated
from app.core.htmx import explained, page
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

if TYPE_CHECKING:
    from app.accounts.oidc.client import Client

blueprint = Blueprint("oidc", __name__, url_prefix="/login/oidc")
LABEL, SCOPES = "Telegram", ("openid", "profile")
_KEPT = "login"


def _client() -> Client:
    """The client of the configured issuer; one for the process, since it keeps the issuer's keys."""
    from app.accounts.oidc.client import Client  # JOSE costs the web process 12 MB: only where somebody logs in so

    known: Client | None = current_app.extensions.get("oidc")
    if known is None:
        settings = current_app.extensions["runtime"].settings
        if not settings.oidc_issuer:
            raise NotFound(N_("There is no such page."))
        secret = settings.oidc_client_secret.get_secret_value()
        provider = Provider(settings.oidc_issuer, settings.oidc_client_id, secret, SCOPES, LABEL)
        known = current_app.extensions["oidc"] = Client(provider)
    return known


def _redirect_uri() -> str:
    """Of the settings, never of the request's Host header: the issuer compares it letter by letter."""
    return f"{current_app.extensions['runtime'].settings.base_url}{url_for('oidc.come_back')}"


@blueprint.get("")
@policy(Act.PUBLIC)
@limiter.limit("20 per minute")
def begin() -> Any:
    """To the issuer, with secrets that stay in this browser's signed cookie. Nothing is stored here yet."""
    client = _client()
    try:
        url, attempt = client.begin(_redirect_uri(), now=g.now)
    except AppError as error:
        return _told(error)
    session[_KEPT] = asdict(attempt) | {"next": request.args.get("next")}
    return redirect(url, 303)


@blueprint.get("/callback")
@policy(Act.PUBLIC)
@limiter.limit("20 per minute")
def come_back() -> Any:
    """From the issuer: the attempt is spent whatever comes, and only a token that answers to it opens a session."""
    client, kept = _client(), session.pop(_KEPT, {})
    try:
        attempt = _spent_attempt(kept)
        claims = client.finish(attempt, _code(client.provider), _redirect_uri(), now=g.now)
        token = logins.enter_with_telegram(
            claims,
            language=i18n.spoken(str(get_locale() or "en")),
            timezone=current_app.extensions["runtime"].settings.default_timezone,
            ip=door.ip(),
            user_agent=door.agent(),
            now=g.now,
        )
    except AppError as error:
        return _told(error)
    if current_user.is_authenticated:
        sessions.end(current_user.session_id, now=g.now)
    wanted = door.enter(token, "browser")
    return redirect(door.local_path(kept.get("next") or wanted), 303)


def _spent_attempt(kept: dict[str, Any]) -> Attempt:
    """This browser's attempt, if the state that came back is its own and comes back for the first time."""
    fields = {name: kept[name] for name in Attempt.__slots__ if name in kept}
    given = request.args.get("state", "")
    if len(fields) < len(Attempt.__slots__) or not hmac.compare_digest(given.encode(), fields["state"].encode()):
        raise logins.begun_elsewhere()
    attempt = Attempt(**fields)
    if not attempt.is_fresh(now=g.now):
        raise logins.begun_elsewhere()
    logins.spend(attempt.state, until=LIFETIME, now=g.now)
    return attempt


def _code(provider: Provider) -> str:
    if request.args.get("iss", provider.issuer) != provider.issuer:  # RFC 9207
        raise Refused("iss: another issuer answers")
    if request.args.get("error") == "access_denied":
        raise Unauthenticated(N_("You cancelled the login. Nothing was changed."), code="cancelled")
    if not request.args.get("code"):
        raise Refused("no code: " + request.args.get("error", "")[:40])
    return request.args["code"]


def _told(error: AppError) -> Response:
    """The login page with what went wrong, in the person's language."""
    why = getattr(error, "why", error.code)
    telemetry.log().warning("login failed", code=error.code, why=why)
    status = error.status if error.status < 500 else 503
    return page("accounts/login.html", status=status, error=explained(error))
