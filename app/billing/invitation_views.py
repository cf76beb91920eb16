"""Inviting others: the workspace's link, who came by it, and what it makes cheaper. On the web only: Stars take no coupons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, g
from flask_login import current_user

from app.billing.gateways.base import WEB
from app.billing.service import invitations
from app.billing.service.invitations import Invited
from app.billing.views import surface
from app.core import policy as roles
from app.core.errors import NotFound
from app.core.htmx import page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

blueprint = Blueprint("invitations", __name__, url_prefix="/billing/invite")


@dataclass(frozen=True, slots=True)
class InvitationPage:
    """`url` is the link to hand out; both are empty before it was made. Percentages of a period's price."""

    invited: Invited | None
    url: str
    guest_percent: int
    thanks_percent: int
    may_pay: bool


@blueprint.get("")
@policy(Act.SEE_MONEY)
def show() -> Response:
    _require_web()
    invited = invitations.of_workspace(current_user.workspace_id)
    base_url = current_app.extensions["runtime"].settings.base_url
    found = InvitationPage(
        invited=invited,
        url=f"{base_url}/billing?{urlencode({'coupon': invited.code})}" if invited else "",
        guest_percent=invitations.GUEST_PERCENT,
        thanks_percent=invitations.THANKS_PERCENT,
        may_pay=roles.may(current_user.role, Act.PAY),
    )
    return page("billing/invitation.html", page=found)


@blueprint.post("")
@policy(Act.PAY)
@limiter.limit("10 per minute")
def invite() -> Any:
    """Make the workspace's link; there is one."""
    _require_web()
    invitations.invite(current_user.workspace_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx("/billing/invite")


def _require_web() -> None:
    if surface() != WEB:
        raise NotFound(N_("There is no such page."))
