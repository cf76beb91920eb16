"""The public door: /s/<token> shows one channel's pages, or the network's, to whoever has the link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, g, make_response, redirect, request, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.analytics import asked, build
from app.analytics.sharing import service as sharing
from app.analytics.sharing.outside import seen_from_outside
from app.analytics.sharing.service import Shared
from app.channels.queries import ChannelRef, channel_of
from app.core import ids
from app.core.errors import NotFound
from app.core.htmx import page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

blueprint = Blueprint("shared", __name__, url_prefix="/s")
_COOKIE, _UNLOCKED_S = "share", 12 * 3600
_OFTEN = "120 per minute"


@blueprint.after_request
def _unlisted(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@blueprint.get("/<token>")
@policy(Act.PUBLIC)
@limiter.limit(_OFTEN)
def show(token: str) -> Any:
    """The channel at a glance, or the network."""
    shared = sharing.opened(token, now=g.now)
    if not _is_unlocked(shared):
        return _locked(token)
    if not request.headers.get("HX-Request"):
        sharing.note_use(shared, now=g.now)
    if shared.channel_public_id is None:
        return _answer(shared, token, "analytics/network.html", _network(shared))
    return _channel_answer(shared, token, "analytics/channel.html", build.channel_page)


def _network(shared: Shared) -> Any:
    return build.network_page(
        shared.workspace_id,
        shared.workspace_name,
        timezone=shared.timezone,
        span=asked.span(request.args),
        is_demo=False,
        now=g.now,
    )


@blueprint.get("/<token>/posts")
@policy(Act.PUBLIC)
@limiter.limit(_OFTEN)
def posts(token: str) -> Any:
    shared = sharing.opened(token, now=g.now)
    if not _is_unlocked(shared):
        return _locked(token)
    table = asked.posts_table(request.args, choices=build.SHOWN)
    return _channel_answer(shared, token, "analytics/posts.html", build.posts_page, **table)


@blueprint.get("/<token>/content")
@policy(Act.PUBLIC)
@limiter.limit(_OFTEN)
def content(token: str) -> Any:
    shared = sharing.opened(token, now=g.now)
    if not _is_unlocked(shared):
        return _locked(token)
    return _channel_answer(shared, token, "analytics/content.html", build.content_page)


@blueprint.get("/<token>/posts/<key>")
@policy(Act.PUBLIC)
@limiter.limit(_OFTEN)
def post(token: str, key: str) -> Any:
    shared = sharing.opened(token, now=g.now)
    if not _is_unlocked(shared):
        return _locked(token)
    built = build.post_page(shared.workspace_id, _channel(shared), key, now=g.now)
    if built is None:
        raise NotFound(N_("There is no such post."))
    return _answer(shared, token, "analytics/post.html", built)


def _channel(shared: Shared) -> ChannelRef:
    """The link's one channel; the network's link opens no channel's pages."""
    found = channel_of(shared.workspace_id, shared.channel_public_id) if shared.channel_public_id else None
    if found is None:
        raise NotFound(N_("There is no such page."))
    return found


def _channel_answer(shared: Shared, token: str, template: str, assemble: Callable[..., Any], **more: Any) -> Response:
    span = asked.span(request.args)
    return _answer(
        shared, token, template, assemble(shared.workspace_id, _channel(shared), span=span, **more, now=g.now)
    )


def _answer(shared: Shared, token: str, template: str, built: Any) -> Response:
    inside = f"/channels/{shared.channel_public_id}" if shared.channel_public_id else "/network"
    seen = seen_from_outside(built, inside=inside, outside=f"/s/{token}")
    return page(template, page=seen, layout="layouts/shared.html", shared=shared)


@blueprint.post("/<token>")
@policy(Act.PUBLIC)
@limiter.limit("10 per minute")
@limiter.limit("60 per hour", key_func=lambda: f"share:{(request.view_args or {}).get('token', '')}")
def unlock(token: str) -> Any:
    """The password in, and this browser may read on for a while: this link, and no other."""
    shared = sharing.opened(token, now=g.now)
    if not sharing.fits(shared, request.form.get("password", "")):
        return page("sharing/password.html", status=422, token=token, is_wrong=True)
    response = make_response(redirect(url_for("shared.show", token=token), 303))
    response.set_cookie(
        _COOKIE,
        _signer().dumps(_proof(shared)),
        max_age=_UNLOCKED_S,
        path=f"/s/{token}",
        httponly=True,
        samesite="Lax",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
    )
    return response


def _is_unlocked(shared: Shared) -> bool:
    if shared.password_hash is None:
        return True
    try:
        return _signer().loads(request.cookies.get(_COOKIE, ""), max_age=_UNLOCKED_S) == _proof(shared)
    except BadSignature:
        return False


def _proof(shared: Shared) -> list[str]:
    """What an unlocked browser's cookie says: this link with this password."""
    return [shared.public_id, ids.token_hash(shared.password_hash or "")[:22]]


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="share-link")


def _locked(token: str) -> Response:
    if request.headers.get("HX-Request") == "true":
        return redirect_or_hx(url_for("shared.show", token=token))
    return page("sharing/password.html", status=401, token=token, is_wrong=False)
