"""Who pays: the name, address and tax number that the next invoices carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, g, request
from flask_login import current_user

from app.billing.service import payers
from app.billing.service.payers import Details
from app.core import policy as roles
from app.core.errors import Invalid
from app.core.htmx import page, redirect_or_hx
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.mail import service as mail

blueprint = Blueprint("payer", __name__, url_prefix="/billing/payer")


@dataclass(frozen=True, slots=True)
class PayerPage:
    """The details as they are, or as they were typed and refused."""

    details: Details
    may_pay: bool
    sends_letters: bool
    errors: dict[str, str] = field(default_factory=dict)


def _page(details: Details, errors: dict[str, str] | None = None) -> PayerPage:
    return PayerPage(details, roles.may(current_user.role, Act.PAY), mail.is_set_up(), errors or {})


@blueprint.get("")
@policy(Act.SEE_MONEY)
def show() -> Response:
    return page("billing/payer.html", page=_page(payers.details_of(current_user.workspace_id)))


@blueprint.post("")
@policy(Act.PAY)
@limiter.limit("30 per minute")
def change() -> Any:
    given = Details(*(request.form.get(name, "")[:300] for name in ("name", "email", "tax_id")))
    try:
        payers.change_details(current_user.workspace_id, given, user_id=current_user.user_id, now=g.now)
    except Invalid as error:
        return page("billing/payer.html", status=error.status, page=_page(given, dict(error.fields)))
    return redirect_or_hx("/billing")
