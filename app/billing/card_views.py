"""Saved cards: which one pays, saving another, removing one. Card numbers are typed at the gateway, never here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, g
from flask_login import current_user

from app.billing import queries
from app.billing.gateways.base import WEB
from app.billing.gateways.stripe import link
from app.billing.queries import CardRow
from app.billing.service import cards, orders
from app.billing.views import surface
from app.core import outbox
from app.core import policy as roles
from app.core.htmx import page, redirect_or_hx
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

blueprint = Blueprint("cards", __name__, url_prefix="/billing/cards")


@dataclass(frozen=True, slots=True)
class CardsPage:
    """`saving_url`: the gateway's page for another card; "" while it is being made, None when nobody asked."""

    cards: tuple[CardRow, ...]
    saving_url: str | None
    can_save: bool
    is_engine_up: bool
    may_pay: bool


@blueprint.get("")
@policy(Act.SEE_MONEY)
def show() -> Response:
    here = current_user.workspace_id
    keepers = [way for way in current_app.extensions["runtime"].gateways.on(WEB) if way.keeps_cards]
    is_web = surface() == WEB
    found = CardsPage(
        cards=tuple(queries.cards_of(here)),
        saving_url=link.saving_url(here, now=g.now) if is_web else None,
        can_save=bool(keepers) and is_web,
        is_engine_up=queries.is_engine_up(now=g.now),
        may_pay=roles.may(current_user.role, Act.PAY),
    )
    return page("billing/cards.html", page=found)


@blueprint.post("/new")
@policy(Act.PAY)
@limiter.limit("10 per minute")
def new() -> Any:
    """Ask for the gateway's page on which a card is saved."""
    link.ask_to_save(current_user.workspace_id, now=g.now)
    outbox.put(orders.DESK_TOPIC, link.Stripe.key, now=g.now)
    return redirect_or_hx("/billing/cards")


@blueprint.post("/<public_id>/remove")
@policy(Act.PAY)
def remove(public_id: str) -> Any:
    """Charge it no more; its gateway forgets it."""
    cards.remove(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx("/billing/cards")
