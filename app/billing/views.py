"""The plan of a workspace: what it allows and how much of it is used, buying, cancelling, invoices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, g, request
from flask_babel import get_locale
from flask_login import current_user

from app.accounts import door
from app.billing import queries
from app.billing.gateways.base import TELEGRAM, WEB, Gateway
from app.billing.gateways.payme.link import Payme
from app.billing.invoice_pdf import Paper, pdf_of
from app.billing.queries import InvoiceRow, PlanCard, Standing
from app.billing.service import credit, keeping, limits, orders, pausing, prices, subscriptions, trials
from app.billing.service.checkout import check_out
from app.billing.service.keeping import Offer
from app.billing.service.limits import Usage
from app.core import policy as roles
from app.core.errors import Conflict, Invalid, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.idempotency import idempotent
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

blueprint = Blueprint("billing", __name__, url_prefix="/billing")


@dataclass(frozen=True, slots=True)
class BillingPage:
    """`gateways` are those that may be offered where the page is shown; `currency` is that of the prices on it."""

    plan: str
    standing: Standing | None
    usage: tuple[Usage, ...]
    cards: tuple[PlanCard, ...]
    gateways: tuple[Gateway, ...]
    currencies: tuple[str, ...]
    currency: str
    invoices: tuple[InvoiceRow, ...]
    open_order: str
    may_pay: bool
    may_try: bool
    coupon: str
    may_invite: bool
    is_spent_here: bool
    can_save_card: bool
    offers: tuple[Offer, ...]
    credit: Mapping[str, int]
    error: str = ""


def surface() -> str:
    """`telegram` inside the Mini App, where Telegram allows its Stars only; else `web`."""
    return TELEGRAM if door.is_by_header() else WEB


def _page(*, error: str = "") -> BillingPage:
    runtime, here = current_app.extensions["runtime"], current_user.workspace_id
    offered = runtime.gateways.on(surface())
    standing = queries.standing_of(here, now=g.now)
    currencies = tuple(
        one for one in dict.fromkeys(gateway.currency for gateway in offered) if prices.price_list(one, now=g.now)
    )
    wanted = request.values.get("currency") or (standing.currency if standing else "")
    currency = wanted if wanted in currencies else next(iter(currencies), "")
    shown = tuple(gateway for gateway in offered if gateway.currency == currency)
    intervals = {interval for gateway in shown for interval in gateway.intervals}
    return BillingPage(
        plan=limits.plan_of(here),
        standing=standing,
        usage=tuple(limits.usage_of(here, runtime.stocks, now=g.now)),
        cards=tuple(queries.plan_cards(here, currency, intervals, now=g.now)),
        gateways=shown,
        currencies=currencies,
        currency=currency,
        invoices=tuple(queries.invoices_of(here)),
        open_order=queries.open_order_of(here),
        may_pay=roles.may(current_user.role, Act.PAY),
        may_try=standing is None and trials.may_start(here, user_id=current_user.user_id),
        coupon=request.values.get("coupon", "")[:32],
        may_invite=surface() == WEB,
        is_spent_here=surface() == WEB,
        can_save_card=currency == Payme.currency and runtime.settings.payme_cards,
        offers=tuple(keeping.offers(here)),
        credit=credit.of_workspace(here),
        error=error,
    )


@blueprint.get("")
@policy(Act.SEE_MONEY)
def show() -> Response:
    return page("billing/plan.html", page=_page())


@blueprint.post("/checkout")
@policy(Act.PAY)
@limiter.limit("30 per minute")
@idempotent
def checkout() -> Any:
    """An order for a plan by a way to pay that may be offered here; its own page shows how."""
    plan, interval, key = (request.form.get(name, "")[:16] for name in ("plan", "interval", "gateway"))
    try:
        currency = request.form.get("currency", "")[:3]
        gateway = current_app.extensions["runtime"].gateways.offered(key, surface(), currency)
        who = {"user_id": current_user.user_id, "now": g.now}
        coupon = request.form.get("coupon", "").strip()[:33]
        made = check_out(current_user.workspace_id, plan, interval, gateway, coupon=coupon, **who)
    except (Invalid, Conflict) as error:
        return page("billing/plan.html", status=error.status, page=_page(error=explained(error)))
    return redirect_or_hx(f"/orders/{made.public_id}")


@blueprint.post("/trial")
@policy(Act.PAY)
@limiter.limit("10 per minute")
@idempotent
def start_trial() -> Any:
    """Two weeks of a plan for nothing; then it is asked for by the way to pay that is offered first here."""
    plan, currency = request.form.get("plan", "")[:16], request.form.get("currency", "")[:3]
    offered = [one for one in current_app.extensions["runtime"].gateways.on(surface()) if one.currency == currency]
    try:
        if not offered:
            raise Invalid(N_("This plan is not for sale in this currency."), fields={"currency": "not sold"})
        trials.start(current_user.workspace_id, plan, offered[0], user_id=current_user.user_id, now=g.now)
    except (Invalid, Conflict) as error:
        return page("billing/plan.html", status=error.status, page=_page(error=explained(error)))
    code = request.form.get("coupon", "").strip()[:32]
    return redirect_or_hx(f"/billing?{urlencode({'coupon': code})}" if code else "/billing")


@blueprint.post("/cancel")
@policy(Act.PAY)
def cancel() -> Any:
    """No further period; this one stays."""
    subscriptions.cancel(current_user.workspace_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx("/billing")


@blueprint.post("/cancel/undo")
@policy(Act.PAY)
def undo_cancel() -> Any:
    subscriptions.undo_cancel(current_user.workspace_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx("/billing")


@blueprint.post("/pause")
@policy(Act.PAY)
def pause() -> Any:
    """Nothing is charged or allowed until it is resumed; the rest of the period stays."""
    pausing.pause(current_user.workspace_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx("/billing")


@blueprint.post("/resume")
@policy(Act.PAY)
def resume() -> Any:
    pausing.resume(current_user.workspace_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx("/billing")


@blueprint.post("/next")
@policy(Act.PAY)
def choose_next() -> Any:
    """Another plan or interval from the next period on; the present one takes the choice back."""
    plan, interval = (request.form.get(name, "")[:16] for name in ("plan", "interval"))
    standing = queries.standing_of(current_user.workspace_id, now=g.now)
    try:
        if standing is not None and (plan, interval) != (standing.plan, standing.interval):
            prices.price_of(plan, interval, standing.currency, now=g.now)
        orders.choose_next(current_user.workspace_id, plan, interval, user_id=current_user.user_id, now=g.now)
    except (Invalid, NotFound, Conflict) as error:
        return page("billing/plan.html", status=error.status, page=_page(error=explained(error)))
    return redirect_or_hx("/billing")


@blueprint.post("/credit")
@policy(Act.PAY)
@limiter.limit("30 per minute")
def keep_credit() -> Any:
    """A payment that its gateway cannot return becomes credit."""
    given = request.form.get("refund", "")
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
    try:
        keeping.keep(current_user.workspace_id, number, actor=f"user:{current_user.user_id}", now=g.now)
    except Conflict as error:
        return page("billing/plan.html", status=error.status, page=_page(error=explained(error)))
    return redirect_or_hx("/billing")


@blueprint.get("/invoices/<public_id>.pdf")
@policy(Act.SEE_MONEY)
def invoice(public_id: str) -> Response:
    """An invoice as a file to keep, in the reader's language."""
    settings = current_app.extensions["runtime"].settings
    facts = queries.invoice_of(current_user.workspace_id, public_id)
    paper = Paper(
        number=facts.number,
        at=facts.finalised_at,
        paid_at=facts.paid_at,
        seller=settings.seller_name,
        seller_details=tuple(line.strip() for line in settings.seller_details.split("|") if line.strip()),
        buyer=tuple(facts.buyer[key] for key in ("name", "tax_id", "email") if facts.buyer.get(key)),
        what=f"AnalyticBot {facts.plan.capitalize()}",
        period_start=facts.period_start,
        period_end=facts.period_end,
        discount_minor=facts.discount_minor,
        total_minor=facts.total_minor,
        tax_minor=facts.tax_minor,
        tax_rate_bp=facts.tax_rate_bp,
        currency=facts.currency,
        credit_note=facts.credit_note,
        is_by_credit=facts.is_by_credit,
        timezone=current_user.workspace_timezone,
        language=str(get_locale() or "en"),
    )
    answer = Response(pdf_of(paper), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="invoice-{facts.number}.pdf"'
    return answer
