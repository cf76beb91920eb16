"""Saved cards: which one pays, saving another, removing one. No card number comes to us: it is typed at the gateway, or
goes from the payer's browser to the gateway, which gives the browser a token for us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, g, request
from flask_login import current_user

from app.billing import queries
from app.billing.gateways.base import WEB
from app.billing.gateways.payme.link import Payme
from app.billing.gateways.stripe import link
from app.billing.queries import CardRow
from app.billing.service import cards, orders
from app.billing.service.cards import Vault
from app.billing.views import surface
from app.core import outbox
from app.core import policy as roles
from app.core.errors import Conflict, Invalid, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

blueprint = Blueprint("cards", __name__, url_prefix="/billing/cards")


@dataclass(frozen=True, slots=True)
class CardsPage:
    """`saving_url`: the gateway's page for another card; "" while it is being made, None when nobody asked."""

    cards: tuple[CardRow, ...]
    saving_url: str | None
    can_save: bool
    can_save_at_payme: bool
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
        can_save_at_payme=saves_at_payme(),
        is_engine_up=queries.is_engine_up(now=g.now),
        may_pay=roles.may(current_user.role, Act.PAY),
    )
    return page("billing/cards.html", page=found)


@blueprint.post("/new")
@policy(Act.PAY)
@limiter.limit("10 per minute")
def new() -> Any:
    """Ask for the gateway's page on which a card is saved. Not inside Telegram, which allows its Stars only."""
    if surface() != WEB:
        raise NotFound(N_("There is no such page."))
    link.ask_to_save(current_user.workspace_id, now=g.now)
    outbox.put(orders.DESK_TOPIC, link.Stripe.key, now=g.now)
    return redirect_or_hx("/billing/cards")


def saves_at_payme() -> bool:
    """Whether cards can be saved at Payme here: our contract with it allows that, and this is no page inside Telegram."""
    settings = current_app.extensions["runtime"].settings
    return bool(settings.payme_cards and settings.payme_merchant_id) and surface() == WEB


@dataclass(frozen=True, slots=True)
class PaymeCardPage:
    """`api_url` and `merchant_id`: whom the payer's browser asks for a token, and for which kassa."""

    api_url: str
    merchant_id: str
    error: str = ""


@blueprint.get("/payme")
@policy(Act.PAY)
def at_payme() -> Response:
    return _payme_page()


@blueprint.post("/payme")
@policy(Act.PAY)
@limiter.limit("10 per minute")
def keep_payme_token() -> Any:
    """The token that Payme gave to the payer's browser; the worker asks Payme what it is before anything is charged."""
    _require_payme()
    vault: Vault = current_app.extensions["runtime"].vault
    try:
        vault.offer(current_user.workspace_id, Payme.key, request.form.get("token", "").strip(), now=g.now)
    except (Invalid, Conflict) as error:
        return _payme_page(error)
    return redirect_or_hx("/billing/cards")


def _payme_page(error: Invalid | Conflict | None = None) -> Response:
    _require_payme()
    settings = current_app.extensions["runtime"].settings
    at = urlsplit(settings.payme_api_url)
    g.calls_also = f"{at.scheme}://{at.hostname}" + (f":{at.port}" if at.port else "")
    found = PaymeCardPage(settings.payme_api_url, settings.payme_merchant_id, explained(error) if error else "")
    return page("billing/payme_card.html", status=error.status if error else 200, page=found)


def _require_payme() -> None:
    if not saves_at_payme():
        raise NotFound(N_("There is no such page."))


@blueprint.post("/<public_id>/remove")
@policy(Act.PAY)
def remove(public_id: str) -> Any:
    """Charge it no more; its gateway forgets it."""
    cards.remove(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx("/billing/cards")
