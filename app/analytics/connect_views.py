"""Connecting a channel: guided, live. It stands here since it shows channels, their feeds and their rights at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, request, url_for
from flask_login import current_user

from app.analytics.pages import ConnectPage, PendingChannel
from app.billing.service import limits
from app.channels.queries import bot_offers, channels_of
from app.channels.service import connect as channels
from app.channels.service import keeping
from app.core.errors import AppError, Invalid, LimitReached
from app.core.htmx import explained, page, redirect_or_hx
from app.core.policy import Act, policy
from app.readings import service as readings
from app.telegram.service import add_to_channel_url, service_bot

blueprint = Blueprint("channels", __name__, url_prefix="/channels")


@blueprint.get("/connect")
@policy(Act.MANAGE_CHANNELS)
def connect() -> Response:
    return page("channels/connect.html", page=_page())


def _page(**form: str) -> ConnectPage:
    settings, bot = current_app.extensions["runtime"].settings, service_bot()
    name = bot.username if bot else ""
    return ConnectPage(
        bot_username=name,
        add_url=settings.simulator_url or add_to_channel_url(name),
        simulator_url=settings.simulator_url or None,
        pending=_pending(),
        poll_url=url_for("channels.connect"),
        **form,
    )


def _pending() -> tuple[PendingChannel, ...]:
    if current_user.telegram_user_id is None:
        return ()
    mine = {c.chat_id: c for c in channels_of(current_user.workspace_id) if c.relation == channels.OWNED}
    found = []
    for _bot_id, chat_id, title, username, status, _at in bot_offers(current_user.telegram_user_id):
        channel = mine.get(chat_id)
        if channel is not None and status == "administrator":
            url = url_for("analytics.channel", public_id=channel.public_id)
            found.append(PendingChannel(title, username, "connected", url))
        elif status == "administrator":
            found.append(PendingChannel(title, username, "not_allowed", None))
    return tuple(found)


@blueprint.post("/watch")
@policy(Act.MANAGE_CHANNELS)
def watch() -> Any:
    """Put a public channel on the watch-list."""
    runtime, name = current_app.extensions["runtime"], request.form.get("username", "")
    try:
        channel = readings.watch_public(
            name,
            workspace_id=current_user.workspace_id,
            actor=f"user:{current_user.user_id}",
            limits=runtime.limits,
            is_simulated=bool(runtime.settings.simulator_url),
            pages_per_minute=runtime.settings.preview_pages_per_minute,
            now=g.now,
        )
    except AppError as error:
        shown = _page(watch_username=name[:80], watch_error=explained(error))
        return page("channels/connect.html", status=422, page=shown)
    return redirect_or_hx(url_for("analytics.channel", public_id=channel.public_id))


@blueprint.post("/<public_id>/disconnect")
@policy(Act.MANAGE_CHANNELS)
def disconnect(public_id: str) -> Any:
    channels.disconnect(current_user.workspace_id, public_id, actor=f"user:{current_user.user_id}", now=g.now)
    return redirect(url_for("analytics.network"), 303)


@dataclass(frozen=True, slots=True)
class KeptPage:
    """Own channels, (public id, title, whether it is writable), and how many the plan has room for (None: all)."""

    rows: tuple[tuple[str, str, bool], ...]
    room: int | None
    error: str = ""


def _kept_page(*, chosen: Sequence[str] | None = None, error: str = "") -> KeptPage:
    here = current_user.workspace_id
    writable = keeping.standing(here, now=g.now)
    titles = {ref.public_id: ref.title for ref in channels_of(here)}
    rows = tuple((i, titles[i], i in chosen if chosen is not None else on) for i, on in writable.items())
    return KeptPage(rows, limits.limit_of(here, "channels", now=g.now), error)


@blueprint.get("/kept")
@policy(Act.MANAGE_CHANNELS)
def kept() -> Response:
    """Which channels stay writable when the plan has not room for all."""
    return page("channels/kept.html", page=_kept_page())


@blueprint.post("/kept")
@policy(Act.MANAGE_CHANNELS)
def keep() -> Any:
    chosen = request.form.getlist("channel")
    try:
        keeping.keep(current_user.workspace_id, chosen, user_id=current_user.user_id, now=g.now)
    except (Invalid, LimitReached) as error:
        return page("channels/kept.html", status=422, page=_kept_page(chosen=chosen, error=explained(error)))
    return redirect_or_hx(url_for("channels.kept"))
