"""The page of a workspace's own bots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from flask_login import current_user

from app.core.errors import Conflict, Invalid
from app.core.htmx import explained, page, redirect_or_hx
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.posting.bots import service as bots
from app.posting.service import planning
from app.telegram import own_bots
from app.telegram import service as telegram
from app.telegram.own_bots import WANTED, Wish

blueprint = Blueprint("bots", __name__, url_prefix="/settings/bots")
_TEMPLATE = "posting/bots.html"


@dataclass(frozen=True, slots=True)
class BotRow:
    """An own bot. `storage`: the private channels where it may keep copies of files, and the chosen one."""

    bot_id: int
    username: str
    created_at: datetime
    trouble: str
    storage: tuple[tuple[int, str], ...]
    storage_chat_id: int | None


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel and the bot that posts there."""

    public_id: str
    title: str
    bot_id: int | None


@dataclass(frozen=True, slots=True)
class BotsPage:
    """The workspace's bots. `choices`: (id, name) of all that may be chosen for a channel."""

    bots: tuple[BotRow, ...]
    wishes: tuple[Wish, ...]
    channels: tuple[ChannelRow, ...]
    choices: tuple[tuple[int, str], ...]
    error: str = ""
    choice_error: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether the page should ask again what Telegram said."""
        return any(wish.state == WANTED for wish in self.wishes)


def _page() -> BotsPage:
    own = own_bots.bots_of(current_user.workspace_id)
    service = telegram.service_bot()
    return BotsPage(
        bots=tuple(
            BotRow(
                *(bot.bot_id, bot.username, bot.created_at, bot.trouble or ""),
                *(tuple(bots.storage_chats(bot.bot_id)), bot.storage_chat_id),
            )
            for bot in own
        ),
        wishes=tuple(own_bots.wishes_of(current_user.workspace_id)),
        channels=tuple(
            ChannelRow(ref.public_id, ref.title, ref.bot_id) for ref in planning.own_channels(current_user.workspace_id)
        ),
        choices=tuple((bot.bot_id, bot.username) for bot in ([service] if service else []) + own),
    )


def _who() -> dict[str, Any]:
    return {"user_id": current_user.user_id, "now": g.now}


def _back() -> Response:
    return redirect_or_hx("/settings/bots")


@blueprint.get("")
@policy(Act.MANAGE_WORKSPACE)
def show() -> Response:
    return page(_TEMPLATE, page=_page())


@blueprint.post("")
@policy(Act.MANAGE_WORKSPACE, is_fresh=True)
@limiter.limit("20 per hour")
def hand_in() -> Any:
    """Keep a token until Telegram says whose it is: a new bot, or the new token of one that is here."""
    sealer = current_app.extensions["runtime"].sealer
    try:
        bots.hand_in(sealer, current_user.workspace_id, request.form.get("token", ""), **_who())
    except (Invalid, Conflict) as error:
        return page(_TEMPLATE, status=error.status, page=replace(_page(), error=explained(error)))
    return _back()


@blueprint.post("/wishes/<wish>/dismiss")
@policy(Act.MANAGE_WORKSPACE)
def dismiss(wish: str) -> Any:
    own_bots.dismiss(current_user.workspace_id, wish)
    return _back()


@blueprint.post("/<int:bot_id>/revoke")
@policy(Act.MANAGE_WORKSPACE, is_fresh=True)
def revoke(bot_id: int) -> Any:
    bots.revoke(current_user.workspace_id, bot_id, **_who())
    return _back()


@blueprint.post("/<int:bot_id>/storage")
@policy(Act.MANAGE_WORKSPACE)
def keep_copies_in(bot_id: int) -> Any:
    bots.keep_copies_in(current_user.workspace_id, bot_id, _number(request.form.get("chat", "")), **_who())
    return _back()


@blueprint.post("/channels/<channel>")
@policy(Act.MANAGE_WORKSPACE)
def choose(channel: str) -> Any:
    """Which bot posts in a channel."""
    try:
        bots.choose(current_user.workspace_id, channel, _number(request.form.get("bot", "")) or 0, **_who())
    except Conflict as error:
        return page(_TEMPLATE, status=409, page=replace(_page(), choice_error=explained(error)))
    return _back()


def _number(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 18 else None
